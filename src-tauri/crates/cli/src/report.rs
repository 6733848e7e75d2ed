//! `holdpoint report`.

use std::path::{Path, PathBuf};

use holdpoint_check::event::{Decision, Event};
use holdpoint_check::{fold, journal, judge, run, saved};
use holdpoint_desk::archive::{self, Opened};
use holdpoint_desk::capacity::CAPACITY_FILE;
use holdpoint_desk::vault::Vault;
use holdpoint_desk::view::{CapacityFormat, ExportFormat};
use holdpoint_desk::{decisions, saving};
use holdpoint_foreign::file;
use holdpoint_report::attestation::PublicKey;
use holdpoint_report::bundle::{self, Unpacked};
use holdpoint_report::capacity;
use holdpoint_report::recorded::{self, Recorded};
use holdpoint_report::verification::{self, VerificationError};
use holdpoint_report::{JSON_FILE, markdown};

use crate::arguments::ReportCommand;
use crate::failure::Failure;
use crate::out;

/// A public key has some hundred bytes.
const KEY_LIMIT: u64 = 64 * 1024;

pub(crate) async fn run(command: ReportCommand) -> Result<u8, Failure> {
    match command {
        ReportCommand::Show { file } | ReportCommand::Markdown { file } => {
            if out::text(&text(&file)?) {
                Ok(0)
            } else {
                Err(Failure::failed("the report could not be written to where it was to go"))
            }
        }
        ReportCommand::Export { check, to, name, format } => export(&check, &to, &name, &format),
        ReportCommand::Verify { check, key } => verify(&check, key.as_deref()),
        ReportCommand::Sign { check } => sign(&check).await,
        ReportCommand::SignOff { check, decision, name, role, note } => {
            sign_off(&check, decision.into(), &name, &role, &note)
        }
    }
}

/// A folder shows its journal, because that is the truth; a file is shown by what it is.
fn text(path: &Path) -> Result<String, Failure> {
    if let Some(unpacked) = unpacked(path)? {
        let records = journal::read_from(unpacked.journal(), path)?;
        let results = fold::fold(&records)?;
        return Ok(markdown::render(&results, &judge::judge_now(&results)));
    }
    let journal_path = if path.is_dir() { path.join(run::JOURNAL_FILE) } else { path.to_owned() };
    if journal_path.extension().is_some_and(|extension| extension == "ndjson") && journal_path.exists() {
        let results = saved::results(&journal_path)?;
        return Ok(markdown::render(&results, &judge::judge_now(&results)));
    }
    if let Some(path) = of_capacity(path) {
        return Ok(capacity::render(&capacity::read(&path)?));
    }
    let path = if path.is_dir() { path.join(JSON_FILE) } else { path.to_owned() };
    let recorded: Recorded = recorded::read(&path)?;
    Ok(recorded::markdown(&recorded))
}

/// The bundle in a file; none where the file is something else.
fn unpacked(path: &Path) -> Result<Option<Unpacked>, Failure> {
    if path.extension().is_none_or(|extension| extension != bundle::EXTENSION) || path.is_dir() {
        return Ok(None);
    }
    let bytes = file::read(path, bundle::SIZE_LIMIT)?;
    Ok(Some(bundle::unpack(&bytes)?))
}

/// The document of a capacity run, where a path is one or a folder with one.
fn of_capacity(path: &Path) -> Option<PathBuf> {
    let path = if path.is_dir() { path.join(CAPACITY_FILE) } else { path.to_owned() };
    capacity::is_one_at(&path).then_some(path)
}

fn export(check: &Path, to: &Path, name: &str, formats: &[ExportFormat]) -> Result<u8, Failure> {
    if let Some(path) = of_capacity(check) {
        let formats = [CapacityFormat::Markdown, CapacityFormat::Json];
        let from = path.parent().unwrap_or(Path::new(""));
        for file in holdpoint_desk::capacity::export(from, to, name, &formats, &capacity::read(&path)?)? {
            out::line(&file.display().to_string());
        }
        return Ok(0);
    }
    let Opened::Ours(both) = archive::open(check)? else {
        return Err(Failure::usage("a file of another program has no report of ours"));
    };
    for file in saving::export(to, name, formats, check, &both.0, &both.1)? {
        out::line(&file.display().to_string());
    }
    Ok(0)
}

fn verify(check: &Path, key: Option<&Path>) -> Result<u8, Failure> {
    let key = match key {
        Some(path) => Some(PublicKey::from_pem(&file::read_text(path, KEY_LIMIT)?)?),
        None => None,
    };
    // A bundle is verified as the folder that it becomes.
    let (bundled, folder);
    let check = match unpacked(check) {
        Ok(None) => check,
        Ok(Some(unpacked)) => {
            folder = tempfile::tempdir()?;
            bundle::write_into(&unpacked, folder.path())?;
            bundled = folder.path().to_owned();
            &bundled
        }
        Err(failure) => {
            out::line(&format!("changed: {failure}"));
            return Ok(1);
        }
    };
    let found = match verification::of_folder(check, key) {
        Ok(found) => found,
        Err(VerificationError::Journal(error)) => {
            out::line(&format!("changed: {error}"));
            return Ok(1);
        }
        Err(error) => return Err(Failure::failed(error.to_string())),
    };
    let mut differences: Vec<String> = found.differences.iter().map(ToString::to_string).collect();
    if !archive::summary_is_true(check) {
        differences.push("summary.json does not say what the journal says".into());
    }
    for difference in &differences {
        out::line(&format!("changed: {difference}"));
    }
    if let Some(words) = decisions::words(&found.signature) {
        out::line(&format!("signature: {words}"));
    }
    if differences.is_empty() && found.is_good() {
        out::line(&format!("unchanged: every file is as its manifest says (sha256 {})", found.digest));
        return Ok(0);
    }
    Ok(1)
}

async fn sign(check: &Path) -> Result<u8, Failure> {
    let Some(key) = Vault::default().signing_key().await? else {
        return Err(Failure::usage("there is no key; make one with `holdpoint signing create`"));
    };
    let Opened::Ours(both) = archive::open(check)? else {
        return Err(Failure::usage("a file of another program has nothing of ours to sign"));
    };
    saving::sign(check, &both.0, &both.1, &key)?;
    out::line(&format!("signed with the key {}", key.public().id()));
    Ok(0)
}

fn sign_off(check: &Path, decision: Decision, name: &str, role: &str, note: &str) -> Result<u8, Failure> {
    let Opened::Ours(both) = archive::open(check)? else {
        return Err(Failure::usage("a file of another program has nothing to decide on"));
    };
    let sign_off = decisions::sign_off(&both.1, decision, name, role, note)?;
    let against = sign_off.is_against();
    saving::unchanged(check)?;
    journal::append(&check.join(run::JOURNAL_FILE), Event::SignedOff(sign_off))?;
    let results = saved::results(&check.join(run::JOURNAL_FILE))?;
    saving::save(check, &results, &judge::judge(&results))?;
    let against = if against { ", against the verdict" } else { "" };
    out::line(&format!("{}{against}. The verdict stays: {}", decision.word(), both.1.headline));
    Ok(0)
}
