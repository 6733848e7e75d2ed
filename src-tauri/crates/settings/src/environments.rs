//! Environment files in the configuration folder, one a file, named after the environment.

use std::path::{Path, PathBuf};

use directories::ProjectDirs;
use holdpoint_check::environment::{Environment, EnvironmentError, FILE_LIMIT, is_name};
use holdpoint_check::files;
use holdpoint_foreign::file;

/// What can go wrong with saved environments.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// There is no folder for configuration.
    #[error("this account has no folder for configuration; set HOLDPOINT_CONFIG_DIR to one")]
    NoFolder,
    /// There is no environment of that name.
    #[error("there is no environment {0:?}; `holdpoint environment list` shows those there are")]
    Unknown(String),
    /// A file cannot be read.
    #[error("{path} cannot be read: {source}")]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file cannot be written.
    #[error(
        "{path} cannot be written: {source}. Free some space, or give Holdpoint the right to write there"
    )]
    Unwritable {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file is no environment.
    #[error("{path}: {source}")]
    Invalid {
        /// Which.
        path: PathBuf,
        /// Why.
        source: EnvironmentError,
    },
}

/// The folder of saved environments.
#[derive(Clone, Debug)]
pub struct Environments {
    folder: PathBuf,
}

impl Environments {
    /// The folder of this account, or `HOLDPOINT_CONFIG_DIR` where that is set.
    pub fn of_account() -> Result<Self, StoreError> {
        if let Some(folder) = std::env::var_os("HOLDPOINT_CONFIG_DIR") {
            return Ok(Self { folder: PathBuf::from(folder).join("environments") });
        }
        let dirs = ProjectDirs::from("", "", "holdpoint").ok_or(StoreError::NoFolder)?;
        Ok(Self { folder: dirs.config_dir().join("environments") })
    }

    /// A given folder.
    pub fn in_folder(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }

    /// Names of the saved environments and of the runbook's staging, which is always there.
    pub fn names(&self) -> Vec<String> {
        let mut names = vec!["staging".to_owned()];
        let entries = std::fs::read_dir(&self.folder).into_iter().flatten().flatten();
        names.extend(entries.filter_map(|entry| {
            let path = entry.path();
            let name = path.file_stem()?.to_str()?.to_owned();
            (path.extension()? == "json" && is_name(&name)).then_some(name)
        }));
        names.sort();
        names.dedup();
        names
    }

    /// A saved environment by its name. `staging` is the runbook's until one is saved over it.
    pub fn load(&self, name: &str) -> Result<Environment, StoreError> {
        if !is_name(name) {
            return Err(StoreError::Unknown(name.to_owned()));
        }
        let path = self.path(name);
        match self.read_file(&path) {
            Err(StoreError::Unreadable { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
                if name == "staging" {
                    Ok(Environment::staging())
                } else {
                    Err(StoreError::Unknown(name.to_owned()))
                }
            }
            other => other,
        }
    }

    /// Reads an environment file from anywhere.
    pub fn read_file(&self, path: &Path) -> Result<Environment, StoreError> {
        let unreadable = |source| StoreError::Unreadable { path: path.to_owned(), source };
        let text = file::read_text(path, FILE_LIMIT as u64).map_err(|error| unreadable(error.into()))?;
        Environment::from_json(&text)
            .map(|(environment, _)| environment)
            .map_err(|source| StoreError::Invalid { path: path.to_owned(), source })
    }

    /// Saves an environment under its name; the file is whole or not there.
    pub fn save(&self, environment: &Environment) -> Result<PathBuf, StoreError> {
        let path = self.path(&environment.name);
        environment.validate().map_err(|source| StoreError::Invalid { path: path.clone(), source })?;
        let unwritable = |source| StoreError::Unwritable { path: path.clone(), source };
        std::fs::create_dir_all(&self.folder).map_err(unwritable)?;
        let text =
            serde_json::to_string_pretty(environment).map_err(std::io::Error::other).map_err(unwritable)?;
        files::write_whole(&path, text).map_err(|error| unwritable(error.source))?;
        Ok(path)
    }

    /// Whether a file of that name is there: the runbook's staging is an environment before anyone saved it.
    pub fn is_saved(&self, name: &str) -> bool {
        is_name(name) && self.path(name).is_file()
    }

    /// Removes a saved environment; one that is not there is gone already.
    pub fn remove(&self, name: &str) -> Result<(), StoreError> {
        if !is_name(name) {
            return Err(StoreError::Unknown(name.to_owned()));
        }
        let path = self.path(name);
        match std::fs::remove_file(&path) {
            Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                Err(StoreError::Unwritable { path, source })
            }
            _ => Ok(()),
        }
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.json"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_saved_is_loaded_and_listed() {
        let folder = tempfile::tempdir().unwrap();
        let store = Environments::in_folder(folder.path());
        let mut environment = Environment::staging();
        environment.name = "mirror".into();
        store.save(&environment).unwrap();
        assert_eq!(store.load("mirror").unwrap(), environment);
        assert_eq!(store.names(), ["mirror", "staging"]);
        assert_eq!(store.load("staging").unwrap(), Environment::staging());
        assert!(matches!(store.load("../mirror"), Err(StoreError::Unknown(_))));
        assert!(matches!(store.load("other"), Err(StoreError::Unknown(_))));
    }

    #[test]
    fn a_broken_file_is_named() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("bad.json"), "{").unwrap();
        let error = Environments::in_folder(folder.path()).load("bad").unwrap_err().to_string();
        assert!(error.contains("bad.json"), "{error}");
    }
}
