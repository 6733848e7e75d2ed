//! The page of the window: its packages, checks and build, through npm.

use std::path::PathBuf;
use std::process::Command;

use crate::steps::{Failure, repository, step};

fn folder() -> PathBuf {
    repository().join("ui")
}

fn npm(arguments: &[&str]) -> Command {
    let mut command = Command::new(if cfg!(windows) { "npm.cmd" } else { "npm" });
    command.args(arguments).current_dir(folder());
    command
}

/// Installs exactly what the lock file says, unless that is what is there.
pub fn install() -> Result<(), Failure> {
    let stamp = folder().join("node_modules/.package-lock.json");
    let age = |path: PathBuf| path.metadata().and_then(|data| data.modified()).ok();
    let fresh = age(stamp)
        .zip(age(folder().join("package-lock.json")))
        .is_some_and(|(there, wanted)| there >= wanted);
    if fresh {
        return Ok(());
    }
    step("Packages of the page", &mut npm(&["ci", "--no-audit", "--no-fund"]))
}

/// Builds the page that the window holds.
pub fn build() -> Result<(), Failure> {
    install()?;
    step("Build the page", &mut npm(&["run", "build", "--", "--logLevel", "warn"]))
}

/// Types, format and component tests of the page.
pub fn check() -> Result<(), Failure> {
    step("Types of the page", &mut npm(&["run", "check"]))?;
    step("Format of the page", &mut npm(&["run", "format:check"]))?;
    step("Tests of the page", &mut npm(&["test"]))
}
