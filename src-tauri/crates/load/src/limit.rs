//! Finding the limit: the highest rate at which every criterion holds.

use serde::{Deserialize, Serialize};

use crate::criteria::{Judgement, State};

/// How the limit is looked for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Search {
    /// The first rate, a second.
    pub from: f64,
    /// The highest rate that is tried.
    pub up_to: f64,
    /// How near the highest good and the lowest bad rate are to come, as a share.
    pub precision: f64,
    /// The most steps.
    pub steps: u32,
}

/// One rate that was tried.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// The rate, a second.
    pub rate: f64,
    /// What became of the criteria.
    pub judgement: Judgement,
}

/// Why the search ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Found {
    /// The limit lies between two tried rates.
    Knee,
    /// The criteria held at every rate up to the highest.
    HigherThanTried,
    /// The criteria did not even hold at the first rate.
    LowerThanTried,
    /// A rate could not be judged; above the highest good rate nothing is known.
    NotProven,
    /// It was told to end.
    Aborted,
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Limit {
    /// Why the search ended.
    pub found: Found,
    /// The highest rate at which all criteria held.
    pub highest_met: Option<f64>,
    /// The lowest rate at which one did not, twice.
    pub lowest_broken: Option<f64>,
    /// Every rate that was tried, in order.
    pub steps: Vec<Step>,
}

/// Doubles the rate until a criterion breaks, then halves the gap. A rate counts as broken when it broke twice in a
/// row: once can be chance. `attempt` sends at a rate and judges; it answers `None` when it was told to end.
pub fn find<E>(
    search: &Search,
    mut attempt: impl FnMut(f64) -> Result<Option<Judgement>, E>,
) -> Result<Limit, E> {
    let mut limit =
        Limit { found: Found::Aborted, highest_met: None, lowest_broken: None, steps: Vec::new() };
    let mut rate = search.from.min(search.up_to);
    loop {
        let mut state = State::NotMet;
        for _ in 0..2 {
            let Some(judgement) = attempt(rate)? else { return Ok(limit) };
            state = judgement.state;
            limit.steps.push(Step { rate, judgement });
            if state != State::NotMet {
                break;
            }
        }
        match state {
            State::Met => limit.highest_met = Some(rate),
            State::NotMet => limit.lowest_broken = Some(rate),
            State::NotProven => {
                limit.found = Found::NotProven;
                return Ok(limit);
            }
        }
        let next = match (limit.highest_met, limit.lowest_broken) {
            (Some(good), Some(bad)) if bad - good <= good * search.precision => Err(Found::Knee),
            (Some(good), Some(bad)) => Ok(f64::midpoint(good, bad)),
            (Some(good), None) if good >= search.up_to => Err(Found::HigherThanTried),
            (Some(good), None) => Ok((good * 2.0).min(search.up_to)),
            // Down to a tenth of the first rate is looked, not further.
            (None, Some(bad)) if bad <= search.from / 10.0 => Err(Found::LowerThanTried),
            (None, bad) => Ok(bad.unwrap_or(search.from) / 2.0),
        };
        let tried = u32::try_from(limit.steps.len()).unwrap_or(u32::MAX);
        match next {
            Ok(next) if tried < search.steps => rate = next,
            Ok(_) if limit.highest_met.is_some() && limit.lowest_broken.is_some() => {
                limit.found = Found::Knee;
                return Ok(limit);
            }
            Ok(_) if limit.highest_met.is_some() => {
                limit.found = Found::HigherThanTried;
                return Ok(limit);
            }
            Ok(_) => {
                limit.found = Found::LowerThanTried;
                return Ok(limit);
            }
            Err(found) => {
                limit.found = found;
                return Ok(limit);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    const SEARCH: Search = Search { from: 10.0, up_to: 10_000.0, precision: 0.05, steps: 60 };

    fn says(state: State) -> Judgement {
        Judgement { state, criteria: Vec::new(), unfit: Vec::new() }
    }

    fn find_true(limit: f64) -> Limit {
        let answer =
            |rate| Ok::<_, Infallible>(Some(says(if rate <= limit { State::Met } else { State::NotMet })));
        find(&SEARCH, answer).unwrap()
    }

    #[test]
    fn the_knee_is_enclosed() {
        for limit in [3.0, 10.0, 11.0, 437.0, 9_999.0] {
            let found = find_true(limit);
            assert_eq!(found.found, Found::Knee, "{limit}");
            let (good, bad) = (found.highest_met.unwrap(), found.lowest_broken.unwrap());
            assert!(good <= limit && limit < bad && bad <= good * 1.0501, "{limit}: {good} {bad}");
        }
        assert_eq!(find_true(1e9).found, Found::HigherThanTried);
        assert_eq!(find_true(0.1).found, Found::LowerThanTried);
    }

    #[test]
    fn breaking_once_is_chance_and_what_cannot_be_judged_ends_the_search() {
        let mut calls = 0;
        let found = find(&SEARCH, |rate| {
            calls += 1;
            let broken = calls == 3 || rate > 1000.0;
            Ok::<_, Infallible>(Some(says(if broken { State::NotMet } else { State::Met })))
        });
        assert!(found.unwrap().highest_met.unwrap() > 950.0);
        let unproven = find(&SEARCH, |rate| {
            Ok::<_, Infallible>(Some(says(if rate > 100.0 { State::NotProven } else { State::Met })))
        })
        .unwrap();
        assert_eq!((unproven.found, unproven.highest_met), (Found::NotProven, Some(80.0)));
        let told = find(&SEARCH, |_| Ok::<_, Infallible>(None)).unwrap();
        assert_eq!(told.found, Found::Aborted);
    }
}
