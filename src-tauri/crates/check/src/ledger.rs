//! What we sent, what was acknowledged, what was read back: reconciled as multisets (as in Jepsen's total-queue).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::event::{Stored, WriteKind};
use crate::words::TestId;

/// How one write ended for us.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "fate")]
pub enum Fate {
    /// Sent; no answer (yet).
    Open,
    /// The server said it is stored.
    Acknowledged {
        /// The server's id of it.
        key: String,
        /// Milliseconds from the intended start.
        latency_ms: f64,
    },
    /// The server refused, or nothing came back.
    Unacknowledged {
        /// A stable class.
        class: String,
        /// Whether it may have taken effect all the same.
        ambiguous: bool,
    },
}

/// One write of ours.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Write {
    /// Our own id.
    pub id: String,
    /// By which test.
    pub test: TestId,
    /// What.
    pub kind: WriteKind,
    /// When it was sent, in milliseconds of the check.
    pub sent_ms: u64,
    /// How it ended.
    pub fate: Fate,
}

/// A reading of everything stored of one kind.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reading {
    /// For which test.
    pub test: TestId,
    /// What.
    pub kind: WriteKind,
    /// When in the check.
    pub moment: String,
    /// When, in milliseconds of the check. Writes sent later are not expected in it.
    pub at_ms: u64,
    /// What is stored.
    pub stored: Vec<Stored>,
}

/// The outcome of one reconciliation. All lists hold our own ids, or the server's for what is not ours.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Reconciliation {
    /// For which test; empty only in the default.
    pub test: Option<TestId>,
    /// What kind of write.
    pub kind: Option<WriteKind>,
    /// When in the check.
    pub moment: String,
    /// Writes sent before the reading.
    pub sent: u64,
    /// Of those, acknowledged.
    pub acknowledged: u64,
    /// Acknowledged and stored exactly once.
    pub kept: u64,
    /// Acknowledged and not stored: the worst there is.
    pub lost: Vec<String>,
    /// Stored more than once.
    pub duplicated: Vec<String>,
    /// Stored with other content than was written.
    pub altered: Vec<String>,
    /// Stored, carrying an id of ours that the server had refused, or stored and nobody's.
    pub unexpected: Vec<String>,
    /// Not acknowledged, but stored: no harm, because nobody was told otherwise.
    pub recovered: Vec<String>,
    /// Not acknowledged and not stored, or still open.
    pub unknown: Vec<String>,
}

impl Reconciliation {
    /// Whether anything was lost, doubled, altered or invented.
    pub fn is_broken(&self) -> bool {
        !(self.lost.is_empty()
            && self.duplicated.is_empty()
            && self.altered.is_empty()
            && self.unexpected.is_empty())
    }
}

