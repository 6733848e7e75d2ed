//! The system packages the build needs, and how they get onto a fresh Debian or Ubuntu.
//!
//! `cargo xtask` is itself compiled first, and Rust links with `cc`: a machine without a C linker cannot get as
//! far as this file. That is no hole in practice, since the official installer of Rust, rustup, asks for a
//! linker too. It is looked for all the same: the build's C code needs the compiler and the C library's
//! headers, and this binary may have been compiled before `cc` was removed, or brought from elsewhere.

use std::ffi::OsString;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::steps::{Failure, code_of, spelled, status};

/// One system package.
struct Package {
    /// Its name in Debian and Ubuntu.
    name: &'static str,
    /// What needs it.
    purpose: &'static str,
    /// How to see that what it brings is there, whoever brought it: asking the package database would miss a
    /// compiler installed in another way.
    detect: Detect,
}

enum Detect {
    /// This command ends with 0.
    Command(&'static [&'static str]),
    /// A program of this name lies on the path. For those that have no harmless option to ask them with:
    /// `WebKitWebDriver --version` ends with 1.
    Program(&'static str),
    /// This C source goes through `cc`'s preprocessor.
    Header(&'static str),
    /// The variable names a file that is there, or else the file at the usual place is.
    File { variable: &'static str, usual: &'static str },
}

/// Everything the build needs from the system: the one place to add to.
const PACKAGES: &[Package] = &[
    #[cfg(not(windows))]
    Package {
        name: "gcc",
        purpose: "the linker for Rust, and the compiler for the C code of SQLite and of the TLS library",
        detect: Detect::Command(&["cc", "--version"]),
    },
    #[cfg(not(windows))]
    Package {
        name: "libc6-dev",
        purpose: "the C library's headers and start-up files, without which cc neither compiles nor links",
        detect: Detect::Header("#include <stdio.h>\n"),
    },
    #[cfg(target_os = "linux")]
    Package {
        name: "ca-certificates",
        purpose: "the certificate authorities by which cargo trusts the package registry",
        detect: Detect::File { variable: "SSL_CERT_FILE", usual: "/etc/ssl/certs/ca-certificates.crt" },
    },
    #[cfg(target_os = "linux")]
    Package {
        name: "libwebkit2gtk-4.1-dev",
        purpose: "the engine that shows the window",
        detect: Detect::Command(&["pkg-config", "--exists", "webkit2gtk-4.1"]),
    },
    #[cfg(target_os = "linux")]
    Package {
        name: "librsvg2-dev",
        purpose: "draws the icons of the window",
        detect: Detect::Command(&["pkg-config", "--exists", "librsvg-2.0"]),
    },
    #[cfg(target_os = "linux")]
    Package {
        name: "libxdo-dev",
        purpose: "menus of the window under X11",
        detect: Detect::Header("#include <xdo.h>\n"),
    },
];

/// What only the tests of the real window need besides.
const TEST_PACKAGES: &[Package] = &[
    #[cfg(target_os = "linux")]
    Package {
        name: "webkit2gtk-driver",
        purpose: "drives the real window in tests",
        detect: Detect::Program("WebKitWebDriver"),
    },
    #[cfg(target_os = "linux")]
    Package {
        name: "xvfb",
        purpose: "a screen for the window where there is none",
        detect: Detect::Program("Xvfb"),
    },
    #[cfg(target_os = "linux")]
    Package {
        name: "gnome-keyring",
        purpose: "a real keychain for tests",
        detect: Detect::Command(&["gnome-keyring-daemon", "--version"]),
    },
    #[cfg(target_os = "linux")]
    Package {
        name: "dbus-x11",
        purpose: "the bus on which the keychain of the tests is found",
        detect: Detect::Program("dbus-launch"),
    },
    #[cfg(target_os = "linux")]
    Package {
        name: "faketime",
        purpose: "sets the clock of one program in tests",
        detect: Detect::Program("faketime"),
    },
    #[cfg(target_os = "linux")]
    Package {
        name: "iproute2",
        purpose: "takes the network from one program in tests",
        detect: Detect::Program("ip"),
    },
    #[cfg(target_os = "linux")]
    Package {
        name: "chromium",
        purpose: "prints reports to paper in tests",
        detect: Detect::Program("chromium"),
    },
    #[cfg(target_os = "linux")]
    Package {
        name: "poppler-utils",
        purpose: "reads in tests what was printed",
        detect: Detect::Program("pdftotext"),
    },
    #[cfg(target_os = "linux")]
    Package {
        name: "libxml2-utils",
        purpose: "holds reports for CI systems against their schema in tests",
        detect: Detect::Program("xmllint"),
    },
    #[cfg(target_os = "linux")]
    Package {
        name: "python3-venv",
        purpose: "an environment of Python, in which tests run real workers of Locust",
        detect: Detect::Command(&["python3", "-c", "import ensurepip, venv"]),
    },
];

impl Package {
    fn present(&self) -> bool {
        match &self.detect {
            Detect::Command(words) => words.split_first().is_some_and(|(program, arguments)| {
                succeeds(Command::new(program).args(arguments).stdin(Stdio::null()))
            }),
            Detect::Program(name) => on_the_path(name),
            Detect::Header(source) => preprocesses(source),
            Detect::File { variable, usual } => {
                std::env::var_os(variable).is_some_and(|file| Path::new(&file).is_file())
                    || Path::new(usual).is_file()
            }
        }
    }
}

/// Looks for every package the application needs, and installs those that are missing.
pub fn ensure() -> Result<(), Failure> {
    ensure_all(PACKAGES.iter())
}

/// The same with what only tests need.
pub fn ensure_for_tests() -> Result<(), Failure> {
    ensure_all(PACKAGES.iter().chain(TEST_PACKAGES))
}

/// Looks for programs that Debian's packages of the same name bring, and installs those that are missing.
pub fn ensure_programs(names: &[&str]) -> Result<(), Failure> {
    let missing: Vec<&str> = names.iter().copied().filter(|name| !on_the_path(name)).collect();
    if missing.is_empty() { Ok(()) } else { install(&missing) }
}

fn ensure_all(wanted: impl Iterator<Item = &'static Package>) -> Result<(), Failure> {
    let missing: Vec<&Package> = wanted.filter(|package| !package.present()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    println!("Missing on this system, and to be installed:");
    for package in &missing {
        println!("  {:<16} {}", package.name, package.purpose);
    }
    let names: Vec<&str> = missing.iter().map(|package| package.name).collect();
    install(&names)?;

    // apt-get has reported success; a package that still cannot be seen would fail the build much later, and
    // less clearly.
    let absent: Vec<&str> =
        missing.iter().filter(|package| !package.present()).map(|package| package.name).collect();
    if absent.is_empty() {
        Ok(())
    } else {
        Err(Failure::new(2, format!("installed, yet still not to be seen: {}", absent.join(" "))))
    }
}

/// Installs packages by apt-get, through sudo where this user is not root.
pub fn install(names: &[&str]) -> Result<(), Failure> {
    let way = Way::find(
        succeeds(Command::new("apt-get").arg("--version")),
        is_root(),
        succeeds(Command::new("sudo").arg("--version")),
    );
    let by_hand = way.by_hand(names);
    let prefix: &[&str] = match way {
        Way::Root => &[],
        Way::Sudo => &["sudo"],
        Way::NoRight | Way::NoApt => return Err(Failure::new(2, by_hand)),
    };
    // `update` first: a fresh system has no package lists, or lists naming versions that are gone by now.
    let mut install = vec!["install", "--yes", "--no-install-recommends"];
    install.extend(names);
    for arguments in [vec!["update"], install] {
        let mut command = apt_get(prefix, &arguments);
        println!("+ {}", spelled(&command));
        let code = code_of(status(&mut command)?);
        if code != 0 {
            return Err(Failure::new(2, format!("apt-get ended with exit code {code}. {by_hand}")));
        }
    }
    Ok(())
}

/// Whether this process may do what root may.
pub fn is_root() -> bool {
    Command::new("id")
        .arg("-u")
        .output()
        .is_ok_and(|output| output.status.success() && output.stdout.trim_ascii() == b"0")
}

/// How packages can be installed here.
#[derive(Debug, PartialEq, Eq)]
enum Way {
    Root,
    Sudo,
    /// There is apt-get, but no right to use it.
    NoRight,
    NoApt,
}

impl Way {
    fn find(apt: bool, root: bool, sudo: bool) -> Self {
        match (apt, root, sudo) {
            (false, _, _) => Self::NoApt,
            (true, true, _) => Self::Root,
            (true, false, true) => Self::Sudo,
            (true, false, false) => Self::NoRight,
        }
    }

    /// What to type where the installation is not, or not successfully, done here.
    fn by_hand(&self, names: &[&str]) -> String {
        let names = names.join(" ");
        let typed = format!("apt-get update && apt-get install --yes {names}");
        match self {
            Self::Root => format!("To install by hand, type: {typed}"),
            Self::Sudo => {
                format!("To install by hand, type: sudo sh -c '{typed}'")
            }
            Self::NoRight => format!(
                "installing packages needs root, and there is no sudo. Type as root, then try again: {typed}"
            ),
            Self::NoApt if cfg!(target_os = "macos") => {
                "there is no C compiler. Type, then try again: xcode-select --install".to_owned()
            }
            Self::NoApt => format!(
                "there is no apt-get here. Install with this system's own package manager what Debian and \
                 Ubuntu call {names}, then try again; there the command is: {typed}"
            ),
        }
    }
}

fn apt_get(prefix: &[&str], arguments: &[&str]) -> Command {
    // sudo clears the environment, so what apt-get needs of it goes through `env`: no questions, and the proxy.
    let mut words: Vec<OsString> = prefix.iter().map(OsString::from).collect();
    words.extend(["env", "DEBIAN_FRONTEND=noninteractive"].map(OsString::from));
    if !prefix.is_empty() {
        for name in ["http_proxy", "https_proxy", "no_proxy"] {
            if let Some(value) = std::env::var_os(name) {
                let mut word = OsString::from(format!("{name}="));
                word.push(value);
                words.push(word);
            }
        }
    }
    words.push(OsString::from("apt-get"));
    let mut words = words.into_iter();
    let mut command = Command::new(words.next().unwrap_or_default());
    command.args(words).args(arguments);
    command
}

fn succeeds(command: &mut Command) -> bool {
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

fn on_the_path(program: &str) -> bool {
    std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|folder| folder.join(program).is_file()))
}

fn preprocesses(source: &str) -> bool {
    let child = Command::new("cc")
        .args(["-E", "-x", "c", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let Ok(mut child) = child else { return false };
    // The pipe is closed at the end of this statement, or cc would wait for more.
    let written = child.stdin.take().is_some_and(|mut input| input.write_all(source.as_bytes()).is_ok());
    child.wait().is_ok_and(|status| status.success()) && written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_comes_before_sudo_and_nothing_works_without_apt() {
        assert_eq!(Way::find(true, true, true), Way::Root);
        assert_eq!(Way::find(true, false, true), Way::Sudo);
        assert_eq!(Way::find(true, false, false), Way::NoRight);
        assert_eq!(Way::find(false, true, true), Way::NoApt);
    }

    #[test]
    fn whoever_may_not_install_is_told_the_command() {
        let told = Way::NoRight.by_hand(&["gcc", "libc6-dev"]);
        assert!(told.contains("apt-get update && apt-get install --yes gcc libc6-dev"), "{told}");
    }

    #[test]
    fn the_proxy_variables_survive_sudo() {
        let spelled = spelled(&apt_get(&["sudo"], &["update"]));
        assert!(spelled.starts_with("sudo env DEBIAN_FRONTEND=noninteractive"), "{spelled}");
        assert!(spelled.ends_with("apt-get update"), "{spelled}");
        assert_eq!(
            self::spelled(&apt_get(&[], &["update"])),
            "env DEBIAN_FRONTEND=noninteractive apt-get update"
        );
    }

    #[test]
    fn what_is_not_there_is_not_detected() {
        let absent = |detect| !Package { name: "none", purpose: "none", detect }.present();
        assert!(absent(Detect::Command(&["no-such-program-anywhere"])));
        assert!(absent(Detect::Program("no-such-program-anywhere")));
        assert!(absent(Detect::Header("#include <no-such-header.h>\n")));
        assert!(absent(Detect::File { variable: "NO_SUCH_VARIABLE", usual: "/no/such/file" }));
    }

    #[test]
    fn what_built_and_runs_this_test_is_detected() {
        for package in PACKAGES.iter().chain(TEST_PACKAGES) {
            if matches!(package.detect, Detect::File { .. }) {
                continue;
            }
            assert!(package.present(), "{}", package.name);
        }
    }
}
