//! What a check answers: the verdict with its criteria and findings.

use serde::{Deserialize, Serialize};

use crate::event::Waiver;
use crate::words::{ChaosMode, Sureness, TestId};

/// The word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub enum Word {
    /// Every criterion is met and proven.
    Go,
    /// A criterion is broken.
    NoGo,
    /// Nothing is broken, but something that a criterion needs is missing.
    NoVerdict,
}

/// Why there is no verdict.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "reason")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub enum NoVerdict {
    /// The journal has no end.
    CutOff,
    /// It was aborted.
    Aborted,
    /// The preflight stopped it.
    NotReady {
        /// The rows in the way.
        rows: Vec<String>,
        /// Whether the configuration is at fault rather than the environment.
        misconfigured: bool,
    },
    /// Only part of the suite ran, and passed.
    PartOfSuite,
    /// The generator was not fit to measure.
    UnfitGenerator,
    /// Criteria are not proven.
    Unproven {
        /// Their ids.
        criteria: Vec<String>,
    },
}

/// The state of a criterion.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub enum State {
    /// Met.
    Met,
    /// Not met.
    Broken,
    /// Nobody knows: the evidence is missing.
    Unproven,
    /// Met by a load without its fault; labels the verdict.
    Simulated,
    /// Broken or unproven, and accepted by a person; labels the verdict.
    Waived,
}

impl State {
    /// As shown to people.
    pub fn word(self) -> &'static str {
        match self {
            Self::Met => "met",
            Self::Broken => "NOT MET",
            Self::Unproven => "not proven",
            Self::Simulated => "simulated",
            Self::Waived => "waived",
        }
    }
}

/// One row of the GO/NO-GO table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct Criterion {
    /// A stable id such as `L1.p95`.
    pub id: String,
    /// Of which test; none for the whole check.
    pub test: Option<TestId>,
    /// What is demanded, in words.
    pub title: String,
    /// The limit with its unit.
    pub limit: String,
    /// The measured value with its unit.
    pub measured: String,
    /// How far from the limit, where that is a number.
    pub margin: Option<String>,
    /// The 95 % bound of the measured value, where samples give one.
    pub bound: Option<String>,
    /// Met or not.
    pub state: State,
    /// How sure.
    pub sureness: Sureness,
}

/// How heavily a finding weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub enum Weight {
    /// Breaks a criterion.
    Breaks,
    /// Leaves a criterion unproven.
    Unproven,
    /// Worth knowing.
    Note,
}

/// One thing wrong or unproven.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct Finding {
    /// A stable code such as `auto_tune.failing`.
    pub code: String,
    /// The criterion it bears on.
    pub criterion: String,
    /// Of which test.
    pub test: Option<TestId>,
    /// How heavily it weighs.
    pub weight: Weight,
    /// One line.
    pub title: String,
    /// What happened.
    pub happened: String,
    /// The likely cause: inferred, never claimed.
    pub likely_cause: String,
    /// What to do next.
    pub next_action: String,
    /// The smallest set of operations that shows it, at most five.
    pub witness: Vec<Witness>,
    /// What the service logged then, at most five lines; empty where its log could not be had.
    #[serde(default)]
    pub logged: Vec<String>,
}

/// One operation that shows a finding.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct Witness {
    /// Milliseconds of the check, where known.
    pub at_ms: Option<u64>,
    /// The operation or object.
    pub what: String,
    /// Its id.
    pub id: String,
    /// What it shows.
    pub shows: String,
}

/// The answer of a check.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct Verdict {
    /// GO, NO-GO or NO VERDICT.
    pub word: Word,
    /// Why there is no verdict.
    pub no_verdict: Option<NoVerdict>,
    /// `all tests`, `load only`, …
    pub scope: String,
    /// How chaos was run.
    pub chaos: ChaosMode,
    /// Whether the target was the built-in rehearsal, about which nothing of staging follows.
    pub rehearsal: bool,
    /// The whole verdict in a line; never says GO without its labels.
    pub headline: String,
    /// One sentence that explains the headline.
    pub because: String,
    /// Limits looser than the runbook's.
    pub looser: Vec<String>,
    /// Accepted findings in force.
    #[serde(default)]
    pub waivers: Vec<Waiver>,
    /// The rows.
    pub criteria: Vec<Criterion>,
    /// Heaviest first.
    pub findings: Vec<Finding>,
    /// What could not be checked, with the reason.
    pub unchecked: Vec<String>,
}

impl Verdict {
    /// Whether this may end a pipeline with success: GO, or a part of the suite that passed.
    pub fn passes(&self) -> bool {
        self.word == Word::Go || self.no_verdict == Some(NoVerdict::PartOfSuite)
    }

    /// The exit code of the terminal: 0 GO or a passed part, 1 NO-GO, 2 wrong configuration, 3 NO VERDICT.
    pub fn exit_code(&self) -> u8 {
        match (&self.word, &self.no_verdict) {
            (Word::NoGo, _) => 1,
            (_, Some(NoVerdict::NotReady { misconfigured: true, .. })) => 2,
            _ if self.passes() => 0,
            _ => 3,
        }
    }
}
