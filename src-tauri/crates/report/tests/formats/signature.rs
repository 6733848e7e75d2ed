//! Signatures, verified by others.

use std::path::Path;
use std::process::Command;

use holdpoint_report::attestation::{self, Envelope, PublicKey, Signing};
use holdpoint_report::manifest::Manifest;
use serde_json::Value;

use crate::read::base64;
use crate::samples::{Sample, all, healthy};

fn signed(sample: &Sample, key: &Signing) -> Envelope {
    let sum = "ab".repeat(32);
    let manifest = Manifest::parse(&format!("{sum}  journal.ndjson\n{sum}  step3_results.json\n")).unwrap();
    attestation::sign(&attestation::statement(&sample.results, &sample.verdict, &manifest), key)
}

/// The 32 bytes of a key in PEM: the last of its DER form (RFC 8410).
fn raw(key: PublicKey) -> Vec<u8> {
    let pem = key.to_pem();
    let text: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    let der = base64(&text);
    der[der.len() - 32..].to_vec()
}

/// DSSE written down once more, from its specification, and another library's Ed25519.
#[test]
fn another_library_verifies_the_envelope() {
    let key = Signing::from_secret(&[7; 32]);
    for sample in all() {
        let envelope = signed(&sample, &key);
        let payload = base64(&envelope.payload);
        let mut message = b"DSSEv1 28 application/vnd.in-toto+json ".to_vec();
        message.extend(payload.len().to_string().bytes());
        message.push(b' ');
        message.extend(&payload);
        let public =
            aws_lc_rs::signature::UnparsedPublicKey::new(&aws_lc_rs::signature::ED25519, raw(key.public()));
        public.verify(&message, &base64(&envelope.signatures[0].sig)).expect(&sample.name);
        let statement: Value = serde_json::from_slice(&payload).unwrap();
        assert_eq!(statement["_type"], "https://in-toto.io/Statement/v1");
        assert_eq!(statement["predicateType"], "https://in-toto.io/attestation/test-result/v0.1");
        let result = statement["predicate"]["result"].as_str().unwrap();
        let expected = match sample.name.as_str() {
            "staging" => "PASSED",
            "healthy" | "simulated" => "WARNED",
            _ => "FAILED",
        };
        assert_eq!(result, expected, "{}", sample.name);
    }
}

#[test]
fn one_changed_letter_and_another_key_do_not_verify() {
    let key = Signing::from_secret(&[7; 32]);
    let envelope = signed(&healthy(), &key);
    let attested = attestation::verify(&envelope, key.public()).unwrap();
    assert_eq!(attested.result, "WARNED");
    let other = Signing::from_secret(&[8; 32]).public();
    assert!(attestation::verify(&envelope, other).is_err());
    for place in (0..envelope.payload.len()).step_by(7) {
        let mut changed = envelope.clone();
        let old = changed.payload.as_bytes()[place];
        changed.payload.replace_range(place..=place, if old == b'A' { "B" } else { "A" });
        assert!(attestation::verify(&changed, key.public()).is_err(), "{place}");
    }
    let read = PublicKey::from_pem(&key.public().to_pem()).unwrap();
    assert_eq!(read, key.public());
    for bad in ["", "-----BEGIN PUBLIC KEY-----", "x"] {
        assert!(PublicKey::from_pem(bad).is_err());
    }
}

const VERIFY: &str = r#"
import json, sys
from securesystemslib.dsse import Envelope
from securesystemslib.signer import SSlibKey
from in_toto_attestation.v1.statement import Statement
from in_toto_attestation.v1 import statement_pb2
from google.protobuf import json_format
from cryptography.hazmat.primitives.serialization import load_pem_public_key
data = json.load(open(sys.argv[1]))
crypto = load_pem_public_key(open(sys.argv[2], "rb").read())
key = SSlibKey.from_crypto(crypto, keyid=data["signatures"][0]["keyid"])
envelope = Envelope.from_dict(data)
accepted = envelope.verify([key], 1)
assert len(accepted) == 1, accepted
message = json_format.Parse(envelope.payload, statement_pb2.Statement())
statement = Statement.copy_from_pb(message)
statement.validate()
assert statement.pb.predicate_type == "https://in-toto.io/attestation/test-result/v0.1"
data["payload"] = data["payload"][:-8] + "AAAAAAA="
try:
    Envelope.from_dict(data).verify([key], 1)
except Exception:
    print("verified")
else:
    raise SystemExit("a changed payload was accepted")
"#;

/// The reference implementations of DSSE and of in-toto statements, from PyPI. Where that cannot be reached this says so;
/// the library above has verified the same.
#[test]
fn the_reference_implementations_verify_the_envelope() {
    let folder = tempfile::tempdir().unwrap();
    let Some(python) = python(folder.path()) else { return };
    let key = Signing::from_secret(&[9; 32]);
    let envelope = folder.path().join("envelope.json");
    let public = folder.path().join("key.pem");
    std::fs::write(&public, key.public().to_pem()).unwrap();
    for sample in all() {
        std::fs::write(&envelope, serde_json::to_string(&signed(&sample, &key)).unwrap()).unwrap();
        let output = Command::new(&python).args(["-c", VERIFY]).arg(&envelope).arg(&public).output().unwrap();
        assert!(
            output.status.success() && output.stdout.starts_with(b"verified"),
            "{}: {}",
            sample.name,
            String::from_utf8_lossy(&output.stderr)
        );
    }
}

/// A Python with the packages, in a folder of its own.
fn python(folder: &Path) -> Option<std::path::PathBuf> {
    let made = Command::new("python3").args(["-m", "venv"]).arg(folder.join("venv")).output();
    let python = folder.join("venv/bin/python");
    if !made.is_ok_and(|made| made.status.success()) {
        println!("NOT RUN: there is no python3 with venv on this computer");
        return None;
    }
    let packages = ["securesystemslib>=1.4,<2", "cryptography", "in-toto-attestation>=0.9.3,<1"];
    let mut pip = Command::new(&python);
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--retries", "1"]);
    let installed = pip.args(["--timeout", "15"]).args(packages).output().unwrap();
    if !installed.status.success() {
        println!("NOT RUN: PyPI cannot be reached: {}", String::from_utf8_lossy(&installed.stderr));
        return None;
    }
    Some(python)
}
