//! Saved checks that somebody changed, signed, decided on, and handed on.

#![allow(missing_docs, clippy::unwrap_used, reason = "tests")]

use std::io::{Cursor, Write as _};
use std::path::{Path, PathBuf};

use holdpoint_check::event::Decision;
use holdpoint_check::saved;
use holdpoint_desk::archive::{Archive, Opened, summary_is_true};
use holdpoint_desk::view::{ChecksQuery, ExportFormat, Origin};
use holdpoint_desk::{Desk, Theme, saving};
use holdpoint_report::attestation::Signing;
use holdpoint_report::bundle;
use holdpoint_report::manifest::{Difference, MANIFEST_FILE, files_in};
use holdpoint_report::verification::{self, Signed};
use holdpoint_settings::Environments;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

struct Place {
    root: tempfile::TempDir,
    desk: Desk,
}

/// A desk with nothing on it.
fn empty() -> Place {
    let root = tempfile::tempdir().unwrap();
    let desk = Desk::new(
        Archive::in_folder(&root.path().join("checks")),
        Environments::in_folder(&root.path().join("environments")),
    );
    Place { root, desk }
}

/// A desk with one saved check of a real rehearsal.
fn desk() -> (Place, PathBuf) {
    let place = empty();
    let check = place.root.path().join("checks/0001-20260131-140200");
    std::fs::create_dir_all(&check).unwrap();
    let journal = Path::new(env!("CARGO_MANIFEST_DIR")).join("../check/tests/journals/healthy.ndjson");
    std::fs::copy(journal, check.join("journal.ndjson")).unwrap();
    place.desk.archive.seal(1).unwrap();
    (place, check)
}

fn sign(check: &Path, key: &Signing) {
    let Opened::Ours(both) = holdpoint_desk::archive::open(check).unwrap() else { panic!("ours") };
    saving::sign(check, &both.0, &both.1, key).unwrap();
}

/// Changes one byte of a file to another that stays a letter, and says what was there.
fn change(path: &Path, place: usize) -> Vec<u8> {
    let before = std::fs::read(path).unwrap();
    let mut after = before.clone();
    after[place] ^= 1;
    std::fs::write(path, after).unwrap();
    before
}

#[test]
fn any_changed_byte_is_seen_and_its_file_named() {
    let (_place, check) = desk();
    let whole = verification::of_folder(&check, None).unwrap();
    assert!(whole.is_good() && whole.differences.is_empty(), "{whole:?}");
    let files = files_in(&check).unwrap();
    assert!(files.len() > 10, "{files:?}");
    for name in &files {
        let path = check.join(name);
        let length = std::fs::read(&path).unwrap().len();
        for place in [0, 1, length / 3, length / 2, length - 2, length - 1] {
            let before = change(&path, place);
            let found = verification::of_folder(&check, None).unwrap();
            assert_eq!(found.differences, [Difference::Changed(name.clone())], "{name} at {place}");
            std::fs::write(&path, before).unwrap();
        }
        let before = std::fs::read(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        let found = verification::of_folder(&check, None).unwrap();
        assert_eq!(found.differences, [Difference::Missing(name.clone())]);
        std::fs::write(&path, before).unwrap();
    }
    std::fs::write(check.join("step3_results-charts/extra.svg"), "<svg/>").unwrap();
    let found = verification::of_folder(&check, None).unwrap();
    assert_eq!(found.differences, [Difference::Added("step3_results-charts/extra.svg".into())]);
}

#[test]
fn every_byte_of_the_journal_counts() {
    let (_place, check) = desk();
    let path = check.join("journal.ndjson");
    let length = std::fs::read(&path).unwrap().len();
    for place in (0..length).step_by(length / 60) {
        let before = change(&path, place);
        let found = verification::of_folder(&check, None).unwrap();
        assert_eq!(found.differences, [Difference::Changed("journal.ndjson".into())], "{place}");
        std::fs::write(&path, before).unwrap();
    }
}

#[test]
fn a_kept_summary_that_says_something_else_is_seen() {
    let (_place, check) = desk();
    let path = check.join("summary.json");
    assert!(summary_is_true(&check));
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replacen("GO [rehearsal]", "GO", 1)).unwrap();
    assert!(!summary_is_true(&check));
}

