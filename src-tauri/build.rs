//! Lets Tauri read its configuration, and makes every command of ours a permission of its own, so that the page can call
//! only what the window's capability names.

const COMMANDS: &[&str] = &[
    "home",
    "about",
    "save_settings",
    "drills",
    "plan",
    "preflight",
    "start_check",
    "watch_check",
    "unwatch_check",
    "abort_check",
    "checks",
    "report",
    "journal",
    "waive",
    "sign_off",
    "guide",
    "signing",
    "create_signing_key",
    "remove_signing_key",
    "compare",
    "compare_text",
    "trends",
    "coverage",
    "tidy",
    "import_folder",
    "pick_results",
    "pick_folder",
    "export_check",
    "summary_text",
    "reveal",
    "services",
    "storage_test",
    "service_logs",
    "restart_service",
    "redeploy_service",
    "verify_recovery",
    "environment",
    "check_environment",
    "save_environment",
    "remove_environment",
    "set_secret",
    "clear_secret",
    "import_railway_token",
    "find_railway_ids",
    "plan_capacity",
    "start_capacity",
    "order_capacity",
    "watch_capacity",
    "unwatch_capacity",
    "capacity_runs",
    "capacity_report",
    "export_capacity",
    "pick_capacity",
    "open_link",
    "set_title",
    "close_anyway",
];

fn main() {
    let manifest = tauri_build::AppManifest::new().commands(COMMANDS);
    let attributes = tauri_build::Attributes::new().app_manifest(manifest);
    if let Err(error) = tauri_build::try_build(attributes) {
        println!("cargo::error={error:#}");
    }
}
