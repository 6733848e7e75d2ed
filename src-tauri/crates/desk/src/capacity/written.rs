//! A load written down for others to send: a package for Locust, or a script for k6.

use std::path::{Path, PathBuf};

use holdpoint_locust::{FleetPlan, Package, k6};

use super::draft::{self, Asked};
use super::{archive, fleet, read};
use crate::desk::Desk;
use crate::error::DeskError;
use crate::view::CapacityDraft;

/// What a package is called in the folder that a person picked.
const PACKAGE: &str = "holdpoint-locust";
/// What a script is called there.
const SCRIPT: &str = "holdpoint-k6";

impl Desk {
    /// Writes a package for Locust into a new folder within one that a person picked, and answers with it. Nothing is sent.
    pub async fn write_package(&self, draft: &CapacityDraft, into: &Path) -> Result<PathBuf, DeskError> {
        let (plan, _) = self.to_write(draft).await?;
        let folder = unused(into, PACKAGE, "");
        Package::write(&folder, &plan, None)?;
        Ok(folder)
    }

    /// Writes a script for k6 into a folder that a person picked, and answers with the file. What k6 makes of it is not judged
    /// by Holdpoint.
    pub async fn write_script(&self, draft: &CapacityDraft, into: &Path) -> Result<PathBuf, DeskError> {
        let (plan, thresholds) = self.to_write(draft).await?;
        let script = k6::script(&plan, &thresholds)?;
        let file = unused(into, SCRIPT, ".js");
        holdpoint_report::files::write_whole(&file, script)
            .map_err(|error| archive::unwritable(&file, &error))?;
        Ok(file)
    }

    async fn to_write(
        &self,
        draft: &CapacityDraft,
    ) -> Result<(FleetPlan, Vec<holdpoint_load::Threshold>), DeskError> {
        let (environment, _) = self.resolve(&draft.environment, None).await?;
        let read = read(draft, Some(&environment))?;
        let refused = |why: &str| {
            DeskError::new("capacity.not_written", "Nothing was written.", "Choose another load.")
                .because(why)
        };
        if let Some(why) = draft::not_written(&read) {
            return Err(refused(why));
        }
        match &read.asked {
            Asked::Url(url) => Ok((fleet::of_url(url, read.wanted.plan())?, read.thresholds)),
            Asked::Operations(_) | Asked::Test(_) => Err(refused("This load needs something made for it.")),
        }
    }
}

/// A name that nothing has in a folder: nothing is written over anything.
fn unused(folder: &Path, name: &str, end: &str) -> PathBuf {
    let first = folder.join(format!("{name}{end}"));
    let more = (2_u32..).map(|number| folder.join(format!("{name}-{number}{end}")));
    std::iter::once(first).chain(more).find(|path| !path.exists()).unwrap_or_default()
}
