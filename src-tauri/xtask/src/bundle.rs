//! `cargo xtask bundle`: the packages a person installs, with the window, the terminal's program and the rehearsal inside.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::steps::{Failure, cargo, output, repository, step};
use crate::{packages, page};

/// The programs that go along with the window, each found beside it by its name.
const ALONG: [&str; 2] = ["holdpoint", "holdpoint-rehearsal"];

/// What is made where, in the bundler's words.
const KINDS: &str = if cfg!(windows) {
    "nsis"
} else if cfg!(target_os = "macos") {
    "app,dmg"
} else {
    "deb,rpm"
};

/// Builds everything for release and packs it. Ends by naming each package with its size.
pub fn bundle() -> Result<(), Failure> {
    packages::ensure()?;
    page::build()?;
    step(
        "Build holdpoint and its rehearsal",
        cargo().args(["build", "--release", "--package", "holdpoint", "--package", "holdpoint-rehearsal"]),
    )?;
    gather()?;
    let bundler = repository().join("ui/node_modules/@tauri-apps/cli/tauri.js");
    step(
        "Build and pack the window",
        Command::new("node")
            .arg(bundler)
            .args(["build", "--ci", "--config", "bundle/tauri.bundle.conf.json", "--bundles", KINDS])
            .current_dir(repository().join("src-tauri")),
    )?;
    if cfg!(target_os = "linux") {
        pack_tighter()?;
    }
    list()
}

/// Packs the `.deb` again with xz, which every dpkg reads: the bundler knows gzip alone, and that is a third larger.
fn pack_tighter() -> Result<(), Failure> {
    let package = debian_package()?;
    let unpacked = target().join("bundled/deb");
    let failed = |error: std::io::Error| Failure::new(2, format!("{}: {error}", unpacked.display()));
    if unpacked.exists() {
        fs::remove_dir_all(&unpacked).map_err(failed)?;
    }
    step("Unpack the .deb", Command::new("dpkg-deb").arg("--raw-extract").args([&package, &unpacked]))?;
    step(
        "Pack it tighter",
        Command::new("dpkg-deb").args(["--root-owner-group", "-Zxz", "--build"]).args([&unpacked, &package]),
    )
}

fn target() -> PathBuf {
    repository().join("target")
}

/// Lays the programs out as the bundler wants them, named for the machine they run on, and writes the manual page.
fn gather() -> Result<(), Failure> {
    let told = output(Command::new("rustc").arg("-vV"))?;
    let machine = told
        .lines()
        .find_map(|line| line.strip_prefix("host: "))
        .ok_or_else(|| Failure::new(2, "rustc does not say for which machine it builds"))?;
    let to = target().join("bundled");
    let failed = |error: std::io::Error| Failure::new(2, format!("{}: {error}", to.display()));
    fs::create_dir_all(&to).map_err(failed)?;
    let ending = std::env::consts::EXE_SUFFIX;
    for name in ALONG {
        let program = target().join("release").join(format!("{name}{ending}"));
        fs::copy(&program, to.join(format!("{name}-{machine}{ending}"))).map_err(failed)?;
    }
    let manual =
        output(Command::new(target().join("release").join(format!("holdpoint{ending}"))).arg("man"))?;
    fs::write(to.join("holdpoint.1"), manual).map_err(failed)
}

/// The `.deb` that was made last.
pub fn debian_package() -> Result<PathBuf, Failure> {
    let folder = target().join("release/bundle/deb");
    let made = fs::read_dir(&folder).into_iter().flatten().flatten().map(|entry| entry.path());
    made.filter(|path| path.extension().is_some_and(|kind| kind == "deb"))
        .max_by_key(|path| path.metadata().and_then(|data| data.modified()).ok())
        .ok_or_else(|| {
            Failure::new(2, format!("{} has no package; make it with `cargo xtask bundle`", folder.display()))
        })
}

fn list() -> Result<(), Failure> {
    println!();
    let folder = target().join("release/bundle");
    let failed = |error: std::io::Error| Failure::new(2, format!("{}: {error}", folder.display()));
    for kind in KINDS.split(',') {
        for entry in fs::read_dir(folder.join(kind)).map_err(failed)?.flatten() {
            let path = entry.path();
            if path.is_file() {
                let size = entry.metadata().map_err(failed)?.len();
                println!("{}, {:.1} MB", path.display(), size as f64 / 1e6);
            }
        }
    }
    Ok(())
}
