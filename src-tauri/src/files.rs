//! Files outside the archive: only those a person picked, and the reports folder. The file plugin's scope is the one list
//! of what was picked; the page never names a path that is not in it.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use holdpoint_desk::view::{
    CapacityDraft, CapacityFormat, CheckSummary, ExportFormat, Imported, PackageDraft,
};
use holdpoint_desk::{Desk, DeskError};
use tauri::{AppHandle, State};
use tauri_plugin_dialog::{DialogExt as _, FilePath};
use tauri_plugin_fs::FsExt as _;
use tauri_plugin_opener::OpenerExt as _;

use crate::commands::{Answer, apart, told};

/// Files that were exported since the start; these may be shown in the file manager.
#[derive(Debug, Default)]
pub(crate) struct Written(Mutex<Vec<PathBuf>>);

impl Written {
    /// Notes what was written, and answers with its name.
    fn told(&self, path: PathBuf) -> String {
        let name = path.display().to_string();
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(path);
        name
    }
}

/// Adds a folder that a person picked.
pub(crate) fn allow(app: &AppHandle, folder: &Path) {
    if let Err(error) = app.fs_scope().allow_directory(folder, true) {
        tracing::warn!(%error, folder = %folder.display(), "the folder cannot be used");
    }
}

fn picked(path: Option<FilePath>) -> Option<PathBuf> {
    path.and_then(|path| path.into_path().ok())
}

#[tauri::command]
pub(crate) async fn pick_results(app: AppHandle, desk: State<'_, Arc<Desk>>) -> Answer<Option<CheckSummary>> {
    let (sender, receiver) = tokio::sync::oneshot::channel();
    app.dialog()
        .file()
        .add_filter("Checks", &["holdpoint", "json", "html"])
        .set_title("Open a check")
        .pick_file(move |path| {
            let _ = sender.send(path);
        });
    let Some(path) = picked(receiver.await.ok().flatten()) else { return Ok(None) };
    desk.archive.import(&path).map(Some).map_err(told)
}

/// Lets the person pick a folder of old results, and adds what is in it.
#[tauri::command]
pub(crate) async fn import_folder(app: AppHandle, desk: State<'_, Arc<Desk>>) -> Answer<Option<Imported>> {
    let (sender, receiver) = tokio::sync::oneshot::channel();
    app.dialog().file().set_title("Choose a folder of results files").pick_folder(move |path| {
        let _ = sender.send(path);
    });
    let Some(path) = picked(receiver.await.ok().flatten()) else { return Ok(None) };
    let desk = desk.inner().clone();
    apart(move || desk.archive.import_folder(&path)).await.map(Some)
}

#[tauri::command]
pub(crate) async fn pick_folder(app: AppHandle, current: String) -> Answer<Option<String>> {
    let (sender, receiver) = tokio::sync::oneshot::channel();
    app.dialog().file().set_directory(&current).set_title("Choose a folder").pick_folder(move |path| {
        let _ = sender.send(path);
    });
    let Some(path) = picked(receiver.await.ok().flatten()) else { return Ok(None) };
    allow(&app, &path);
    Ok(Some(path.display().to_string()))
}

#[tauri::command]
pub(crate) async fn pick_capacity(app: AppHandle, desk: State<'_, Arc<Desk>>) -> Answer<Option<u32>> {
    let (sender, receiver) = tokio::sync::oneshot::channel();
    app.dialog()
        .file()
        .add_filter("Capacity runs", &["json"])
        .set_title("Open the file of a capacity run")
        .pick_file(move |path| {
            let _ = sender.send(path);
        });
    let Some(path) = picked(receiver.await.ok().flatten()) else { return Ok(None) };
    desk.capacity.archive.import(&path).map(Some).map_err(told)
}

