//! The desktop application: one window over the desk. Nothing here could run without a window; what a check is and does
//! lives in the crates.

#![cfg_attr(not(debug_assertions), windows_subsystem = "windows")]

mod capacity;
mod commands;
mod files;
mod preferences;
mod shell;
mod watching;

use std::sync::Arc;

use holdpoint_desk::Desk;
use tauri::Manager as _;

fn main() -> std::process::ExitCode {
    tracing_subscriber::fmt().with_writer(std::io::stderr).with_max_level(tracing::Level::WARN).init();
    match run() {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            #[cfg(target_os = "linux")]
            let error = start_again(error);
            tracing::error!(%error, "the window could not be opened");
            std::process::ExitCode::FAILURE
        }
    }
}

/// Says how often this program has started again.
#[cfg(target_os = "linux")]
const STARTS: &str = "HOLDPOINT_STARTS";

/// Opens the window all the same where the first one was about to be gone when this one wanted to hand over to it. Comes
/// back only where that is not why it failed, or cannot be done.
#[cfg(target_os = "linux")]
fn start_again(error: Box<dyn std::error::Error>) -> Box<dyn std::error::Error> {
    use std::os::unix::process::CommandExt as _;

    let handing_over = matches!(
        error.downcast_ref(),
        Some(tauri::Error::PluginInitialization(plugin, _)) if plugin == "single-instance"
    );
    let starts: u8 = std::env::var(STARTS).ok().and_then(|text| text.parse().ok()).unwrap_or(0);
    let Some(program) = std::env::current_exe().ok().filter(|_| handing_over && starts < 10) else {
        return error;
    };
    std::thread::sleep(std::time::Duration::from_millis(300));
    let mut again = std::process::Command::new(program);
    again.args(std::env::args_os().skip(1)).env(STARTS, (starts + 1).to_string()).exec().into()
}

fn run() -> Result<(), Box<dyn std::error::Error>> {
    let desk = Arc::new(Desk::of_account()?);
    let mut builder = tauri::Builder::default();
    if shell::has_session_bus() {
        builder = builder.plugin(tauri_plugin_single_instance::init(|app, arguments, folder| {
            shell::show(app);
            shell::open_argument(app, arguments.into_iter().map(Into::into), std::path::Path::new(&folder));
        }));
    }
    let app = builder
        .plugin(tauri_plugin_dialog::init())
        .plugin(tauri_plugin_fs::init())
        .plugin(tauri_plugin_notification::init())
        .plugin(tauri_plugin_opener::init())
        .plugin(tauri_plugin_window_state::Builder::default().build())
        .manage(commands::Early::ask(&desk))
        .manage(desk)
        .manage(watching::Watchers::default())
        .manage(shell::FromOutside::default())
        .manage(files::Written::default())
        .invoke_handler(tauri::generate_handler![
            commands::home,
            commands::about,
            commands::save_settings,
            commands::drills,
            commands::plan,
            commands::preflight,
            commands::start_check,
            watching::watch_check,
            watching::unwatch_check,
            commands::abort_check,
            commands::checks,
            commands::report,
            commands::journal,
            commands::waive,
            commands::sign_off,
            commands::guide,
            commands::signing,
            commands::create_signing_key,
            commands::remove_signing_key,
            commands::compare,
            commands::compare_text,
            commands::trends,
            commands::coverage,
            commands::tidy,
            files::import_folder,
            files::pick_results,
            files::pick_folder,
            files::export_check,
            commands::summary_text,
            files::reveal,
            commands::services,
            commands::storage_test,
            commands::service_logs,
            commands::restart_service,
            commands::redeploy_service,
            commands::verify_recovery,
            commands::environment,
            commands::check_environment,
            commands::save_environment,
            commands::remove_environment,
            commands::set_secret,
            commands::clear_secret,
            commands::import_railway_token,
            commands::find_railway_ids,
            capacity::plan_capacity,
            capacity::start_capacity,
            capacity::plan_package,
            capacity::join_master,
            files::judge_evidence,
            files::write_package,
            files::write_script,
            capacity::order_capacity,
            watching::watch_capacity,
            watching::unwatch_capacity,
            capacity::capacity_runs,
            capacity::capacity_report,
            files::export_capacity,
            files::pick_capacity,
            shell::open_link,
            shell::set_title,
            shell::close_anyway,
        ])
        .setup(|app| {
            let settings = preferences::load();
            files::allow(app.handle(), std::path::Path::new(&settings.reports_folder));
            app.manage(preferences::Preferences::new(settings));
            shell::open(app)?;
            let here = std::env::current_dir().unwrap_or_default();
            shell::open_argument(app.handle(), std::env::args_os(), &here);
            Ok(())
        })
        .build(tauri::generate_context!())?;
    app.run(|app, event| {
        if let tauri::RunEvent::Exit = event {
            let desk = app.state::<Arc<Desk>>().inner().clone();
            tauri::async_runtime::block_on(desk.stop_rehearsal());
        }
    });
    Ok(())
}
