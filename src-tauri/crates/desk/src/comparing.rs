//! Comparing saved checks: finding the baseline, and the gate that a plan asks for.

use std::path::{Path, PathBuf};

use holdpoint_check::event::{CheckEnding, Event, Regression};
use holdpoint_check::parameters::Gate;
use holdpoint_check::results::Results;
use holdpoint_check::run::JOURNAL_FILE;
use holdpoint_check::verdict::{Verdict, Word};
use holdpoint_check::words::ChaosMode;
use holdpoint_check::{fold, journal, judge};
use holdpoint_compare::{BAND_PCT, Baseline, Compared, MeasureKind, Reading, Subject, compare};
use holdpoint_report::{Recorded, recorded};

use crate::archive::{self, Opened};
use crate::error::DeskError;

/// Checks that are looked at for a baseline at most.
const LOOKED_AT: usize = 200;

/// A check that can be compared, with the words it is called by.
#[derive(Debug)]
pub struct Known {
    /// `check 45`, or the name of its folder.
    pub label: String,
    /// What it measured and answered.
    pub both: Box<(Results, Verdict)>,
}

impl Known {
    fn subject(&self) -> Subject<'_> {
        Subject { label: &self.label, results: &self.both.0, verdict: &self.both.1 }
    }
}

/// Checks to look for a baseline in: what each is called and where it lies, the newest first.
pub type Shelf = Vec<(String, PathBuf)>;

/// The checks below a folder, as a program without an archive keeps them. Their names begin with the time.
pub fn shelf(folder: &Path) -> Shelf {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut checks: Shelf = entries
        .filter(|entry| archive::is_check(&entry.path()))
        .map(|entry| (entry.file_name().to_string_lossy().into_owned(), entry.path()))
        .collect();
    checks.sort_by(|one, two| two.0.cmp(&one.0));
    checks
}

/// Reads a check from its folder, its journal or a results file.
pub fn read(label: &str, path: &Path) -> Result<Known, DeskError> {
    let foreign = || {
        DeskError::new(
            "compare.foreign",
            format!("{label} cannot be compared: it is a file of another program."),
            "Its figures come from probes of its own. Compare checks that Holdpoint ran.",
        )
    };
    let both = if path.is_dir() {
        let Opened::Ours(both) = archive::open(path)? else { return Err(foreign()) };
        both
    } else if path.extension().is_some_and(|end| end == "ndjson") {
        let results = fold::fold(&journal::read(path)?).map_err(|error| {
            DeskError::new("journal.unusable", format!("The journal of {label} cannot be used."), "")
                .because(error)
        })?;
        let verdict = judge::judge_now(&results);
        Box::new((results, verdict))
    } else {
        let Recorded::Ours(both) = recorded::read(path)? else { return Err(foreign()) };
        both
    };
    Ok(Known { label: label.to_owned(), both })
}

/// The checks that a baseline means for a check, the newest first. `shelf` is searched for those before it.
pub fn baseline(
    of: &Known,
    baseline: &Baseline,
    shelf: &[(String, PathBuf)],
) -> Result<Vec<Known>, DeskError> {
    let results = &of.both.0;
    let mut earlier = shelf.iter().take(LOOKED_AT).filter_map(|(label, path)| {
        // A check that cannot be read is told where it is opened.
        let known = read(label, path).ok()?;
        let before = known.both.0.started_at < results.started_at;
        (before && known.both.0.check_id != results.check_id && same_place(&known.both.0, results))
            .then_some(known)
    });
    match baseline {
        Baseline::Pinned(name) => {
            let found = shelf.iter().find(|(label, path)| {
                label == name || *label == format!("check {name}") || path.as_path() == Path::new(name)
            });
            let (label, path) = found.map_or_else(|| (name.clone(), PathBuf::from(name)), Clone::clone);
            if !path.exists() {
                return Err(DeskError::new(
                    "baseline.unknown",
                    format!("There is no check {name} to compare with."),
                    "Name a check by its number or its folder, or use last-go or median:5.",
                ));
            }
            Ok(vec![read(&label, &path)?])
        }
        Baseline::LastGo => {
            let last = earlier.find(|known| is_go(&known.both.1)).ok_or_else(|| {
                DeskError::new(
                    "baseline.none",
                    format!("No check before {} read GO here.", of.label),
                    "Compare with a check by its number, or run the whole suite until it reads GO.",
                )
            })?;
            Ok(vec![Known { label: format!("{}, the last GO", last.label), ..last }])
        }
        Baseline::Median(count) => {
            let alike = |known: &Known| {
                compare(&[known.subject()], &of.subject(), &[], BAND_PCT)
                    .is_some_and(|compared| compared.refused.is_empty())
            };
            let wanted = usize::try_from(*count).unwrap_or(usize::MAX);
            let found: Vec<Known> = earlier.filter(alike).take(wanted).collect();
            if found.len() < 2 {
                return Err(DeskError::new(
                    "baseline.few",
                    format!("{} checks before {} have the same plan and environment.", found.len(), of.label),
                    "A median needs two. Compare with one check by its number.",
                ));
            }
            Ok(found)
        }
    }
}

