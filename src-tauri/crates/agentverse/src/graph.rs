//! The structural rules that a universe map keeps whatever happens (API facts 4.5).
//!
//! Probabilities are left out on purpose: a healthy graph breaks the server's own probability check as soon as a
//! parent has two children.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// A node as the map shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MapNode {
    /// The id.
    pub node_id: String,
    /// Its parent; none for a root.
    #[serde(default)]
    pub parent_node_id: Option<String>,
    /// Distance from its root.
    pub depth: i64,
}

/// An edge as the map shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MapEdge {
    /// The id.
    pub edge_id: String,
    /// The parent.
    pub from_node_id: String,
    /// The child.
    pub to_node_id: String,
}

/// The whole graph of a project. A project may have several roots.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UniverseMap {
    /// Every node.
    pub nodes: Vec<MapNode>,
    /// Every edge.
    pub edges: Vec<MapEdge>,
    /// How many nodes the server counts.
    #[serde(default)]
    pub total_nodes: Option<u64>,
}

/// A fork that the server acknowledged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fork {
    /// The new node.
    pub node_id: String,
    /// The edge to it.
    pub edge_id: String,
    /// The node it was asked for on.
    pub parent_node_id: String,
}

/// A rule of the graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GraphRule {
    /// A node id occurs twice.
    DuplicateNode,
    /// An edge id occurs twice.
    DuplicateEdge,
    /// A parent is not in the map.
    ParentMissing,
    /// An end of an edge is not in the map.
    EdgeEndMissing,
    /// A node that is no root has not exactly one edge to it, or a root has one.
    NotOneEdgePerChild,
    /// The edge to a node does not come from its parent.
    EdgeEndsDisagree,
    /// A depth is not its parent's plus one, or a root's is not 0.
    WrongDepth,
    /// Parents lead back to the node.
    Cycle,
    /// The server counts other than it lists.
    CountMismatch,
    /// A node or edge of before is gone.
    Lost,
    /// A node or edge of before has changed its place.
    Changed,
    /// An acknowledged fork is not there.
    AcknowledgedMissing,
    /// Two forks were acknowledged with one id.
    AcknowledgedTwice,
    /// An acknowledged fork lies under another parent.
    AcknowledgedElsewhere,
    /// A new node or edge that no fork was acknowledged for.
    Unexpected,
}

/// One broken rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Violation {
    /// Which.
    pub rule: GraphRule,
    /// The node or edge that shows it.
    pub id: String,
    /// What is wrong, in a sentence.
    pub message: String,
}

/// Violations beyond this many are not listed one by one.
const LIST_LIMIT: usize = 200;

#[derive(Default)]
struct Found(Vec<Violation>);

impl Found {
    fn add(&mut self, rule: GraphRule, id: &str, message: impl Into<String>) {
        if self.0.len() < LIST_LIMIT {
            self.0.push(Violation { rule, id: id.to_owned(), message: message.into() });
        }
    }
}

/// Checks every structural rule of one map.
pub fn audit(map: &UniverseMap) -> Vec<Violation> {
    let mut found = Found::default();
    let mut nodes: BTreeMap<&str, &MapNode> = BTreeMap::new();
    for node in &map.nodes {
        if nodes.insert(&node.node_id, node).is_some() {
            found.add(GraphRule::DuplicateNode, &node.node_id, "the node is listed twice");
        }
    }
    if map.total_nodes.is_some_and(|total| total != map.nodes.len() as u64) {
        let message = format!("the server counts {:?} nodes and lists {}", map.total_nodes, map.nodes.len());
        found.add(GraphRule::CountMismatch, "total_nodes", message);
    }
    let mut edge_ids = BTreeSet::new();
    let mut to: BTreeMap<&str, Vec<&MapEdge>> = BTreeMap::new();
    for edge in &map.edges {
        if !edge_ids.insert(&edge.edge_id) {
            found.add(GraphRule::DuplicateEdge, &edge.edge_id, "the edge is listed twice");
        }
        for end in [&edge.from_node_id, &edge.to_node_id] {
            if !nodes.contains_key(end.as_str()) {
                found.add(
                    GraphRule::EdgeEndMissing,
                    &edge.edge_id,
                    format!("the edge's end {end} does not exist"),
                );
            }
        }
        to.entry(&edge.to_node_id).or_default().push(edge);
    }
    for node in &map.nodes {
        let incoming = to.get(node.node_id.as_str()).map_or(0, Vec::len);
        let Some(parent) = &node.parent_node_id else {
            if incoming > 0 {
                found.add(GraphRule::NotOneEdgePerChild, &node.node_id, "a root has an edge to it");
            }
            if node.depth != 0 {
                found.add(GraphRule::WrongDepth, &node.node_id, format!("a root has depth {}", node.depth));
            }
            continue;
        };
        if incoming != 1 {
            let message = format!("{incoming} edges lead to the node, not one");
            found.add(GraphRule::NotOneEdgePerChild, &node.node_id, message);
        }
        if let Some(edge) = to.get(node.node_id.as_str()).and_then(|edges| edges.first())
            && edge.from_node_id != *parent
        {
            let message = format!("its edge comes from {}, its parent is {parent}", edge.from_node_id);
            found.add(GraphRule::EdgeEndsDisagree, &node.node_id, message);
        }
        match nodes.get(parent.as_str()) {
            None => {
                found.add(
                    GraphRule::ParentMissing,
                    &node.node_id,
                    format!("its parent {parent} does not exist"),
                );
            }
            Some(above) if node.depth != above.depth.saturating_add(1) => {
                let message = format!("its depth is {}, its parent's {}", node.depth, above.depth);
                found.add(GraphRule::WrongDepth, &node.node_id, message);
            }
            Some(_) => {}
        }
    }
    cycles(&nodes, &mut found);
    found.0
}

