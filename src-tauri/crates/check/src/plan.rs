//! What a check is going to do: fixed before it starts, written as the first line of its journal.

use holdpoint_foreign::text;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::environment::Environment;
use crate::parameters::Parameters;
use crate::words::{Service, Suite, TestId};

/// How chaos tests are going to be run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub enum ChaosIntent {
    /// A Railway token is there: services will really be restarted.
    Real,
    /// No Railway token is there (runbook, "Railway Token"): same load, nothing restarted.
    Simulated,
}

/// A check before it runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The target.
    pub environment: Environment,
    /// Which tests.
    pub suite: Suite,
    /// With which values.
    pub parameters: Parameters,
    /// How chaos is run.
    pub chaos: ChaosIntent,
    /// Who answers: the rehearsal's profile, where it is one.
    #[serde(default)]
    pub rehearsal_profile: Option<String>,
    /// The name of the Railway environment as a person has typed it, where a primary or production-like one is the
    /// target. Given for this check only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirmed_name: Option<String>,
}

impl Plan {
    /// The services that will really be restarted.
    pub fn restarts(&self) -> Vec<Service> {
        if self.chaos == ChaosIntent::Simulated {
            return Vec::new();
        }
        self.suite
            .tests()
            .into_iter()
            .filter_map(|test| match test {
                TestId::C1 => Some(Service::Worker),
                TestId::C2 => Some(Service::Api),
                TestId::C3 => Some(Service::Postgres),
                _ => None,
            })
            .collect()
    }

    /// Whether a check can have had this plan; what is wrong with it otherwise. For plans from outside.
    pub fn check(&self) -> Result<(), String> {
        self.environment.validate().map_err(|error| text::cut(&error.to_string(), 200))?;
        match self.parameters.problems().first() {
            None => Ok(()),
            Some(problem) => Err(text::cut(problem, 200)),
        }
    }

    /// A digest of what is compared between checks: same digest, same plan.
    pub fn digest(&self) -> String {
        // A plan is made of strings, numbers and maps with string keys: it always serialises.
        let text = serde_json::to_string(self).unwrap_or_default();
        hex::encode(Sha256::digest(text.as_bytes()))
    }
}
