//! Changes to a genuine document, chosen by bytes: a fuzzer that has to find its way through JSON first seldom gets
//! to what lies behind it.

use std::fmt::Write as _;

use serde_json::{Value, json};

/// Bytes to choose by; zeros once they are used up.
pub(crate) struct Choices<'a>(pub(crate) &'a [u8]);

impl Choices<'_> {
    pub(crate) fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    /// A number below `count`, which is not 0.
    pub(crate) fn below(&mut self, count: usize) -> usize {
        let (high, low) = (self.byte(), self.byte());
        (usize::from(high) << 8 | usize::from(low)) % count
    }

    pub(crate) fn is_used_up(&self) -> bool {
        self.0.is_empty()
    }

    /// A text of up to 64 bytes, taken as they are.
    fn text(&mut self) -> String {
        let length = usize::from(self.byte() % 64).min(self.0.len());
        let (text, rest) = self.0.split_at(length);
        self.0 = rest;
        String::from_utf8_lossy(text).into_owned()
    }
}

/// Texts that would do harm where they are shown, used as paths, or compared.
const HOSTILE: [&str; 16] = [
    "",
    "\u{1b}[2J\u{1b}[32mGO",
    "\u{202e}OG-ON",
    "| GO | GO |\n# GO",
    "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "[GO](javascript:alert(1)) ![x](https://example.org/x.svg)",
    "../../../etc/passwd",
    "https://example.org www.example.org a@example.org",
    "`*_~#\\!|<>&[]()",
    "succeeded",
    "L1",
    "1e999",
    "\u{0}\u{7f}\u{9b}31m\u{200b}\u{feff}",
    "+262142-12-31T23:59:59Z",
    "-262143-01-01T00:00:00Z",
    "2026-11-24T01:25:43Z",
];

/// Changes one place of a document.
pub(crate) fn change(value: &mut Value, choices: &mut Choices<'_>) {
    let mut places = 0;
    count(value, &mut places);
    let mut left = choices.below(places);
    let new = replacement(choices);
    let _ = visit(value, &mut left, new.as_ref());
}

/// Lines of a file.
pub(crate) fn lines(lines: impl IntoIterator<Item = impl std::fmt::Display>) -> String {
    lines.into_iter().fold(String::new(), |mut text, line| {
        let _ = writeln!(text, "{line}");
        text
    })
}

/// What is put there; none takes the place away.
fn replacement(choices: &mut Choices<'_>) -> Option<Value> {
    Some(match choices.byte() % 24 {
        0 => return None,
        1 => Value::Null,
        2 => json!(true),
        3 => json!(false),
        4 => json!(0),
        5 => json!(-1),
        6 => json!(u64::MAX),
        7 => json!(i64::MIN),
        8 => json!(i64::MAX),
        9 => json!(1e308),
        10 => json!(-0.0),
        11 => json!(0.5),
        12 => json!([]),
        13 => json!({}),
        14 => json!(u64::from(choices.byte())),
        15 => json!(u64::from(choices.byte()) << 32),
        16 => json!(choices.text()),
        17 => json!([choices.text(), choices.text()]),
        18 => json!({choices.text(): choices.text()}),
        _ => json!(HOSTILE[choices.below(HOSTILE.len())]),
    })
}

fn count(value: &Value, places: &mut usize) {
    *places += 1;
    match value {
        Value::Array(items) => items.iter().for_each(|item| count(item, places)),
        Value::Object(fields) => fields.values().for_each(|field| count(field, places)),
        _ => {}
    }
}

/// Walks past as many places as are `left` and changes the next. True means that whoever holds it is to take it away.
fn visit(value: &mut Value, left: &mut usize, new: Option<&Value>) -> Option<bool> {
    if *left == 0 {
        return Some(match new {
            Some(new) => {
                *value = new.clone();
                false
            }
            None => true,
        });
    }
    *left -= 1;
    match value {
        Value::Array(items) => {
            let (index, gone) = items
                .iter_mut()
                .enumerate()
                .find_map(|(index, item)| Some((index, visit(item, left, new)?)))?;
            if gone {
                items.remove(index);
            }
        }
        Value::Object(fields) => {
            let (name, gone) =
                fields.iter_mut().find_map(|(name, field)| Some((name.clone(), visit(field, left, new)?)))?;
            if gone {
                fields.shift_remove(&name);
            }
        }
        _ => return None,
    }
    Some(false)
}
