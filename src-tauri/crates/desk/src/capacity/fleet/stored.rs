//! What the workers asked for and wrote, once they have ended: counted for the limiter, and read back.

use std::collections::BTreeMap;
use std::time::Duration;

use holdpoint_agentverse::Client;
use holdpoint_agentverse::error::ApiError;
use holdpoint_agentverse::types::Node;
use holdpoint_load::Stored;
use holdpoint_locust::{FleetPlan, Ledger};

use crate::capacity::operation::{ApiOperation, Operations};

/// Counts what the workers asked for with what the limiter of the API counts, so that a check after this waits for its
/// window. Each is counted as if it had been sent just now.
pub(super) fn recall(client: &Client, plan: &FleetPlan, ledger: &Ledger, workers: u32) {
    for operation in &plan.operations {
        let count = ledger.entries().iter().filter(|entry| entry.kind == operation.name).count();
        // A path with an id in it is another one each time, and the limiter counts by path.
        for step in operation.steps.iter().filter(|step| !step.path.contains('$')) {
            let path = step.path.split('?').next().unwrap_or_default();
            client.recall(path, &vec![Duration::ZERO; count]);
        }
    }
    if let Some(login) = &plan.login {
        client.recall(&login.path, &vec![Duration::ZERO; workers as usize]);
    }
}

/// Reads the expansions back by the list of nodes, which is another way than their own answers.
pub(super) async fn read_back(prepared: &Operations, ledger: &Ledger) -> Result<Option<Stored>, ApiError> {
    let expand = ApiOperation::Expand.name();
    let entries = || ledger.entries().iter().filter(|entry| entry.kind == expand);
    let Some(project) = prepared.made().project.as_ref().filter(|_| entries().next().is_some()) else {
        return Ok(None);
    };
    let nodes = prepared.client().nodes(project).await?;
    let acknowledged = entries().filter(|entry| entry.fate == "ok");
    let acknowledged = acknowledged.map(|entry| (entry.id.as_str(), entry.key.as_deref()));
    Ok(Some(reconciled(acknowledged, &nodes, prepared.tag())))
}

fn reconciled<'a>(
    acknowledged: impl Iterator<Item = (&'a str, Option<&'a str>)>,
    nodes: &[Node],
    tag: &str,
) -> Stored {
    let mut known: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for node in nodes {
        if let Some(label) = node.label.as_deref().filter(|label| label.starts_with(&format!("{tag}-"))) {
            known.entry(label).or_default().push(&node.node_id);
        }
    }
    let mut stored = Stored { kind: ApiOperation::Expand.name().into(), ..Stored::default() };
    for (id, key) in acknowledged {
        stored.acknowledged += 1;
        if !known.get(id).is_some_and(|keys| key.is_none_or(|key| keys.contains(&key))) {
            stored.lost.push(id.to_owned());
        }
    }
    let twice = known.iter().filter(|(_, keys)| keys.len() > 1);
    stored.twice = twice.map(|(id, _)| (*id).to_owned()).collect();
    stored
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn node(id: &str, label: &str) -> Node {
        serde_json::from_value(json!({"node_id": id, "label": label, "parent_node_id": "p", "depth": 1}))
            .unwrap()
    }

    #[test]
    fn an_expansion_that_was_acknowledged_and_is_gone_or_twice_there_is_named() {
        let nodes = [node("a", "t-0"), node("b", "t-1"), node("c", "other")];
        let broken = |acknowledged: &[(&str, &str)], nodes: &[Node]| {
            let acknowledged = acknowledged.iter().map(|(id, key)| (*id, Some(*key)));
            let stored = reconciled(acknowledged, nodes, "t");
            (stored.lost, stored.twice)
        };
        let none: Vec<String> = Vec::new();
        assert_eq!(broken(&[("t-0", "a"), ("t-1", "b")], &nodes), (none.clone(), none.clone()));
        assert_eq!(broken(&[("t-0", "a"), ("t-2", "d")], &nodes).0, ["t-2"]);
        assert_eq!(broken(&[("t-0", "z")], &nodes).0, ["t-0"]);
        let twice = [node("a", "t-0"), node("e", "t-0")];
        assert_eq!(broken(&[("t-0", "a")], &twice), (none, vec!["t-0".to_owned()]));
    }
}
