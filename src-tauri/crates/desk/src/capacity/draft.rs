//! What a person has chosen, read: every problem is told at its field, before anything is sent.

use std::time::Duration;

use holdpoint_check::environment::{Environment, Kind};
use holdpoint_check::parameters::Parameters;
use holdpoint_load::plan::{self, Arrivals, Model, Plan, PlanError, Stage};
use holdpoint_load::{Search, Threshold, Wanted};
use holdpoint_locust::LEDGER_LIMIT;
use holdpoint_report::capacity::wanted as in_words;
use url::Url;

use super::fleet::{self, Work};
use super::place;
use crate::rehearsal;
use crate::view::{
    ApiOperation, CapacityDraft, CapacityEngine, CapacityModel, CapacityPlan, CapacityTarget, FieldProblem,
};

/// How near the highest good and the lowest bad rate of a search come, as a share.
const PRECISION: f64 = 0.05;
/// The most tries of a search.
const TRIES: u32 = 60;
/// More thresholds than a person reads.
const MOST_THRESHOLDS: usize = 20;
/// The arrivals of a Poisson load of the window; the same for all, so that two runs can be compared.
const SEED: u64 = 1;

/// What is asked, read.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Asked {
    Operations(Vec<ApiOperation>),
    Url(Url),
    Test(fleet::Test),
}

impl Asked {
    /// What workers of Locust do of it; none of an address, which needs nothing made for it.
    pub(super) fn work(&self) -> Option<Work> {
        match self {
            Self::Operations(operations) => Some(Work::operations(operations)),
            Self::Test(test) => Some(test.work.clone()),
            Self::Url(_) => None,
        }
    }
}

/// A draft that can be carried out.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Read {
    pub(super) asked: Asked,
    pub(super) wanted: Wanted,
    pub(super) thresholds: Vec<Threshold>,
    /// So many workers of Locust on this computer; none where this program sends.
    pub(super) workers: Option<u32>,
}

/// Reads a draft. `environment` is not known of a rehearsal that is not up yet; then addresses are not looked at.
pub(super) fn read(
    draft: &CapacityDraft,
    environment: Option<&Environment>,
) -> Result<Read, Vec<FieldProblem>> {
    let mut problems = Vec::new();
    let asked = asked(draft, environment).map_err(|message| problems.push(problem("target", message)));
    let wanted = match &asked {
        Ok(Asked::Test(test)) => Ok(Wanted::Load(test.plan.clone())),
        _ => wanted(draft).map_err(|problem| problems.push(problem)),
    };
    let workers = workers(draft).map_err(|problem| problems.push(problem));
    let kinds = asked.as_ref().ok().and_then(|asked| kinds(asked, environment));
    let mut thresholds = thresholds(&draft.thresholds, kinds.as_deref(), &mut problems);
    match &asked {
        Ok(Asked::Test(test)) => {
            let own = criteria(test);
            thresholds.retain(|one| own.iter().all(|other| other.text() != one.text()));
            thresholds.splice(..0, own);
        }
        _ if matches!(draft.model, CapacityModel::Limit { .. }) && draft.thresholds.is_empty() => {
            problems
                .push(problem("thresholds", "A limit needs at least one threshold that can break.".into()));
        }
        _ => {}
    }
    if let (Ok(asked), Ok(wanted), Ok(Some(workers))) = (&asked, &wanted, &workers) {
        for_workers(draft, asked, wanted, *workers, &mut problems);
    }
    match (asked, wanted, workers) {
        (Ok(asked), Ok(wanted), Ok(workers)) if problems.is_empty() => {
            Ok(Read { asked, wanted, thresholds, workers })
        }
        _ => Err(problems),
    }
}

