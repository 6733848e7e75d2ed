//! What a colleague hands on: bundles, manifests and signatures.

use holdpoint_report::attestation::{self, Signing};
use holdpoint_report::bundle;
use holdpoint_report::manifest::{Manifest, is_of_a_check};

use crate::shown;

/// A bundle that is opened holds files of a check under their own names, each as its manifest says; any other is refused.
pub(crate) fn bundle(bytes: &[u8]) {
    match bundle::unpack(bytes) {
        Ok(unpacked) => {
            assert!(!unpacked.journal().is_empty());
            for (name, _) in unpacked.files() {
                let beside = ["SHA256SUMS", "attestation.intoto.json"].contains(&name);
                assert!(beside || is_of_a_check(name), "{name}");
                assert!(!name.contains("..") && !name.starts_with('/') && !name.contains('\\'), "{name}");
            }
        }
        Err(error) => shown::values(&error.to_string()),
    }
}

/// A manifest that is read names files of a check alone, and is written as it was read.
pub(crate) fn manifest(bytes: &[u8]) {
    match Manifest::parse(&String::from_utf8_lossy(bytes)) {
        Ok(manifest) => {
            assert!(manifest.sums().all(|(name, sum)| is_of_a_check(name) && sum.len() == 64));
            assert_eq!(Manifest::parse(&manifest.text()).ok().as_ref(), Some(&manifest));
            assert!(manifest.compare(&manifest).is_empty());
        }
        Err(error) => shown::values(&error.to_string()),
    }
}

/// Nobody who does not have the key makes a signature that holds.
pub(crate) fn attestation(bytes: &[u8]) {
    match attestation::parse(bytes) {
        Ok(envelope) => {
            let stranger = Signing::from_secret(&[0x5a; 32]).public();
            match attestation::verify(&envelope, stranger) {
                Ok(_) => panic!("a signature of a key that signed nothing"),
                Err(error) => shown::values(&error.to_string()),
            }
        }
        Err(error) => shown::values(&error.to_string()),
    }
}