/// Compares what was sent with what is stored.
pub fn reconcile(writes: &[Write], reading: &Reading) -> Reconciliation {
    let mut stored: BTreeMap<&str, Vec<&Stored>> = BTreeMap::new();
    let mut result = Reconciliation {
        test: Some(reading.test),
        kind: Some(reading.kind),
        moment: reading.moment.clone(),
        ..Reconciliation::default()
    };
    for thing in &reading.stored {
        match &thing.id {
            Some(id) => stored.entry(id).or_default().push(thing),
            None => result.unexpected.push(thing.key.clone()),
        }
    }
    let due = writes.iter().filter(|write| write.kind == reading.kind && write.sent_ms <= reading.at_ms);
    for write in due {
        result.sent += 1;
        let found = stored.remove(write.id.as_str()).unwrap_or_default();
        if found.len() > 1 {
            result.duplicated.push(write.id.clone());
        }
        if found.iter().any(|thing| !thing.intact) {
            result.altered.push(write.id.clone());
        }
        match (&write.fate, found.as_slice()) {
            (Fate::Acknowledged { key, .. }, found) => {
                result.acknowledged += 1;
                if !found.iter().any(|thing| thing.key == *key) {
                    // Stored under another id than the one we were told is lost for whoever holds that id.
                    result.lost.push(write.id.clone());
                } else if found.len() == 1 && found[0].intact {
                    result.kept += 1;
                }
            }
            (Fate::Unacknowledged { .. } | Fate::Open, []) => result.unknown.push(write.id.clone()),
            (Fate::Unacknowledged { ambiguous: false, .. }, _) => result.unexpected.push(write.id.clone()),
            (Fate::Unacknowledged { .. } | Fate::Open, _) => result.recovered.push(write.id.clone()),
        }
    }
    // What is left carries ids that look like ours but were never sent before the reading.
    let later: std::collections::BTreeSet<&str> = writes.iter().map(|write| write.id.as_str()).collect();
    for (id, _) in stored {
        if !later.contains(id) {
            result.unexpected.push(id.to_owned());
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn write(id: &str, fate: Fate) -> Write {
        Write { id: id.into(), test: TestId::L1, kind: WriteKind::Fork, sent_ms: 1, fate }
    }

    fn acknowledged(id: &str) -> Write {
        write(id, Fate::Acknowledged { key: format!("key-{id}"), latency_ms: 1.0 })
    }

    fn stored(id: &str) -> Stored {
        Stored { id: Some(id.into()), key: format!("key-{id}"), intact: true }
    }

    fn reading(stored: Vec<Stored>) -> Reading {
        Reading { test: TestId::L1, kind: WriteKind::Fork, moment: "after L1".into(), at_ms: 10, stored }
    }

    #[test]
    fn each_fate_has_its_own_list() {
        let refused = |id: &str, ambiguous| write(id, Fate::Unacknowledged { class: "x".into(), ambiguous });
        let writes = [
            acknowledged("kept"),
            acknowledged("lost"),
            acknowledged("twice"),
            acknowledged("altered"),
            refused("recovered", true),
            refused("unknown", true),
            refused("invented", false),
        ];
        let foreign = Stored { id: None, key: "foreign".into(), intact: true };
        let altered = Stored { intact: false, ..stored("altered") };
        let second = Stored { key: "other".into(), ..stored("twice") };
        let result = reconcile(
            &writes,
            &reading(vec![
                stored("kept"),
                stored("twice"),
                second,
                altered,
                stored("recovered"),
                stored("invented"),
                foreign,
            ]),
        );
        assert_eq!(result.lost, ["lost"]);
        assert_eq!(result.duplicated, ["twice"]);
        assert_eq!(result.altered, ["altered"]);
        assert_eq!(result.unexpected, ["foreign", "invented"]);
        assert_eq!(result.recovered, ["recovered"]);
        assert_eq!(result.unknown, ["unknown"]);
        assert_eq!((result.sent, result.acknowledged, result.kept), (7, 4, 1));
    }

    #[test]
    fn a_write_sent_after_the_reading_is_not_missed() {
        let mut late = acknowledged("late");
        late.sent_ms = 99;
        let result = reconcile(&[late], &reading(vec![stored("late")]));
        assert!(!result.is_broken(), "{result:?}");
    }

    proptest! {
        /// Exactly what was acknowledged is stored: never broken. One thing less or one more: always broken.
        #[test]
        fn one_difference_is_always_seen(count in 1_usize..40, pick in 0_usize..40, double in any::<bool>()) {
            let ids: Vec<String> = (0..count).map(|index| format!("id-{index}")).collect();
            let writes: Vec<Write> = ids.iter().map(|id| acknowledged(id)).collect();
            let mut things: Vec<Stored> = ids.iter().map(|id| stored(id)).collect();
            prop_assert!(!reconcile(&writes, &reading(things.clone())).is_broken());
            let pick = pick % count;
            if double {
                let copy = things[pick].clone();
                things.push(copy);
            } else {
                things.remove(pick);
            }
            prop_assert!(reconcile(&writes, &reading(things)).is_broken());
        }
    }
}