#[test]
fn a_decision_is_added_and_bound_to_what_stood_before_it() {
    let (place, check) = desk();
    let journal = check.join("journal.ndjson");
    let before = std::fs::read(&journal).unwrap();
    let digest = saved::results(&journal).unwrap().journal_sha256;

    let refused = place.desk.sign_off(1, Decision::Hold, "Mira Okafor", "release manager", " ").unwrap_err();
    assert_eq!(refused.0.code, "sign_off.incomplete", "a decision against the verdict is explained");
    assert_eq!(refused.0.fields[0].field, "note");
    assert_eq!(std::fs::read(&journal).unwrap(), before);

    place
        .desk
        .sign_off(1, Decision::Hold, "Mira Okafor", "release manager", "The API team is away.")
        .unwrap();
    place.desk.sign_off(1, Decision::Promote, "Mira Okafor", "release manager", "").unwrap();
    let after = std::fs::read(&journal).unwrap();
    assert_eq!(after[..before.len()], before[..], "what is there is never written again");
    let results = saved::results(&journal).unwrap();
    assert_eq!(results.sign_offs.len(), 2);
    assert_eq!(results.sign_offs[0].evidence, digest);
    assert_ne!(results.sign_offs[1].evidence, digest, "the second stands on the first");
    assert!(results.sign_offs[0].is_against() && !results.sign_offs[1].is_against());
    assert!(verification::of_folder(&check, None).unwrap().is_good());

    let report = place.desk.report(1, Theme::Light, None).unwrap();
    assert_eq!(report.verdict.unwrap().headline, "GO [rehearsal]", "the verdict stays");
    let markdown = std::fs::read_to_string(check.join("step3_results.md")).unwrap();
    assert!(markdown.contains("**Hold, against the verdict** by Mira Okafor, release manager"), "{markdown}");

    // A number before the decision is changed: the journal is not read any more, and nothing can be added to it.
    let text = std::fs::read_to_string(&journal).unwrap();
    std::fs::write(&journal, text.replacen("\"elapsed_ms\":0", "\"elapsed_ms\":1", 1)).unwrap();
    let error = saved::results(&journal).unwrap_err().to_string();
    assert!(error.contains("was changed after it"), "{error}");
}

#[test]
fn nothing_is_added_to_a_check_that_was_changed_and_it_is_not_made_whole_again() {
    let (place, check) = desk();
    let journal = check.join("journal.ndjson");
    let text = std::fs::read_to_string(&journal).unwrap();
    std::fs::write(&journal, text.replacen("\"elapsed_ms\":0", "\"elapsed_ms\":1", 1)).unwrap();
    let before = std::fs::read(check.join(MANIFEST_FILE)).unwrap();
    let error = place.desk.sign_off(1, Decision::Promote, "Mira", "release manager", "").unwrap_err();
    assert_eq!(error.0.code, "check.changed");
    assert_eq!(place.desk.archive.seal(1).unwrap_err().0.code, "check.changed");
    // A list makes summaries again; it does not make the check whole.
    std::fs::remove_file(check.join("summary.json")).unwrap();
    let listed = place.desk.archive.list(&ChecksQuery { limit: 10, ..ChecksQuery::default() }, None);
    assert_eq!(listed.checks.len(), 1);
    assert_eq!(std::fs::read(check.join(MANIFEST_FILE)).unwrap(), before);
    let report = place.desk.report(1, Theme::Light, None).unwrap();
    assert_eq!(report.integrity.unwrap().differences, ["journal.ndjson was changed"]);
}

