//! Named defects of an otherwise healthy rehearsal, one drill each: what a sound check must call, and by which name.
//!
//! A drill is a row of a table and a [`Defect`]; what the defect does is a single `if` at the place where a real
//! deployment goes wrong.

mod chaos;
mod deceit;
mod evidence;
mod load;
mod observed;
mod pack;
mod streaming;
mod switch;

use serde_json::{Value, json};

pub(crate) use self::pack::{PackDamage, PackFile, PackFlaw, damage};
pub(crate) use self::switch::{Defect, Switch};

/// One defect, and how a sound check calls it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Drill {
    /// As it is typed: `holdpoint check --rehearse --drill NAME`.
    name: String,
    title: String,
    /// What goes wrong, as a person would tell it.
    what: String,
    /// The smallest set of tests that must catch it.
    caught_by: &'static [&'static str],
    /// The criterion that must be broken.
    criterion: &'static str,
    /// The code of the finding that must name it.
    finding: &'static str,
    pub(crate) defect: Defect,
}

impl Drill {
    /// The drill of this name.
    pub(crate) fn find(name: &str) -> Result<Self, String> {
        let drills = groups().into_iter().flat_map(|(_, drills)| drills);
        drills.into_iter().find(|drill| drill.name == name).ok_or_else(|| {
            "there is no such drill; `holdpoint-rehearsal drills` lists all of them".to_owned()
        })
    }
}

/// A row of a table: name, title, what goes wrong, tests, criterion, finding, defect.
type Row =
    (&'static str, &'static str, &'static str, &'static [&'static str], &'static str, &'static str, Defect);

fn drill((name, title, what, caught_by, criterion, finding, defect): Row) -> Drill {
    Drill { name: name.into(), title: title.into(), what: what.into(), caught_by, criterion, finding, defect }
}

/// Every drill by its group, in the order they are shown.
fn groups() -> Vec<(&'static str, Vec<Drill>)> {
    let table = |rows: &[Row]| rows.iter().copied().map(drill).collect::<Vec<_>>();
    vec![
        ("load", table(load::ROWS)),
        ("streaming and storage", table(streaming::ROWS)),
        ("chaos", table(chaos::ROWS)),
        ("evidence", evidence::drills()),
        ("as seen on the real code", table(observed::ROWS)),
        ("deceit", table(deceit::ROWS)),
    ]
}

/// Every rehearsal that is offered for training, as a list that other programs read.
pub(crate) fn catalogue() -> Value {
    let whole =
        |name: Option<&str>, title: &str, what: &str, caught_by: &[&str], ends_in: &str, simulated: bool| {
            json!({
                "name": name, "title": title, "what": what, "caught_by": caught_by, "ends_in": ends_in,
                "simulated": simulated, "group": "whole system", "criterion": null, "finding": null,
            })
        };
    let mut all = vec![
        whole(None, "Healthy", "Nothing", &[], "go", false),
        whole(
            Some("restless"),
            "Healthy and restless",
            "Nothing: slow answers, lists in any order, tasks delivered twice, all within the contract",
            &[],
            "go",
            false,
        ),
        whole(None, "No token", "Nothing; restarts are simulated", &[], "go", true),
        whole(
            Some("g1"),
            "First generation",
            "The deployment of 10 January as it was recorded: no forks, no streams, idle agents",
            &["L1", "L2", "L3", "C1", "C2", "REP"],
            "no_go",
            false,
        ),
        whole(
            Some("g2"),
            "Second generation",
            "The deployment of 11 January as it was recorded: auto-tune and exports broken, no evidence",
            &["L2", "L3", "C1", "REP"],
            "no_go",
            false,
        ),
    ];
    for (group, drills) in groups() {
        all.extend(drills.into_iter().map(|drill| {
            json!({
                "name": drill.name, "title": drill.title, "what": drill.what, "caught_by": drill.caught_by,
                "ends_in": "no_go", "simulated": false, "group": group, "criterion": drill.criterion,
                "finding": drill.finding,
            })
        }));
    }
    Value::Array(all)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_name_and_defect_is_used_once() {
        let drills: Vec<Drill> = groups().into_iter().flat_map(|(_, drills)| drills).collect();
        let names: BTreeSet<&str> = drills.iter().map(|drill| drill.name.as_str()).collect();
        let defects: BTreeSet<String> = drills.iter().map(|drill| format!("{:?}", drill.defect)).collect();
        assert_eq!((names.len(), defects.len()), (drills.len(), drills.len()));
        assert!(names.iter().all(|name| {
            name.chars().all(|one| one.is_ascii_lowercase() || one == '-' || one.is_ascii_digit())
        }));
    }

    #[test]
    fn every_drill_is_found_by_its_name() {
        for drill in groups().into_iter().flat_map(|(_, drills)| drills) {
            assert_eq!(Drill::find(&drill.name), Ok(drill));
        }
        assert!(Drill::find("no-such-drill").is_err());
    }
}
