//! Two checks side by side: what got slower, what got faster, what did not change, and what nobody can tell.
//!
//! Pure functions over saved results. Histograms are compared as they were recorded, never their percentiles: see
//! [`compare`] for the whole, and the documentation of `rule` for the method and its error rate:
//!
//! | question | answer |
//! | --- | --- |
//! | how often is a change named where none is? | in at most 5 % of whole comparisons |
//! | from how many samples on is +20 % found in 95 of 100? | 60 of a spread (standard deviation of the logarithm) of 0.15, 120 of 0.2, 300 of 0.3 |
//! | what if nothing is found? | every figure states the change that would have been found in 95 of 100 comparisons |
//! | what does it not see? | drift from check to check, unless two checks of one build are given as noise |
//!
//! Each of these is tried with thousands of simulated checks in the tests (`calibration`).

mod alike;
mod baseline;
#[cfg(test)]
mod calibration;
mod compared;
pub mod markdown;
mod rule;
mod sample;
mod shuffle;
mod spread;
#[cfg(test)]
mod tests;

pub use alike::Difference;
pub use baseline::{Baseline, MEDIAN_LIMIT};
pub use compared::{
    Compared, CriterionPair, CriterionSide, CurvePair, FindingChange, Measure, Method, Side, Since, Subject,
    change_words, compare,
};
pub use rule::{BAND_PCT, ERROR_RATE, MeasureKind, Reading};