/// Each node is walked upwards once; a walk that meets itself is a cycle.
fn cycles(nodes: &BTreeMap<&str, &MapNode>, found: &mut Found) {
    let mut known: BTreeSet<&str> = BTreeSet::new();
    for start in nodes.keys() {
        let mut path: BTreeSet<&str> = BTreeSet::new();
        let mut at = Some(*start);
        while let Some(id) = at {
            if known.contains(id) {
                break;
            }
            if !path.insert(id) {
                found.add(GraphRule::Cycle, id, "following parents leads back to the node");
                break;
            }
            at = nodes.get(id).and_then(|node| node.parent_node_id.as_deref());
        }
        known.extend(path);
    }
}

/// Checks that a map grew by exactly the acknowledged forks, and every structural rule of it.
pub fn audit_growth(before: &UniverseMap, after: &UniverseMap, acknowledged: &[Fork]) -> Vec<Violation> {
    let mut found = Found(audit(after));
    let nodes: BTreeMap<&str, &MapNode> =
        after.nodes.iter().map(|node| (node.node_id.as_str(), node)).collect();
    let edges: BTreeMap<&str, &MapEdge> =
        after.edges.iter().map(|edge| (edge.edge_id.as_str(), edge)).collect();
    for node in &before.nodes {
        match nodes.get(node.node_id.as_str()) {
            None => found.add(GraphRule::Lost, &node.node_id, "the node existed before and is gone"),
            Some(now) if **now != *node => {
                found.add(
                    GraphRule::Changed,
                    &node.node_id,
                    "the node has another parent or depth than before",
                );
            }
            Some(_) => {}
        }
    }
    for edge in &before.edges {
        match edges.get(edge.edge_id.as_str()) {
            None => found.add(GraphRule::Lost, &edge.edge_id, "the edge existed before and is gone"),
            Some(now) if **now != *edge => {
                found.add(GraphRule::Changed, &edge.edge_id, "the edge has other ends than before");
            }
            Some(_) => {}
        }
    }
    let mut expected: BTreeSet<&str> = before.nodes.iter().map(|node| node.node_id.as_str()).collect();
    let mut expected_edges: BTreeSet<&str> = before.edges.iter().map(|edge| edge.edge_id.as_str()).collect();
    for fork in acknowledged {
        if !expected.insert(&fork.node_id) {
            found.add(
                GraphRule::AcknowledgedTwice,
                &fork.node_id,
                "two forks were acknowledged with this node",
            );
        }
        if !expected_edges.insert(&fork.edge_id) {
            found.add(
                GraphRule::AcknowledgedTwice,
                &fork.edge_id,
                "two forks were acknowledged with this edge",
            );
        }
        match nodes.get(fork.node_id.as_str()) {
            None => {
                let message = "the fork was acknowledged and its node is not there";
                found.add(GraphRule::AcknowledgedMissing, &fork.node_id, message);
            }
            Some(node) if node.parent_node_id.as_deref() != Some(fork.parent_node_id.as_str()) => {
                let message = format!("the fork was asked for on {}", fork.parent_node_id);
                found.add(GraphRule::AcknowledgedElsewhere, &fork.node_id, message);
            }
            Some(_) => {}
        }
        if !edges.contains_key(fork.edge_id.as_str()) {
            let message = "the fork was acknowledged and its edge is not there";
            found.add(GraphRule::AcknowledgedMissing, &fork.edge_id, message);
        }
    }
    for id in nodes.keys().filter(|id| !expected.contains(**id)) {
        found.add(GraphRule::Unexpected, id, "the node is new and no fork was acknowledged for it");
    }
    for id in edges.keys().filter(|id| !expected_edges.contains(**id)) {
        found.add(GraphRule::Unexpected, id, "the edge is new and no fork was acknowledged for it");
    }
    found.0
}

