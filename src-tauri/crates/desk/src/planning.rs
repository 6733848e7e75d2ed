//! From what a person chose to a plan, with what it will do and how long it takes.

use std::collections::BTreeMap;

use holdpoint_check::environment::{Environment, Kind};
use holdpoint_check::event::Ending;
use holdpoint_check::parameters::Parameters;
use holdpoint_check::plan::{ChaosIntent, Plan};
use holdpoint_check::words::{Service, Suite, TestId};

use crate::archive::{Archive, Opened};
use crate::error::DeskError;
use crate::summary::short_title;
use crate::view::{CheckDraft, CheckSummary, ChecksQuery, PlanPreview, PlannedRestart, PlannedTest};

/// A plan from a draft. `has_token` says whether a Railway token is known.
pub fn plan(draft: &CheckDraft, environment: Environment, has_token: bool) -> Plan {
    let chaos = if draft.simulate || !has_token { ChaosIntent::Simulated } else { ChaosIntent::Real };
    let parameters = draft.parameters.clone().unwrap_or_else(|| usual_parameters(&environment));
    let rehearsal_profile = (environment.kind == Kind::Rehearsal)
        .then(|| draft.drill.clone().unwrap_or_else(|| "healthy".to_owned()));
    let confirmed_name = draft.confirmed_name.clone();
    Plan { environment, suite: suite(&draft.tests), parameters, chaos, rehearsal_profile, confirmed_name }
}

/// The values in force where a person changed none.
pub fn usual_parameters(environment: &Environment) -> Parameters {
    if environment.kind == Kind::Rehearsal && environment.parameters == Parameters::default() {
        Parameters::for_rehearsal()
    } else {
        environment.parameters.clone()
    }
}

/// The suite by its usual name where the chosen tests are one.
pub fn suite(tests: &[TestId]) -> Suite {
    let chosen = Suite::Tests(tests.to_vec()).tests();
    [Suite::All, Suite::Load, Suite::Chaos, Suite::Verify]
        .into_iter()
        .find(|suite| suite.tests() == chosen)
        .unwrap_or(Suite::Tests(chosen))
}

/// Refuses a plan that a person has not agreed to, or that cannot run.
pub fn admit(draft: &CheckDraft, plan: &Plan) -> Result<(), DeskError> {
    if plan.suite.tests().is_empty() {
        return Err(DeskError::new("check.empty", "The check was not started.", "Choose at least one test."));
    }
    let problems = plan.parameters.problems();
    if !problems.is_empty() {
        return Err(DeskError::new(
            "check.parameters",
            "The check was not started.",
            "Change the values, or go back to the runbook's.",
        )
        .because(format!("{}.", problems.join("; "))));
    }
    if consent_needed(plan) && plan.restarts() != draft.confirmed {
        return Err(DeskError::new(
            "check.not_confirmed",
            "The check was not started.",
            "Confirm the restart of exactly these services; it is asked for every check.",
        )
        .because("Services would really be restarted, and that was not confirmed."));
    }
    Ok(())
}

/// Whether a person has to confirm restarts. The rehearsal's own processes need no consent.
pub fn consent_needed(plan: &Plan) -> bool {
    !plan.restarts().is_empty() && plan.environment.kind != Kind::Rehearsal
}

/// What a plan comes to.
pub fn preview(plan: &Plan, archive: &Archive) -> PlanPreview {
    let last = last_like(plan, archive);
    let estimates = estimates(plan, last.as_ref(), archive);
    let planned = plan.suite.tests();
    let away = |service: Service| {
        let (_, seconds) = last.as_ref()?.recoveries.iter().find(|(known, _)| *known == service)?;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "seconds of a check")]
        Some((seconds.max(0.0) * 1000.0) as u64)
    };
    let by = |service| match service {
        Service::Worker => TestId::C1,
        Service::Api => TestId::C2,
        _ => TestId::C3,
    };
    PlanPreview {
        tests: TestId::ALL
            .into_iter()
            .map(|id| PlannedTest {
                id,
                title: id.title().into(),
                short_title: short_title(id).into(),
                demands: demands(id, plan),
                estimate_ms: estimates.get(&id).copied().unwrap_or(0),
                planned: planned.contains(&id),
            })
            .collect(),
        restarts: plan
            .restarts()
            .into_iter()
            .map(|service| PlannedRestart { service, test: by(service), back_in_ms: away(service) })
            .collect(),
        chaos: plan.chaos,
        parameters: plan.parameters.clone(),
        looser: plan.parameters.looser_than_runbook(),
        problems: plan.parameters.problems(),
        consent_needed: consent_needed(plan),
        estimate_ms: planned.iter().filter_map(|test| estimates.get(test)).sum(),
    }
}