/// Thresholds as they are written; `kinds` are the names of what is sent, where they are known.
pub(super) fn thresholds(
    texts: &[String],
    kinds: Option<&[String]>,
    problems: &mut Vec<FieldProblem>,
) -> Vec<Threshold> {
    let mut thresholds = Vec::new();
    for text in texts {
        match text.parse::<Threshold>() {
            Ok(threshold) => thresholds.push(threshold),
            Err(_) => problems.push(problem(
                "thresholds",
                format!(
                    "“{text}” is no threshold. Write p95<500ms, p99.9<=2s, max<5s, failures<1%, failures<=0 or rate>480; \
                     before it the operation it is for, as in expand: p95<500ms."
                ),
            )),
        }
    }
    if texts.len() > MOST_THRESHOLDS {
        problems.push(problem("thresholds", format!("At most {MOST_THRESHOLDS} thresholds can be judged.")));
    }
    if let Some(kinds) = kinds {
        let foreign = thresholds.iter().filter_map(|threshold| threshold.check(kinds).err());
        problems.extend(foreign.map(|error| problem("thresholds", sentence(&error.to_string()))));
    }
    thresholds
}

/// The criteria of a test of the runbook.
fn criteria(test: &fleet::Test) -> Vec<Threshold> {
    test.thresholds.iter().filter_map(|text| text.parse().ok()).collect()
}

fn workers(draft: &CapacityDraft) -> Result<Option<u32>, FieldProblem> {
    match draft.engine {
        CapacityEngine::Own => Ok(None),
        CapacityEngine::Locust { workers } => whole("workers", workers).map(Some),
    }
}

/// What workers of Locust cannot do.
fn for_workers(
    draft: &CapacityDraft,
    asked: &Asked,
    wanted: &Wanted,
    workers: u32,
    problems: &mut Vec<FieldProblem>,
) {
    let work = asked.work();
    if let Err(why) = fleet::check_workers(workers, work.as_ref()) {
        problems.push(problem("workers", finished(&why)));
    }
    match wanted {
        Wanted::Limit { .. } => problems.push(problem(
            "model",
            "The limit is looked for by this computer’s own engine. Choose “This computer” for it, or another model."
                .into(),
        )),
        Wanted::Load(load) => {
            if work.is_some() && requests(load).is_some_and(|sends| sends > LEDGER_LIMIT) {
                problems.push(problem(
                    rate_field(&draft.model),
                    format!(
                        "Workers keep a ledger of what they do with the API, of at most {LEDGER_LIMIT} operations. Send \
                         fewer, or for a shorter time."
                    ),
                ));
            }
        }
    }
}

pub(super) fn problem(field: &str, message: String) -> FieldProblem {
    FieldProblem { field: field.into(), message }
}

/// An error of the load engine without its code, as a sentence.
pub(super) fn sentence(text: &str) -> String {
    finished(text.split_once(": ").map_or(text, |(_, rest)| rest))
}

/// A text as a sentence.
pub(super) fn finished(text: &str) -> String {
    let mut letters = text.chars();
    let first: String = letters.next().into_iter().flat_map(char::to_uppercase).collect();
    format!("{first}{}.", letters.as_str())
}

/// Names of what is sent, where they are known.
fn kinds(asked: &Asked, environment: Option<&Environment>) -> Option<Vec<String>> {
    match asked {
        Asked::Operations(operations) => Some(operations.iter().map(|one| one.name().to_owned()).collect()),
        Asked::Test(test) => Some(test.work.kinds()),
        Asked::Url(url) => {
            environment?;
            let target = holdpoint_load::http::Target::new(
                std::slice::from_ref(url),
                holdpoint_load::http::Options::default(),
            );
            target.ok().map(|target| target.names().to_vec())
        }
    }
}

