//! Whether a saved check is still what it was: its files against its manifest, and its signature against a public key.

use std::io;
use std::path::Path;

use holdpoint_check::journal::{self, JournalError};
use holdpoint_check::run::JOURNAL_FILE;
use holdpoint_foreign::file;

use crate::attestation::{self, ATTESTATION_FILE, AttestationError, Attested, PublicKey};
use crate::manifest::{Difference, MANIFEST_FILE, Manifest, ManifestError};

/// What came out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verification {
    /// The digest of the manifest: stands for every byte of the check.
    pub digest: String,
    /// What is not as the manifest says.
    pub differences: Vec<Difference>,
    /// What became of the signature.
    pub signature: Signed,
}

/// What a signature says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Signed {
    /// There is none.
    Not,
    /// There is one, and no key was given to verify it with. The id is what the envelope claims.
    Unverified {
        /// The id of the key that the envelope names.
        key: String,
    },
    /// The key signed the check as it is.
    Whole(Attested),
    /// The key signed the check before people decided what now stands at its end.
    Before {
        /// What was signed.
        attested: Attested,
        /// How many decisions were added since.
        added: usize,
    },
    /// The key signed something else, or another key did.
    Wrong(String),
}

impl Verification {
    /// Whether nothing speaks against the check.
    pub fn is_good(&self) -> bool {
        self.differences.is_empty() && !matches!(self.signature, Signed::Wrong(_))
    }
}

/// Why nothing could be verified.
#[derive(Debug, thiserror::Error)]
pub enum VerificationError {
    /// There is nothing to compare with.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// The journal cannot be read.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

/// Verifies the folder of a check; its signature only with a key.
pub fn of_folder(folder: &Path, key: Option<PublicKey>) -> Result<Verification, VerificationError> {
    let manifest = Manifest::read(folder)?;
    let now = Manifest::of_folder(folder)?;
    let mut differences = manifest.compare(&now);
    if manifest.sum(JOURNAL_FILE).is_none() {
        differences.push(Difference::Added(JOURNAL_FILE.into()));
    }
    let signature = match envelope(folder) {
        Ok(None) if key.is_some() => Signed::Wrong("it is not signed".into()),
        Ok(None) => Signed::Not,
        Err(problem) => Signed::Wrong(problem),
        Ok(Some(bytes)) => signature(folder, &bytes, key, &manifest)?,
    };
    Ok(Verification { digest: manifest.digest(), differences, signature })
}

fn envelope(folder: &Path) -> Result<Option<Vec<u8>>, String> {
    let path = folder.join(ATTESTATION_FILE);
    match file::read(&path, attestation::LIMITS.bytes as u64).map_err(io::Error::from) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(format!("{ATTESTATION_FILE} cannot be read: {error}")),
    }
}

fn signature(
    folder: &Path,
    bytes: &[u8],
    key: Option<PublicKey>,
    manifest: &Manifest,
) -> Result<Signed, JournalError> {
    let envelope = match attestation::parse(bytes) {
        Ok(envelope) => envelope,
        Err(error) => return Ok(Signed::Wrong(error.to_string())),
    };
    let Some(key) = key else {
        let named = envelope.signatures.first().map_or("", |one| one.keyid.as_str());
        return Ok(Signed::Unverified { key: holdpoint_foreign::text::cut(named, 80) });
    };
    let attested = match attestation::verify(&envelope, key) {
        Ok(attested) => attested,
        Err(error @ (AttestationError::Invalid | AttestationError::Foreign(_) | AttestationError::Key)) => {
            return Ok(Signed::Wrong(error.to_string()));
        }
    };
    if attested.manifest == manifest.digest() {
        return Ok(Signed::Whole(attested));
    }
    // Reports are made again after each decision; the journal still has to begin with what was signed.
    let records = journal::read(&folder.join(JOURNAL_FILE))?;
    let before: Vec<&str> = journal::digests_before_decisions(&records).collect();
    Ok(match before.iter().position(|digest| *digest == attested.journal) {
        Some(place) => Signed::Before { attested, added: before.len() - place },
        None if manifest.sum(JOURNAL_FILE) == Some(attested.journal.as_str()) => {
            Signed::Wrong(format!("{JOURNAL_FILE} is the one that was signed, the reports beside it are not"))
        }
        None => Signed::Wrong(format!(
            "{MANIFEST_FILE} is not the one that was signed, and the journal does not begin with what was signed"
        )),
    })
}

/// Whether the journal in a folder is the one of its manifest, or that one with decisions added to it. Without a manifest
/// there is nothing to say against it.
pub fn continues(folder: &Path) -> Result<bool, VerificationError> {
    let manifest = match Manifest::read(folder) {
        Err(ManifestError::None(_)) => return Ok(true),
        other => other?,
    };
    let Some(sum) = manifest.sum(JOURNAL_FILE) else { return Ok(false) };
    let (records, digest) = journal::read_with_digest(&folder.join(JOURNAL_FILE))?;
    Ok(sum == digest || journal::digests_before_decisions(&records).any(|before| before == sum))
}
