//! What every parser of outside bytes must keep, whatever the bytes are.
//!
//! One function a parser, each with its property beyond "it does not panic". The fuzzer (`cargo xtask fuzz`) calls them
//! with bytes it makes up, the tests with the small corpus it left behind: the same functions, so that what was found
//! once stays found. They assert, so this crate is for tests only; nothing of the product depends on it.

#![expect(clippy::missing_panics_doc, reason = "to panic is how a property says that it does not hold")]
#![expect(clippy::expect_used, reason = "this crate is for tests only")]

mod answers;
mod edit;
mod evidence;
mod files;
mod go;
mod journal;
mod results;
mod shown;
mod texts;

/// What a parser must keep.
pub type Property = fn(&[u8]);

/// Every target by its name, which is also its folder in the corpus.
pub const TARGETS: [(&str, Property); 16] = [
    ("answers", answers::answers),
    ("bucket_lists", answers::bucket_lists),
    ("environment", files::environment),
    ("evidence", evidence::any_bytes),
    ("evidence_damage", evidence::damage),
    ("graph", answers::graph),
    ("histogram", files::histogram),
    ("journal", journal::any_bytes),
    ("journal_edit", journal::edited),
    ("railway", answers::railway),
    ("railway_cli", files::railway_cli),
    ("results", results::any_bytes),
    ("results_edit", results::edited),
    ("stream", answers::stream),
    ("texts", texts::texts),
    ("words", files::words),
];

/// The property of a target.
pub fn target(name: &str) -> Property {
    TARGETS.iter().find(|(known, _)| *known == name).expect("a known target").1
}
