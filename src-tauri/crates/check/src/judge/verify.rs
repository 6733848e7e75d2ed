//! REP and BUCKET.

use holdpoint_agentverse::evidence::PackState;

use super::sheet::{Row, Say, Sheet, witness};
use crate::event::{BUCKET_PARTS, PartState};
use crate::verdict::{State, Weight, Witness};
use crate::words::{Sureness, TestId};

pub(super) fn rep(sheet: &mut Sheet<'_>) {
    let Some(_) = sheet.completed("REP.completed", TestId::Rep) else { return };
    let results = sheet.results;
    let count = |state| results.packs.values().filter(|pack| pack.state == state).count() as u64;
    let (valid, corrupt) = (count(PackState::Valid), count(PackState::Corrupt));
    let (absent, unreadable) = (count(PackState::Absent), count(PackState::Unreadable));
    let all = results.packs.len() as u64;
    let of = |state: PackState| {
        results.packs.iter().filter(move |(_, pack)| pack.state == state).map(|(run, pack)| {
            let shows = pack.problems().first().map_or_else(
                || "no file is there".to_owned(),
                |(file, problem)| {
                    let line = problem.line.map_or(String::new(), |line| format!(" line {line}"));
                    format!("{file}{line}: {} [{}]", problem.message, problem.rule)
                },
            );
            witness(None, "evidence pack", run, shows)
        })
    };
    let whole = if all == 0 { State::Unproven } else { State::Met };
    let known = (whole, if all == 0 { Sureness::NotChecked } else { Sureness::Proven });
    let title = "Evidence packs that are corrupt";
    if sheet.none_allowed(
        "REP.corrupt",
        Some(TestId::Rep),
        title,
        corrupt,
        known,
        format!("{corrupt} of {all}"),
    ) {
        let witnesses: Vec<Witness> = of(PackState::Corrupt).collect();
        let say = Say {
            code: "rep.corrupt",
            title: format!("{corrupt} evidence packs are corrupt"),
            happened: witnesses
                .first()
                .map_or_else(String::new, |one| format!("run {}: {}", one.id, one.shows)),
            likely_cause: "A writer was interrupted or wrote wrong figures, or the object was changed afterwards",
            next_action: "Open the named file of the named run in the bucket and compare it with the worker's log",
            witness: witnesses,
        };
        sheet.find("REP.corrupt", Some(TestId::Rep), Weight::Breaks, say);
    }
    let title = "Evidence packs that are absent";
    if sheet.none_allowed("REP.absent", Some(TestId::Rep), title, absent, known, format!("{absent} of {all}"))
    {
        let say = Say {
            code: "rep.absent",
            title: format!("{absent} of {all} runs left no evidence pack"),
            happened: "The runs have ended and none of the five files is in the bucket below runs/".into(),
            likely_cause: "The worker of this server does not write evidence packs (known of both recorded generations)",
            next_action: "Let the worker write the five files at the end of every run; without them nothing can be verified",
            witness: of(PackState::Absent).collect(),
        };
        sheet.find("REP.absent", Some(TestId::Rep), Weight::Breaks, say);
    }
    let state = match (all, unreadable) {
        (0, _) => State::Unproven,
        (_, 0) => State::Met,
        _ => State::Unproven,
    };
    sheet.row(Row {
        id: "REP.read",
        test: Some(TestId::Rep),
        title: "Evidence packs that were read and are valid",
        limit: "every finished run".into(),
        measured: format!("{valid} valid of {all}, {unreadable} unreadable"),
        margin: None,
        bound: None,
        state,
        sureness: if state == State::Met { Sureness::Proven } else { Sureness::NotChecked },
    });
    if unreadable > 0 {
        let say = Say {
            code: "rep.unreadable",
            title: format!("{unreadable} evidence packs could not be read"),
            happened: of(PackState::Unreadable).next().map_or_else(String::new, |one| one.shows),
            likely_cause: "The object store does not answer, or the key may not read",
            next_action: "Check MinIO and the S3 key, then run the check again",
            witness: of(PackState::Unreadable).collect(),
        };
        sheet.find("REP.read", Some(TestId::Rep), Weight::Unproven, say);
    }
}

pub(super) fn bucket(sheet: &mut Sheet<'_>) {
    let Some(_) = sheet.completed("BUCKET.completed", TestId::Bucket) else { return };
    let ids = ["BUCKET.a", "BUCKET.b", "BUCKET.c", "BUCKET.d", "BUCKET.e", "BUCKET.f", "BUCKET.g"];
    let titles = [
        "(a) The API is configured for the staging bucket",
        "(b) What the API writes lands in it",
        "(c) Every artifact of this check's runs lies in it, unchanged",
        "(d) The staging key sees this bucket alone",
        "(e) Keys lie below known prefixes only",
        "(f) This tenant's runs lie below its own prefix only",
        "(g) Another tenant's object cannot be read through the API",
    ];
    for ((letter, id), title) in BUCKET_PARTS.into_iter().zip(ids).zip(titles) {
        let part = sheet.results.bucket.iter().find(|part| part.part == letter);
        let (state, sureness, measured) = match part.map(|part| (part.state, part.observed.clone())) {
            Some((PartState::Holds, observed)) => (State::Met, Sureness::Proven, observed),
            Some((PartState::Broken, observed)) => (State::Broken, Sureness::Proven, observed),
            Some((PartState::Unproven | PartState::NotChecked, observed)) => {
                (State::Unproven, Sureness::NotChecked, observed)
            }
            None => (State::Unproven, Sureness::NotChecked, "not looked at".into()),
        };
        let row = Row {
            id,
            test: Some(TestId::Bucket),
            title,
            limit: "holds".into(),
            measured: measured.clone(),
            margin: None,
            bound: None,
            state,
            sureness,
        };
        sheet.row(row);
        let weight = match state {
            State::Broken => Weight::Breaks,
            State::Unproven => Weight::Unproven,
            _ => continue,
        };
        let witnesses = part.map(|part| part.witness.clone()).unwrap_or_default();
        let say = Say {
            code: if state == State::Broken { "bucket.isolation" } else { "bucket.unproven" },
            title: format!(
                "Bucket isolation {title}: {}",
                if state == State::Broken { "broken" } else { "not proven" }
            ),
            happened: measured,
            likely_cause: if state == State::Broken {
                "The API, the worker or the key is configured for another bucket, or the store does not answer"
            } else {
                "Credentials are missing, or the store does not answer"
            },
            next_action: "Check STORAGE_BUCKET of API and worker, the policy of the staging key, and MinIO itself",
            witness: witnesses.iter().map(|one| witness(None, "object store", one, "shows it")).collect(),
        };
        sheet.find(id, Some(TestId::Bucket), weight, say);
    }
}
