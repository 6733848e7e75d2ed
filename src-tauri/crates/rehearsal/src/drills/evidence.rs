//! Evidence: what REP and BUCKET must see.

use super::{Defect, Drill, PackDamage, PackFile, PackFlaw, Row, drill};

/// What each of the five files goes through: the word in the drill's name, and how a person tells it.
const DAMAGES: [(PackDamage, &str, &str); 6] = [
    (PackDamage::Absent, "absent", "is not there"),
    (PackDamage::Empty, "empty", "is empty"),
    (PackDamage::Truncated, "truncated", "ends in the middle"),
    (PackDamage::NotUtf8, "not-utf8", "is not UTF-8"),
    (PackDamage::AnotherRun, "of-another-run", "is another run's"),
    (PackDamage::OneByte, "one-byte", "has one changed byte"),
];

const ROWS: &[Row] = &[
    (
        "packs-absent",
        "No evidence",
        "Runs succeed and leave no evidence pack",
        &["REP"],
        "REP.absent",
        "rep.absent",
        Defect::PacksAbsent,
    ),
    (
        "rep-counts-off",
        "Counts off by one",
        "The manifest counts one agent step more than the trace holds",
        &["REP"],
        "REP.corrupt",
        "rep.corrupt",
        Defect::Pack(PackFlaw::CountsOff),
    ),
    (
        "rep-call-doubled",
        "A call is recorded twice",
        "The ledger holds its first call twice",
        &["REP"],
        "REP.corrupt",
        "rep.corrupt",
        Defect::Pack(PackFlaw::CallDoubled),
    ),
    (
        "rep-time-backwards",
        "Time runs backwards",
        "Two events of the trace have each other's time",
        &["REP"],
        "REP.corrupt",
        "rep.corrupt",
        Defect::Pack(PackFlaw::TimeBackwards),
    ),
    (
        "rep-edge-to-nowhere",
        "An edge to nowhere in the evidence",
        "The graph of the pack has an edge to a node that is not in it",
        &["REP"],
        "REP.corrupt",
        "rep.corrupt",
        Defect::Pack(PackFlaw::EdgeToNowhere),
    ),
    (
        "pack-in-wrong-bucket",
        "Evidence in another bucket",
        "The worker writes its evidence packs to a production-like bucket",
        &["REP"],
        "REP.absent",
        "rep.absent",
        Defect::PackInWrongBucket,
    ),
    (
        "object-in-second-bucket",
        "One object in a second bucket",
        "The telemetry of one run lies in a production-like bucket while the run names the staging one",
        &["BUCKET"],
        "BUCKET.c",
        "bucket.isolation",
        Defect::ObjectInSecondBucket,
    ),
    (
        "telemetry-altered",
        "Changed telemetry",
        "The telemetry object of one run is not what its checksum says",
        &["BUCKET"],
        "BUCKET.c",
        "bucket.isolation",
        Defect::TelemetryAltered,
    ),
    (
        "strange-key",
        "An object where none belongs",
        "The worker leaves an object beside the known prefixes",
        &["BUCKET"],
        "BUCKET.e",
        "bucket.isolation",
        Defect::StrangeKey,
    ),
    (
        "key-sees-other-bucket",
        "The staging key sees another bucket",
        "The staging key lists a production-like bucket",
        &["BUCKET"],
        "BUCKET.d",
        "bucket.isolation",
        Defect::KeySeesOtherBucket,
    ),
    (
        "key-reads-other-bucket",
        "The staging key reads another bucket",
        "The staging key reads a production-like bucket that the list of buckets does not show",
        &["BUCKET"],
        "BUCKET.d",
        "bucket.isolation",
        Defect::KeyReadsOtherBucket,
    ),
    (
        "artifacts-elsewhere",
        "Artifacts elsewhere",
        "The health answer names the staging bucket, and API and worker write to another one",
        &["BUCKET"],
        "BUCKET.b",
        "bucket.isolation",
        Defect::ArtifactsElsewhere,
    ),
];

/// Every damage to every file, and what is wrong with a pack or bucket as a whole.
pub(super) fn drills() -> Vec<Drill> {
    let files = PackFile::ALL.into_iter().flat_map(|file| {
        DAMAGES.map(|(damage, word, tells)| Drill {
            name: format!("rep-{}-{word}", file.word()),
            title: format!("Evidence: {} {tells}", file.name()),
            what: format!("In every evidence pack {} {tells}", file.name()),
            caught_by: &["REP"],
            criterion: "REP.corrupt",
            finding: "rep.corrupt",
            defect: Defect::Pack(PackFlaw::File(file, damage)),
        })
    });
    files.chain(ROWS.iter().copied().map(drill)).collect()
}
