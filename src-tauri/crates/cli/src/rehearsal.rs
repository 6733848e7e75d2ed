//! Starting the rehearsal as a process; it ends when this program ends, however that happens.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use holdpoint_check::environment::{Environment, Secrets};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, ChildStdin, Command};

use crate::arguments::{Profile, RehearseOptions};
use crate::failure::Failure;

/// A running rehearsal. Dropping it ends it: its standard input ends.
#[derive(Debug)]
pub(crate) struct Rehearsal {
    pub(crate) environment: Environment,
    pub(crate) secrets: Secrets,
    pub(crate) line: String,
    child: Child,
    stdin: Option<ChildStdin>,
}

impl Rehearsal {
    pub(crate) async fn start(profile: Profile, recorded_durations: bool) -> Result<Self, Failure> {
        let program = program()?;
        let mut command = Command::new(&program);
        command.args(["up", "--profile", profile.name()]);
        if recorded_durations {
            command.arg("--recorded-durations");
        }
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .map_err(|error| {
                Failure::usage(format!("the rehearsal ({}) cannot be started: {error}", program.display()))
            })?;
        let stdin = child.stdin.take();
        let stdout = child.stdout.take().ok_or_else(|| Failure::failed("the rehearsal has no output"))?;
        let mut lines = BufReader::new(stdout).lines();
        let line = tokio::time::timeout(Duration::from_secs(30), lines.next_line())
            .await
            .map_err(|_| Failure::failed("the rehearsal was not ready within 30 s; start it again"))??
            .ok_or_else(|| {
                Failure::failed("the rehearsal ended before it was ready; its message is above")
            })?;
        let (environment, secrets) = Environment::from_json(&line)?;
        Ok(Self { environment, secrets, line, child, stdin })
    }

    /// Ends it and waits until every process of it is gone.
    pub(crate) async fn stop(mut self) {
        drop(self.stdin.take());
        let _ = tokio::time::timeout(Duration::from_secs(5), self.child.wait()).await;
    }
}

/// The rehearsal's program lies beside this one.
fn program() -> Result<PathBuf, Failure> {
    if let Some(path) = std::env::var_os("HOLDPOINT_REHEARSAL") {
        return Ok(path.into());
    }
    let here = std::env::current_exe()?;
    let name = format!("holdpoint-rehearsal{}", std::env::consts::EXE_SUFFIX);
    Ok(here.parent().map_or_else(|| PathBuf::from(&name), |folder| folder.join(&name)))
}

/// `holdpoint rehearse`: up until Ctrl-C.
pub(crate) async fn keep(options: RehearseOptions) -> Result<u8, Failure> {
    let rehearsal = Rehearsal::start(options.profile, options.recorded_durations).await?;
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("rehearsal.json");
    private_file(&path, &rehearsal.line)?;
    println!(
        "The rehearsal environment ({}) is up at {}",
        options.profile.name(),
        rehearsal.environment.api_url
    );
    println!("Check it from another terminal:\n  holdpoint check --environment {}", path.display());
    println!("Ctrl-C ends it.");
    tokio::signal::ctrl_c().await?;
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
