//! Taking secrets that we know out of texts of others: a server that repeats a credential in an answer, a log line or an
//! object must not carry it into journals, reports and error texts.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;

use aho_corasick::{AhoCorasick, MatchKind};
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use serde_json::Value;

/// What stands in a secret's place.
const HIDDEN: &str = "[secret]";
/// Shorter secrets would take ordinary words out of texts, and are no secrets either.
const SHORTEST: usize = 8;

/// Secrets, in every form that others may repeat them in: as they are, escaped for JSON, percent-encoded, in Base64 at any
/// place of a longer text (as in `Authorization: Basic`), in hex.
#[derive(Clone, Default)]
pub struct KnownSecrets {
    secrets: BTreeSet<String>,
    finder: Option<AhoCorasick>,
}

impl fmt::Debug for KnownSecrets {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} secrets", self.secrets.len())
    }
}

impl KnownSecrets {
    /// Nothing to hide in any text but these.
    pub fn new<'a>(secrets: impl IntoIterator<Item = &'a str>) -> Self {
        let mut known = Self::default();
        for secret in secrets {
            known.add(secret);
        }
        known
    }

    /// One more.
    pub fn add(&mut self, secret: &str) {
        if secret.len() >= SHORTEST && self.secrets.insert(secret.to_owned()) {
            self.find_all();
        }
    }

    /// All of others.
    pub fn add_all(&mut self, others: &Self) {
        self.secrets.extend(others.secrets.iter().cloned());
        self.find_all();
    }

    fn find_all(&mut self) {
        let forms: BTreeSet<String> = self.secrets.iter().flat_map(|secret| forms(secret)).collect();
        // Too many patterns for its memory is the only way to fail, and these are some dozens.
        self.finder = AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(forms).ok();
    }

    /// Whether a text holds one.
    pub fn are_in(&self, text: &str) -> bool {
        self.finder.as_ref().is_some_and(|finder| finder.is_match(text))
    }

    /// The text without them.
    pub fn hide<'a>(&self, text: &'a str) -> Cow<'a, str> {
        match &self.finder {
            Some(finder) if finder.is_match(text) => {
                let hidden = vec![HIDDEN; finder.patterns_len()];
                Cow::Owned(finder.replace_all(text, &hidden))
            }
            _ => Cow::Borrowed(text),
        }
    }

    /// Takes them out of every text of a value, names of fields included.
    pub fn hide_in(&self, value: &mut Value) {
        match value {
            Value::String(text) => {
                if let Cow::Owned(hidden) = self.hide(text) {
                    *text = hidden;
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.hide_in(item)),
            Value::Object(fields) => {
                if fields.keys().any(|name| self.are_in(name)) {
                    let known = std::mem::take(fields).into_iter();
                    fields.extend(known.map(|(name, field)| (self.hide(&name).into_owned(), field)));
                }
                fields.values_mut().for_each(|field| self.hide_in(field));
            }
            _ => {}
        }
    }
}

fn forms(secret: &str) -> Vec<String> {
    let bytes = secret.as_bytes();
    let json = Value::from(secret).to_string();
    let mut forms = vec![secret.to_owned(), json[1..json.len() - 1].to_owned(), hex::encode(bytes)];
    for upper in [true, false] {
        forms.push(percent(bytes, upper));
    }
    for before in 0..3 {
        forms.push(inside(&STANDARD_NO_PAD, bytes, before));
        forms.push(inside(&URL_SAFE_NO_PAD, bytes, before));
    }
    forms.retain(|form| form.len() >= SHORTEST);
    forms
}

/// What stays the same of a secret's Base64, whatever else is encoded before it (`before` bytes, modulo 3) and after it.
fn inside(engine: &impl base64::Engine, secret: &[u8], before: usize) -> String {
    let mut whole = vec![0; before];
    whole.extend_from_slice(secret);
    let encoded = engine.encode(&whole);
    // A letter holds 6 bits: those that share bits with a neighbour vary with it.
    let first = (before * 8).div_ceil(6);
    let last = whole.len() * 8 / 6;
    encoded.get(first..last).unwrap_or_default().to_owned()
}

fn percent(bytes: &[u8], upper: bool) -> String {
    let mut out = String::new();
    for byte in bytes {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(byte) {
            out.push(char::from(*byte));
            continue;
        }
        let digits = hex::encode([*byte]);
        out.push('%');
        out.push_str(&if upper { digits.to_ascii_uppercase() } else { digits });
    }
    out
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE};
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    const SECRET: &str = "p/w \"quoted\" & 100% secret";

    #[test]
    fn every_form_is_hidden() {
        let known = KnownSecrets::new([SECRET, "short"]);
        let texts = [
            SECRET.to_owned(),
            format!("Authorization: Bearer {SECRET}"),
            json!({"detail": SECRET}).to_string(),
            percent(SECRET.as_bytes(), true),
            percent(SECRET.as_bytes(), false),
            hex::encode(SECRET),
            STANDARD.encode(SECRET),
        ];
        for text in &texts {
            let hidden = known.hide(text);
            assert!(hidden.contains(HIDDEN), "{text} is {hidden}");
            assert!(!known.are_in(&hidden) && !hidden.contains(SECRET), "{hidden}");
        }
        assert_eq!(known.hide("a short text"), "a short text");
    }

    #[test]
    fn values_lose_them_in_texts_and_in_names() {
        let known = KnownSecrets::new([SECRET]);
        let mut value = json!({"a": [{"b": format!("x {SECRET} y")}], SECRET: 1});
        known.hide_in(&mut value);
        assert_eq!(value, json!({"a": [{"b": "x [secret] y"}], "[secret]": 1}));
    }

    #[test]
    fn nothing_shows_them() {
        assert_eq!(format!("{:?}", KnownSecrets::new([SECRET])), "1 secrets");
    }

    proptest! {
        #[test]
        fn base64_of_a_longer_text_is_seen(
            before in "[ -~]{0,9}", secret in "[a-zA-Z0-9/+=_-]{12,40}", after in "[ -~]{0,9}"
        ) {
            let known = KnownSecrets::new([secret.as_str()]);
            for encoded in [STANDARD.encode(format!("{before}{secret}{after}")), URL_SAFE.encode(format!("{before}{secret}{after}"))] {
                prop_assert!(known.are_in(&encoded), "{encoded}");
            }
        }
    }
}
