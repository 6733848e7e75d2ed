//! The environment of Python that Locust runs in, made once for each set of versions.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use directories::ProjectDirs;
use holdpoint_foreign::text;

use crate::package::{REQUIREMENTS, digest};

/// The oldest Python that this Locust runs on.
const OLDEST: (u32, u32) = (3, 11);
/// Names of Python, the likeliest first.
const NAMES: [&str; 5] = ["python3", "python3.13", "python3.12", "python3.11", "python"];

/// Why there is no environment.
#[derive(Debug, thiserror::Error)]
pub enum VenvError {
    /// No Python that is new enough.
    #[error(
        "locust.python.missing: Locust needs Python 3.11 or newer, and there is none on the path; install it, on Debian and \
         Ubuntu with: apt-get install python3 python3-venv"
    )]
    NoPython,
    /// Python lacks its module for environments.
    #[error(
        "locust.python.venv: {0} makes no environment: {1}; on Debian and Ubuntu install python3-venv: apt-get install \
         python3-venv"
    )]
    NoVenv(String, String),
    /// Locust could not be installed.
    #[error(
        "locust.python.install: Locust could not be installed from the package index of pip: {0}; look whether pip reaches \
         its index (pip config list), and try again"
    )]
    Install(String),
    /// The account has no folder for such things.
    #[error("locust.python.folder: this account has no folder for caches; set HOLDPOINT_CACHE_DIR to one")]
    NoFolder,
    /// The folder cannot be written.
    #[error(
        "locust.python.write: {path} cannot be written: {source}; free some space, or set HOLDPOINT_CACHE_DIR to another folder"
    )]
    Unwritable {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// An environment with the exact versions of a package.
#[derive(Clone, Debug)]
pub struct Venv {
    python: PathBuf,
}

impl Venv {
    /// Where environments of this account live: below `HOLDPOINT_CACHE_DIR`, or the system's place for caches.
    pub fn usual_folder() -> Result<PathBuf, VenvError> {
        if let Some(folder) = std::env::var_os("HOLDPOINT_CACHE_DIR") {
            return Ok(PathBuf::from(folder));
        }
        let dirs = ProjectDirs::from("", "", "holdpoint").ok_or(VenvError::NoFolder)?;
        Ok(dirs.cache_dir().to_owned())
    }

    /// The environment below `folder`; makes it where it is missing, which takes half a minute and asks pip's package
    /// index. Others who want the same wait for it. Blocks. `say` hears what takes long.
    pub fn ensure(folder: &Path, say: impl Fn(&str)) -> Result<Self, VenvError> {
        let place = folder.join(format!("locust-{}", &digest(REQUIREMENTS.as_bytes())[..12]));
        let unwritable = |source| VenvError::Unwritable { path: folder.to_owned(), source };
        fs::create_dir_all(folder).map_err(unwritable)?;
        let guard = File::create(place.with_extension("lock")).map_err(unwritable)?;
        guard.lock().map_err(unwritable)?;
        let python = place.join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" });
        // Written last, so that one that was cut off in its making is made anew.
        let whole = place.join("holdpoint-whole");
        if whole.is_file() && works(&python) {
            return Ok(Self { python });
        }
        say("Making an environment of Python for Locust, once; this takes about half a minute");
        match fs::remove_dir_all(&place) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(unwritable(error)),
            _ => {}
        }
        let system = system_python().ok_or(VenvError::NoPython)?;
        let name = system.to_string_lossy().into_owned();
        run(Command::new(&system).args(["-m", "venv"]).arg(&place))
            .map_err(|why| VenvError::NoVenv(name, why))?;
        let requirements = place.join("requirements.txt");
        fs::write(&requirements, REQUIREMENTS).map_err(unwritable)?;
        // Only what is built already and is byte for byte what was looked at.
        let words = [
            "-m",
            "pip",
            "install",
            "--quiet",
            "--no-input",
            "--require-hashes",
            "--only-binary",
            ":all:",
            "-r",
        ];
        run(Command::new(&python).args(words).arg(&requirements)).map_err(VenvError::Install)?;
        fs::write(&whole, "").map_err(unwritable)?;
        Ok(Self { python })
    }

    /// An environment that somebody else made, with the versions of `requirements.txt`.
    pub fn of_python(python: &Path) -> Self {
        Self { python: python.to_owned() }
    }

    /// Its Python.
    pub fn python(&self) -> &Path {
        &self.python
    }
}

/// The first Python on the path that is new enough.
fn system_python() -> Option<OsString> {
    let new_enough = format!("import sys; sys.exit(sys.version_info[:2] < ({}, {}))", OLDEST.0, OLDEST.1);
    NAMES.into_iter().map(OsString::from).find(|name| {
        let status = Command::new(name)
            .args(["-c", &new_enough])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        status.is_ok_and(|status| status.success())
    })
}

/// Whether it starts, and Locust is there: the Python it was made from may be gone since.
fn works(python: &Path) -> bool {
    run(Command::new(python).args(["-c", "import locust.rpc.protocol"])).is_ok()
}

/// Runs a program to its end; what it said last where it failed.
fn run(command: &mut Command) -> Result<(), String> {
    let output = command.stdin(Stdio::null()).output().map_err(|error| error.to_string())?;
    if output.status.success() {
        return Ok(());
    }
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    let last: Vec<&str> = said.lines().rev().filter(|line| !line.trim().is_empty()).take(3).collect();
    let last: Vec<&str> = last.into_iter().rev().collect();
    Err(text::cut(&last.join(" "), 600))
}
