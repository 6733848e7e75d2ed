//! `fresh-root`: the two commands of the README on a Debian or Ubuntu that has only Rust, made from nothing.
//!
//! What the host has for reaching its package servers (sources, certificates, proxy settings) goes along; nothing
//! else does. The toolchain is bound in and Node carried in, as if they had just been installed. With `--deb` the root is given
//! neither: the package that `bundle` made is installed there as a person would, and the installed programs rehearse.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::steps::{Failure, repository, step};

const DEFAULT: &str = "/tmp/holdpoint-fresh-root";
/// What rustup itself asks for before it installs Rust, and what a clone needs.
const GIVEN: &str = "gcc,libc6-dev,ca-certificates,git";
/// Files and folders by which the host reaches its package servers.
const CARRIED: [&str; 5] =
    ["/etc/apt/apt.conf.d", "/etc/apt/trusted.gpg.d", "/etc/ssl/certs", "/etc/resolv.conf", "/etc/hosts"];
/// Environment variables that say how to reach them.
const VARIABLES: [&str; 8] = [
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
];

/// `cargo xtask fresh-root [DIR] [--only-root]`.
pub fn fresh_root(arguments: &[String]) -> Result<(), Failure> {
    let has = |option: &str| arguments.iter().any(|argument| argument == option);
    let (only_root, deb) = (has("--only-root"), has("--deb"));
    let options = ["--only-root", "--deb"];
    let folders: Vec<&String> =
        arguments.iter().filter(|argument| !options.contains(&argument.as_str())).collect();
    let root = match folders.as_slice() {
        [] => PathBuf::from(DEFAULT),
        [folder] if !folder.starts_with('-') => PathBuf::from(folder),
        _ => return Err(Failure::usage("`fresh-root` takes a folder, and --only-root or --deb")),
    };
    if !is_root() {
        return Err(Failure::new(2, "a fresh root can be made by root only; try it with sudo"));
    }
    if root.exists() {
        return Err(Failure::new(
            2,
            format!("{} is there already; remove it or name another", root.display()),
        ));
    }
    let (suite, mirror) = (codename()?, mirror()?);
    if Command::new("debootstrap").arg("--version").output().is_err() {
        step("Install debootstrap", Command::new("apt-get").args(["install", "-y", "-q", "debootstrap"]))?;
    }
    step(
        "Make the root",
        Command::new("debootstrap")
            .args(["--variant=minbase", &format!("--include={GIVEN}"), &suite])
            .arg(&root)
            .arg(&mirror),
    )?;
    for path in CARRIED.iter().filter(|path| Path::new(path).exists()) {
        let target = root.join(path.trim_start_matches('/'));
        if let Some(parent) = target.parent() {
            std::fs::create_dir_all(parent).map_err(|error| Failure::new(1, error.to_string()))?;
        }
        let copy = if Path::new(path).is_dir() { format!("{path}/.") } else { (*path).to_owned() };
        let into = if Path::new(path).is_dir() { target.clone() } else { target };
        step("Carry along", Command::new("cp").args(["-rL", "--remove-destination", &copy]).arg(into))?;
    }
    if only_root {
        return Ok(());
    }
    if deb {
        return install(&root);
    }
    carry_node(&root)?;
    let mounts = Mounts::enter(&root, toolchain())?;
    let inside = root.join("holdpoint");
    step("Clone", Command::new("git").args(["clone", "-q"]).arg(repository()).arg(&inside))?;
    let outcome = ["run", "test"].into_iter().try_for_each(|command| {
        step(&format!("cargo xtask {command}, in the fresh root"), &mut within(&root, command))
    });
    drop(mounts);
    outcome
}

/// Installs the package in the root as a person would, lets the terminal's program rehearse to GO, and the window open.
fn install(root: &Path) -> Result<(), Failure> {
    let package = crate::bundle::debian_package()?;
    step("Carry the package in", Command::new("cp").arg(package).arg(root.join("holdpoint.deb")))?;
    let mounts = Mounts::enter(root, Vec::new())?;
    let outcome = [
        ("Install", "apt-get update -q && apt-get install -y -q --no-install-recommends /holdpoint.deb"),
        (
            "What is there",
            "ls -l /usr/bin/holdpoint* /usr/share/applications /usr/share/man/man1/holdpoint.1*",
        ),
        (
            "Rehearse in the terminal",
            "useradd -m person && cd /home/person && su person -c 'holdpoint check --rehearse'",
        ),
        // A window that cannot open ends at once; one that is still there after the time has opened.
        (
            "Open the window",
            "apt-get install -y -q --no-install-recommends xvfb xauth >/dev/null && \
             su person -c 'xvfb-run -a timeout 15 holdpoint-desktop'; test $? = 124",
        ),
    ]
    .into_iter()
    .try_for_each(|(what, line)| {
        step(&format!("{what}, in the fresh root"), chroot(root, "/").args(["sh", "-c", line]))
    });
    drop(mounts);
    outcome
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout.starts_with(b"0\n"))
}

