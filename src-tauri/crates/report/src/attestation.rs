//! A signature over a saved check: an in-toto statement (predicate test-result/v0.1) in a DSSE envelope, signed with
//! Ed25519, so that tools which know neither Holdpoint nor its journal can check it with the public key alone.
//!
//! Sources: in-toto Statement v1 and test-result v0.1 (in-toto/attestation, `spec/`), DSSE protocol v1.0.2
//! (secure-systems-lab/dsse, `protocol.md`).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::pkcs8::{DecodePublicKey as _, EncodePublicKey as _, spki::der::pem::LineEnding};
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use holdpoint_check::results::Results;
use holdpoint_check::verdict::{NoVerdict, Verdict, Word};
use holdpoint_check::words::{ChaosMode, TestId};
use holdpoint_foreign::json;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::json::status;
use crate::manifest::{MANIFEST_FILE, Manifest};

/// The name of the envelope in the folder of a check.
pub const ATTESTATION_FILE: &str = "attestation.intoto.json";
/// What the payload of the envelope is.
pub const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";
/// What a statement is.
const STATEMENT_TYPE: &str = "https://in-toto.io/Statement/v1";
/// What our statements say.
const PREDICATE_TYPE: &str = "https://in-toto.io/attestation/test-result/v0.1";
/// An envelope has some KiB.
pub const LIMITS: json::Limits = json::Limits { bytes: 256 * 1024, values: 10_000 };

/// The secret half of a key. Shows nothing of itself.
pub struct Signing(SigningKey);

impl std::fmt::Debug for Signing {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Signing({})", self.public().id())
    }
}

impl Signing {
    /// A key of 32 bytes that nobody can guess.
    pub fn from_secret(secret: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(secret))
    }

    /// Reads the text in which a keychain keeps it: the base64 of its 32 bytes.
    pub fn from_text(text: &str) -> Result<Self, AttestationError> {
        let bytes = STANDARD.decode(text.trim()).ok().and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
        bytes.map(|bytes| Self::from_secret(&bytes)).ok_or(AttestationError::Key)
    }

    /// The half that everybody may have.
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key())
    }
}

/// The half of a key that everybody may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublicKey(VerifyingKey);

impl PublicKey {
    /// As PEM, which other tools read.
    pub fn to_pem(self) -> String {
        // 32 bytes always encode.
        self.0.to_public_key_pem(LineEnding::LF).unwrap_or_default()
    }

    /// Reads PEM.
    pub fn from_pem(text: &str) -> Result<Self, AttestationError> {
        VerifyingKey::from_public_key_pem(text.trim()).map(Self).map_err(|_| AttestationError::Key)
    }

    /// The SHA-256 of its DER form, in hexadecimal: names it in envelopes.
    pub fn id(self) -> String {
        let der =
            self.0.to_public_key_der().map(ed25519_dalek::pkcs8::Document::into_vec).unwrap_or_default();
        hex::encode(Sha256::digest(der))
    }
}

/// Why a signature says nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AttestationError {
    /// The key is none.
    #[error("this is no Ed25519 key; a public key is a PEM file that begins with -----BEGIN PUBLIC KEY-----")]
    Key,
    /// The envelope is none.
    #[error("{ATTESTATION_FILE} is no signed statement: {0}")]
    Foreign(String),
    /// Another key signed, or nobody did.
    #[error("the signature is not of this key, or what it signed was changed")]
    Invalid,
}

/// A DSSE envelope.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Envelope {
    /// [`PAYLOAD_TYPE`].
    pub payload_type: String,
    /// The base64 of the statement.
    pub payload: String,
    /// One entry a key.
    pub signatures: Vec<EnvelopeSignature>,
}

/// A signature in an envelope.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnvelopeSignature {
    /// Which key; a hint, never trusted.
    #[serde(default)]
    pub keyid: String,
    /// The base64 of the signature.
    pub sig: String,
}

/// What a verified statement says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attested {
    /// The digest of the manifest that was signed.
    pub manifest: String,
    /// The digest of the journal that was signed.
    pub journal: String,
    /// `PASSED`, `WARNED` or `FAILED`.
    pub result: String,
    /// The verdict that was signed.
    pub headline: String,
}