/// A GO that restarted nothing is none to compare with.
fn is_go(verdict: &Verdict) -> bool {
    verdict.word == Word::Go && verdict.chaos != ChaosMode::Simulated
}

/// Whether two checks were of the same environment, as people call it: what differs in it is told by the comparison.
fn same_place(one: &Results, two: &Results) -> bool {
    one.plan.environment.name == two.plan.environment.name
        && one.plan.environment.kind == two.plan.environment.kind
        && one.plan.rehearsal_profile == two.plan.rehearsal_profile
}

/// Compares a check with others. `noise` are two checks of one and the same build.
pub fn side_by_side(
    before: &[Known],
    after: &Known,
    noise: Option<&(Known, Known)>,
    band_pct: f64,
) -> Result<Compared, DeskError> {
    let subjects: Vec<Subject<'_>> = before.iter().map(Known::subject).collect();
    let noise: Vec<_> = noise.iter().map(|(one, two)| (one.subject(), two.subject())).collect();
    compare(&subjects, &after.subject(), &noise, band_pct)
        .ok_or_else(|| DeskError::new("baseline.none", "There is no check to compare with.", "Choose one."))
}

/// Compares a check that has ended with its baseline, where its plan asks for it, and adds what came of it to its journal.
/// A check that did not run to its end is left as it is.
pub fn gate(
    label: &str,
    folder: &Path,
    shelf: &[(String, PathBuf)],
) -> Result<Option<Regression>, DeskError> {
    let now = read(label, folder)?;
    let results = &now.both.0;
    let plan = &results.plan.parameters.regression;
    if plan.gate == Gate::Off
        || results.ending != Some(CheckEnding::Completed)
        || results.regression.is_some()
    {
        return Ok(None);
    }
    let found = regression(&now, shelf);
    journal::append(&folder.join(JOURNAL_FILE), Event::Regression(found.clone()))?;
    Ok(Some(found))
}

/// What comes of comparing a check with the baseline of its plan.
fn regression(now: &Known, shelf: &[(String, PathBuf)]) -> Regression {
    let plan = &now.both.0.plan.parameters.regression;
    let mut found = Regression {
        baseline: None,
        tolerance_pct: plan.tolerance_pct,
        refused: None,
        worse: Vec::new(),
        figures: 0,
        least_pct: None,
    };
    let asked = plan.baseline.parse::<Baseline>();
    let compared = match asked {
        Err(problem) => Err(problem),
        Ok(asked) => baseline(now, &asked, shelf)
            .and_then(|before| side_by_side(&before, now, None, plan.tolerance_pct.max(BAND_PCT)))
            .map_err(|error| error.to_string()),
    };
    let compared = match compared {
        Err(why) => {
            found.refused = Some(why);
            return found;
        }
        Ok(compared) => compared,
    };
    found.baseline = Some(compared.before.label.clone());
    if !compared.refused.is_empty() {
        found.refused = Some(compared.because.clone());
        return found;
    }
    found.worse = compared.worse().map(holdpoint_compare::change_words).collect();
    let told = |reading: Reading| {
        !matches!(reading, Reading::TooFew | Reading::OneValueEach | Reading::NotComparable)
    };
    let known = compared.measures.iter().filter(|one| told(one.reading)).count();
    found.figures = u32::try_from(known).unwrap_or(u32::MAX);
    found.least_pct = compared
        .measures
        .iter()
        .filter(|one| one.kind == MeasureKind::All)
        .filter_map(|one| one.least)
        .min_by(f64::total_cmp);
    found
}

