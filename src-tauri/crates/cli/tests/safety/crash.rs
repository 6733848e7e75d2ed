//! `kill -9` at any moment: the next start shows everything up to then, and nothing lives on. The long form is
//! `cargo xtask crash 200`.

use std::io::Write as _;

use crate::programs;
use crate::rig::{Dice, Point};

/// Another number makes other points.
const SEED: u64 = 20_260_131;

#[test]
fn a_check_that_is_killed_at_any_moment_is_kept_up_to_then() {
    let programs = programs();
    std::thread::scope(|scope| {
        for lane in 0..2_u64 {
            let programs = &programs;
            scope.spawn(move || {
                for number in 0..5 {
                    let point = Point::of(number * 2 + lane, SEED);
                    let after = point.run(programs);
                    assert!(after.wrong.is_empty(), "{}: {:#?}", point.told(), after);
                }
            });
        }
    });
}

/// Whatever byte the disk got last: everything before the torn line is there, and nothing else is made of it.
#[test]
fn a_folder_cut_at_any_byte_opens_as_cut_off_or_says_why_not() {
    use holdpoint_desk::archive::Archive;
    use holdpoint_desk::view::ChecksQuery;

    let journal =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../check/tests/journals/healthy.ndjson");
    let bytes = std::fs::read(journal).unwrap();
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("0001-20260131-140200");
    std::fs::create_dir(&folder).unwrap();
    let archive = Archive::in_folder(root.path());
    let first = bytes.iter().position(|byte| *byte == b'\n').unwrap() + 1;
    let mut dice = Dice::new(SEED);
    let any = std::iter::repeat_with(|| usize::try_from(dice.below(bytes.len() as u64)).unwrap()).take(60);
    let edges = [0, 1, first - 1, first, first + 1, bytes.len() - 1];
    let cuts: Vec<usize> = edges.into_iter().chain(any).collect();
    for cut in cuts {
        // What an earlier look kept belongs to an earlier cut, as after a second crash.
        std::fs::File::create(folder.join("journal.ndjson")).unwrap().write_all(&bytes[..cut]).unwrap();
        let opened = archive.open(1);
        let listed = archive.list(&ChecksQuery { limit: 10, ..ChecksQuery::default() }, None);
        if cut < first {
            assert!(opened.is_err() && listed.checks.is_empty(), "cut at {cut}");
            continue;
        }
        assert_eq!((listed.total, listed.checks.len()), (1, 1), "cut at {cut}");
        assert!(listed.checks[0].headline.contains("cut off"), "cut at {cut}: {}", listed.checks[0].headline);
        let report = std::fs::read_to_string(folder.join("step3_results.md")).unwrap();
        assert!(report.lines().next().unwrap().contains("cut off"), "cut at {cut}");
    }
}
