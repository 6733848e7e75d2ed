//! A disk that is full or read-only: every write says so and what to do, and nothing that was there changes.

#![cfg(target_os = "linux")]
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::print_stderr, reason = "tests")]

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use holdpoint_check::environment::Environment;
use holdpoint_check::event::{Event, Waiver};
use holdpoint_check::journal;
use holdpoint_desk::archive::Archive;
use holdpoint_desk::view::{ChecksQuery, ExportFormat};
use holdpoint_desk::{Desk, DeskError, Theme, write_whole};
use holdpoint_settings::Environments;

/// A small disk of its own, where this account may make one.
struct Disk {
    folder: tempfile::TempDir,
}

impl Disk {
    fn new() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let made = mount(&["-t", "tmpfs", "-o", "size=4m", "tmpfs"], folder.path());
        if !made {
            eprintln!("SKIPPED: only root may make a disk to fill, so full disks were not tried here");
            return None;
        }
        Some(Self { folder })
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn fill(&self) {
        let mut filler = std::fs::File::create(self.path().join("filler")).unwrap();
        while filler.write_all(&[0; 512]).is_ok() {}
    }

    fn make_room(&self) {
        std::fs::remove_file(self.path().join("filler")).unwrap();
    }

    fn read_only(&self, on: bool) {
        assert!(mount(&["-o", if on { "remount,ro" } else { "remount,rw" }], self.path()));
    }

    /// Every file byte by byte, but for what fills the disk.
    fn files(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut files = BTreeMap::new();
        let mut folders = vec![self.path().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else if !path.ends_with("filler") {
                    files.insert(path.clone(), std::fs::read(&path).unwrap());
                }
            }
        }
        files
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.folder.path()).status();
    }
}

fn mount(arguments: &[&str], folder: &Path) -> bool {
    let output = Command::new("mount").args(arguments).arg(folder).output();
    output.is_ok_and(|output| output.status.success())
}

fn journal_of_a_check() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../check/tests/journals/healthy.ndjson")
}

fn a_waiver() -> Event {
    let now = chrono::Utc::now();
    Event::Waived(Waiver {
        code: "stream.ticks".into(),
        criterion: "L3.streams".into(),
        name: "A Person".into(),
        reason: "x".repeat(4000),
        expires_at: now,
        given_at: now,
        evidence: None,
    })
}

/// What a desk writes, each with the code of the error that says that it could not.
fn every_write(
    desk: &Desk,
    disk: &Path,
    outside: &Path,
) -> Vec<(&'static str, &'static str, Option<DeskError>)> {
    let mut changed = Environment::staging();
    changed.name = "mirror".into();
    changed.expected_environment = "a".repeat(100);
    let journal_path = disk.join("checks/0001-20260131-140200/journal.ndjson");
    vec![
        (
            "an environment",
            "environment.unwritable",
            desk.environments.save(&changed).map_err(DeskError::from).err(),
        ),
        ("reports", "report.unwritable", desk.archive.seal(1).err()),
        (
            "an export",
            "report.unwritable",
            desk.export(1, &disk.join("exports"), &[ExportFormat::Markdown, ExportFormat::Json]).err(),
        ),
        ("an import", "archive.unusable", desk.archive.import(outside).err()),
        (
            "a waiver",
            "journal.unwritable",
            journal::append(&journal_path, a_waiver()).map_err(DeskError::from).err(),
        ),
        (
            "settings",
            "settings",
            write_whole(&disk.join("window.json"), "y".repeat(6000))
                .map_err(|error| DeskError::new("settings", error.to_string(), "Free some space."))
                .err(),
        ),
    ]
}

