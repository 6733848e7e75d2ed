//! What a check does, what each criterion means and how it is measured, and what to do about each finding: the runbook in
//! words for people who read a verdict. The window and the terminal show the same.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

const TEXT: &str = include_str!("../guide.md");

/// One topic.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Topic {
    /// A stable id such as `l1`.
    pub id: String,
    /// Its title.
    pub title: String,
    /// Paragraphs.
    pub about: Vec<String>,
    /// Terms, criteria and codes of findings, each with what it means and what to do.
    pub entries: Vec<(String, String)>,
}

/// Every topic, in order.
pub fn topics() -> Vec<Topic> {
    let mut topics: Vec<Topic> = Vec::new();
    for line in TEXT.lines().map(str::trim).filter(|line| !line.is_empty()) {
        if let Some((id, title)) = line.strip_prefix("# ").and_then(|rest| rest.split_once(": ")) {
            topics.push(Topic { id: id.into(), title: title.into(), about: Vec::new(), entries: Vec::new() });
        } else if let Some(topic) = topics.last_mut() {
            match line.strip_prefix("- ").and_then(|rest| rest.split_once(": ")) {
                Some((term, text)) => topic.entries.push((term.into(), text.into())),
                None => topic.about.push(line.into()),
            }
        }
    }
    topics
}

/// The topic of this id, or the one that explains this criterion or finding.
pub fn find(word: &str) -> Option<Topic> {
    let is = |other: &str| other.eq_ignore_ascii_case(word);
    let topics = topics();
    let explains = |topic: &&Topic| topic.entries.iter().any(|(term, _)| is(term));
    topics.iter().find(|topic| is(&topic.id)).or_else(|| topics.iter().find(explains)).cloned()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    /// Ids and codes that the judge writes, read from its source: a new one needs its words here.
    fn written() -> BTreeSet<String> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../check/src/judge");
        let mut words = BTreeSet::new();
        for name in ["chaos.rs", "load.rs", "system.rs", "verify.rs", "whole.rs", "sheet.rs"] {
            let source = std::fs::read_to_string(folder.join(name)).unwrap();
            for text in source.split('"').skip(1).step_by(2) {
                let parts: Vec<&str> = text.split('.').collect();
                let word = |part: &str| {
                    !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
                };
                if parts.len() == 2 && parts.iter().all(|part| word(part)) {
                    words.insert(text.to_owned());
                }
            }
        }
        words
    }

    #[test]
    fn every_criterion_and_every_finding_is_explained() {
        let words = written();
        assert!(words.len() > 80, "{words:?}");
        let unexplained: Vec<&String> = words.iter().filter(|word| find(word).is_none()).collect();
        assert!(unexplained.is_empty(), "desk/guide.md says nothing of {unexplained:?}");
    }

    #[test]
    fn a_topic_has_a_title_and_something_to_say_and_nothing_is_explained_twice() {
        let mut seen = BTreeSet::new();
        for topic in topics() {
            assert!(
                !topic.title.is_empty() && (!topic.about.is_empty() || !topic.entries.is_empty()),
                "{topic:?}"
            );
            assert!(seen.insert(topic.id.clone()), "{}", topic.id);
            for (term, text) in topic.entries.into_iter().filter(|(term, _)| !term.contains(' ')) {
                assert!(text.ends_with('.'), "{term}: {text}");
                assert!(!term.contains('.') || seen.insert(term.clone()), "{term} is explained twice");
            }
        }
        assert_eq!(find("L1.P95").unwrap().id, "l1");
        assert_eq!(find("nonsense"), None);
    }
}
