//! What goes wrong with workers, as the page shows it. The errors of the engines read `code: what happened; what to do`.

use holdpoint_load::ThresholdError;
use holdpoint_locust::k6::K6Error;
use holdpoint_locust::{
    EvidenceError, FleetPlanError, HereError, MasterError, PackageError, SendError, VenvError,
};

use crate::capacity::draft::{finished, sentence};
use crate::error::DeskError;

/// An error by its parts.
fn parted(message: &str, error: &dyn std::error::Error) -> DeskError {
    let text = error.to_string();
    let code = text.split_once(": ").map_or("capacity.fleet", |(code, _)| code);
    let (why, remedy) = text
        .rsplit_once("; ")
        .map_or((text.as_str(), String::new()), |(why, remedy)| (why, finished(remedy)));
    DeskError::new(code, message, remedy).because(sentence(why))
}

impl From<FleetPlanError> for DeskError {
    fn from(error: FleetPlanError) -> Self {
        parted("This load cannot be given to Locust.", &error)
    }
}

impl From<PackageError> for DeskError {
    fn from(error: PackageError) -> Self {
        parted("The package cannot be used.", &error)
    }
}

impl From<VenvError> for DeskError {
    fn from(error: VenvError) -> Self {
        parted("Locust cannot run on this computer yet.", &error)
    }
}

impl From<HereError> for DeskError {
    fn from(error: HereError) -> Self {
        match error {
            HereError::Stopped => Self::new(
                "locust.here.stopped",
                "The load was ended before anything was sent.",
                "Nothing is kept of it.",
            ),
            other => {
                // It may quote what a process said, which is none of our words.
                let text = other.to_string();
                let code = text.split_once(": ").map_or("locust.here", |(code, _)| code);
                Self::new(code, "The workers of Locust did not send the load.", "Start it again.")
                    .because(sentence(&text))
            }
        }
    }
}

impl From<SendError> for DeskError {
    fn from(error: SendError) -> Self {
        match error {
            SendError::Package(error) => error.into(),
            SendError::Venv(error) => error.into(),
            SendError::Here(error) => error.into(),
            SendError::Folder(_) => parted("The load was not started.", &error),
        }
    }
}

impl From<EvidenceError> for DeskError {
    fn from(error: EvidenceError) -> Self {
        parted("The evidence was not judged.", &error)
    }
}

impl From<MasterError> for DeskError {
    fn from(error: MasterError) -> Self {
        parted("The master did not send the load.", &error)
    }
}

impl From<K6Error> for DeskError {
    fn from(error: K6Error) -> Self {
        parted("The script was not written.", &error)
    }
}

impl From<ThresholdError> for DeskError {
    fn from(error: ThresholdError) -> Self {
        parted("The load cannot be judged.", &error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_to_be_installed_is_said_as_what_to_do() {
        let missing = DeskError::from(VenvError::NoPython).0;
        assert_eq!(missing.code, "locust.python.missing");
        assert!(missing.why.starts_with("Locust needs Python 3.11 or newer"), "{missing:?}");
        assert!(missing.remedy.contains("apt-get install python3 python3-venv"), "{missing:?}");
        let none = VenvError::NoVenv("python3".into(), "ensurepip is not available; nothing more".into());
        let none = DeskError::from(none).0;
        assert!(none.why.contains("ensurepip is not available"), "{none:?}");
        assert!(none.remedy.contains("apt-get install python3-venv"), "{none:?}");
    }
}
