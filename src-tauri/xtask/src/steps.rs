//! `run` and `test`, and what every command here needs: running a program, and failing with its exit code.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::time::Instant;

use crate::{packages, page};

/// Why a command ends, and with which exit code.
#[derive(Debug)]
pub struct Failure {
    pub code: u8,
    /// None where the program that failed has already said everything.
    pub message: Option<String>,
    pub show_usage: bool,
}

impl Failure {
    pub fn new(code: u8, message: impl Into<String>) -> Self {
        Self { code, message: Some(message.into()), show_usage: false }
    }

    pub fn usage(message: impl Into<String>) -> Self {
        Self { code: 2, message: Some(message.into()), show_usage: true }
    }

    pub fn silent(code: u8) -> Self {
        Self { code, message: None, show_usage: false }
    }
}

/// Whether a window can be shown.
fn has_display() -> bool {
    !cfg!(target_os = "linux")
        || ["DISPLAY", "WAYLAND_DISPLAY"].iter().any(|name| std::env::var_os(name).is_some())
}

/// `cargo xtask run [ARGS...]`: the window; a check in the terminal where there is no display, or with arguments for it.
pub fn run(arguments: &[String]) -> Result<(), Failure> {
    packages::ensure()?;
    page::build()?;
    if arguments.is_empty() && has_display() {
        step(
            "Build the window, holdpoint and its rehearsal",
            build().args(["--package", "holdpoint-desktop"]),
        )?;
        println!("\n== holdpoint-desktop");
        return match code_of(status(&mut Command::new(built("holdpoint-desktop")))?) {
            0 => Ok(()),
            code => Err(Failure::silent(code)),
        };
    }
    step("Build holdpoint and its rehearsal", &mut build())?;
    println!("\n== holdpoint check --rehearse {}", arguments.join(" "));
    let mut check = Command::new(holdpoint());
    check.args(["check", "--rehearse"]).args(arguments);
    // The exit code is the verdict, so it is passed on as it is and nothing is said after the check's own words.
    match code_of(status(&mut check)?) {
        0 => Ok(()),
        code => Err(Failure::silent(code)),
    }
}

/// What a program says on its standard output.
pub fn output(command: &mut Command) -> Result<String, Failure> {
    let output = command.output().map_err(|error| cannot_start(command, &error))?;
    if !output.status.success() {
        return Err(Failure::new(code_of(output.status), format!("{} failed", spelled(command))));
    }
    String::from_utf8(output.stdout)
        .map_err(|error| Failure::new(2, format!("{}: {error}", spelled(command))))
}

/// `cargo xtask test`.
pub fn test() -> Result<(), Failure> {
    packages::ensure_for_tests()?;
    page::install()?;
    page::check()?;
    page::build()?;
    step("Formatting", cargo().args(["fmt", "--check"]))?;
    step("Lints", cargo().args(["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]))?;
    // Tests start all three programs. Cargo builds the program of every package that has tests of its own beside it, and
    // they all have; building them apart would build most of what they use once more, with other features.
    step("Tests", cargo().args(["test", "--workspace"]).env("RUST_BACKTRACE", "1"))
}

/// Runs one step under a headline, and says how long it took.
pub fn step(headline: &str, command: &mut Command) -> Result<(), Failure> {
    println!("\n== {headline}: {}", spelled(command));
    let start = Instant::now();
    let code = code_of(status(command)?);
    let seconds = start.elapsed().as_secs_f64();
    if code == 0 {
        println!("== {headline}: done in {seconds:.1} s");
        Ok(())
    } else {
        Err(Failure::new(code, format!("{headline}: failed with exit code {code} after {seconds:.1} s")))
    }
}

/// The build that both `run` and `repeat` start from. The development profile: a check waits for the network
/// far more than it computes, and the optimised build takes minutes longer.
pub fn build() -> Command {
    let mut command = cargo();
    command.args(["build", "--package", "holdpoint", "--package", "holdpoint-rehearsal"]);
    command
}

/// The terminal program as [`build`] leaves it.
pub fn holdpoint() -> PathBuf {
    built("holdpoint")
}

/// A program as the development build leaves it.
pub fn built(name: &str) -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| OsString::from("target"));
    repository().join(target).join("debug").join(format!("{name}{}", std::env::consts::EXE_SUFFIX))
}

/// The top of the repository, wherever the command was typed.
pub fn repository() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here)
}

/// The cargo that started this program, so that `cargo +nightly xtask test` tests with nightly throughout.
pub fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")));
    command.current_dir(repository());
    command
}

/// Runs a program to its end; only a program that cannot be started is an error.
pub fn status(command: &mut Command) -> Result<ExitStatus, Failure> {
    command.status().map_err(|error| cannot_start(command, &error))
}

/// The failure of a program that could not even be started: 127, as a shell says it.
pub fn cannot_start(command: &Command, error: &std::io::Error) -> Failure {
    Failure::new(127, format!("cannot start {}: {error}", command.get_program().display()))
}

/// An exit status as one byte; a program ended by a signal gets 128 and the signal's number, as in a shell.
pub fn code_of(status: ExitStatus) -> u8 {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return u8::try_from(128 + signal).unwrap_or(u8::MAX);
    }
    status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
}

/// A command as one would type it.
pub fn spelled(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let mut text = program.file_name().unwrap_or(program.as_os_str()).to_string_lossy().into_owned();
    for argument in command.get_args() {
        text.push(' ');
        text.push_str(&argument.to_string_lossy());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_repository_is_the_folder_with_the_lock_file() {
        assert!(repository().join("Cargo.lock").is_file());
    }

    #[test]
    fn a_command_is_spelled_without_the_path_of_its_program() {
        let mut command = Command::new("/somewhere/bin/cargo");
        command.args(["fmt", "--check"]);
        assert_eq!(spelled(&command), "cargo fmt --check");
    }

    #[cfg(unix)]
    #[test]
    fn exit_codes_are_those_of_a_shell() {
        let code =
            |script: &str| code_of(Command::new("sh").args(["-c", script]).status().expect("sh is there"));
        assert_eq!(code("exit 0"), 0);
        assert_eq!(code("exit 7"), 7);
        assert_eq!(code("kill -TERM $$"), 143);
    }

    #[test]
    fn a_failed_step_ends_with_the_exit_code_of_its_program() {
        let mut missing = Command::new("no-such-program-anywhere");
        assert_eq!(step("Nothing", &mut missing).expect_err("it cannot start").code, 127);
    }
}
