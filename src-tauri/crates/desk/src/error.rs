//! One error for everything a person can ask of the desk: a code, what happened, why, what to do.

use holdpoint_check::environment::EnvironmentError;
use holdpoint_check::journal::JournalError;
use holdpoint_check::run::{LockError, StartError};
use holdpoint_foreign::text;
use holdpoint_report::ReadError;
use holdpoint_settings::{KeychainError, StoreError};

use crate::view::{FieldProblem, Problem};

/// What the desk could not do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.text())]
pub struct DeskError(pub Problem);

impl DeskError {
    /// An error by its parts.
    pub fn new(code: &str, message: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self(Problem {
            code: code.into(),
            message: message.into(),
            remedy: remedy.into(),
            ..Problem::default()
        })
    }

    /// The same with its cause.
    #[must_use]
    pub fn because(mut self, why: impl std::fmt::Display) -> Self {
        // It may quote what stands in a file or in an answer.
        self.0.why = text::lines(&why.to_string()).into_owned();
        self
    }

    /// A form with problems in single fields.
    pub fn fields(fields: Vec<FieldProblem>) -> Self {
        Self(Problem {
            code: "form.invalid".into(),
            message: "The environment was not saved.".into(),
            why: "Some fields hold values that cannot be used.".into(),
            remedy: "Change the marked fields and save again.".into(),
            fields,
        })
    }

    fn text(&self) -> String {
        let Problem { message, why, remedy, .. } = &self.0;
        [message, why, remedy]
            .into_iter()
            .filter(|part| !part.is_empty())
            .map(String::as_str)
            .collect::<Vec<_>>()
            .join(" ")
    }
}

impl From<JournalError> for DeskError {
    fn from(error: JournalError) -> Self {
        let (code, message, remedy) = match &error {
            JournalError::Write { .. } => (
                "journal.unwritable",
                "The journal of this check cannot be written.",
                "Free some space, or give Holdpoint the right to write there.",
            ),
            JournalError::Broken { .. } => (
                "journal.broken",
                "The check was stopped because it could not be recorded any more.",
                "Look at the services named, free some space, and check again.",
            ),
            JournalError::Read { .. } | JournalError::Foreign { .. } => {
                ("journal.unusable", "The journal of this check cannot be used.", "Choose another check.")
            }
        };
        Self::new(code, message, remedy).because(error)
    }
}

impl From<ReadError> for DeskError {
    fn from(error: ReadError) -> Self {
        let code = match &error {
            ReadError::Unreadable { .. } => "file.unreadable",
            ReadError::TooLarge(_) => "file.too_large",
            ReadError::NotJson { .. } | ReadError::Foreign { .. } | ReadError::Impossible { .. } => {
                "file.not_results"
            }
            ReadError::Newer { .. } => "file.newer",
            ReadError::NotCapacity { .. } => "file.not_capacity",
        };
        let choose = match &error {
            ReadError::NotCapacity { .. } => "Choose the file of a capacity run.",
            _ => "Choose a step3_results.json.",
        };
        Self::new(code, "This file was not opened.", choose).because(error)
    }
}

impl From<StartError> for DeskError {
    fn from(error: StartError) -> Self {
        let (code, next) = match &error {
            StartError::Lock(LockError::Held { .. }) => {
                ("check.held", "Wait until the other check has ended, or abort it where it runs.")
            }
            StartError::Lock(LockError::File { .. }) => {
                ("check.unlockable", "Give Holdpoint the right to write there, or free some space.")
            }
            StartError::Journal(_) => {
                ("journal.unwritable", "Free some space, or give Holdpoint the right to write there.")
            }
            StartError::Connect(_) => ("check.not_started", "Look at the environment's values."),
        };
        Self::new(code, "The check was not started.", next).because(error)
    }
}

impl From<StoreError> for DeskError {
    fn from(error: StoreError) -> Self {
        let code = match &error {
            StoreError::NoFolder => "environments.no_folder",
            StoreError::Unknown(_) => "environment.unknown",
            StoreError::Unreadable { .. } => "environment.unreadable",
            StoreError::Unwritable { .. } => "environment.unwritable",
            StoreError::Invalid { .. } => "environment.invalid",
        };
        let fields = match &error {
            StoreError::Invalid { source: EnvironmentError::Field { field, problem }, .. } => {
                vec![FieldProblem { field: (*field).into(), message: problem.clone() }]
            }
            _ => Vec::new(),
        };
        let mut out = Self::new(code, "The environment cannot be used.", "Look at it under Environments.")
            .because(error);
        out.0.fields = fields;
        out
    }
}

impl From<KeychainError> for DeskError {
    fn from(error: KeychainError) -> Self {
        match error {
            KeychainError::Unavailable(why) => Self::new(
                "keychain.unavailable",
                "The system keychain cannot be used.",
                "Unlock it (on Linux a Secret Service such as gnome-keyring must run), or keep the secret for this \
                 session only.",
            )
            .because(why),
            KeychainError::Foreign(entry) => Self::new(
                "keychain.foreign",
                format!("The keychain entry {entry} holds something else than Holdpoint wrote."),
                "Remove the secret here and set it again.",
            ),
        }
    }
}

impl From<holdpoint_railway::Error> for DeskError {
    fn from(error: holdpoint_railway::Error) -> Self {
        Self::new(&format!("railway.{}", error.code()), "Railway did not do this.", error.remedy())
            .because(error)
    }
}

impl From<holdpoint_agentverse::error::ApiError> for DeskError {
    fn from(error: holdpoint_agentverse::error::ApiError) -> Self {
        Self::new("api.failed", "The API did not answer as it should.", "Look at its logs, and try again.")
            .because(error)
    }
}
