use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ts_rs::{Config, TS as _};

use super::*;

/// The committed types are what the page is compiled against; this keeps them true. `HOLDPOINT_WRITE_TYPES=1` writes them.
#[test]
fn the_pages_types_are_those_of_this_crate() {
    let committed = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../ui/src/host/types");
    let fresh = tempfile::tempdir().unwrap();
    let config = Config::new().with_out_dir(fresh.path()).with_large_int("number");
    Home::export_all(&config).unwrap();
    About::export_all(&config).unwrap();
    Problem::export_all(&config).unwrap();
    PreflightReport::export_all(&config).unwrap();
    CheckDraft::export_all(&config).unwrap();
    PlanPreview::export_all(&config).unwrap();
    ChecksQuery::export_all(&config).unwrap();
    ChecksPage::export_all(&config).unwrap();
    Drill::export_all(&config).unwrap();
    Live::export_all(&config).unwrap();
    Report::export_all(&config).unwrap();
    JournalQuery::export_all(&config).unwrap();
    JournalPage::export_all(&config).unwrap();
    ExportFormat::export_all(&config).unwrap();
    SigningKey::export_all(&config).unwrap();
    crate::guide::Topic::export_all(&config).unwrap();
    ServicesView::export_all(&config).unwrap();
    StorageReport::export_all(&config).unwrap();
    ServiceLog::export_all(&config).unwrap();
    RestartReport::export_all(&config).unwrap();
    RecoveryFound::export_all(&config).unwrap();
    EnvironmentView::export_all(&config).unwrap();
    RailwayFound::export_all(&config).unwrap();
    CapacityDraft::export_all(&config).unwrap();
    PackageDraft::export_all(&config).unwrap();
    CapacityPlan::export_all(&config).unwrap();
    CapacityOrder::export_all(&config).unwrap();
    CapacityLive::export_all(&config).unwrap();
    CapacityPage::export_all(&config).unwrap();
    CapacityReport::export_all(&config).unwrap();
    CapacityFormat::export_all(&config).unwrap();
    holdpoint_compare::Compared::export_all(&config).unwrap();
    TrendsQuery::export_all(&config).unwrap();
    Trends::export_all(&config).unwrap();
    Coverage::export_all(&config).unwrap();
    Imported::export_all(&config).unwrap();
    Tidied::export_all(&config).unwrap();
    let fresh_files = files(fresh.path());
    assert!(fresh_files.len() > 60, "{} types", fresh_files.len());
    if std::env::var_os("HOLDPOINT_WRITE_TYPES").is_some() {
        let _ = std::fs::remove_dir_all(&committed);
        std::fs::create_dir_all(&committed).unwrap();
        for (name, text) in &fresh_files {
            std::fs::write(committed.join(name), text).unwrap();
        }
    }
    assert!(
        files(&committed) == fresh_files,
        "ui/src/host/types is old; write it with HOLDPOINT_WRITE_TYPES=1 cargo test -p holdpoint-desk types"
    );
}

fn files(folder: &Path) -> BTreeMap<PathBuf, String> {
    std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| (entry.file_name().into(), std::fs::read_to_string(entry.path()).unwrap()))
        .collect()
}