/// SHA-256 in hex over the structure: equal for equal graphs, whatever the order they are listed in.
pub fn structural_digest(map: &UniverseMap) -> String {
    let mut lines: Vec<String> = map
        .nodes
        .iter()
        .map(|node| {
            format!("n {} {} {}", node.node_id, node.parent_node_id.as_deref().unwrap_or("-"), node.depth)
        })
        .chain(
            map.edges
                .iter()
                .map(|edge| format!("e {} {} {}", edge.edge_id, edge.from_node_id, edge.to_node_id)),
        )
        .collect();
    lines.sort();
    hex::encode(Sha256::digest(lines.join("\n").as_bytes()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn node(id: usize, parent: Option<usize>, depth: i64) -> MapNode {
        MapNode {
            node_id: format!("n{id}"),
            parent_node_id: parent.map(|parent| format!("n{parent}")),
            depth,
        }
    }

    fn edge(from: usize, to: usize) -> MapEdge {
        MapEdge { edge_id: format!("e{to}"), from_node_id: format!("n{from}"), to_node_id: format!("n{to}") }
    }

    /// A tree of `parents.len() + 1` nodes; each number picks the parent of the next node.
    fn tree(parents: &[usize]) -> UniverseMap {
        let mut nodes = vec![node(0, None, 0)];
        let mut edges = Vec::new();
        for (at, pick) in parents.iter().enumerate() {
            let parent = pick % (at + 1);
            let depth = nodes[parent].depth + 1;
            nodes.push(node(at + 1, Some(parent), depth));
            edges.push(edge(parent, at + 1));
        }
        let total_nodes = Some(nodes.len() as u64);
        UniverseMap { nodes, edges, total_nodes }
    }

    fn rules(map: &UniverseMap) -> Vec<GraphRule> {
        audit(map).into_iter().map(|violation| violation.rule).collect()
    }

    #[test]
    fn each_damage_breaks_its_rule() {
        let damages: [(GraphRule, fn(&mut UniverseMap)); 8] = [
            (GraphRule::DuplicateNode, |map| map.nodes.push(map.nodes[1].clone())),
            (GraphRule::DuplicateEdge, |map| map.edges.push(map.edges[0].clone())),
            (GraphRule::ParentMissing, |map| map.nodes[1].parent_node_id = Some("gone".into())),
            (GraphRule::EdgeEndMissing, |map| map.edges[0].to_node_id = "gone".into()),
            (GraphRule::NotOneEdgePerChild, |map| map.edges.truncate(1)),
            (GraphRule::EdgeEndsDisagree, |map| map.edges[1].from_node_id = "n2".into()),
            (GraphRule::WrongDepth, |map| map.nodes[2].depth = 7),
            (GraphRule::CountMismatch, |map| map.total_nodes = Some(99)),
        ];
        for (rule, damage) in damages {
            let mut map = tree(&[0, 0, 1]);
            damage(&mut map);
            assert!(rules(&map).contains(&rule), "{rule:?} not in {:?}", rules(&map));
        }
        let mut map = tree(&[0, 1]);
        map.nodes[1].parent_node_id = Some("n2".into());
        assert!(rules(&map).contains(&GraphRule::Cycle));
    }

    #[test]
    fn growth_is_exactly_what_was_acknowledged() {
        let (before, after) = (tree(&[0]), tree(&[0, 0]));
        let fork = Fork { node_id: "n2".into(), edge_id: "e2".into(), parent_node_id: "n0".into() };
        assert_eq!(audit_growth(&before, &after, std::slice::from_ref(&fork)), []);
        let rule = |list: Vec<Violation>| list.into_iter().map(|one| one.rule).collect::<Vec<_>>();
        assert!(rule(audit_growth(&before, &after, &[])).contains(&GraphRule::Unexpected));
        let lost = rule(audit_growth(&before, &before, std::slice::from_ref(&fork)));
        assert!(lost.contains(&GraphRule::AcknowledgedMissing));
        let twice = rule(audit_growth(&before, &after, &[fork.clone(), fork.clone()]));
        assert!(twice.contains(&GraphRule::AcknowledgedTwice));
        let elsewhere = Fork { parent_node_id: "n1".into(), ..fork };
        assert!(
            rule(audit_growth(&before, &after, &[elsewhere])).contains(&GraphRule::AcknowledgedElsewhere)
        );
        assert!(rule(audit_growth(&after, &before, &[])).contains(&GraphRule::Lost));
    }

    proptest! {
        #[test]
        fn every_tree_is_in_order(parents in proptest::collection::vec(0_usize..50, 0..50)) {
            prop_assert_eq!(audit(&tree(&parents)), vec![]);
        }

        #[test]
        fn any_graph_is_audited_to_an_end(
            nodes in proptest::collection::vec((0_usize..8, proptest::option::of(0_usize..8), -2_i64..5), 0..20),
            edges in proptest::collection::vec((0_usize..8, 0_usize..8), 0..20),
        ) {
            let map = UniverseMap {
                nodes: nodes.into_iter().map(|(id, parent, depth)| node(id, parent, depth)).collect(),
                edges: edges.into_iter().map(|(from, to)| edge(from, to)).collect(),
                total_nodes: None,
            };
            let _ = audit(&map);
            prop_assert_eq!(structural_digest(&map).len(), 64);
        }

        #[test]
        fn the_digest_does_not_depend_on_the_order(parents in proptest::collection::vec(0_usize..9, 1..9)) {
            let map = tree(&parents);
            let mut turned = map.clone();
            turned.nodes.reverse();
            turned.edges.reverse();
            prop_assert_eq!(structural_digest(&map), structural_digest(&turned));
        }
    }
}
