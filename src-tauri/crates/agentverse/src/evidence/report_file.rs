//! `report.md`: what a person reads.

use super::lines::{Report, short};
use super::manifest::Manifest;
use super::{EvidenceFile, Expectation, Fetched, Limits};

const SECTIONS: [&str; 5] = ["summary", "configuration", "metrics", "execution statistics", "verification"];

pub(super) fn read(
    fetched: Option<&Fetched>,
    expectation: &Expectation,
    manifest: Option<&Manifest>,
    limits: &Limits,
) -> Report {
    let mut report = Report::new(EvidenceFile::Report);
    let Some(text) = report.text(fetched, limits).map(str::trim) else { return report };
    if text.is_empty() {
        report.add("file.empty", None, "the file is empty");
        return report;
    }
    if text.chars().nth(99).is_none() {
        report.add("report.short", None, "the report has fewer than 100 characters");
    }
    if !text.contains(&expectation.run_id) {
        let message = format!("the report does not name its run {}", short(&expectation.run_id));
        report.add("run_id.foreign", None, message);
    }
    let Some(manifest) = manifest else { return report };
    // The service's report always names its pack; another writer's is held to it where it speaks of one at all.
    if let Some(rep_id) = &manifest.rep_id
        && !text.contains(rep_id.as_str())
        && (manifest.by_service || speaks_of_pack(text))
    {
        let message = format!("the report does not name the manifest's pack {}", short(rep_id));
        report.add("rep_id.foreign", None, message);
    }
    if manifest.by_service {
        let headings: Vec<String> =
            text.lines().filter(|line| line.starts_with('#')).map(str::to_lowercase).collect();
        for section in SECTIONS {
            if !headings.iter().any(|heading| heading.contains(section)) {
                // That writer always writes all of them, so one that lacks was cut off.
                report.add("report.section", None, format!("the report has no section {section}"));
            }
        }
    }
    report
}

fn speaks_of_pack(text: &str) -> bool {
    let text = text.to_lowercase();
    ["rep id", "rep_id", "rep-id"].iter().any(|label| text.contains(label))
}