fn desk_on(disk: &Path) -> Desk {
    let check = disk.join("checks/0001-20260131-140200");
    std::fs::create_dir_all(&check).unwrap();
    std::fs::copy(journal_of_a_check(), check.join("journal.ndjson")).unwrap();
    let desk = Desk::new(
        Archive::in_folder(&disk.join("checks")),
        Environments::in_folder(&disk.join("environments")),
    );
    let mut mirror = Environment::staging();
    mirror.name = "mirror".into();
    desk.environments.save(&mirror).unwrap();
    desk.archive.seal(1).unwrap();
    desk.export(1, &disk.join("exports"), &[ExportFormat::Markdown, ExportFormat::Json]).unwrap();
    write_whole(&disk.join("window.json"), "{}").unwrap();
    desk
}

/// The results of another check, outside of the disk.
fn results_outside(folder: &Path) -> PathBuf {
    let check = folder.join("0001-20260131-140200");
    std::fs::create_dir(&check).unwrap();
    std::fs::copy(journal_of_a_check(), check.join("journal.ndjson")).unwrap();
    Archive::in_folder(folder).seal(1).unwrap();
    check.join("step3_results.json")
}

fn refuses_and_keeps(disk: &Disk, desk: &Desk, outside: &Path) {
    let before = disk.files();
    for (what, code, error) in every_write(desk, disk.path(), outside) {
        let error = error.unwrap_or_else(|| panic!("{what} was written"));
        assert_eq!(error.0.code, code, "{what}: {error}");
        let text = error.to_string();
        assert!(text.contains("ree some space"), "{what} says what to do: {text}");
        assert!(disk.files() == before, "{what} changed what was there");
    }
    // And it is still shown.
    let listed = desk.archive.list(&ChecksQuery { limit: 10, ..ChecksQuery::default() }, None);
    assert_eq!((listed.total, listed.checks.len()), (1, 1));
    desk.report(1, Theme::Light, None).unwrap();
}

#[test]
fn on_a_full_disk_every_write_is_refused_and_nothing_changes() {
    let Some(disk) = Disk::new() else { return };
    let desk = desk_on(disk.path());
    let outside = tempfile::tempdir().unwrap();
    let results = results_outside(outside.path());
    disk.fill();
    refuses_and_keeps(&disk, &desk, &results);
    // A check that was never listed is listed all the same: what cannot be kept is made every time.
    std::fs::remove_file(disk.path().join("checks/0001-20260131-140200/summary.json")).unwrap();
    disk.make_room();
    disk.fill();
    let listed = desk.archive.list(&ChecksQuery { limit: 10, ..ChecksQuery::default() }, None);
    assert_eq!(listed.checks.len(), 1);
    disk.make_room();
    for (what, _, error) in every_write(&desk, disk.path(), &results) {
        assert_eq!(error, None, "{what} works again");
    }
}

#[test]
fn on_a_read_only_disk_every_write_is_refused_and_nothing_changes() {
    let Some(disk) = Disk::new() else { return };
    let desk = desk_on(disk.path());
    let outside = tempfile::tempdir().unwrap();
    let results = results_outside(outside.path());
    std::fs::remove_file(disk.path().join("checks/0001-20260131-140200/summary.json")).unwrap();
    disk.read_only(true);
    refuses_and_keeps(&disk, &desk, &results);
    disk.read_only(false);
}

#[test]
fn a_file_where_a_folder_is_needed_is_named_and_stays() {
    let root = tempfile::tempdir().unwrap();
    let desk = desk_on(root.path());
    for name in ["exports", "environments"] {
        let folder = root.path().join(name);
        std::fs::remove_dir_all(&folder).unwrap();
        std::fs::write(&folder, "in the way").unwrap();
    }
    let mut mirror = Environment::staging();
    mirror.name = "mirror".into();
    let error = desk.environments.save(&mirror).unwrap_err().to_string();
    assert!(error.contains("environments"), "{error}");
    let error = desk.export(1, &root.path().join("exports"), &[ExportFormat::Json]).unwrap_err();
    assert_eq!(error.0.code, "report.unwritable");
    assert!(error.to_string().contains("exports"), "{error}");
    for name in ["exports", "environments"] {
        assert_eq!(std::fs::read_to_string(root.path().join(name)).unwrap(), "in the way");
    }
}
