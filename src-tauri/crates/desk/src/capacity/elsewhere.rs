//! A package that others send: joining their master, and judging the evidence that it left.

use std::path::Path;

use holdpoint_check::environment::{Environment, Kind};
use holdpoint_load::{Capacity, Threshold, Wanted};
use holdpoint_locust::{EvidenceError, Master, Package, Sinks};
use holdpoint_report::capacity::wanted as in_words;
use url::Url;

use super::archive::{self, EVIDENCE_FILE, PACKAGE_FOLDER};
use super::draft::{problem, requests, sentence, thresholds};
use super::task::{Load, Sender};
use super::{fleet, marked, place};
use crate::error::DeskError;
use crate::rehearsal;
use crate::view::{CapacityPlan, FieldProblem, PackageDraft};

/// A draft that can be carried out.
#[derive(Debug)]
pub(super) struct Read {
    package: Package,
    master: Option<Url>,
    thresholds: Vec<Threshold>,
    /// Where its load really goes.
    pub(super) origin: String,
}

/// Reads a draft. `environment` is not known of a rehearsal that is not up yet; where the load goes is looked at only where a
/// master is to send it.
pub(super) fn read(
    draft: &PackageDraft,
    environment: Option<&Environment>,
) -> Result<Read, Vec<FieldProblem>> {
    let mut problems = Vec::new();
    let package = match draft.package.trim() {
        "" => Err("Choose the folder of the package.".to_owned()),
        folder => Package::open(Path::new(folder)).map_err(|error| sentence(&error.to_string())),
    };
    let package = package.map_err(|message| problems.push(problem("package", message)));
    let master = draft.master.as_deref().map(master).transpose();
    let master = master.map_err(|message| problems.push(problem("master", message)));
    let kinds = package.as_ref().ok().map(|package| package.plan().kinds());
    let thresholds = thresholds(&draft.thresholds, kinds.as_deref(), &mut problems);
    let origin = package.as_ref().map_or_else(
        |()| String::new(),
        |package| {
            let allowed =
                draft.master.is_none() || draft.environment == rehearsal::NAME && environment.is_none();
            match package.plan().http.address() {
                Some(url) if allowed || environment.is_some_and(|known| place::may_load(&url, known)) => {
                    return place::shown(&url);
                }
                Some(url) => problems.push(problem("package", elsewhere(&url, environment))),
                None => {
                    let why = "It names no address that load could go to.";
                    problems.push(problem("package", why.into()));
                }
            }
            String::new()
        },
    );
    match (package, master) {
        (Ok(package), Ok(master)) if problems.is_empty() => Ok(Read { package, master, thresholds, origin }),
        _ => Err(problems),
    }
}

/// Why the load of a package does not go where it may.
fn elsewhere(url: &Url, environment: Option<&Environment>) -> String {
    let to = place::shown(url);
    match environment {
        Some(known) if known.kind == Kind::Staging => format!(
            "Its load goes to {to}, which is no host of {}. Choose the environment that it belongs to.",
            known.name
        ),
        _ => format!(
            "Its load goes to {to}, and the rehearsal lives on this computer. Choose the environment that it belongs to."
        ),
    }
}

fn master(typed: &str) -> Result<Url, String> {
    let typed = typed.trim();
    if typed.is_empty() {
        return Err("The address of the master’s page is needed here, such as http://10.0.0.5:8089.".into());
    }
    let url = Url::parse(typed).ok();
    let url = url.filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host()).ok_or(
        "This is not the address of a page. Write one such as http://10.0.0.5:8089 or https://locust.example.org.",
    )?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err("An address here holds no login. Give what the master asks for as its header.".into());
    }
    Ok(url)
}

/// What a package comes to.
pub(super) fn preview(draft: &PackageDraft, environment: Option<&Environment>) -> CapacityPlan {
    let plan = CapacityPlan {
        origin: String::new(),
        load: String::new(),
        requests: None,
        lasts_ms: None,
        consent_needed: draft.master.is_some() && draft.environment != rehearsal::NAME,
        problems: Vec::new(),
        notes: Vec::new(),
        criteria: Vec::new(),
        not_written: String::new(),
    };
    let read = match read(draft, environment) {
        Ok(read) => read,
        Err(problems) => return CapacityPlan { problems, ..plan },
    };
    let load = &read.package.plan().load;
    let mut notes = Vec::new();
    if read.thresholds.is_empty() {
        notes.push("Without a threshold the load is measured and not judged.".into());
    }
    CapacityPlan {
        load: in_words(&Wanted::Load(load.clone())),
        requests: requests(load),
        lasts_ms: load.duration().and_then(|lasts| u64::try_from(lasts.as_millis()).ok()),
        origin: read.origin,
        notes,
        ..plan
    }
}