#[test]
fn a_signature_holds_through_decisions_and_through_nothing_else() {
    let (place, check) = desk();
    let key = Signing::from_secret(&[3; 32]);
    let found = |check: &Path| verification::of_folder(check, Some(key.public())).unwrap().signature;
    assert!(matches!(found(&check), Signed::Wrong(_)), "nobody signed");
    sign(&check, &key);
    assert!(matches!(found(&check), Signed::Whole(_)));
    place.desk.sign_off(1, Decision::Promote, "Mira", "release manager", "").unwrap();
    assert!(matches!(found(&check), Signed::Before { added: 1, .. }), "{:?}", found(&check));
    sign(&check, &key);
    assert!(matches!(found(&check), Signed::Whole(_)));
    let other = Signing::from_secret(&[4; 32]).public();
    let by_other = verification::of_folder(&check, Some(other)).unwrap();
    assert!(!by_other.is_good() && by_other.differences.is_empty());

    // Somebody changes the results and writes the manifest again: only the signature knows.
    let results = check.join("step3_results.json");
    change(&results, 100);
    let manifest = holdpoint_report::manifest::Manifest::of_folder(&check).unwrap();
    std::fs::write(check.join(MANIFEST_FILE), manifest.text()).unwrap();
    let forged = verification::of_folder(&check, None).unwrap();
    assert!(forged.differences.is_empty());
    assert!(matches!(found(&check), Signed::Wrong(_)), "{:?}", found(&check));
}

#[test]
fn a_bundle_moves_between_two_data_folders() {
    let (here, check) = desk();
    let key = Signing::from_secret(&[5; 32]);
    here.desk.sign_off(1, Decision::Promote, "Mira", "release manager", "").unwrap();
    sign(&check, &key);
    let out = here.root.path().join("out");
    let written = here.desk.export(1, &out, &[ExportFormat::Bundle]).unwrap();
    assert_eq!(written.len(), 1);
    assert_eq!(written[0].file_name().unwrap(), "check-1-go-rehearsal.holdpoint");

    let there = empty();
    let received = there.desk.archive.import(&written[0]).unwrap();
    assert_eq!((received.number, received.origin), (1, Origin::Imported));
    let folder = there.desk.archive.folder_of(1).unwrap();
    for name in files_in(&check).unwrap() {
        assert_eq!(
            std::fs::read(check.join(&name)).unwrap(),
            std::fs::read(folder.join(&name)).unwrap(),
            "{name}"
        );
    }
    let found = verification::of_folder(&folder, Some(key.public())).unwrap();
    assert!(found.is_good() && matches!(found.signature, Signed::Whole(_)), "{found:?}");
    let report = there.desk.report(1, Theme::Light, None).unwrap();
    assert_eq!(report.sign_offs.len(), 1);
    assert_eq!(report.verdict, here.desk.report(1, Theme::Light, None).unwrap().verdict);
    // Once is enough.
    assert_eq!(there.desk.archive.import(&written[0]).unwrap().number, 1);
    assert_eq!(there.desk.archive.count(), 1);
    // The colleague decides as well, and it goes back as another check.
    there.desk.sign_off(1, Decision::Hold, "Ben", "operations", "Tonight is a freeze.").unwrap();
    let back = there.desk.export(1, &out, &[ExportFormat::Bundle]).unwrap();
    assert_eq!(here.desk.archive.import(&back[0]).unwrap().number, 2);
    assert_eq!(here.desk.report(2, Theme::Light, None).unwrap().sign_offs.len(), 2);
}

#[test]
fn a_report_as_html_opens_again() {
    let (here, _) = desk();
    let out = here.root.path().join("out");
    let written = here.desk.export(1, &out, &[ExportFormat::Html, ExportFormat::Json]).unwrap();
    let there = empty();
    let from_html = there.desk.archive.import(&written[0]).unwrap();
    assert_eq!((from_html.headline.as_str(), from_html.origin), ("GO [rehearsal]", Origin::Imported));
    let verdict = |place: &Place| place.desk.report(1, Theme::Light, None).unwrap().verdict;
    assert_eq!(verdict(&there), verdict(&here));
    let error = there.desk.sign_off(1, Decision::Promote, "Mira", "release manager", "").unwrap_err();
    assert_eq!(error.0.code, "decision.no_journal");
}

