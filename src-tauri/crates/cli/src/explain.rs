//! `holdpoint explain`.

use holdpoint_desk::guide::{self, Topic};

use crate::failure::Failure;
use crate::out;

pub(crate) fn run(word: Option<&str>) -> Result<u8, Failure> {
    let Some(word) = word else {
        for topic in guide::topics() {
            out::line(&format!("{:<10} {}", topic.id, topic.title));
        }
        return Ok(0);
    };
    let Some(topic) = guide::find(word) else {
        return Err(Failure::usage(format!(
            "there is nothing about {word:?}; `holdpoint explain` lists every topic"
        )));
    };
    out::line(&told(&topic, word));
    Ok(0)
}

/// The whole topic, or the one entry that was asked for.
fn told(topic: &Topic, word: &str) -> String {
    let entry = |(term, text): &(String, String)| format!("{term}\n  {text}");
    if let Some(one) = topic.entries.iter().find(|(term, _)| term.eq_ignore_ascii_case(word)) {
        return format!("{}\n\n(topic {}: {})", entry(one), topic.id, topic.title);
    }
    let mut lines = vec![topic.title.clone(), String::new()];
    lines.extend(topic.about.iter().cloned());
    lines.extend(topic.entries.iter().map(entry));
    lines.join("\n")
}