/// The newest whole check of the same environment.
/// The last check of the whole suite on the same environment; a rehearsal with a defect is an environment of its own.
pub fn last_like(plan: &Plan, archive: &Archive) -> Option<CheckSummary> {
    let query =
        ChecksQuery { limit: 20, environment: Some(plan.environment.name.clone()), ..ChecksQuery::default() };
    let drill = plan.rehearsal_profile.as_ref().filter(|name| *name != "healthy");
    let alike = |check: &CheckSummary| check.scope == "all tests" && check.drill.as_ref() == drill;
    archive.list(&query, None).checks.into_iter().find(alike)
}

/// How long each test takes by experience, in milliseconds: as in the last check of the whole suite on this environment;
/// for a test that did not end then, and before there is such a check, what its phases take by the runbook.
pub fn estimates(plan: &Plan, last: Option<&CheckSummary>, archive: &Archive) -> BTreeMap<TestId, u64> {
    let usual: [u64; 8] = if plan.environment.kind == Kind::Rehearsal {
        [700, 5_000, 4_000, 6_500, 5_500, 6_000, 500, 500]
    } else {
        [8_000, 60_000, 45_000, 90_000, 100_000, 85_000, 20_000, 8_000]
    };
    let mut estimates: BTreeMap<TestId, u64> = TestId::ALL.into_iter().zip(usual).collect();
    // A check that cannot be read any more has taught nothing; that is told where it is opened.
    if let Some(Ok(Opened::Ours(read))) = last.map(|check| archive.open(check.number)) {
        let ended = read.0.tests.iter().filter(|(_, results)| results.ending == Some(Ending::Completed));
        let took = ended.filter_map(|(test, results)| Some((*test, results.elapsed_ms?)));
        estimates.extend(took);
    }
    estimates
}

fn demands(test: TestId, plan: &Plan) -> String {
    let parameters = &plan.parameters;
    match test {
        TestId::L1 => format!(
            "{} failures, P95 under {:.0}\u{a0}ms",
            parameters.l1.failure_limit, parameters.l1.p95_limit_ms
        ),
        TestId::L2 => {
            format!("{} failures, backlog under {}", parameters.l2.failure_limit, parameters.l2.backlog_limit)
        }
        TestId::L3 => format!("{} bucket failures, 0 timeouts", parameters.l3.bucket_failure_limit),
        TestId::C1 => "0 stuck runs, 0 duplicates".into(),
        TestId::C2 => "every stream resumes or fails cleanly".into(),
        TestId::C3 => "0 corrupted, 0 stuck runs".into(),
        TestId::Rep => "5 files a run, hashes and counts agree".into(),
        TestId::Bucket => format!("all in {}", plan.environment.storage.bucket),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// An archive with one healthy check of the rehearsal in it, and that check's plan.
    fn archive(folder: &Path) -> (Archive, Plan) {
        let check = folder.join("0001-20260131-140200");
        std::fs::create_dir(&check).unwrap();
        let journals = Path::new(env!("CARGO_MANIFEST_DIR")).join("../check/tests/journals");
        std::fs::copy(journals.join("healthy.ndjson"), check.join("journal.ndjson")).unwrap();
        let archive = Archive::in_folder(folder);
        let Opened::Ours(read) = archive.open(1).unwrap() else { unreachable!("a check of ours") };
        (archive, read.0.plan.clone())
    }

    #[test]
    fn tests_are_expected_to_take_as_long_as_in_the_last_check_of_the_same_environment() {
        let folder = tempfile::tempdir().unwrap();
        let (archive, plan) = archive(folder.path());
        let Opened::Ours(read) = archive.open(1).unwrap() else { unreachable!("a check of ours") };
        let preview = preview(&plan, &archive);
        assert_eq!(last_like(&plan, &archive).map(|check| check.number), Some(1));
        for test in &preview.tests {
            assert_eq!(Some(test.estimate_ms), read.0.tests[&test.id].elapsed_ms, "{:?}", test.id);
        }
    }

    #[test]
    fn a_rehearsal_with_a_defect_teaches_nothing_about_a_sound_one() {
        let folder = tempfile::tempdir().unwrap();
        let (archive, mut plan) = archive(folder.path());
        plan.rehearsal_profile = Some("run-lost".into());
        assert!(last_like(&plan, &archive).is_none());
        assert!(estimates(&plan, None, &archive).values().all(|estimate| *estimate > 0));
    }
}
