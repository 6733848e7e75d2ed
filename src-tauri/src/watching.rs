//! A running check goes to the page over one channel. A page that reloads watches anew and gets everything again.

use std::sync::{Arc, Mutex, PoisonError};

use holdpoint_desk::Desk;
use holdpoint_desk::view::Live;
use tauri::State;
use tauri::async_runtime::JoinHandle;
use tauri::ipc::Channel;

use crate::commands::Answer;

/// The one watcher of the one window.
#[derive(Debug, Default)]
pub(crate) struct Watchers(Mutex<Option<JoinHandle<()>>>);

impl Watchers {
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
        watchers.replace(None);
        return Ok(());
    };
    let watch = async move { current.watch(|live| on_live.send(live).is_ok()).await };
    watchers.replace(Some(tauri::async_runtime::spawn(watch)));
    Ok(())
}

#[tauri::command]
pub(crate) async fn unwatch_check(watchers: State<'_, Watchers>) -> Answer<()> {
    watchers.replace(None);
    Ok(())
}