/// The load of a package as its master is to send it.
pub(super) fn load(read: Read, header: Option<&str>) -> Result<Load, DeskError> {
    let wrong = |field: &str, message: &str| marked(vec![problem(field, message.to_owned())]);
    let header = header.map(str::trim).filter(|header| !header.is_empty()).map(|header| {
        // What follows the colon is secret and is not repeated.
        fleet::header(header).ok_or_else(|| wrong("header", "A header is written NAME: VALUE."))
    });
    let headers: Vec<(String, String)> = header.transpose()?.into_iter().collect();
    let url =
        read.master.ok_or_else(|| wrong("master", "The address of the master’s page is needed here."))?;
    let address = url.to_string();
    let master = Master::new(url, &headers)?;
    let plan = read.package.plan();
    Ok(Load {
        kinds: plan.kinds(),
        wanted: Wanted::Load(plan.load.clone()),
        thresholds: read.thresholds,
        origin: read.origin,
        sender: Sender::Master { master: Box::new(master), address, package: Box::new(read.package) },
    })
}

/// Judges evidence, and keeps it in a folder with its package.
pub(super) fn judge(read: &Read, evidence: &Path, folder: &Path) -> Result<(), DeskError> {
    let package = read.package.copy(&folder.join(PACKAGE_FOLDER))?;
    if !evidence.is_file() {
        let why = format!("{} is no file", evidence.display());
        return Err(EvidenceError::Foreign(why).into());
    }
    let kept = folder.join(EVIDENCE_FILE);
    std::fs::copy(evidence, &kept).map_err(|error| archive::unwritable(&kept, &error))?;
    let sinks = Sinks { log: Some(Box::new(archive::log(folder)?)), ..Sinks::default() };
    let gathered = fleet::gathered(&package, &kept, sinks)?;
    let document = Capacity::asked(
        None,
        read.origin.clone(),
        package.plan().kinds(),
        Wanted::Load(package.plan().load.clone()),
        read.thresholds.iter().map(|threshold| threshold.text().to_owned()).collect(),
    );
    archive::write(folder, &fleet::judged(document, gathered, None)?)
}

#[cfg(test)]
mod tests {
    use holdpoint_locust::FleetPlan;

    use super::*;

    fn packaged(change: impl FnOnce(&mut FleetPlan)) -> (tempfile::TempDir, PackageDraft) {
        let folder = tempfile::tempdir().unwrap();
        let api = Environment::staging().api_url;
        let load = holdpoint_load::plan::Plan::new(holdpoint_load::plan::Model::Rounds {
            concurrency: 2,
            rounds: 3,
        });
        let mut plan = fleet::of_url(&api.join("/health").unwrap(), &load).unwrap();
        change(&mut plan);
        Package::write(folder.path(), &plan, None).unwrap();
        let draft = PackageDraft {
            environment: "staging".into(),
            package: folder.path().display().to_string(),
            master: Some("http://10.0.0.5:8089".into()),
            thresholds: vec!["failures<=0".into()],
            confirmed: None,
        };
        (folder, draft)
    }

    fn fields(draft: &PackageDraft) -> Vec<String> {
        let problems = preview(draft, Some(&Environment::staging())).problems;
        problems.into_iter().map(|problem| problem.field).collect()
    }

    #[test]
    fn a_package_is_sent_to_the_environment_that_it_belongs_to_and_nowhere_else() {
        let (_folder, draft) = packaged(|_| {});
        let plan = preview(&draft, Some(&Environment::staging()));
        assert_eq!((plan.requests, &plan.problems), (Some(6), &Vec::new()));
        assert!(
            plan.consent_needed && plan.origin == place::shown(&Environment::staging().api_url),
            "{plan:?}"
        );
        // What it says of itself in its header does not matter.
        let wrong: [fn(&mut FleetPlan); 3] = [
            |plan| plan.http.host = "example.org".into(),
            |plan| plan.http.port = 8443,
            |plan| plan.http.host = "example.org/@".into(),
        ];
        for change in wrong {
            let (_folder, draft) = packaged(change);
            assert_eq!(fields(&draft), ["package"]);
            // Evidence of it may be judged all the same where it names an address at all.
            let judged = PackageDraft { master: None, ..draft };
            assert!(!preview(&judged, None).consent_needed);
        }
    }

    #[test]
    fn what_is_missing_is_told_at_its_field() {
        let (_folder, draft) = packaged(|_| {});
        for wrong in ["", "10.0.0.5:8089", "ftp://10.0.0.5/", "http://me:secret@10.0.0.5:8089"] {
            assert_eq!(
                fields(&PackageDraft { master: Some(wrong.into()), ..draft.clone() }),
                ["master"],
                "{wrong}"
            );
        }
        for wrong in ["", "/nowhere/at/all"] {
            assert_eq!(
                fields(&PackageDraft { package: wrong.into(), ..draft.clone() }),
                ["package"],
                "{wrong}"
            );
        }
        let foreign = vec!["expand: p95<1s".to_owned(), "quick".to_owned()];
        assert_eq!(
            fields(&PackageDraft { thresholds: foreign, ..draft.clone() }),
            ["thresholds", "thresholds"]
        );
        let read = read(&draft, Some(&Environment::staging())).unwrap();
        assert!(load(read, Some("no colon")).is_err_and(|error| error.0.fields[0].field == "header"));
    }
}
