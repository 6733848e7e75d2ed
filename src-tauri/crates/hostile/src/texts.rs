//! Foreign texts by themselves.

use holdpoint_agentverse::error::{ApiError, ErrorClass, redact};
use holdpoint_foreign::text;
use holdpoint_report::markdown;

use crate::shown;

/// Whatever a text is, it is shown as letters on one line, and in a report as exactly those letters.
pub(crate) fn texts(bytes: &[u8]) {
    let foreign = String::from_utf8_lossy(bytes);
    let line = text::line(&foreign);
    assert!(line.chars().all(text::is_inert), "{line:?}");
    assert_eq!(text::line(&line), line, "what is inert stays as it is");
    let cut = text::cut(&foreign, 20);
    assert!(cut.chars().count() <= 20 && cut.chars().all(text::is_inert), "{cut:?}");
    assert!(text::lines(&foreign).chars().all(|letter| letter == '\n' || text::is_inert(letter)));

    let inert = markdown::inert(&foreign);
    // Markdown leaves out spaces at the ends of lines and cells.
    let words = |text: &str| text.chars().filter(|letter| !letter.is_whitespace()).collect::<String>();
    let paragraph = shown::rendered(&format!("So: {inert} end")).concat();
    assert_eq!(words(&paragraph), words(&format!("So: {line} end")), "{foreign:?}");
    let table = shown::rendered(&format!("| a | b |\n|---|---|\n| x {inert} | z |\n")).concat();
    assert_eq!(words(&table), words(&format!("abx {line}z")), "{foreign:?}");
    for link in ["http://", "https://", "ftp://", "www."] {
        assert!(!inert.to_lowercase().contains(link), "{inert:?}");
    }

    assert!(redact(&foreign).chars().all(text::is_inert));
    let error = ApiError::new(ErrorClass::Body, foreign.clone(), foreign);
    assert!(error.to_string().chars().all(text::is_inert) && error.to_string().len() < 4000);
}
