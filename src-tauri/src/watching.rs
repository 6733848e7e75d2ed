//! A running check, and a capacity run, each go to the page over one channel. A page that reloads watches anew and gets
//! everything again.

use std::sync::{Arc, Mutex, PoisonError};

use holdpoint_desk::Desk;
use holdpoint_desk::view::{CapacityLive, Live};
use tauri::State;
use tauri::async_runtime::JoinHandle;
use tauri::ipc::Channel;

use crate::commands::Answer;

/// The watchers of the one window.
#[derive(Debug, Default)]
pub(crate) struct Watchers {
    check: Slot,
    capacity: Slot,
}

/// At most one watcher.
#[derive(Debug, Default)]
struct Slot(Mutex<Option<JoinHandle<()>>>);

impl Slot {
    fn replace(&self, next: Option<JoinHandle<()>>) {
        let mut slot = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(old) = std::mem::replace(&mut *slot, next) {
            old.abort();
        }
    }
}

#[tauri::command]
pub(crate) async fn watch_check(
    desk: State<'_, Arc<Desk>>,
    watchers: State<'_, Watchers>,
    on_live: Channel<Live>,
) -> Answer<()> {
    let Some(current) = desk.latest() else {
        watchers.check.replace(None);
        return Ok(());
    };
    let watch = async move { current.watch(|live| on_live.send(live).is_ok()).await };
    watchers.check.replace(Some(tauri::async_runtime::spawn(watch)));
    Ok(())
}

#[tauri::command]
pub(crate) async fn unwatch_check(watchers: State<'_, Watchers>) -> Answer<()> {
    watchers.check.replace(None);
    Ok(())
}

#[tauri::command]
pub(crate) async fn watch_capacity(
    desk: State<'_, Arc<Desk>>,
    watchers: State<'_, Watchers>,
    on_live: Channel<CapacityLive>,
) -> Answer<()> {
    let Some(running) = desk.capacity.latest() else {
        watchers.capacity.replace(None);
        return Ok(());
    };
    let watch = async move { running.watch(|live| on_live.send(live).is_ok()).await };
    watchers.capacity.replace(Some(tauri::async_runtime::spawn(watch)));
    Ok(())
}

#[tauri::command]
pub(crate) async fn unwatch_capacity(watchers: State<'_, Watchers>) -> Answer<()> {
    watchers.capacity.replace(None);
    Ok(())
}
