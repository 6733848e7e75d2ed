//! What the fuzzer once found or found interesting is tried again, on the stable compiler, with every run of the tests.

#![expect(clippy::print_stdout, reason = "a test that names the file it fails at")]

use std::path::{Path, PathBuf};

use holdpoint_hostile::TARGETS;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus")
}

#[test]
fn everything_in_the_corpus_keeps_its_property() {
    for (name, property) in TARGETS {
        let mut files: Vec<PathBuf> = std::fs::read_dir(folder().join(name))
            .unwrap_or_else(|error| panic!("the corpus of {name}: {error}"))
            .map(|entry| entry.unwrap().path())
            .collect();
        files.sort();
        assert!(!files.is_empty(), "{name} has no corpus");
        for file in files {
            println!("{}", file.display());
            property(&std::fs::read(&file).unwrap());
        }
    }
}

#[test]
fn the_corpus_is_small_and_of_targets_alone() {
    let mut bytes = 0;
    for entry in std::fs::read_dir(folder()).unwrap() {
        let target = entry.unwrap();
        let name = target.file_name().into_string().unwrap();
        assert!(TARGETS.iter().any(|(known, _)| *known == name), "{name} is no target");
        let files = std::fs::read_dir(target.path()).unwrap();
        bytes += files.map(|file| file.unwrap().metadata().unwrap().len()).sum::<u64>();
    }
    assert!(bytes < 600 * 1024, "{bytes} bytes");
}
