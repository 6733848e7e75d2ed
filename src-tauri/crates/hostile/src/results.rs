//! Results files: any bytes, and a genuine one with changes.

use std::path::Path;
use std::sync::OnceLock;

use holdpoint_check::judge;
use holdpoint_check::results::Results;
use holdpoint_check::verdict::Word;
use holdpoint_report::charts::{self, Theme};
use holdpoint_report::{Recorded, json, markdown, recorded};
use serde_json::Value;

use crate::edit::{Choices, change};
use crate::{journal, shown};

fn parse(bytes: &[u8]) -> Option<Recorded> {
    recorded::parse(bytes, Path::new("step3_results.json"))
        .map_err(|error| shown::values(&error.to_string()))
        .ok()
}

/// Whatever a results file holds: it is refused, or shown inert; ours is written and read back with the same verdict, and
/// one of another runner never reads GO.
pub(crate) fn any_bytes(bytes: &[u8]) {
    if let Some(recorded) = parse(bytes) {
        look_at(&recorded, true);
    }
}

fn look_at(recorded: &Recorded, with_pictures: bool) {
    let report = recorded::markdown(recorded);
    shown::markdown(&report);
    let Recorded::Ours(both) = recorded else {
        assert!(report.starts_with("# NO VERDICT"), "{report}");
        let explained = recorded::explain(recorded).expect("it is of another runner");
        shown::values(&(
            explained.claims,
            explained.started_at,
            explained.api_url,
            explained.tests,
            explained.evidence,
        ));
        return;
    };
    let (results, verdict) = both.as_ref();
    shown::values(verdict);
    if verdict.word == Word::Go {
        assert!(results.ending.is_some() && results.plan.suite.is_whole(), "GO of a part");
        assert!(verdict.criteria.len() > 40, "GO by {} criteria", verdict.criteria.len());
    }
    let document = serde_json::to_vec(&json::document(results, verdict)).expect("a thing of ours");
    let again = parse(&document).unwrap_or_else(|| panic!("what was read and written is not read again"));
    let Recorded::Ours(again) = again else { panic!("ours reads as another's") };
    assert_eq!(again.1.word, verdict.word);
    assert_eq!(again.1.headline, verdict.headline);
    if with_pictures {
        pictures(results);
    }
}

/// Every chart is a picture and no more.
pub(crate) fn pictures(results: &Results) {
    for chart in charts::of_check(results, Theme::Dark) {
        shown::picture(&chart.svg);
        shown::values(&(chart.id, chart.title, chart.note, chart.alt, chart.rows));
    }
}

/// Genuine files: ours, and small ones in the shapes of the two runners before us.
fn genuine(which: u8) -> Value {
    static OURS: OnceLock<Value> = OnceLock::new();
    let ours = OURS.get_or_init(|| {
        let results = journal::genuine_results();
        json::document(&results, &judge::judge(&results))
    });
    if which % 4 > 1 {
        return ours.clone();
    }
    let mut old = ours.clone();
    let fields = old.as_object_mut().expect("an object");
    fields.shift_remove("holdpoint");
    if which % 4 == 1 {
        fields.insert("llm_canary".into(), serde_json::json!({"status": "success"}));
    }
    old
}

/// A genuine results file with some of its values changed.
pub(crate) fn edited(bytes: &[u8]) {
    let mut choices = Choices(bytes);
    let kind = choices.byte();
    let mut document = genuine(kind);
    let mut changes = 0;
    while !choices.is_used_up() && changes < 8 {
        changes += 1;
        change(&mut document, &mut choices);
    }
    let Some(recorded) = parse(document.to_string().as_bytes()) else { return };
    look_at(&recorded, kind % 16 > 13);
    if let Recorded::Ours(both) = &recorded {
        shown::markdown(&markdown::summary(&both.0, &both.1));
    }
}
