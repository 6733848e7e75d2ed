//! Finding the limit: the highest rate at which every criterion holds.

use serde::{Deserialize, Serialize};

use crate::criteria::{Judgement, State};
use crate::figures::Figures;
use crate::plan::{HIGHEST_RATE, PlanError, within};

/// How the limit is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
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

impl Search {
    /// Refuses what cannot be looked for.
    pub fn check(&self) -> Result<(), PlanError> {
        within("the first rate", self.from, 0.01, HIGHEST_RATE)?;
        within("the highest rate", self.up_to, 0.01, HIGHEST_RATE)?;
        within("the precision as a share", self.precision, 0.001, 1.0)?;
        within("the number of tries", f64::from(self.steps), 1.0, 1000.0)
    }
}

/// One rate that was tried.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// The rate, a second.
    pub rate: f64,
    /// What became of the criteria.
    pub judgement: Judgement,
    /// What was measured.
    #[serde(default)]
    pub figures: Figures,
}

/// Why the search ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Found {
    /// The limit lies between two tried rates.
    Knee,
    /// The criteria held at every rate up to the highest.
    HigherThanTried,
    /// The criteria did not even hold at the lowest rate that was tried.
    LowerThanTried,
    /// Too few operations to tell, already at the first rate.
    TooFew,
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
    /// The lowest rate at which one did not hold, or was not shown to hold, twice.
    pub lowest_broken: Option<f64>,
    /// Every rate that was tried, in order.
    pub steps: Vec<Step>,
}

impl Limit {
    /// The try at the highest rate at which all criteria held; of several the last.
    pub fn highest_step(&self) -> Option<&Step> {
        let met = self.steps.iter().filter(|step| step.judgement.state == State::Met);
        met.max_by(|one, other| one.rate.total_cmp(&other.rate))
    }
}

/// Doubles the rate until a criterion breaks, then halves the gap. A rate counts as broken when it broke twice in a row:
/// once can be chance. A rate at which too few operations tell twice lies too near the limit, and counts the same.
#[derive(Debug)]
pub struct Finder {
    search: Search,
    limit: Limit,
    /// The rate to try next; none when the search has ended.
    next: Option<f64>,
    /// How often the rate was tried without holding.
    failed: u32,
}

impl Finder {
    /// Before the first try.
    pub fn new(search: Search) -> Self {
        let limit =
            Limit { found: Found::Aborted, highest_met: None, lowest_broken: None, steps: Vec::new() };
        Self { next: Some(search.from.min(search.up_to)), search, limit, failed: 0 }
    }

    /// The rate to try next; none when the search has ended.
    pub fn next(&self) -> Option<f64> {
        self.next
    }

    /// What was found so far.
    pub fn limit(&self) -> &Limit {
        &self.limit
    }

    /// What was found.
    pub fn into_limit(self) -> Limit {
        self.limit
    }

    /// Takes what came of the next rate.
    pub fn tell(&mut self, judgement: Judgement, figures: Figures) {
        let Some(rate) = self.next else { return };
        let state = judgement.state;
        self.limit.steps.push(Step { rate, judgement, figures });
        match state {
            State::NotProven => return self.end(Found::NotProven),
            State::Met => self.limit.highest_met = Some(rate),
            State::TooFew | State::NotMet if self.failed == 0 => {
                self.failed = 1;
                return;
            }
            // A lower rate sends fewer still.
            State::TooFew if self.limit.highest_met.is_none() => return self.end(Found::TooFew),
            State::TooFew | State::NotMet => self.limit.lowest_broken = Some(rate),
        }
        self.failed = 0;
        self.go_on();
    }