#[test]
fn every_format_is_written_and_named_by_its_verdict() {
    let (here, _) = desk();
    let out = here.root.path().join("out");
    let written = here.desk.export(1, &out, &ExportFormat::ALL).unwrap();
    for format in ExportFormat::ALL {
        let name = format!("check-1-go-rehearsal{}", format.ending());
        let path = out.join(&name);
        assert!(written.contains(&path), "{name}");
        assert!(std::fs::metadata(&path).unwrap().len() > 500, "{name}");
    }
}

fn archive(entries: &[(&str, &[u8])], change: impl Fn(SimpleFileOptions) -> SimpleFileOptions) -> Vec<u8> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    let stored = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    archive.start_file("mimetype", stored).unwrap();
    archive.write_all(bundle::KIND.as_bytes()).unwrap();
    for (name, bytes) in entries {
        archive.start_file(*name, change(SimpleFileOptions::default())).unwrap();
        archive.write_all(bytes).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

#[test]
fn a_hostile_bundle_is_refused_and_leaves_no_trace() {
    let (_here, check) = desk();
    let journal = std::fs::read(check.join("journal.ndjson")).unwrap();
    let manifest =
        holdpoint_report::manifest::Manifest::of_files([("journal.ndjson", journal.as_slice())].into_iter());
    let sums = manifest.text().into_bytes();
    let same = |options| options;
    let good = [("journal.ndjson", journal.as_slice()), ("SHA256SUMS", sums.as_slice())];
    let mut cases: Vec<(&str, Vec<u8>)> = vec![
        ("leads out", archive(&[good[0], good[1], ("../../escaped", b"x")], same)),
        ("absolute", archive(&[good[0], good[1], ("/tmp/escaped", b"x")], same)),
        ("a file no check has", archive(&[good[0], good[1], ("run.sh", b"x")], same)),
        ("a link", {
            let mut links = ZipWriter::new(Cursor::new(Vec::new()));
            let stored = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
            links.start_file("mimetype", stored).unwrap();
            links.write_all(bundle::KIND.as_bytes()).unwrap();
            links.add_symlink("journal.ndjson", "/etc/passwd", SimpleFileOptions::default()).unwrap();
            links.start_file("SHA256SUMS", stored).unwrap();
            links.write_all(&sums).unwrap();
            links.finish().unwrap().into_inner()
        }),
        ("no manifest", archive(&good[..1], same)),
        ("no journal", archive(&good[1..], same)),
        ("another journal", archive(&[("journal.ndjson", &journal[..journal.len() / 2]), good[1]], same)),
        ("not a bundle", b"PK\x03\x04 and nothing else, but long enough to look at".to_vec()),
        ("empty", Vec::new()),
    ];
    let whole = archive(&good, same);
    for place in (0..whole.len()).step_by(whole.len() / 40) {
        let mut changed = whole.clone();
        changed[place] ^= 0x20;
        cases.push(("a changed byte", changed));
    }
    cases.push(("cut", whole[..whole.len() - 30].to_vec()));
    let there = empty();
    let path = there.root.path().join("check.holdpoint");
    std::fs::write(&path, &whole).unwrap();
    assert_eq!(there.desk.archive.import(&path).unwrap().number, 1, "as it is, it is taken");
    for (name, bytes) in cases {
        std::fs::write(&path, &bytes).unwrap();
        // A byte that says nothing, such as one of a date, may be changed; what is read is the same then.
        match there.desk.archive.import(&path) {
            Ok(same) => assert_eq!((name, same.number), ("a changed byte", 1)),
            Err(error) => {
                assert!(!error.0.message.is_empty() && !error.0.remedy.is_empty(), "{name}: {error}")
            }
        }
        assert_eq!(there.desk.archive.count(), 1, "{name}");
        let left = std::fs::read_dir(there.root.path().join("checks")).unwrap().count();
        assert_eq!(left, 1, "{name} left something behind");
        assert!(!there.root.path().join("escaped").exists() && !Path::new("/tmp/escaped").exists(), "{name}");
    }
}
