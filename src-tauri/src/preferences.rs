//! Settings of the window, in one small file.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use holdpoint_desk::DeskError;
use holdpoint_desk::view::Settings;
use tauri::AppHandle;
use tauri_plugin_fs::FsExt as _;

/// The settings in force.
#[derive(Debug)]
pub(crate) struct Preferences(Mutex<Settings>);

impl Preferences {
    pub(crate) fn new(settings: Settings) -> Self {
        Self(Mutex::new(settings))
    }

    pub(crate) fn get(&self) -> Settings {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Keeps settings. A reports folder counts only when a person picked it.
    pub(crate) fn save(&self, app: &AppHandle, mut settings: Settings) -> Result<(), DeskError> {
        let old = self.get();
        if settings.reports_folder != old.reports_folder
            && !app.fs_scope().is_allowed(&settings.reports_folder)
        {
            settings.reports_folder = old.reports_folder;
        }
        let failed = |why: &dyn std::fmt::Display| {
            DeskError::new(
                "settings.unwritable",
                "The settings were not saved.",
                "They hold until Holdpoint ends.",
            )
            .because(why)
        };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = settings.clone();
        let path = path().ok_or_else(|| failed(&"there is no folder for configuration"))?;
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(|error| failed(&error))?;
        }
        let text = serde_json::to_string_pretty(&settings).map_err(|error| failed(&error))?;
        holdpoint_desk::write_whole(&path, &text).map_err(|error| failed(&error))
    }
}

/// Reads the settings; a file that cannot be used is as good as none.
pub(crate) fn load() -> Settings {
    let kept = path().and_then(|path| holdpoint_desk::file::read(&path, 64 * 1024).ok());
    let mut settings: Settings =
        kept.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default();
    if settings.reports_folder.is_empty() {
        settings.reports_folder = default_reports_folder().display().to_string();
    }
    settings
}

fn default_reports_folder() -> PathBuf {
    if let Some(folder) = std::env::var_os("HOLDPOINT_DATA_DIR") {
        return PathBuf::from(folder).join("reports");
    }
    let user = directories::UserDirs::new();
    let documents = user.as_ref().and_then(|user| user.document_dir().map(PathBuf::from));
    let home = user.map(|user| user.home_dir().to_owned());
    documents.or(home).unwrap_or_default().join("Holdpoint reports")
}

fn path() -> Option<PathBuf> {
    if let Some(folder) = std::env::var_os("HOLDPOINT_CONFIG_DIR") {
        return Some(PathBuf::from(folder).join("window.json"));
    }
    let dirs = directories::ProjectDirs::from("", "", "holdpoint")?;
    Some(dirs.config_dir().join("window.json"))
}