fn asked(draft: &CapacityDraft, environment: Option<&Environment>) -> Result<Asked, String> {
    let url = match &draft.target {
        CapacityTarget::Test { test } if draft.engine == CapacityEngine::Own => {
            return Err(format!(
                "{test} as a load is sent by workers of Locust. By this computer alone a check does more: choose {test} \
                 under Check."
            ));
        }
        CapacityTarget::Test { test } => {
            let parameters: Parameters =
                environment.map(|environment| environment.parameters.clone()).unwrap_or_default();
            return fleet::test(*test, &parameters).map(Asked::Test).ok_or_else(|| {
                format!("{test} is no load. Choose L1, L2 or L3, or run {test} under Check.")
            });
        }
        CapacityTarget::Operations { operations } if operations.is_empty() => {
            return Err("Choose at least one operation.".into());
        }
        CapacityTarget::Operations { operations } => {
            let mut once: Vec<ApiOperation> = Vec::new();
            for one in operations {
                if !once.contains(one) {
                    once.push(*one);
                }
            }
            return Ok(Asked::Operations(once));
        }
        CapacityTarget::Url { url } => url.trim(),
    };
    if url.is_empty() {
        return Err("An address is needed here: a path such as /health, or a whole one.".into());
    }
    let base = environment.map(|environment| environment.api_url.clone());
    let read = if url.starts_with('/') && !url.starts_with("//") {
        // A rehearsal that is not up yet has no address; its path is read all the same.
        base.map_or_else(|| Url::parse("http://127.0.0.1"), Ok).and_then(|base| base.join(url))
    } else {
        Url::parse(url)
    };
    let read = read.ok().filter(|read| matches!(read.scheme(), "http" | "https") && read.has_host()).ok_or(
        "This is not an address. Write a path such as /health, or one that starts with https://.".to_owned(),
    )?;
    if !read.username().is_empty() || read.password().is_some() {
        return Err("An address here holds no login; requests are sent without one.".into());
    }
    match environment {
        Some(environment) if !place::may_load(&read, environment) => Err(match environment.kind {
            Kind::Rehearsal => "The rehearsal lives on this computer: load goes to 127.0.0.1 only.".into(),
            Kind::Staging => format!(
                "{} is no host of {}. Load goes to {} and {} only.",
                read.host_str().unwrap_or_default(),
                environment.name,
                place::shown(&environment.api_url),
                place::shown(&environment.web_url)
            ),
        }),
        _ => Ok(Asked::Url(read)),
    }
}

fn wanted(draft: &CapacityDraft) -> Result<Wanted, FieldProblem> {
    let wanted = match &draft.model {
        CapacityModel::Rate { per_second, seconds, poisson } => {
            let stages = vec![Stage::steady(*per_second, lasting(*seconds)?)];
            Wanted::Load(Plan::new(Model::Open { arrivals: arrivals(*poisson), stages }))
        }
        CapacityModel::Users { users, think, seconds } => Wanted::Load(Plan::new(Model::Users {
            users: whole("users", *users)?,
            think: duration("think", *think)?,
            duration: lasting(*seconds)?,
        })),
        CapacityModel::Rounds { concurrency, rounds } => Wanted::Load(Plan::new(Model::Rounds {
            concurrency: whole("concurrency", *concurrency)?,
            rounds: whole("rounds", *rounds)?,
        })),
        CapacityModel::Stages { stages, poisson } => {
            let stages = plan::stages(stages).map_err(|_| {
                problem(
                    "stages",
                    "Write stages as RATE:DURATION or FROM-TO:DURATION, as in 0-50:30s,50:1m.".into(),
                )
            })?;
            Wanted::Load(Plan::new(Model::Open { arrivals: arrivals(*poisson), stages }))
        }
        CapacityModel::Limit { from, up_to, seconds, poisson } => {
            if from > up_to {
                return Err(problem("up_to", "The highest rate lies below the first one.".into()));
            }
            let search = Search { from: *from, up_to: *up_to, precision: PRECISION, steps: TRIES };
            Wanted::limit(search, arrivals(*poisson), lasting(*seconds)?)
        }
    };
    let in_flight = whole("in_flight", draft.in_flight)?;
    let wanted = wanted.bounded(|plan| plan.in_flight = in_flight);
    wanted.check().map(|()| wanted).map_err(|error| {
        let field = match &error {
            PlanError::Nothing | PlanError::Stage { .. } => rate_field(&draft.model),
            PlanError::Range { what, .. } => match *what {
                "the number in flight" => "in_flight",
                "the concurrency" => "concurrency",
                "the number of rounds" => "rounds",
                "the number of users" => "users",
                "the think time in seconds" => "think",
                "the first rate" => "from",
                "the highest rate" => "up_to",
                "the duration in seconds" if !matches!(draft.model, CapacityModel::Stages { .. }) => {
                    "seconds"
                }
                _ => rate_field(&draft.model),
            },
        };
        problem(field, sentence(&error.to_string()))
    })
}

