//! `crash`, `abort` and `soak`: what a check must stand, in its long form.

use std::fs;

use crate::steps::{Failure, build, built, cargo, step};

/// `cargo xtask crash [N]`.
pub fn crash(arguments: &[String]) -> Result<(), Failure> {
    match arguments {
        [] => long(&["crash"]),
        [points] if points.parse::<u64>().is_ok() => long(&["crash", points]),
        _ => Err(Failure::usage("`crash` takes a number of points")),
    }
}

/// `cargo xtask abort`, and what `crash` comes to.
pub fn long(arguments: &[&str]) -> Result<(), Failure> {
    step("Build holdpoint and its rehearsal", &mut build())?;
    step("Safety", &mut safety(arguments))
}

/// `cargo xtask soak [--minutes N]`.
pub fn soak(arguments: &[String]) -> Result<(), Failure> {
    let minutes = match arguments {
        [] => "60",
        [flag, minutes] if flag == "--minutes" => minutes,
        _ => return Err(Failure::usage("`soak` takes `--minutes N`")),
    };
    step("Build holdpoint and its rehearsal", &mut build())?;
    let folder = std::env::temp_dir().join(format!("holdpoint-soak-{}", std::process::id()));
    let failed = |error: std::io::Error| Failure::new(1, format!("{}: {error}", folder.display()));
    for name in ["home", "temporary"] {
        fs::create_dir_all(folder.join(name)).map_err(failed)?;
    }
    step("Build the soak", cargo().args(["build", "--package", "holdpoint", "--example", "safety"]))?;
    let outcome = step(
        "Soak",
        std::process::Command::new(built("examples/safety"))
            .args(["soak", minutes])
            .env("HOME", folder.join("home"))
            .env("TMPDIR", folder.join("temporary"))
            .env("HOLDPOINT_REHEARSAL", built("holdpoint-rehearsal")),
    );
    let _ = fs::remove_dir_all(&folder);
    outcome
}

fn safety(arguments: &[&str]) -> std::process::Command {
    let mut command = cargo();
    command.args(["run", "--quiet", "--package", "holdpoint", "--example", "safety", "--"]).args(arguments);
    command
}
