//! Texts from outside, made so that whatever shows them shows only letters.

use std::borrow::Cow;

use serde_json::Value;

/// Stands where a character was that is not shown, so that a person sees that something was there.
const STAND_IN: char = '\u{fffd}';

/// Whether a character does nothing but stand there. Control characters move a terminal's cursor or colour its text;
/// marks of direction turn the order of what follows, and those without a width hide in a word.
pub fn is_inert(letter: char) -> bool {
    !letter.is_control()
        && !matches!(
            letter,
            '\u{ad}'
                | '\u{61c}'
                | '\u{180e}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e0fff}'
        )
}

/// A text on one line: ends of lines and tabs become spaces, colours are left out, everything else that acts becomes
/// U+FFFD.
pub fn line(text: &str) -> Cow<'_, str> {
    if text.chars().all(is_inert) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(letter) = rest.chars().next() {
        rest = &rest[letter.len_utf8()..];
        match after_colour(letter, rest) {
            Some(after) => rest = after,
            None => out.push(shown(letter)),
        }
    }
    Cow::Owned(out)
}

/// What follows a colour: programs colour their logs, and a stand-in for each would only clutter them.
fn after_colour(letter: char, rest: &str) -> Option<&str> {
    let codes = rest.strip_prefix('[').filter(|_| letter == '\u{1b}')?;
    codes.trim_start_matches(|code: char| code.is_ascii_digit() || code == ';').strip_prefix('m')
}

/// Every line of a text inert, the ends of lines kept: for texts of many lines that we made of foreign parts.
pub fn lines(text: &str) -> Cow<'_, str> {
    if text.chars().all(|letter| letter == '\n' || is_inert(letter)) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.chars().map(|letter| if letter == '\n' { letter } else { shown(letter) }).collect())
}

/// [`line()`], cut to `limit` characters.
pub fn cut(text: &str, limit: usize) -> String {
    let text = line(text);
    match text.chars().nth(limit) {
        None => text.into_owned(),
        Some(_) => text.chars().take(limit.saturating_sub(1)).chain(['…']).collect(),
    }
}

/// Makes every text in a document inert, names of fields included.
pub fn clean(value: &mut Value) {
    match value {
        Value::String(text) => {
            if let Cow::Owned(inert) = line(text) {
                *text = inert;
            }
        }
        Value::Array(items) => items.iter_mut().for_each(clean),
        Value::Object(fields) => {
            if fields.keys().any(|name| !name.chars().all(is_inert)) {
                let old = std::mem::take(fields);
                fields.extend(old.into_iter().map(|(name, value)| (line(&name).into_owned(), value)));
            }
            fields.values_mut().for_each(clean);
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn shown(letter: char) -> char {
    match letter {
        '\n' | '\r' | '\t' | '\u{2028}' | '\u{2029}' => ' ',
        letter if is_inert(letter) => letter,
        _ => STAND_IN,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_acts_on_a_terminal_or_turns_a_line_is_seen_and_does_nothing() {
        for hostile in
            ["\u{1b}[2J", "\u{9b}31m", "\u{7}", "\u{8}", "\u{7f}", "\u{202e}OG", "\u{2066}", "\u{200b}"]
        {
            let text = format!("NO{hostile}-GO");
            assert!(line(&text).chars().all(is_inert), "{text:?}");
            assert!(line(&text).contains('\u{fffd}'), "{text:?}");
        }
        assert_eq!(line("two\r\nlines\tand\u{2028}more"), "two  lines and more");
        assert_eq!(lines("two\nlines\u{1b}[0m"), "two\nlines\u{fffd}[0m");
        assert_eq!(line("\u{1b}[1;31mred\u{1b}[0m \u{1b}\u{1b}[1m[2J"), "red \u{fffd}[2J");
        assert_eq!(line("Ärger, Ж, 安, 🙂, →"), "Ärger, Ж, 安, 🙂, →");
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        assert_eq!(cut("äöü", 3), "äöü");
        assert_eq!(cut("äöüß", 3), "äö…");
        assert_eq!(cut("a\u{1b}b", 9), "a\u{fffd}b");
    }

    #[test]
    fn documents_are_cleaned_to_the_last_name() {
        let mut value = serde_json::json!({"a\u{202e}": ["x\ny", {"b": "\u{1b}"}], "n": 1});
        clean(&mut value);
        assert_eq!(value, serde_json::json!({"a\u{fffd}": ["x y", {"b": "\u{fffd}"}], "n": 1}));
    }
}
