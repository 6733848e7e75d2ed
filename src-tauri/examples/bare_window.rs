//! The least that a window of this kind can be. The benchmark of the start compares Holdpoint with it.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    tauri::Builder::default().run(tauri::generate_context!("examples/bare/tauri.conf.json"))?;
    Ok(())
}