fn rate_field(model: &CapacityModel) -> &'static str {
    match model {
        CapacityModel::Stages { .. } => "stages",
        CapacityModel::Limit { .. } => "from",
        _ => "per_second",
    }
}

fn arrivals(poisson: bool) -> Arrivals {
    if poisson { Arrivals::Poisson { seed: SEED } } else { Arrivals::Constant }
}

fn lasting(seconds: f64) -> Result<Duration, FieldProblem> {
    duration("seconds", seconds)
}

fn duration(field: &str, seconds: f64) -> Result<Duration, FieldProblem> {
    Duration::try_from_secs_f64(seconds)
        .map_err(|_| problem(field, "This is no length of time; write seconds, as in 30.".into()))
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a whole number within the range"
)]
fn whole(field: &str, number: f64) -> Result<u32, FieldProblem> {
    if number.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(&number) {
        Ok(number as u32)
    } else {
        Err(problem(field, "This needs a whole number.".into()))
    }
}

/// What a draft comes to.
pub(super) fn preview(draft: &CapacityDraft, environment: Option<&Environment>) -> CapacityPlan {
    let rehearsal = draft.environment == rehearsal::NAME;
    let mut plan = CapacityPlan {
        origin: if rehearsal { "this computer".into() } else { String::new() },
        load: String::new(),
        requests: None,
        lasts_ms: None,
        consent_needed: !rehearsal,
        problems: Vec::new(),
        notes: Vec::new(),
        criteria: Vec::new(),
        not_written: String::new(),
    };
    let read = match read(draft, environment) {
        Ok(read) => read,
        Err(problems) => return CapacityPlan { problems, ..plan },
    };
    plan.not_written = not_written(&read).unwrap_or_default().into();
    if let Asked::Test(test) = &read.asked {
        plan.criteria = criteria(test).iter().map(|one| one.text().to_owned()).collect();
        plan.notes.push(format!("Not in this load, and only in a check: {}.", test.not_here));
    }
    if let Some(environment) = environment {
        plan.origin = origin(&read.asked, environment);
    }
    plan.load = in_words(&read.wanted);
    let kinds = kinds(&read.asked, environment).map_or(1, |kinds| kinds.len());
    if let Wanted::Load(load) = &read.wanted {
        plan.requests = requests(load);
        plan.lasts_ms = load.duration().and_then(|lasts| u64::try_from(lasts.as_millis()).ok());
        for threshold in &read.thresholds {
            let fewest = threshold.fewest(kinds);
            if let Some(sends) = plan.requests.filter(|sends| *sends < fewest) {
                plan.notes.push(format!(
                    "{} cannot be met by {sends} requests: at least {fewest} are needed to tell. Send more, or for \
                     longer.",
                    threshold.text()
                ));
            }
        }
    }
    if read.thresholds.is_empty() {
        plan.notes.push("Without a threshold the load is measured and not judged.".into());
    }
    plan
}

/// Why a load cannot be written down for others to send.
pub(super) fn not_written(read: &Read) -> Option<&'static str> {
    match (&read.asked, &read.wanted) {
        (Asked::Operations(_) | Asked::Test(_), _) => Some(
            "Operations of the API need a project that is made for them and removed afterwards, so they are not written \
             down for others. Choose an address.",
        ),
        (_, Wanted::Limit { .. }) => {
            Some("A search for the limit is not written down for others. Choose another model.")
        }
        _ => None,
    }
}

/// The one origin that load goes to.
pub(super) fn origin(asked: &Asked, environment: &Environment) -> String {
    match asked {
        Asked::Operations(_) | Asked::Test(_) => place::shown(&environment.api_url),
        Asked::Url(url) => place::shown(url),
    }
}

