//! What every parser of outside bytes must keep, whatever the bytes are.
//!
//! One function a parser, each with its property beyond "it does not panic". The fuzzer (`cargo xtask fuzz`) calls them
//! with bytes it makes up, the tests with the small corpus it left behind: the same functions, so that what was found
//! once stays found. They assert, so this crate is for tests only; nothing of the product depends on it.
//!
//! Where outside bytes are parsed, with what is read of them at most; beyond it they are refused, in plain words. JSON
//! nests at most 128 deep everywhere, which is the parser's own limit.
//!
//! | Bytes | Parsed by | Bytes read | And | Target |
//! |---|---|---|---|---|
//! | results file: ours and of the two runners before us, opened or dropped on the window | `report::recorded` | 64 MiB | 1,000,000 values, 400 loads | `results`, `results_edit` |
//! | bundle of a check | `report::bundle` | 96 MiB, 192 MiB unpacked, 160 MiB a file | 80 files, known names, no links | `bundle` |
//! | its manifest | `report::manifest` | 256 KiB | 64 files, known names | `manifest` |
//! | its signature | `report::attestation` | 256 KiB | 10,000 values, 100 signatures | `attestation` |
//! | capacity run, opened or dropped on the window | `report::capacity` | 64 MiB | 4,000,000 values, 200 operations | `capacity`, `capacity_edit` |
//! | journal | `check::journal` | 128 MiB, 4 MiB a line | 100,000 lines, 400 loads, a year | `journal`, `journal_edit` |
//! | waivers in it | `check::waivers` | as the journal | an allow-list of findings | `journal_edit` |
//! | histogram in either | `load::Histogram` | 150 KB by its bounds | our bounds and encoding alone, 2^48 samples | `histogram` |
//! | evidence of a load by Locust | `locust` | 16 MiB a line | 1,000,000 lines, 500,000 values a line, 10,000 workers, 1,000,000 operations | `locust`, `locust_edit` |
//! | evidence pack | `agentverse::evidence` | 64 MiB the five files together, 1 MiB a line | 1,000,000 lines, 500,000 values a document | `evidence`, `evidence_damage` |
//! | answer of the API | `agentverse::answer` | 32 MiB, a list 64 MiB, a refusal 16 KiB | 1,000,000 values, 30 s | `answers` |
//! | universe map | `agentverse::graph` | as an answer | | `graph` |
//! | telemetry stream | `agentverse::stream` | 1 MiB an event | ten events a tick and 1000, the silence limit | `stream` |
//! | list of objects or buckets | `agentverse::storage` | 4 MiB a page, a refusal 64 KiB | 100 pages, 16 deep, 30 s | `bucket_lists` |
//! | answer of Railway | `railway` | 8 MiB | 400,000 values, 30 s, a mutation 60 s | `railway` |
//! | environment file | `check::environment` | 256 KiB | | `environment` |
//! | the Railway CLI's file | `railway::cli_config` | 1 MiB | | `railway_cli` |
//! | words on the command line | `check::words` | | | `words` |
//! | any text of these where it is shown | `foreign::text`, `report::markdown` | | | `texts` |

#![expect(clippy::missing_panics_doc, reason = "to panic is how a property says that it does not hold")]
#![expect(clippy::expect_used, reason = "this crate is for tests only")]

mod answers;
mod capacity;
mod edit;
mod evidence;
mod files;
mod go;
mod handed;
mod journal;
mod locust;
mod results;
mod shown;
mod texts;

/// What a parser must keep.
pub type Property = fn(&[u8]);

/// Every target by its name, which is also its folder in the corpus.
pub const TARGETS: [(&str, Property); 23] = [
    ("answers", answers::answers),
    ("attestation", handed::attestation),
    ("bucket_lists", answers::bucket_lists),
    ("bundle", handed::bundle),
    ("capacity", capacity::any_bytes),
    ("capacity_edit", capacity::edited),
    ("environment", files::environment),
    ("evidence", evidence::any_bytes),
    ("evidence_damage", evidence::damage),
    ("graph", answers::graph),
    ("histogram", files::histogram),
    ("journal", journal::any_bytes),
    ("journal_edit", journal::edited),
    ("locust", locust::any_bytes),
    ("locust_edit", locust::edited),
    ("manifest", handed::manifest),
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
