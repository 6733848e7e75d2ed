//! Named oddities of the rehearsal's Railway, whose services are sound: refusals, half answers and states as they were
//! recorded (Railway facts 2 to 12). They are no defects of the system under test, so a sound check never ends NO-GO
//! because of one: it passes by proof where Railway is merely odd, and says what is in the way where Railway refuses.

mod answers;
mod places;
mod switch;

use serde_json::{Value, json};

pub(crate) use self::switch::{Odd, Oddity};

/// What a sound check of C1 makes of an oddity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sound {
    /// Every criterion is met, the restart proven by the identity of the process.
    Passes,
    /// The preflight stops the check, with a finding of this code.
    Blocked(&'static str),
    /// No restart is proven, and a finding of this code says why.
    NotProven(&'static str),
}

/// An oddity, and how a sound check calls it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    /// As it is typed: `holdpoint check --oddity NAME`.
    name: &'static str,
    /// What happens, as a person would tell it.
    what: &'static str,
    /// The section of the Railway facts.
    facts: &'static str,
    pub(crate) oddity: Oddity,
    sound: Sound,
    /// How often Railway is asked to restart something.
    restarts: u32,
}

impl Row {
    /// The oddity of this name.
    pub(crate) fn find(name: &str) -> Result<&'static Self, String> {
        all().find(|row| row.name == name).ok_or_else(|| {
            "there is no such oddity; `holdpoint-rehearsal oddities` lists all of them".to_owned()
        })
    }
}

/// Every oddity, as a list that other programs read.
pub(crate) fn catalogue() -> Value {
    let told = |row: &Row| {
        let (ends, code) = match row.sound {
            Sound::Passes => ("passes", None),
            Sound::Blocked(code) => ("blocked", Some(code)),
            Sound::NotProven(code) => ("not_proven", Some(code)),
        };
        json!({
            "name": row.name, "what": row.what, "facts": row.facts, "ends": ends, "code": code,
            "restarts": row.restarts,
        })
    };
    all().map(told).collect()
}

/// Every oddity, in the order they are shown.
fn all() -> impl Iterator<Item = &'static Row> {
    places::ROWS.iter().chain(answers::ROWS)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_name_and_oddity_is_used_once() {
        let names: BTreeSet<&str> = all().map(|row| row.name).collect();
        let oddities: BTreeSet<String> = all().map(|row| format!("{:?}", row.oddity)).collect();
        assert_eq!((names.len(), oddities.len()), (all().count(), all().count()));
        for row in all() {
            assert_eq!(Row::find(row.name), Ok(row));
            assert!(
                row.name.chars().all(|one| one.is_ascii_lowercase() || one == '-' || one.is_ascii_digit())
            );
        }
        assert!(Row::find("no-such-oddity").is_err());
    }

    #[test]
    fn what_does_not_come_to_a_restart_asks_for_none_and_what_passes_for_one() {
        for row in all() {
            match row.sound {
                Sound::Blocked(_) => assert_eq!(row.restarts, 0, "{}", row.name),
                Sound::Passes => assert!(row.restarts >= 1, "{}", row.name),
                Sound::NotProven(_) => assert!(row.restarts <= 1, "{}", row.name),
            }
        }
    }
}
