//! Lines for whoever listens. A pipe that was closed, a terminal that was shut or a full disk behind them are no reason to
//! end a check in its middle, and writing must not panic.

use std::io::Write as _;

/// A line to standard output. False when nobody hears it.
pub(crate) fn line(text: &str) -> bool {
    writeln!(std::io::stdout(), "{text}").is_ok()
}

/// A whole text to standard output, as it is. False when it did not get there.
pub(crate) fn text(text: &str) -> bool {
    let mut out = std::io::stdout();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).is_ok()
}

/// A line to standard error.
pub(crate) fn tell(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}