    fn go_on(&mut self) {
        let Search { from, up_to, precision, steps } = self.search;
        let next = match (self.limit.highest_met, self.limit.lowest_broken) {
            (Some(good), Some(bad)) if bad - good <= good * precision => return self.end(Found::Knee),
            (Some(good), Some(bad)) => f64::midpoint(good, bad),
            (Some(good), None) if good >= up_to => return self.end(Found::HigherThanTried),
            (Some(good), None) => (good * 2.0).min(up_to),
            // Down to a tenth of the first rate is looked, not further.
            (None, Some(bad)) if bad <= from / 10.0 => return self.end(Found::LowerThanTried),
            (None, bad) => bad.unwrap_or(from) / 2.0,
        };
        if u32::try_from(self.limit.steps.len()).is_ok_and(|tried| tried < steps) {
            self.next = Some(next);
            return;
        }
        self.end(match (self.limit.highest_met, self.limit.lowest_broken) {
            (Some(_), Some(_)) => Found::Knee,
            (Some(_), None) => Found::HigherThanTried,
            (None, _) => Found::LowerThanTried,
        });
    }

    fn end(&mut self, found: Found) {
        self.limit.found = found;
        self.next = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEARCH: Search = Search { from: 10.0, up_to: 10_000.0, precision: 0.05, steps: 60 };

    fn find(mut says: impl FnMut(f64) -> State) -> Limit {
        let mut finder = Finder::new(SEARCH);
        while let Some(rate) = finder.next() {
            let judgement = Judgement { state: says(rate), criteria: Vec::new(), unfit: Vec::new() };
            finder.tell(judgement, Figures::default());
        }
        finder.into_limit()
    }

    fn find_true(limit: f64) -> Limit {
        find(|rate| if rate <= limit { State::Met } else { State::NotMet })
    }

    #[test]
    fn the_knee_is_enclosed() {
        for limit in [3.0, 10.0, 11.0, 437.0, 9_999.0] {
            let found = find_true(limit);
            assert_eq!(found.found, Found::Knee, "{limit}");
            let (good, bad) = (found.highest_met.unwrap(), found.lowest_broken.unwrap());
            assert!(good <= limit && limit < bad && bad <= good * 1.0501, "{limit}: {good} {bad}");
            assert_eq!(found.highest_step().map(|step| step.rate), Some(good));
        }
        assert_eq!(find_true(1e9).found, Found::HigherThanTried);
        assert_eq!(find_true(0.1).found, Found::LowerThanTried);
    }

    #[test]
    fn breaking_once_is_chance_and_what_cannot_be_judged_ends_the_search() {
        let mut calls = 0;
        let found = find(|rate| {
            calls += 1;
            if calls == 3 || rate > 1000.0 { State::NotMet } else { State::Met }
        });
        assert!(found.highest_met.unwrap() > 950.0);
        let unproven = find(|rate| if rate > 100.0 { State::NotProven } else { State::Met });
        assert_eq!((unproven.found, unproven.highest_met), (Found::NotProven, Some(80.0)));
        let told = Finder::new(SEARCH);
        assert_eq!(told.limit().found, Found::Aborted);
    }

    #[test]
    fn where_too_few_tell_the_limit_is_near_or_the_tries_are_too_short() {
        let near = find(|rate| match rate {
            rate if rate <= 300.0 => State::Met,
            rate if rate <= 400.0 => State::TooFew,
            _ => State::NotMet,
        });
        assert_eq!(near.found, Found::Knee);
        assert!(near.highest_met.unwrap() <= 300.0 && near.lowest_broken.unwrap() > 300.0);
        let short = find(|_| State::TooFew);
        assert_eq!((short.found, short.steps.len()), (Found::TooFew, 2));
    }

    #[test]
    fn what_cannot_be_looked_for_is_refused() {
        assert_eq!(SEARCH.check(), Ok(()));
        for wrong in [
            Search { from: 0.0, ..SEARCH },
            Search { from: f64::NAN, ..SEARCH },
            Search { up_to: 1e9, ..SEARCH },
            Search { precision: 0.0, ..SEARCH },
            Search { steps: 0, ..SEARCH },
        ] {
            assert!(wrong.check().is_err(), "{wrong:?}");
        }
    }
}
