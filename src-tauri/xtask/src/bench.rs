//! `bench`: what things cost, side by side in one run. Figures for people to read; nothing here can fail for being slow.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::steps::{Failure, cargo, output, repository, step};
use crate::{bundle, packages, page};

/// `cargo xtask bench window [ARGS...]`.
pub fn bench(arguments: &[String]) -> Result<(), Failure> {
    match arguments.split_first() {
        Some((what, rest)) if what == "window" => window(rest),
        Some((what, rest)) if what == "stall" || what == "cost" => load(what, rest),
        Some((what, [])) if what == "export" => {
            step("Measure", cargo().args(["bench", "--package", "holdpoint-report", "--bench", "export"]))
        }
        Some((what, rest)) if what == "archive" => archive(rest),
        Some((what, rest)) if what == "locust" => locust(rest),
        _ => Err(Failure::usage(
            "`bench` needs what to measure: window, stall, cost, locust, archive or export",
        )),
    }
}

/// The load engine beside others, which are installed if they are not there.
fn load(what: &str, arguments: &[String]) -> Result<(), Failure> {
    let folder = repository().join("target/bench-tools");
    let oha = folder.join("bin/oha");
    packages::ensure_programs(&["wrk", "hey"])?;
    if !oha.is_file() {
        step("Install oha", cargo().args(["install", "oha", "--locked", "--root"]).arg(&folder))?;
    }
    let mut command = cargo();
    command.args(["bench", "--package", "holdpoint-load", "--bench", "load", "--", what, "--oha"]).arg(&oha);
    for argument in arguments {
        command.arg(argument);
        if argument == "--write" {
            command.arg(repository().join("src-tauri/crates/load/BENCH.md"));
        }
    }
    step("Measure", &mut command)
}

/// Workers of Locust. The development profile will do: what is measured are processes of Python.
fn locust(arguments: &[String]) -> Result<(), Failure> {
    packages::ensure_for_tests()?;
    let mut command = cargo();
    command.args(["run", "--package", "holdpoint-locust", "--example", "bench", "--"]);
    for argument in arguments {
        command.arg(argument);
        if argument == "--write" {
            command.arg(repository().join("src-tauri/crates/locust/BENCH.md"));
        }
    }
    step("Measure", &mut command)
}

/// An archive of ten thousand checks, or of as many as are asked for.
fn archive(arguments: &[String]) -> Result<(), Failure> {
    step(
        "Measure",
        cargo().args(["bench", "--package", "holdpoint-desk", "--bench", "archive", "--"]).args(arguments),
    )
}

fn window(arguments: &[String]) -> Result<(), Failure> {
    packages::ensure_for_tests()?;
    page::install()?;
    page::build()?;
    step(
        "Build window and rehearsal for release",
        cargo()
            .args([
                "build",
                "--release",
                "--package",
                "holdpoint-desktop",
                "--package",
                "holdpoint-rehearsal",
            ])
            .args(["--bins", "--examples"]),
    )?;
    step("Measure", Command::new(repository().join("target/release/examples/window_costs")).args(arguments))?;
    sizes()
}

/// Sizes of what goes to people.
fn sizes() -> Result<(), Failure> {
    let folder = repository().join("ui/dist/assets");
    let failed = |error: std::io::Error| Failure::new(1, format!("{}: {error}", folder.display()));
    println!("\nScript of the page, compressed (goal: 120 KB in all)");
    let mut all = 0;
    for entry in fs::read_dir(&folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.extension().is_some_and(|kind| kind == "js") {
            let size = compressed(&path)?;
            all += size;
            println!("  {:>7.1} KB  {}", kilo(size), path.file_name().unwrap_or_default().display());
        }
    }
    println!("  {:>7.1} KB  in all", kilo(all));
    match bundle::debian_package() {
        Ok(package) => {
            let size = package.metadata().map_err(failed)?.len();
            println!("\nPackage (goal: 20 MB)\n  {:>7.1} MB  {}", kilo(size) / 1024.0, package.display());
        }
        Err(_) => println!("\nPackage: none yet; `cargo xtask bundle` makes it"),
    }
    Ok(())
}

fn compressed(path: &Path) -> Result<u64, Failure> {
    let size =
        output(Command::new("sh").args(["-c", "gzip -9 -c \"$0\" | wc -c"]).arg(path).stdin(Stdio::null()))?;
    size.trim().parse().map_err(|_| Failure::new(1, format!("gzip said {size:?}")))
}

#[expect(clippy::cast_precision_loss, reason = "file sizes are far below 2^52")]
fn kilo(bytes: u64) -> f64 {
    bytes as f64 / 1024.0
}
