//! `holdpoint rehearse`: the built-in environment, kept up for as long as a person wants.

use holdpoint_desk::rehearsal::{Manner, Rehearsal};

use crate::arguments::{Profile, RehearseOptions};
use crate::failure::Failure;
use crate::signals::Signals;

/// The manner that the options ask for.
pub(crate) fn manner(profile: Option<Profile>, drill: Option<&str>, oddity: Option<&str>) -> Manner {
    match (drill, oddity) {
        (Some(drill), _) => Manner::Drill(drill.to_owned()),
        (None, Some(oddity)) => Manner::Oddity(oddity.to_owned()),
        (None, None) => Manner::Profile(profile.unwrap_or(Profile::Healthy).name().to_owned()),
    }
}

/// `holdpoint rehearse`: up until Ctrl-C.
pub(crate) async fn keep(options: RehearseOptions) -> Result<u8, Failure> {
    let manner = manner(Some(options.profile), options.drill.as_deref(), options.oddity.as_deref());
    let mut signals = Signals::listen()?;
    let rehearsal = tokio::select! {
        started = Rehearsal::start(&manner, options.recorded_durations) => started?,
        _ = signals.next() => return Ok(0),
    };
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("rehearsal.json");
    private_file(&path, &rehearsal.line)?;
    println!("The rehearsal environment ({}) is up at {}", manner.name(), rehearsal.environment.api_url);
    println!("Check it from another terminal:\n  holdpoint check --environment {}", path.display());
    println!("Ctrl-C ends it.");
    signals.next().await;
    rehearsal.stop().await;
    Ok(0)
}

/// The file holds the rehearsal's throwaway secrets, so only this account may read it.
fn private_file(path: &std::path::Path, text: &str) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    std::io::Write::write_all(&mut options.open(path)?, text.as_bytes())
}