fn codename() -> Result<String, Failure> {
    let release = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
    release
        .lines()
        .find_map(|line| line.strip_prefix("VERSION_CODENAME="))
        .map(|name| name.trim_matches('"').to_owned())
        .ok_or_else(|| {
            Failure::new(2, "this is no Debian or Ubuntu (no VERSION_CODENAME in /etc/os-release)")
        })
}

/// The package server of the host: the first of its sources that serves a distribution.
fn mirror() -> Result<String, Failure> {
    let mut files = vec![PathBuf::from("/etc/apt/sources.list")];
    let folder = std::fs::read_dir("/etc/apt/sources.list.d").into_iter().flatten().flatten();
    files.extend(folder.map(|entry| entry.path()));
    let texts = files.iter().filter_map(|file| std::fs::read_to_string(file).ok());
    texts
        .flat_map(|text| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
        .filter(|word| word.starts_with("http"))
        .map(|word| word.trim_end_matches('/').to_owned())
        .find(|word| word.ends_with("/debian") || word.ends_with("/ubuntu"))
        .ok_or_else(|| Failure::new(2, "the apt sources name no package server"))
}

/// Where Rust is here, and where it goes in the root.
fn toolchain() -> Vec<(PathBuf, &'static str)> {
    let home = PathBuf::from(std::env::var_os("HOME").unwrap_or_else(|| "/root".into()));
    let of = |variable: &str, folder: &str| {
        std::env::var_os(variable).map_or_else(|| home.join(folder), PathBuf::from)
    };
    vec![
        (of("CARGO_HOME", ".cargo").join("bin"), "opt/cargo/bin"),
        (of("RUSTUP_HOME", ".rustup"), "opt/rustup"),
    ]
}

/// Brings Node and npm along, and nothing else that lies beside them.
fn carry_node(root: &Path) -> Result<(), Failure> {
    let node = std::env::var_os("PATH")
        .and_then(|path| {
            std::env::split_paths(&path).map(|folder| folder.join("node")).find(|node| node.is_file())
        })
        .and_then(|node| node.canonicalize().ok());
    let prefix = node.as_deref().and_then(Path::parent).and_then(Path::parent);
    let Some((node, prefix)) = node.as_deref().zip(prefix) else {
        return Err(Failure::new(2, "there is no Node here to bring along"));
    };
    let (bin, modules) = (root.join("usr/local/bin"), root.join("usr/local/lib/node_modules"));
    step("Carry Node along", Command::new("mkdir").arg("-p").arg(&bin).arg(&modules))?;
    step("Carry Node along", Command::new("cp").arg(node).arg(bin.join("node")))?;
    step(
        "Carry Node along",
        Command::new("cp").arg("-rL").arg(prefix.join("lib/node_modules/npm")).arg(&modules),
    )?;
    let npm = "../lib/node_modules/npm/bin/npm-cli.js";
    step("Carry Node along", Command::new("ln").args(["-s", npm]).arg(bin.join("npm")))
}

/// What is mounted into the root while it is used; unmounted when dropped.
struct Mounts(Vec<PathBuf>);

impl Mounts {
    fn enter(root: &Path, toolchain: Vec<(PathBuf, &str)>) -> Result<Self, Failure> {
        let mut mounts = Self(Vec::new());
        let system = [(PathBuf::from("/proc"), "proc"), (PathBuf::from("/dev"), "dev")];
        for (host, inside) in system.into_iter().chain(toolchain) {
            let target = root.join(inside);
            std::fs::create_dir_all(&target).map_err(|error| Failure::new(1, error.to_string()))?;
            step("Mount", Command::new("mount").arg("--bind").arg(&host).arg(&target))?;
            mounts.0.push(target);
        }
        Ok(mounts)
    }
}

impl Drop for Mounts {
    fn drop(&mut self) {
        for target in self.0.iter().rev() {
            // A mount that is still in use is let go of when its last user ends.
            let _ = Command::new("umount").arg("--lazy").arg(target).status();
        }
    }
}

fn within(root: &Path, command: &str) -> Command {
    let mut inside = chroot(root, "/holdpoint");
    inside.args(["cargo", "xtask", command]);
    inside
}

fn chroot(root: &Path, folder: &str) -> Command {
    let mut inside = Command::new("chroot");
    inside.arg(root).args(["/usr/bin/env", "-i", "-C", folder]);
    inside.args([
        "HOME=/root",
        "DEBIAN_FRONTEND=noninteractive",
        "CARGO_HOME=/opt/cargo",
        "RUSTUP_HOME=/opt/rustup",
        "PATH=/opt/cargo/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    ]);
    for variable in VARIABLES {
        if let Ok(value) = std::env::var(variable) {
            inside.arg(format!("{variable}={value}"));
        }
    }
    inside
}
