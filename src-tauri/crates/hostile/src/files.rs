//! Files and words that a person points at or types.

use std::path::Path;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::DateTime;
use holdpoint_check::environment::{Environment, is_name};
use holdpoint_check::statistics::{failure_share_bound, percentile_bound_ms, percentile_ms};
use holdpoint_check::words::{Service, TestId};
use holdpoint_foreign::text;
use holdpoint_load::{Histogram, Packed};
use holdpoint_railway::{ExposeSecret as _, cli_config};

use crate::shown;

/// An environment that is read is safe to use, and is the same when it was written and read again.
pub(crate) fn environment(bytes: &[u8]) {
    match Environment::from_json(&String::from_utf8_lossy(bytes)) {
        Ok((environment, secrets)) => {
            assert!(is_name(&environment.name));
            environment.validate().expect("what is read was checked");
            shown::values(&environment);
            for url in [&environment.api_url, &environment.web_url, &environment.storage.url] {
                assert!(matches!(url.scheme(), "http" | "https"), "{url}");
                assert!(url.username().is_empty() && url.password().is_none(), "{url}");
            }
            let written = serde_json::to_string(&environment).expect("what was read");
            let (again, none) = Environment::from_json(&written).expect("what was written is read again");
            assert!(none.password.is_none(), "secrets are never written");
            assert_eq!(serde_json::to_string(&again).expect("what was read"), written);
            if let Some(password) = secrets.password.filter(|password| password.expose_secret().len() > 3) {
                assert!(!format!("{password:?}").contains(password.expose_secret()));
            }
        }
        Err(error) => assert!(error.to_string().chars().all(text::is_inert), "{error}"),
    }
}

/// The Railway CLI's file gives a token that can be one, or a reason, and shows the token nowhere.
pub(crate) fn railway_cli(bytes: &[u8]) {
    let now = DateTime::from_timestamp(1_800_000_000, 0).expect("a time of our days");
    match cli_config::parse(&String::from_utf8_lossy(bytes), Path::new("config.json"), now) {
        Ok(found) => {
            let token = found.token.expose_secret();
            assert!(!token.is_empty() && token != "null" && token.trim() == token);
            assert!(found.expires_at.is_none_or(|expires| expires > now));
            assert!(!format!("{found:?}").contains(&format!("\"{token}\"")));
        }
        Err(error) => assert!(error.to_string().chars().all(text::is_inert), "{error}"),
    }
}

/// A histogram that is read keeps its order of ranks, and is the same when it was written and read again.
pub(crate) fn histogram(bytes: &[u8]) {
    let read = Histogram::from_text(&String::from_utf8_lossy(bytes));
    let histogram = match read {
        Ok(histogram) => histogram,
        // Mostly it is no base64, and then a head of ours with any counts says more.
        Err(_) => match Histogram::from_text(&with_our_head(bytes)) {
            Ok(histogram) => histogram,
            Err(_) => return,
        },
    };
    let again = Histogram::from_text(&histogram.to_text()).expect("what was written is read again");
    assert_eq!(again, histogram);
    assert_eq!(Packed::from(&histogram).unpacked(), histogram);
    let hour = 3_601_000.0;
    let quantiles = [0.0, 0.5, 0.95, 0.99, 1.0].map(|quantile| histogram.quantile_ms(quantile));
    assert!(quantiles.is_sorted(), "{quantiles:?}");
    assert!(quantiles.iter().flatten().all(|millis| (0.0..hour).contains(millis)), "{quantiles:?}");
    let rank = percentile_ms(&histogram, 0.95);
    let bound = percentile_bound_ms(&histogram, 0.95);
    assert!(bound.is_none() || bound >= rank, "{bound:?} below {rank:?}");
    let _ = failure_share_bound(histogram.len() / 2, histogram.len());
    let counted: u64 = histogram.counts().map(|(_, count)| count).sum();
    assert_eq!(counted, histogram.len());
    let mut sum = histogram.clone();
    (0..3).for_each(|_| sum.merge(&histogram));
    assert_eq!(sum.len(), histogram.len() * 4);
    sum.record(Duration::from_secs(1));
}

fn with_our_head(counts: &[u8]) -> String {
    let mut bytes = Vec::new();
    let length = u32::try_from(counts.len()).unwrap_or_default();
    for word in [0x1c84_9313, length, 0, 3] {
        bytes.extend_from_slice(&u32::to_be_bytes(word));
    }
    for word in [1, 3_600_000_000, 1.0_f64.to_bits()] {
        bytes.extend_from_slice(&u64::to_be_bytes(word));
    }
    bytes.extend_from_slice(counts);
    STANDARD.encode(bytes)
}

/// Words on the command line are one of ours, or a clear refusal.
pub(crate) fn words(bytes: &[u8]) {
    let word = String::from_utf8_lossy(bytes);
    match word.parse::<TestId>() {
        Ok(test) => assert_eq!(test.to_string().parse(), Ok(test)),
        Err(said) => assert!(said.chars().all(text::is_inert), "{said:?}"),
    }
    match word.parse::<Service>() {
        Ok(service) => assert_eq!(service.to_string().parse(), Ok(service)),
        Err(said) => assert!(said.chars().all(text::is_inert), "{said:?}"),
    }
    if is_name(&word) {
        assert!(!word.contains(['/', '\\', '.', '\0']) && word.len() <= 60);
    }
}
