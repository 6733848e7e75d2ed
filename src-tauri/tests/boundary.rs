//! What the page may do, pinned: whoever widens it has to say so here.

#![allow(missing_docs, clippy::unwrap_used, reason = "tests")]

use serde_json::{Value, json};

fn file(name: &str) -> Value {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

#[test]
fn the_content_security_policy_lets_nothing_in_from_outside() {
    let config = file("tauri.conf.json");
    let policy = config["app"]["security"]["csp"].as_str().unwrap();
    assert_eq!(
        policy.split("; ").collect::<Vec<_>>(),
        [
            "default-src 'self'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self' data:",
            "font-src 'self'",
            "connect-src ipc: http://ipc.localhost",
            "object-src 'none'",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-src 'none'",
            "frame-ancestors 'none'",
        ]
    );
    assert!(!policy.contains("unsafe"), "{policy}");
    assert_eq!(config["app"]["withGlobalTauri"], json!(false));
}

#[test]
fn the_one_window_has_the_one_capability() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("capabilities");
    let names: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["main.json"]);
    let capability = file("capabilities/main.json");
    assert_eq!(capability["windows"], json!(["main"]));
    assert_eq!(capability.get("remote"), None, "no remote content may ask anything");
    let granted: Vec<&str> =
        capability["permissions"].as_array().unwrap().iter().map(|one| one.as_str().unwrap()).collect();
    // Of Tauri and its plugins the page may only hear events; files, dialogs and links go through our own commands.
    let foreign: Vec<&str> = granted.iter().copied().filter(|one| one.contains(':')).collect();
    assert_eq!(foreign, ["core:event:allow-listen", "core:event:allow-unlisten"]);
    assert!(granted.iter().all(|one| one.contains(':') || one.starts_with("allow-")), "{granted:?}");
}