/// How many requests a plan sends, where answers have no say in it.
pub(super) fn requests(plan: &Plan) -> Option<u64> {
    match &plan.model {
        Model::Rounds { concurrency, rounds } => Some(u64::from(*concurrency) * u64::from(*rounds)),
        Model::Users { .. } => None,
        Model::Open { stages, .. } => {
            let sum: f64 = stages
                .iter()
                .map(|stage| f64::midpoint(stage.from, stage.to) * stage.duration.as_secs_f64())
                .sum();
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a sum of a plan in range"
            )]
            Some(sum.round() as u64)
        }
    }
}

#[cfg(test)]
mod tests {
    use holdpoint_check::words::TestId;

    use super::*;

    fn draft(model: CapacityModel) -> CapacityDraft {
        CapacityDraft {
            environment: "staging".into(),
            engine: CapacityEngine::Own,
            target: CapacityTarget::Operations { operations: vec![ApiOperation::Health] },
            model,
            in_flight: 100.0,
            thresholds: vec!["p95<500ms".into()],
            confirmed: None,
        }
    }

    fn rate(per_second: f64, seconds: f64) -> CapacityModel {
        CapacityModel::Rate { per_second, seconds, poisson: false }
    }

    fn fields(draft: &CapacityDraft) -> Vec<String> {
        let staging = Environment::staging();
        preview(draft, Some(&staging)).problems.into_iter().map(|problem| problem.field).collect()
    }

    #[test]
    fn what_cannot_be_done_is_told_at_its_field() {
        let stages = |text: &str| CapacityModel::Stages { stages: text.into(), poisson: true };
        let limit = |from, up_to| CapacityModel::Limit { from, up_to, seconds: 5.0, poisson: false };
        for (model, field) in [
            (rate(0.0, 5.0), "per_second"),
            (rate(f64::NAN, 5.0), "per_second"),
            (rate(1e9, 5.0), "per_second"),
            (rate(5.0, 0.0), "seconds"),
            (rate(5.0, -1.0), "seconds"),
            (rate(5.0, f64::INFINITY), "seconds"),
            (rate(5.0, 1e9), "seconds"),
            (CapacityModel::Users { users: 0.0, think: 0.0, seconds: 5.0 }, "users"),
            (CapacityModel::Users { users: 2.5, think: 0.0, seconds: 5.0 }, "users"),
            (CapacityModel::Users { users: 2.0, think: -1.0, seconds: 5.0 }, "think"),
            (CapacityModel::Users { users: 2.0, think: 1e6, seconds: 5.0 }, "think"),
            (CapacityModel::Rounds { concurrency: 0.0, rounds: 3.0 }, "concurrency"),
            (CapacityModel::Rounds { concurrency: 20.0, rounds: -3.0 }, "rounds"),
            (stages(""), "stages"),
            (stages("0:5s"), "stages"),
            (stages("5:900h"), "stages"),
            (limit(0.0, 50.0), "from"),
            (limit(50.0, 5.0), "up_to"),
            (limit(5.0, 1e9), "up_to"),
        ] {
            assert_eq!(fields(&draft(model.clone())), [field], "{model:?}");
        }
        assert_eq!(fields(&CapacityDraft { in_flight: 0.0, ..draft(rate(5.0, 5.0)) }), ["in_flight"]);
        assert!(fields(&draft(limit(5.0, 50.0))).is_empty());
    }

    #[test]
    fn load_goes_nowhere_but_to_the_environment() {
        let to = |url: &str| CapacityDraft {
            target: CapacityTarget::Url { url: url.into() },
            ..draft(rate(5.0, 5.0))
        };
        let api = Environment::staging().api_url;
        assert!(fields(&to("/health")).is_empty());
        assert!(fields(&to(api.join("/api/v1/projects?limit=1").unwrap().as_str())).is_empty());
        for wrong in [
            "",
            "health",
            "//example.org/",
            "/\\example.org/",
            "https://example.org/",
            "http://127.0.0.1:9/",
            "ftp://example.org/",
            "javascript:1",
            &format!("https://somebody:secret@{}/", api.host_str().unwrap()),
        ] {
            assert_eq!(fields(&to(wrong)), ["target"], "{wrong}");
        }
        let nothing = CapacityTarget::Operations { operations: Vec::new() };
        assert_eq!(fields(&CapacityDraft { target: nothing, ..draft(rate(5.0, 5.0)) }), ["target"]);
    }

