//! What people decide on a saved check, and whether it is still the one they decided on.

use std::path::Path;

use chrono::Utc;
use holdpoint_check::event::{Decision, SignOff, needs_note};
use holdpoint_check::verdict::Verdict;
use holdpoint_report::attestation::PublicKey;
use holdpoint_report::manifest::{Difference, ManifestError};
use holdpoint_report::verification::{self, Signed, VerificationError};

use crate::archive;
use crate::error::DeskError;
use crate::view::{FieldProblem, Integrity, Problem, SigningKey};

/// The longest name, role and note, in characters.
const NAME_LIMIT: usize = 100;
const NOTE_LIMIT: usize = 2000;

/// A decision on a verdict, complete, or what lacks in it.
pub fn sign_off(
    verdict: &Verdict,
    decision: Decision,
    name: &str,
    role: &str,
    note: &str,
) -> Result<SignOff, DeskError> {
    let [name, role, note] = [name, role, note].map(str::trim);
    let mut fields = Vec::new();
    let mut wrong = |field: &str, message: &str| {
        fields.push(FieldProblem { field: field.into(), message: message.into() });
    };
    if name.is_empty() {
        wrong("name", "Say who decides.");
    }
    if role.is_empty() {
        wrong("role", "Say as what, for example release manager.");
    }
    if note.is_empty() && needs_note(decision, verdict) {
        wrong("note", "Say why: this goes against the verdict, or rests on simulated restarts.");
    }
    for (field, text, limit) in
        [("name", name, NAME_LIMIT), ("role", role, NAME_LIMIT), ("note", note, NOTE_LIMIT)]
    {
        if text.chars().count() > limit {
            wrong(field, &format!("This takes at most {limit} characters."));
        }
    }
    if !fields.is_empty() {
        return Err(DeskError(Problem {
            code: "sign_off.incomplete".into(),
            message: "The decision was not recorded.".into(),
            why: fields.iter().map(|field| field.message.as_str()).collect::<Vec<_>>().join(" "),
            remedy: "Complete it and sign again.".into(),
            fields,
        }));
    }
    Ok(SignOff {
        name: name.into(),
        role: role.into(),
        decision,
        note: note.into(),
        word: verdict.word,
        headline: verdict.headline.clone(),
        at: Utc::now(),
        evidence: None,
    })
}

/// A key as far as it may be shown.
pub fn shown(key: Option<PublicKey>) -> SigningKey {
    SigningKey { id: key.map(PublicKey::id), public: key.map(PublicKey::to_pem), problem: None }
}

/// Whether the files of a check are what they were; none where there is nothing to compare with.
pub fn integrity(folder: &Path, key: Option<PublicKey>) -> Option<Integrity> {
    // A signature of somebody else's key is no fault of the check: it is named, and whoever has that key verifies it.
    let own = key.filter(|key| {
        matches!(verification::of_folder(folder, None), Ok(found) if found.signature == Signed::Unverified { key: key.id() })
    });
    let found = match verification::of_folder(folder, own) {
        Ok(found) => found,
        Err(VerificationError::Manifest(ManifestError::None(_))) => return None,
        Err(error) => {
            return Some(Integrity {
                digest: String::new(),
                differences: vec![error.to_string()],
                signature: None,
                signed: false,
            });
        }
    };
    let mut differences: Vec<String> = found.differences.iter().map(Difference::to_string).collect();
    if !archive::summary_is_true(folder) {
        differences.push("summary.json does not say what the journal says".into());
    }
    let signature = words(&found.signature);
    let signed = matches!(found.signature, Signed::Whole(_) | Signed::Before { .. });
    Some(Integrity { digest: found.digest, differences, signature, signed })
}

/// A signature in words; none where there is none.
pub fn words(signature: &Signed) -> Option<String> {
    Some(match signature {
        Signed::Not => return None,
        Signed::Unverified { key } => {
            format!(
                "signed, by its own words with key {}; verify it with the public key",
                key.get(..16).unwrap_or(key)
            )
        }
        Signed::Whole(attested) => format!("signed as it is: {}", attested.headline),
        Signed::Before { attested, added } => {
            let decisions = if *added == 1 { "decision was" } else { "decisions were" };
            format!("signed before the last {added} {decisions} added: {}", attested.headline)
        }
        Signed::Wrong(problem) => format!("the signature does not hold: {problem}"),
    })
}