/// The statement: its subjects are the manifest and every file in it.
pub fn statement(results: &Results, verdict: &Verdict, manifest: &Manifest) -> Value {
    let subject = |(name, sum): (&str, &str)| json!({"name": name, "digest": {"sha256": sum}});
    let mut subjects = vec![subject((MANIFEST_FILE, &manifest.digest()))];
    subjects.extend(manifest.sums().map(subject));
    let environment = &results.plan.environment;
    let tests = |wanted: &[&str]| -> Vec<&str> {
        let tests = results.plan.suite.tests().into_iter();
        tests.filter(|test| wanted.contains(&status(verdict, *test))).map(TestId::name).collect()
    };
    json!({
        "_type": STATEMENT_TYPE,
        "subject": subjects,
        "predicateType": PREDICATE_TYPE,
        "predicate": {
            "result": result(verdict),
            "configuration": [{
                "name": "plan",
                "digest": {"sha256": results.plan.digest()},
                "annotations": {
                    "verdict": verdict.headline,
                    "scope": verdict.scope,
                    "chaos": verdict.chaos.word(),
                    "environment": environment.name,
                    "api": environment.api_url,
                    "apiVersion": results.api.last().map_or("unknown", |api| api.version.as_str()),
                    "check": results.check_id,
                    "holdpoint": results.holdpoint,
                },
            }],
            "passedTests": tests(&["PASS"]),
            "warnedTests": tests(&["SKIP"]),
            "failedTests": tests(&["FAIL", "ERROR"]),
        },
    })
}

/// The one word of the predicate. What was not proven did not pass: only a GO without any label does.
fn result(verdict: &Verdict) -> &'static str {
    let labelled = verdict.chaos == ChaosMode::Simulated
        || verdict.rehearsal
        || !verdict.waivers.is_empty()
        || !verdict.looser.is_empty();
    match (verdict.word, &verdict.no_verdict) {
        (Word::Go, _) if labelled => "WARNED",
        (Word::Go, _) => "PASSED",
        (Word::NoVerdict, Some(NoVerdict::PartOfSuite)) => "WARNED",
        (Word::NoGo | Word::NoVerdict, _) => "FAILED",
    }
}

/// What is signed: type and payload, each with its length before it (DSSE, "PAE").
fn pre_authentication(payload: &[u8]) -> Vec<u8> {
    let head = format!("DSSEv1 {} {PAYLOAD_TYPE} {} ", PAYLOAD_TYPE.len(), payload.len());
    [head.as_bytes(), payload].concat()
}

/// Signs a statement.
pub fn sign(statement: &Value, key: &Signing) -> Envelope {
    let payload = statement.to_string().into_bytes();
    let signature = key.0.sign(&pre_authentication(&payload));
    Envelope {
        payload_type: PAYLOAD_TYPE.into(),
        payload: STANDARD.encode(payload),
        signatures: vec![EnvelopeSignature {
            keyid: key.public().id(),
            sig: STANDARD.encode(signature.to_bytes()),
        }],
    }
}

/// Reads an envelope; what it says is not verified.
pub fn parse(bytes: &[u8]) -> Result<Envelope, AttestationError> {
    let foreign = |problem: String| AttestationError::Foreign(problem);
    LIMITS.check(bytes).map_err(|error| foreign(error.to_string()))?;
    let envelope: Envelope = serde_json::from_slice(bytes).map_err(|error| foreign(json::said(&error)))?;
    if envelope.payload_type != PAYLOAD_TYPE {
        return Err(foreign("its payload is of another type".into()));
    }
    if envelope.signatures.len() > 100 {
        return Err(foreign("it holds more signatures than are read".into()));
    }
    Ok(envelope)
}

/// Verifies an envelope with a public key alone, and answers with what was signed.
pub fn verify(envelope: &Envelope, key: PublicKey) -> Result<Attested, AttestationError> {
    let foreign = |problem: &str| AttestationError::Foreign(problem.to_owned());
    let payload = STANDARD.decode(&envelope.payload).map_err(|_| foreign("its payload is not base64"))?;
    let signed = pre_authentication(&payload);
    let of_key = envelope.signatures.iter().any(|one| {
        let signature = STANDARD.decode(&one.sig).ok().and_then(|bytes| Signature::from_slice(&bytes).ok());
        signature.is_some_and(|signature| key.0.verify_strict(&signed, &signature).is_ok())
    });
    if !of_key {
        return Err(AttestationError::Invalid);
    }
    let statement: Value =
        serde_json::from_slice(&payload).map_err(|_| foreign("its payload is not JSON"))?;
    if statement["_type"] != STATEMENT_TYPE || statement["predicateType"] != PREDICATE_TYPE {
        return Err(foreign("its payload is no statement of a test result"));
    }
    let sum = |name: &str| {
        let subjects = statement["subject"].as_array().map_or(&[][..], Vec::as_slice);
        let subject = subjects.iter().find(|subject| subject["name"] == name)?;
        subject.pointer("/digest/sha256").and_then(Value::as_str).map(str::to_owned)
    };
    let text = |pointer: &str| {
        let text = statement.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        holdpoint_foreign::text::cut(text, 400)
    };
    Ok(Attested {
        manifest: sum(MANIFEST_FILE).ok_or_else(|| foreign("it names no manifest"))?,
        journal: sum(holdpoint_check::run::JOURNAL_FILE).ok_or_else(|| foreign("it names no journal"))?,
        result: text("/predicate/result"),
        headline: text("/predicate/configuration/0/annotations/verdict"),
    })
}
