//! What the page can ask of capacity.

use std::path::Path;
use std::sync::Arc;

use holdpoint_desk::view::{
    CapacityDraft, CapacityOrder, CapacityPage, CapacityPlan, CapacityReport, PackageDraft,
};
use holdpoint_desk::{Desk, Theme};
use tauri::State;

use crate::commands::{Answer, apart, told};
use crate::{files, shell};

#[tauri::command]
pub(crate) async fn plan_capacity(desk: State<'_, Arc<Desk>>, draft: CapacityDraft) -> Answer<CapacityPlan> {
    desk.preview_capacity(&draft).map_err(told)
}

#[tauri::command]
pub(crate) async fn start_capacity(
    app: tauri::AppHandle,
    desk: State<'_, Arc<Desk>>,
    draft: CapacityDraft,
) -> Answer<u32> {
    let running = desk.start_capacity(&draft).await.map_err(told)?;
    let number = running.number;
    tauri::async_runtime::spawn(shell::tell_the_end_of_capacity(app, running));
    Ok(number)
}

#[tauri::command]
pub(crate) async fn plan_package(
    app: tauri::AppHandle,
    desk: State<'_, Arc<Desk>>,
    draft: PackageDraft,
) -> Answer<CapacityPlan> {
    if !draft.package.is_empty() {
        files::only_picked(&app, Path::new(&draft.package))?;
    }
    let desk = desk.inner().clone();
    apart(move || desk.preview_package(&draft)).await
}

/// `header` is a secret: it goes to the master and into no file.
#[tauri::command]
pub(crate) async fn join_master(
    app: tauri::AppHandle,
    desk: State<'_, Arc<Desk>>,
    draft: PackageDraft,
    header: Option<String>,
) -> Answer<u32> {
    files::only_picked(&app, Path::new(&draft.package))?;
    let running = desk.join_master(&draft, header.as_deref()).await.map_err(told)?;
    let number = running.number;
    tauri::async_runtime::spawn(shell::tell_the_end_of_capacity(app, running));
    Ok(number)
}

#[tauri::command]
pub(crate) async fn order_capacity(desk: State<'_, Arc<Desk>>, order: CapacityOrder) -> Answer<()> {
    if let Some(running) = desk.capacity.running() {
        running.order(order);
    }
    Ok(())
}

#[tauri::command]
pub(crate) async fn capacity_runs(
    desk: State<'_, Arc<Desk>>,
    offset: u32,
    limit: u32,
) -> Answer<CapacityPage> {
    let desk = desk.inner().clone();
    apart(move || Ok(desk.capacity_runs(offset, limit))).await
}

#[tauri::command]
pub(crate) async fn capacity_report(
    desk: State<'_, Arc<Desk>>,
    number: u32,
    dark: bool,
) -> Answer<CapacityReport> {
    let desk = desk.inner().clone();
    apart(move || desk.capacity_report(number, if dark { Theme::Dark } else { Theme::Light })).await
}
