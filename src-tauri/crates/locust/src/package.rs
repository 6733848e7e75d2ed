//! The folder that holds everything a fleet of Locust needs.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use holdpoint_foreign::{file, json};
use sha2::{Digest as _, Sha256};

use crate::plan::{FleetPlan, FleetPlanError};

const LOCUSTFILE: &str = include_str!("../package/locustfile.py");
/// Exact versions with the digests of every file that the registry has of them, for every system and Python from 3.11
/// on: `uv pip compile --universal --python-version 3.11 --generate-hashes` of `locust==2.47.0`.
pub(crate) const REQUIREMENTS: &str = include_str!("../package/requirements.txt");
const OTHER_FILES: [(&str, &str); 3] = [
    ("README.txt", include_str!("../package/README.txt")),
    ("kubernetes.yaml", include_str!("../package/kubernetes.yaml")),
    ("kustomization.yaml", include_str!("../package/kustomization.yaml")),
];
const PLAN: &str = "plan.json";
pub(crate) const PROGRAM: &str = "locustfile.py";
const SUMS: &str = "SHA256SUMS";
const AUTHORITIES: &str = "authorities.pem";
/// A body of 16 MiB is 22 MiB in it.
const PLAN_LIMIT: json::Limits = json::Limits { bytes: 32 * 1024 * 1024, values: 1_000_000 };
const SUMS_LIMIT: u64 = 64 * 1024;
const AUTHORITIES_LIMIT: u64 = 16 * 1024 * 1024;

/// A package on disk.
#[derive(Clone, Debug)]
pub struct Package {
    folder: PathBuf,
    plan: FleetPlan,
    digest: String,
    program: String,
}

/// Why a package is not written or read.
#[derive(Debug, thiserror::Error)]
pub enum PackageError {
    /// A file or folder cannot be written.
    #[error("locust.package.write: {path} cannot be written: {source}")]
    Unwritable {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The folder holds something already.
    #[error(
        "locust.package.full: {0} is not empty, and a package is not written over anything; name a new folder"
    )]
    NotEmpty(PathBuf),
    /// A file of it cannot be read.
    #[error("locust.package.read: {path} cannot be read: {why}")]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// The plan of it is none.
    #[error(transparent)]
    Plan(#[from] FleetPlanError),
}

pub(crate) fn digest(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

impl Package {
    /// Writes a package into a folder that is new or empty. `authorities` is the file of further certificate
    /// authorities, where the plan wants them.
    pub fn write(folder: &Path, plan: &FleetPlan, authorities: Option<&Path>) -> Result<Self, PackageError> {
        plan.check()?;
        let unwritable = |path: &Path| {
            let path = path.to_owned();
            move |source| PackageError::Unwritable { path, source }
        };
        fs::create_dir_all(folder).map_err(unwritable(folder))?;
        if fs::read_dir(folder).map_err(unwritable(folder))?.next().is_some() {
            return Err(PackageError::NotEmpty(folder.to_owned()));
        }
        let text = serde_json::to_string_pretty(plan)
            .map_err(|error| unwritable(&folder.join(PLAN))(io::Error::other(error)))?;
        let mut files: Vec<(&str, Vec<u8>)> = vec![
            (PLAN, text.clone().into_bytes()),
            (PROGRAM, LOCUSTFILE.into()),
            ("requirements.txt", REQUIREMENTS.into()),
        ];
        files.extend(OTHER_FILES.map(|(name, text)| (name, text.into())));
        if let Some(path) = authorities.filter(|_| plan.http.authorities) {
            let bytes = file::read(path, AUTHORITIES_LIMIT).map_err(|error| PackageError::Unreadable {
                path: path.to_owned(),
                why: error.to_string(),
            })?;
            files.push((AUTHORITIES, bytes));
        }
        // As `sha256sum --check` reads it.
        let sums: Vec<String> =
            files.iter().map(|(name, bytes)| format!("{}  {name}\n", digest(bytes))).collect();
        files.push((SUMS, sums.concat().into_bytes()));
        for (name, bytes) in &files {
            let path = folder.join(name);
            fs::write(&path, bytes).map_err(unwritable(&path))?;
        }
        Ok(Self {
            folder: folder.to_owned(),
            plan: plan.clone(),
            digest: digest(text.as_bytes()),
            program: digest(LOCUSTFILE.as_bytes()),
        })
    }

    /// Opens a package that was written before. One whose plan was changed since is none any more.
    pub fn open(folder: &Path) -> Result<Self, PackageError> {
        let unreadable = |name: &str, why: String| PackageError::Unreadable { path: folder.join(name), why };
        let sums = file::read_text(&folder.join(SUMS), SUMS_LIMIT)
            .map_err(|error| unreadable(SUMS, error.to_string()))?;
        let noted = |name: &str| {
            let line =
                sums.lines().filter_map(|line| line.split_once("  ")).find(|(_, known)| *known == name);
            let noted = line.map(|(digest, _)| digest.to_owned());
            noted.ok_or_else(|| unreadable(SUMS, format!("it does not tell the digest of {name}")))
        };
        let bytes = file::read(&folder.join(PLAN), PLAN_LIMIT.bytes as u64)
            .map_err(|error| unreadable(PLAN, error.to_string()))?;
        let digest = digest(&bytes);
        if noted(PLAN)? != digest {
            return Err(unreadable(
                PLAN,
                format!("it was changed since the package was written; {SUMS} tells another digest"),
            ));
        }
        let plan = PLAN_LIMIT
            .check(&bytes)
            .map_err(|error| error.to_string())
            .and_then(|()| serde_json::from_slice::<FleetPlan>(&bytes).map_err(|error| json::said(&error)))
            .map_err(|why| unreadable(PLAN, why))?;
        plan.check()?;
        Ok(Self { folder: folder.to_owned(), plan, digest, program: noted(PROGRAM)? })
    }

    /// Copies everything of it into a folder that is new, and answers with the copy.
    pub fn copy(&self, to: &Path) -> Result<Self, PackageError> {
        let unreadable =
            |name: &str, why: String| PackageError::Unreadable { path: self.folder.join(name), why };
        let sums = file::read_text(&self.folder.join(SUMS), SUMS_LIMIT)
            .map_err(|error| unreadable(SUMS, error.to_string()))?;
        fs::create_dir_all(to).map_err(|source| PackageError::Unwritable { path: to.to_owned(), source })?;
        let names = sums.lines().filter_map(|line| line.split_once("  ")).map(|(_, name)| name);
        for name in names.chain([SUMS]) {
            // A sum may name anything; only what stands beside it is of the package.
            if Path::new(name).components().count() != 1 || name == ".." {
                return Err(unreadable(SUMS, format!("{name} is no file of a package")));
            }
            let from = self.folder.join(name);
            if !from.is_file() {
                return Err(unreadable(name, "it is no file, or is gone".into()));
            }
            fs::copy(from, to.join(name))
                .map_err(|source| PackageError::Unwritable { path: to.join(name), source })?;
        }
        Self::open(to)
    }

    /// Where it is.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Its plan.
    pub fn plan(&self) -> &FleetPlan {
        &self.plan
    }

    /// The digest of its plan (SHA-256 of `plan.json`, in hexadecimal).
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// The digest of what the workers run (SHA-256 of `locustfile.py`, in hexadecimal).
    pub fn program(&self) -> &str {
        &self.program
    }
}