    #[test]
    fn what_workers_of_locust_cannot_do_is_told_at_its_field() {
        let by = |workers: f64, draft: CapacityDraft| CapacityDraft {
            engine: CapacityEngine::Locust { workers },
            ..draft
        };
        let limit = CapacityModel::Limit { from: 5.0, up_to: 50.0, seconds: 5.0, poisson: false };
        assert_eq!(fields(&by(2.0, draft(limit))), ["model"]);
        for wrong in [0.0, -1.0, 1.5, 65.0, f64::NAN] {
            assert_eq!(fields(&by(wrong, draft(rate(5.0, 5.0)))), ["workers"], "{wrong}");
        }
        // Each worker logs in where a login is needed.
        let asked = |one| CapacityDraft {
            target: CapacityTarget::Operations { operations: vec![one] },
            ..draft(rate(5.0, 5.0))
        };
        assert!(fields(&by(10.0, asked(ApiOperation::Health))).is_empty());
        assert!(fields(&by(9.0, asked(ApiOperation::Projects))).is_empty());
        assert_eq!(fields(&by(10.0, asked(ApiOperation::Projects))), ["workers"]);
        let many = CapacityDraft { model: rate(5000.0, 600.0), ..asked(ApiOperation::Health) };
        assert_eq!(fields(&by(2.0, many)), ["per_second"]);
    }

    #[test]
    fn a_test_of_the_runbook_brings_its_amount_and_its_criteria() {
        let of = |test, engine| CapacityDraft {
            engine,
            target: CapacityTarget::Test { test },
            thresholds: vec!["max<9s".into(), "failures<=0".into()],
            ..draft(rate(5.0, 5.0))
        };
        let workers = CapacityEngine::Locust { workers: 2.0 };
        let staging = Environment::staging();
        let l1 = read(&of(TestId::L1, workers.clone()), Some(&staging)).unwrap();
        assert!(matches!(l1.wanted.plan().model, Model::Rounds { concurrency: 20, rounds: 3 }));
        let texts: Vec<&str> = l1.thresholds.iter().map(Threshold::text).collect();
        assert_eq!(texts, ["failures<=0", "p95<5000ms", "max<9s"]);
        let plan = preview(&of(TestId::L2, workers.clone()), None);
        assert_eq!((plan.requests, plan.criteria.len()), (Some(20), 1));
        assert!(plan.not_written.contains("a project"), "{plan:?}");
        assert_eq!(fields(&of(TestId::C1, workers)), ["target"]);
        assert_eq!(fields(&of(TestId::L1, CapacityEngine::Own)), ["target"]);
    }

    #[test]
    fn thresholds_are_read_or_refused_and_too_few_requests_are_told_beforehand() {
        let with = |thresholds: &[&str]| CapacityDraft {
            thresholds: thresholds.iter().map(|text| (*text).to_owned()).collect(),
            ..draft(rate(5.0, 5.0))
        };
        assert_eq!(fields(&with(&["p95", "p95<1s", "x<1"])), ["thresholds", "thresholds"]);
        assert_eq!(fields(&with(&["expand: p95<1s"])), ["thresholds"]);
        assert!(fields(&with(&["health: p95<1s"])).is_empty());
        let staging = Environment::staging();
        let plan = preview(&with(&["p99<1s", "failures<=0"]), Some(&staging));
        assert_eq!((plan.requests, plan.lasts_ms, plan.notes.len()), (Some(25), Some(5000), 1));
        assert!(plan.notes[0].contains("at least 299"), "{:?}", plan.notes);
        assert!(plan.consent_needed && plan.origin.starts_with("https://"), "{plan:?}");
        let limit = CapacityModel::Limit { from: 5.0, up_to: 50.0, seconds: 5.0, poisson: false };
        assert_eq!(fields(&CapacityDraft { thresholds: Vec::new(), ..draft(limit) }), ["thresholds"]);
    }
}
