//! The window itself: opening, closing, what is dropped on it, what the person is told while it is in the background.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use holdpoint_desk::capacity::{Became, Running};
use holdpoint_desk::desk::Current;
use holdpoint_desk::view::{CapacityOrder, Problem, Theme};
use holdpoint_desk::{Desk, DeskError};
use serde::Serialize;
use tauri::{
    App, AppHandle, DragDropEvent, Emitter as _, Manager as _, WebviewUrl, WebviewWindow,
    WebviewWindowBuilder, WindowEvent,
};
use tauri_plugin_notification::NotificationExt as _;
use tauri_plugin_opener::OpenerExt as _;

use crate::commands::{Answer, told};
use crate::preferences::Preferences;

/// The one window.
const MAIN: &str = "main";

/// Pages that may be opened in the browser; nothing else can be.
pub(crate) const LINKS: &[(&str, &str)] = &[
    ("Railway account tokens", "https://railway.com/account/tokens"),
    ("Railway project tokens", "https://docs.railway.com/guides/public-api"),
];

/// What came from outside before the page could listen.
#[derive(Debug, Default)]
pub(crate) struct FromOutside(Mutex<(Option<Became>, Option<Problem>)>);

impl FromOutside {
    /// What there is, once.
    pub(crate) fn take(&self) -> (Option<Became>, Option<Problem>) {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// What the page is told without asking.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "what", rename_all = "kebab-case")]
enum Told {
    CheckEnded { number: u32 },
    FileOpened { number: u32 },
    CapacityEnded { number: u32 },
    CapacityOpened { number: u32 },
    FileRefused { problem: Problem },
    FileOver { over: bool },
    CloseAsked,
}

impl From<Became> for Told {
    fn from(imported: Became) -> Self {
        match imported {
            Became::Check(number) => Self::FileOpened { number },
            Became::Capacity(number) => Self::CapacityOpened { number },
        }
    }
}

fn tell(app: &AppHandle, told: Told) {
    if let Err(error) = app.emit_to(MAIN, "told", told) {
        tracing::warn!(%error, "the page could not be told");
    }
}

/// Whether there is a session bus, by which a second start finds the first one.
pub(crate) fn has_session_bus() -> bool {
    if !cfg!(target_os = "linux") {
        return true;
    }
    let socket = std::env::var_os("XDG_RUNTIME_DIR").map(|folder| Path::new(&folder).join("bus"));
    std::env::var_os("DBUS_SESSION_BUS_ADDRESS").is_some() || socket.is_some_and(|socket| socket.exists())
}

/// Opens the window.
pub(crate) fn open(app: &App) -> tauri::Result<()> {
    let theme = app.state::<Preferences>().get().theme;
    let window = WebviewWindowBuilder::new(app, MAIN, WebviewUrl::default())
        .title("Holdpoint")
        .inner_size(1280.0, 800.0)
        .min_inner_size(960.0, 640.0)
        .theme(native(theme))
        // Links are opened by the program through its allow-list, never by the page.
        .on_navigation(|url| matches!(url.scheme(), "tauri") || url.host_str() == Some("tauri.localhost"))
        .build()?;
    let handle = app.handle().clone();
    window.on_window_event(move |event| match event {
        WindowEvent::CloseRequested { api, .. } if handle.state::<Arc<Desk>>().running().is_some() => {
            api.prevent_close();
            tell(&handle, Told::CloseAsked);
        }
        WindowEvent::CloseRequested { api, .. } => {
            if let Some(running) = handle.state::<Arc<Desk>>().capacity.running() {
                api.prevent_close();
                tauri::async_runtime::spawn(end_and_close(handle.clone(), running));
            }
        }
        WindowEvent::DragDrop(event) => dropped(&handle, event),
        _ => {}
    });
    Ok(())
}

fn native(theme: Theme) -> Option<tauri::Theme> {
    match theme {
        Theme::System => None,
        Theme::Light => Some(tauri::Theme::Light),
        Theme::Dark => Some(tauri::Theme::Dark),
    }
}

/// Gives the window's own frame the chosen theme.
pub(crate) fn apply_theme(app: &AppHandle, theme: Theme) {
    if let Some(window) = window(app) {
        let _ = window.set_theme(native(theme));
    }
}

fn window(app: &AppHandle) -> Option<WebviewWindow> {
    app.get_webview_window(MAIN)
}

/// Brings the window to the front.
pub(crate) fn show(app: &AppHandle) {
    if let Some(window) = window(app) {
        let _ = window.unminimize();
        let _ = window.set_focus();
    }
}

fn dropped(app: &AppHandle, event: &DragDropEvent) {
    match event {
        DragDropEvent::Enter { .. } => tell(app, Told::FileOver { over: true }),
        DragDropEvent::Leave => tell(app, Told::FileOver { over: false }),
        DragDropEvent::Drop { paths, .. } => {
            tell(app, Told::FileOver { over: false });
            if let Some(path) = paths.first() {
                let (app, path) = (app.clone(), path.clone());
                tauri::async_runtime::spawn_blocking(move || match import(&app, &path) {
                    Ok(imported) => tell(&app, imported.into()),
                    Err(problem) => tell(&app, Told::FileRefused { problem }),
                });
            }
        }
        _ => {}
    }
}

fn import(app: &AppHandle, path: &Path) -> Result<Became, Problem> {
    app.state::<Arc<Desk>>().import(path).map_err(told)
}

/// Opens the results file a person started the program with.
pub(crate) fn open_argument(app: &AppHandle, arguments: impl Iterator<Item = OsString>, folder: &Path) {
    let Some(path) = arguments.skip(1).map(PathBuf::from).find(|path| !path.as_os_str().is_empty()) else {
        return;
    };
    let outcome = import(app, &folder.join(path));
    // A page that listens already hears it; one that is still loading finds it at home.
    match &outcome {
        Ok(imported) => tell(app, (*imported).into()),
        Err(problem) => tell(app, Told::FileRefused { problem: problem.clone() }),
    }
    let outside = app.state::<FromOutside>();
    *outside.0.lock().unwrap_or_else(PoisonError::into_inner) =
        (outcome.as_ref().ok().copied(), outcome.err());
}

/// Tells page and person when a check has ended and is saved.
pub(crate) async fn tell_the_end(app: AppHandle, current: Arc<Current>) {
    current.over().await;
    let number = current.check.number;
    tell(&app, Told::CheckEnded { number });
    let background = window(&app).is_none_or(|window| !window.is_focused().unwrap_or(false));
    if !background || !app.state::<Preferences>().get().notify {
        return;
    }
    let headline = app
        .state::<Arc<Desk>>()
        .archive
        .summary(number)
        .map_or_else(|_| "The check has ended.".to_owned(), |check| check.headline);
    let shown = app.notification().builder().title(format!("Check {number}")).body(headline).show();
    if let Err(error) = shown {
        tracing::warn!(%error, "the system shows no notifications");
    }
}

/// Tells the page when a capacity run has ended and is saved.
pub(crate) async fn tell_the_end_of_capacity(app: AppHandle, running: Arc<Running>) {
    running.over().await;
    tell(&app, Told::CapacityEnded { number: running.number });
}

#[tauri::command]
pub(crate) async fn open_link(app: AppHandle, url: String) -> Answer<()> {
    if !LINKS.iter().any(|(_, known)| *known == url) {
        return Err(told(DeskError::new("link.refused", "This link is not one of Holdpoint's.", "")));
    }
    app.opener().open_url(url, None::<&str>).map_err(|error| {
        told(DeskError::new("link.failed", "The browser could not be opened.", "").because(error))
    })
}

#[tauri::command]
pub(crate) async fn set_title(app: AppHandle, title: String) -> Answer<()> {
    if let Some(window) = window(&app) {
        let short: String = title.chars().take(120).collect();
        let _ = window.set_title(&short);
    }
    Ok(())
}

/// How long closing waits for a restarted service before it ends all the same: longer than any deadline of the runbook.
const CLOSING: Duration = Duration::from_secs(600);

/// Ends the load of a capacity run, keeps what was measured, and closes.
async fn end_and_close(app: AppHandle, running: Arc<Running>) {
    running.order(CapacityOrder::Abort);
    let _ = tokio::time::timeout(CLOSING, running.over()).await;
    app.exit(0);
}

#[tauri::command]
pub(crate) async fn close_anyway(app: AppHandle) -> Answer<()> {
    let running = app.state::<Arc<Desk>>().running();
    if let Some(current) = running {
        current.abort("the window was closed");
        let _ = tokio::time::timeout(CLOSING, current.over()).await;
    }
    app.exit(0);
    Ok(())
}