#[cfg(test)]
mod tests {
    use holdpoint_check::words::TestId;

    use super::*;

    /// A folder of recorded checks, one a day; `change` makes each what it is.
    fn folder(root: &Path, changes: &[fn(&mut String)]) -> Shelf {
        let journals = Path::new(env!("CARGO_MANIFEST_DIR")).join("../check/tests/journals/healthy.ndjson");
        let recorded = std::fs::read_to_string(journals).unwrap();
        let first: serde_json::Value = serde_json::from_str(recorded.lines().next().unwrap()).unwrap();
        let id = first["check_id"].as_str().unwrap();
        let day = &first["at"].as_str().unwrap()[..10];
        let day_of =
            |count: i64| (chrono::Utc::now() - chrono::Duration::days(30 - count)).format("%Y-%m-%d");
        for (count, change) in (1..).zip(changes) {
            let mut text =
                recorded.replace(id, &format!("check-{count}")).replace(day, &day_of(count).to_string());
            change(&mut text);
            let check = root.join(format!("{count:04}-x"));
            std::fs::create_dir(&check).unwrap();
            std::fs::write(check.join(JOURNAL_FILE), text).unwrap();
        }
        shelf(root)
    }

    fn same(_: &mut String) {}

    fn blocking(text: &mut String) {
        *text = text.replacen(
            r#""parameters":{"#,
            r#""parameters":{"regression":{"gate":"block","tolerance_pct":10.0,"baseline":"last-go"},"#,
            1,
        );
        let whole = text.matches(r#""gate":"block""#).count();
        assert_eq!(whole, 1, "the plan holds parameters");
    }

    fn in_plan(text: &mut String) {
        // The environment holds parameters too, and comes first.
        let plan = text.find(r#""suite":"#).unwrap();
        let (head, tail) = text.split_at(plan);
        let mut tail = tail.to_owned();
        blocking(&mut tail);
        *text = format!("{head}{tail}");
    }

    #[test]
    fn the_last_go_is_found_and_the_gate_is_recorded_once() {
        let root = tempfile::tempdir().unwrap();
        let shelf = folder(root.path(), &[same, same, in_plan]);
        let path = root.path().join("0003-x");
        let found = gate("check 3", &path, &shelf).unwrap().unwrap();
        assert_eq!(found.baseline.as_deref(), Some("0002-x, the last GO"));
        assert!(found.refused.is_none() && found.worse.is_empty() && found.figures > 0, "{found:?}");
        assert!(gate("check 3", &path, &shelf).unwrap().is_none(), "once");
        let read = read("check 3", &path).unwrap();
        assert_eq!(read.both.1.word, Word::Go);
        assert!(read.both.1.criteria.iter().any(|row| row.id == "regression"));
        assert!(read.both.0.planned(TestId::L1));
    }

    #[test]
    fn without_a_baseline_a_blocking_gate_leaves_no_verdict() {
        let root = tempfile::tempdir().unwrap();
        let shelf = folder(root.path(), &[in_plan]);
        let path = root.path().join("0001-x");
        let found = gate("check 1", &path, &shelf).unwrap().unwrap();
        assert!(found.refused.is_some());
        assert_eq!(read("check 1", &path).unwrap().both.1.word, Word::NoVerdict);
    }

    #[test]
    fn a_median_needs_two_checks_alike_and_a_pin_must_exist() {
        let root = tempfile::tempdir().unwrap();
        let shelf = folder(root.path(), &[same, same, same]);
        let now = read("0003-x", &root.path().join("0003-x")).unwrap();
        let of = |asked: &str| baseline(&now, &asked.parse().unwrap(), &shelf);
        assert_eq!(of("median:5").unwrap().len(), 2);
        assert_eq!(of("0001-x").unwrap()[0].label, "0001-x");
        assert_eq!(of("nowhere").unwrap_err().0.code, "baseline.unknown");
        let second = read("0002-x", &root.path().join("0002-x")).unwrap();
        assert_eq!(baseline(&second, &Baseline::Median(3), &shelf).unwrap_err().0.code, "baseline.few");
    }
}
