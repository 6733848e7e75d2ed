//! The built-in rehearsal: a process that ends when this program ends, however that happens.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use holdpoint_check::environment::{Environment, Secrets};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, ChildStdin, Command};

use crate::error::DeskError;
use crate::view::Drill;

/// The name under which the rehearsal is an environment.
pub const NAME: &str = "rehearsal";

/// Which rehearsal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Manner {
    /// A profile: `healthy`, `g1`, `g2`.
    Profile(String),
    /// A healthy one with one named defect.
    Drill(String),
    /// A healthy one whose Railway has one named oddity.
    Oddity(String),
}

impl Manner {
    /// The name that a check records.
    pub fn name(&self) -> &str {
        let (Self::Profile(name) | Self::Drill(name) | Self::Oddity(name)) = self;
        name
    }
}

/// A running rehearsal. Dropping it ends it: its standard input ends.
#[derive(Debug)]
pub struct Rehearsal {
    /// Its environment.
    pub environment: Environment,
    /// Its throwaway secrets.
    pub secrets: Secrets,
    /// The environment file it printed, secrets included.
    pub line: String,
    child: Child,
    stdin: Option<ChildStdin>,
}

impl Rehearsal {
    /// Starts one and waits until it is ready.
    pub async fn start(manner: &Manner, recorded_durations: bool) -> Result<Self, DeskError> {
        let failed = |why: String| {
            DeskError::new(
                "rehearsal.not_started",
                "The built-in rehearsal environment could not be started.",
                "Start it again. If that does not help, install Holdpoint again.",
            )
            .because(why)
        };
        let program = program().map_err(|error| failed(error.to_string()))?;
        let mut command = command(&program);
        command.arg("up");
        match manner {
            Manner::Profile(name) => command.args(["--profile", name]),
            Manner::Drill(name) => command.args(["--drill", name]),
            Manner::Oddity(name) => command.args(["--oddity", name]),
        };
        if recorded_durations {
            command.arg("--recorded-durations");
        }
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .map_err(|error| failed(format!("{}: {error}", program.display())))?;
        let stdin = child.stdin.take();
        let stdout = child.stdout.take().ok_or_else(|| failed("it has no output".into()))?;
        let mut lines = BufReader::new(stdout).lines();
        let line = tokio::time::timeout(Duration::from_secs(30), lines.next_line())
            .await
            .map_err(|_| failed("it was not ready within 30 s".into()))?
            .map_err(|error| failed(error.to_string()))?
            .ok_or_else(|| failed("it ended before it was ready".into()))?;
        let (environment, secrets) =
            Environment::from_json(&line).map_err(|error| failed(error.to_string()))?;
        Ok(Self { environment, secrets, line, child, stdin })
    }

    /// Ends it and waits until every process of it is gone.
    pub async fn stop(mut self) {
        drop(self.stdin.take());
        let _ = tokio::time::timeout(Duration::from_secs(5), self.child.wait()).await;
    }

    /// Whether its process still runs.
    pub fn runs(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }
}

/// The drills the rehearsal offers, as it lists them itself.
pub async fn drills() -> Result<Vec<Drill>, DeskError> {
    let failed = |why: String| {
        DeskError::new("rehearsal.no_drills", "The drills could not be listed.", "Install Holdpoint again.")
            .because(why)
    };
    let program = program().map_err(|error| failed(error.to_string()))?;
    let output = command(&program)
        .arg("drills")
        .stdin(Stdio::null())
        .output()
        .await
        .map_err(|error| failed(format!("{}: {error}", program.display())))?;
    serde_json::from_slice(&output.stdout).map_err(|error| failed(error.to_string()))
}

/// The rehearsal has throwaway secrets of its own: those of a real environment are none of its business.
fn command(program: &Path) -> Command {
    let mut command = Command::new(program);
    command.env_remove("RAILWAY_TOKEN");
    command
}

/// The rehearsal's program lies beside this one, or where `HOLDPOINT_REHEARSAL` says.
fn program() -> std::io::Result<PathBuf> {
    if let Some(path) = std::env::var_os("HOLDPOINT_REHEARSAL") {
        return Ok(path.into());
    }
    let here = std::env::current_exe()?;
    let name = format!("holdpoint-rehearsal{}", std::env::consts::EXE_SUFFIX);
    Ok(here.parent().map_or_else(|| PathBuf::from(&name), |folder| folder.join(&name)))
}