/// Lets the person pick the evidence that a master of Locust left, and judges it.
#[tauri::command]
pub(crate) async fn judge_evidence(
    app: AppHandle,
    desk: State<'_, Arc<Desk>>,
    draft: PackageDraft,
) -> Answer<Option<u32>> {
    only_picked(&app, Path::new(&draft.package))?;
    let (sender, receiver) = tokio::sync::oneshot::channel();
    app.dialog()
        .file()
        .add_filter("Evidence of Locust", &["ndjson"])
        .set_title("Choose the evidence that the master left")
        .pick_file(move |path| {
            let _ = sender.send(path);
        });
    let Some(path) = picked(receiver.await.ok().flatten()) else { return Ok(None) };
    let desk = desk.inner().clone();
    apart(move || desk.judge_evidence(&draft, &path)).await.map(Some)
}

/// Writes a package for Locust into a new folder within one that the person picked.
#[tauri::command]
pub(crate) async fn write_package(
    app: AppHandle,
    desk: State<'_, Arc<Desk>>,
    written: State<'_, Written>,
    draft: CapacityDraft,
    folder: String,
) -> Answer<String> {
    only_picked(&app, Path::new(&folder))?;
    let package = desk.write_package(&draft, Path::new(&folder)).await.map_err(told)?;
    Ok(written.told(package))
}

/// Writes a script for k6 into a folder that the person picked.
#[tauri::command]
pub(crate) async fn write_script(
    app: AppHandle,
    desk: State<'_, Arc<Desk>>,
    written: State<'_, Written>,
    draft: CapacityDraft,
    folder: String,
) -> Answer<String> {
    only_picked(&app, Path::new(&folder))?;
    let script = desk.write_script(&draft, Path::new(&folder)).await.map_err(told)?;
    Ok(written.told(script))
}

/// Refuses a folder that nobody picked.
pub(crate) fn only_picked(app: &AppHandle, folder: &Path) -> Answer<()> {
    if app.fs_scope().is_allowed(folder) || app.fs_scope().is_allowed(folder.join("report.md")) {
        return Ok(());
    }
    Err(told(DeskError::new(
        "export.not_picked",
        "This folder was not chosen by you.",
        "Choose it with Change, then export again.",
    )))
}

#[tauri::command]
pub(crate) async fn export_capacity(
    app: AppHandle,
    desk: State<'_, Arc<Desk>>,
    written: State<'_, Written>,
    number: u32,
    folder: String,
    formats: Vec<CapacityFormat>,
) -> Answer<Vec<String>> {
    let folder = PathBuf::from(folder);
    only_picked(&app, &folder)?;
    let files = desk.export_capacity(number, &folder, &formats).map_err(told)?;
    written.0.lock().unwrap_or_else(PoisonError::into_inner).extend(files.iter().cloned());
    Ok(files.iter().map(|file| file.display().to_string()).collect())
}

#[tauri::command]
pub(crate) async fn export_check(
    app: AppHandle,
    desk: State<'_, Arc<Desk>>,
    written: State<'_, Written>,
    number: u32,
    folder: String,
    formats: Vec<ExportFormat>,
) -> Answer<Vec<String>> {
    let folder = PathBuf::from(folder);
    only_picked(&app, &folder)?;
    let files = desk.export(number, &folder, &formats).map_err(told)?;
    written.0.lock().unwrap_or_else(PoisonError::into_inner).extend(files.iter().cloned());
    Ok(files.iter().map(|file| file.display().to_string()).collect())
}

#[tauri::command]
pub(crate) async fn reveal(
    app: AppHandle,
    desk: State<'_, Arc<Desk>>,
    written: State<'_, Written>,
    path: String,
) -> Answer<()> {
    let path = PathBuf::from(path);
    let ours = written.0.lock().unwrap_or_else(PoisonError::into_inner).contains(&path)
        || path.parent() == Some(desk.archive.folder())
        || path == desk.archive.folder()
        || path.parent() == Some(desk.capacity.archive.folder())
        || path == desk.environments.folder();
    if !ours {
        return Err(told(DeskError::new("reveal.refused", "This is not a file of Holdpoint.", "")));
    }
    app.opener().reveal_item_in_dir(&path).map_err(|error| {
        told(DeskError::new("reveal.failed", "The file manager could not be opened.", "").because(error))
    })
}
