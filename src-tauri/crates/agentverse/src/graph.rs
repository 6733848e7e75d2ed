//! The structural rules that a universe map keeps whatever happens (API facts 4.5).
//!
//! Probabilities are left out on purpose: a healthy graph breaks the server's own probability check as soon as a
//! parent has two children.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::types::id;

/// A node as the map shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MapNode {
    /// The id.
    #[serde(deserialize_with = "id")]
    pub node_id: String,
    /// Its parent; none for a root.
    #[serde(default, deserialize_with = "id")]
    pub parent_node_id: Option<String>,
    /// Distance from its root.
    pub depth: i64,
}

/// An edge as the map shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MapEdge {
    /// The id.
    #[serde(deserialize_with = "id")]
    pub edge_id: String,
    /// The parent.
    #[serde(deserialize_with = "id")]
    pub from_node_id: String,
    /// The child.
    #[serde(deserialize_with = "id")]
    pub to_node_id: String,
}

/// The whole graph of a project, read without filters: with them, edges to what was left out are normal.
/// A project may have several roots.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UniverseMap {
    /// The project.
    #[serde(default, deserialize_with = "id")]
    pub project_id: Option<String>,
    /// Every node.
    pub nodes: Vec<MapNode>,
    /// Every edge.
    pub edges: Vec<MapEdge>,
    /// How many nodes the server counts.
    #[serde(default)]
    pub total_nodes: Option<u64>,
    /// One of the roots.
    #[serde(default, deserialize_with = "id")]
    pub root_node_id: Option<String>,
    /// How many nodes the server counts as explored.
    #[serde(default)]
    pub explored_nodes: Option<u64>,
    /// How deep the server says the graph is; not checked, for it may be the depth that was asked for.
    #[serde(default)]
    pub max_depth: Option<i64>,
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
    /// The root that the server names is not in the map.
    RootMissing,
    /// The root that the server names has a parent.
    RootHasParent,
    /// The server counts other than it lists.
    CountMismatch,
    /// A node or edge of before is gone.
    Lost,
    /// A node or edge of before has changed its place, or the map its project.
    Changed,
    /// An acknowledged fork is not there.
    AcknowledgedMissing,
    /// A fork was acknowledged with the id of another fork, or of what was there before.
    AcknowledgedTwice,
    /// An acknowledged fork lies under another parent, or its edge joins others than it and its parent.
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
    /// Every node concerned.
    #[serde(default)]
    pub node_ids: Vec<String>,
    /// Every edge concerned.
    #[serde(default)]
    pub edge_ids: Vec<String>,
    /// What is wrong, in a sentence.
    pub message: String,
}

/// Violations of one rule beyond this many are not listed, so that many of one do not hide another.
const LIST_LIMIT: usize = 50;

#[derive(Default)]
struct Found {
    list: Vec<Violation>,
    counts: BTreeMap<GraphRule, usize>,
}

impl Found {
    /// The first node, or where there is none the first edge, is what shows it.
    fn add(&mut self, rule: GraphRule, node_ids: &[&str], edge_ids: &[&str], message: impl Into<String>) {
        let count = self.counts.entry(rule).or_default();
        *count += 1;
        if *count <= LIST_LIMIT {
            let owned = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>();
            let id = node_ids.first().or(edge_ids.first()).map_or("map", |id| *id).to_owned();
            let (node_ids, edge_ids) = (owned(node_ids), owned(edge_ids));
            self.list.push(Violation { rule, id, node_ids, edge_ids, message: message.into() });
        }
    }
}

/// Checks every structural rule of one map.
pub fn audit(map: &UniverseMap) -> Vec<Violation> {
    audit_one(map).list
}

fn audit_one(map: &UniverseMap) -> Found {
    let mut found = Found::default();
    let mut nodes: BTreeMap<&str, &MapNode> = BTreeMap::new();
    for node in &map.nodes {
        if nodes.insert(&node.node_id, node).is_some() {
            found.add(GraphRule::DuplicateNode, &[&node.node_id], &[], "the node is listed twice");
        }
    }
    counts_and_root(map, &nodes, &mut found);
    let mut edge_ids = BTreeSet::new();
    let mut to: BTreeMap<&str, Vec<&MapEdge>> = BTreeMap::new();
    for edge in &map.edges {
        if !edge_ids.insert(&edge.edge_id) {
            found.add(GraphRule::DuplicateEdge, &[], &[&edge.edge_id], "the edge is listed twice");
        }
        for end in [&edge.from_node_id, &edge.to_node_id] {
            if !nodes.contains_key(end.as_str()) {
                let message = format!("the edge's end {end} does not exist");
                found.add(GraphRule::EdgeEndMissing, &[], &[&edge.edge_id], message);
            }
        }
        to.entry(&edge.to_node_id).or_default().push(edge);
    }
    for node in &map.nodes {
        let incoming = to.get(node.node_id.as_str()).map_or(&[][..], Vec::as_slice);
        place(node, incoming, &nodes, &mut found);
    }
    cycles(&nodes, &mut found);
    found
}

fn counts_and_root(map: &UniverseMap, nodes: &BTreeMap<&str, &MapNode>, found: &mut Found) {
    let listed = map.nodes.len() as u64;
    if let Some(total) = map.total_nodes.filter(|total| *total != listed) {
        let message = format!("the server counts {total} nodes and lists {listed}");
        found.add(GraphRule::CountMismatch, &[], &[], message);
    }
    if let Some(explored) = map.explored_nodes.filter(|explored| *explored > listed) {
        let message = format!("the server counts {explored} explored nodes and lists {listed} in all");
        found.add(GraphRule::CountMismatch, &[], &[], message);
    }
    if let Some(root) = map.root_node_id.as_deref() {
        match nodes.get(root) {
            None => found.add(GraphRule::RootMissing, &[root], &[], "the root of the map is not in it"),
            Some(node) if node.parent_node_id.is_some() => {
                found.add(GraphRule::RootHasParent, &[root], &[], "the root of the map has a parent");
            }
            Some(_) => {}
        }
    }
}

/// Whether a node's parent, depth and edges agree.
fn place(node: &MapNode, incoming: &[&MapEdge], nodes: &BTreeMap<&str, &MapNode>, found: &mut Found) {
    let id = node.node_id.as_str();
    let edges: Vec<&str> = incoming.iter().map(|edge| edge.edge_id.as_str()).collect();
    let Some(parent) = node.parent_node_id.as_deref() else {
        if !incoming.is_empty() {
            found.add(GraphRule::NotOneEdgePerChild, &[id], &edges, "a root has an edge to it");
        }
        if node.depth != 0 {
            found.add(GraphRule::WrongDepth, &[id], &[], format!("a root has depth {}", node.depth));
        }
        return;
    };
    if incoming.len() != 1 {
        let message = format!("{} edges lead to the node, not one", incoming.len());
        found.add(GraphRule::NotOneEdgePerChild, &[id], &edges, message);
    }
    for edge in incoming.iter().filter(|edge| edge.from_node_id != parent) {
        let message = format!("its edge comes from {}, its parent is {parent}", edge.from_node_id);
        found.add(GraphRule::EdgeEndsDisagree, &[id], &[&edge.edge_id], message);
    }
    match nodes.get(parent) {
        None => {
            found.add(GraphRule::ParentMissing, &[id], &[], format!("its parent {parent} does not exist"));
        }
        Some(above) if Some(node.depth) != above.depth.checked_add(1) => {
            let message = format!("its depth is {}, its parent's {}", node.depth, above.depth);
            found.add(GraphRule::WrongDepth, &[id, parent], &[], message);
        }
        Some(_) => {}
    }
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
                found.add(GraphRule::Cycle, &[id], &[], "following parents leads back to the node");
                break;
            }
            at = nodes.get(id).and_then(|node| node.parent_node_id.as_deref());
        }
        known.extend(path);
    }
}

/// Checks that a map grew by exactly the acknowledged forks, and every structural rule of it.
///
/// A fork whose answer was lost is not acknowledged: if it was stored all the same, it shows as
/// [`GraphRule::Unexpected`], and only the caller can tell it by what it had asked for.
pub fn audit_growth(before: &UniverseMap, after: &UniverseMap, acknowledged: &[Fork]) -> Vec<Violation> {
    let mut found = audit_one(after);
    let nodes: BTreeMap<&str, &MapNode> =
        after.nodes.iter().map(|node| (node.node_id.as_str(), node)).collect();
    let edges: BTreeMap<&str, &MapEdge> =
        after.edges.iter().map(|edge| (edge.edge_id.as_str(), edge)).collect();
    if let (Some(was), Some(is)) = (&before.project_id, &after.project_id)
        && was != is
    {
        found.add(GraphRule::Changed, &[], &[], format!("the map was project {was}'s and is {is}'s"));
    }
    for node in &before.nodes {
        let id = node.node_id.as_str();
        match nodes.get(id) {
            None => found.add(GraphRule::Lost, &[id], &[], "the node existed before and is gone"),
            Some(now) if **now != *node => {
                let message = "the node has another parent or depth than before";
                found.add(GraphRule::Changed, &[id], &[], message);
            }
            Some(_) => {}
        }
    }
    for edge in &before.edges {
        let id = edge.edge_id.as_str();
        match edges.get(id) {
            None => found.add(GraphRule::Lost, &[], &[id], "the edge existed before and is gone"),
            Some(now) if **now != *edge => {
                found.add(GraphRule::Changed, &[], &[id], "the edge has other ends than before");
            }
            Some(_) => {}
        }
    }
    let mut expected: BTreeSet<&str> = before.nodes.iter().map(|node| node.node_id.as_str()).collect();
    let mut expected_edges: BTreeSet<&str> = before.edges.iter().map(|edge| edge.edge_id.as_str()).collect();
    for fork in acknowledged {
        let (node_id, edge_id) = (fork.node_id.as_str(), fork.edge_id.as_str());
        if !expected.insert(node_id) {
            let message = "a fork was acknowledged with a node that was there already";
            found.add(GraphRule::AcknowledgedTwice, &[node_id], &[], message);
        }
        if !expected_edges.insert(edge_id) {
            let message = "a fork was acknowledged with an edge that was there already";
            found.add(GraphRule::AcknowledgedTwice, &[], &[edge_id], message);
        }
        arrived(fork, nodes.get(node_id).copied(), edges.get(edge_id).copied(), &mut found);
    }
    for id in nodes.keys().filter(|id| !expected.contains(**id)) {
        let message = "the node is new and no fork was acknowledged for it";
        found.add(GraphRule::Unexpected, &[id], &[], message);
    }
    for id in edges.keys().filter(|id| !expected_edges.contains(**id)) {
        let message = "the edge is new and no fork was acknowledged for it";
        found.add(GraphRule::Unexpected, &[], &[id], message);
    }
    found.list
}

/// Whether an acknowledged fork is there, and where it was asked for.
fn arrived(fork: &Fork, node: Option<&MapNode>, edge: Option<&MapEdge>, found: &mut Found) {
    let (node_id, edge_id) = (fork.node_id.as_str(), fork.edge_id.as_str());
    let elsewhere = format!("the fork was asked for on {}", fork.parent_node_id);
    match node {
        None => {
            let message = "the fork was acknowledged and its node is not there";
            found.add(GraphRule::AcknowledgedMissing, &[node_id], &[], message);
        }
        Some(node) if node.parent_node_id.as_ref() != Some(&fork.parent_node_id) => {
            found.add(GraphRule::AcknowledgedElsewhere, &[node_id], &[], elsewhere);
        }
        // Two forks that got each other's edge make a map in good order, and still are not what was acknowledged.
        Some(_) => {
            if let Some(edge) = edge
                && (edge.from_node_id != fork.parent_node_id || edge.to_node_id != fork.node_id)
            {
                let message =
                    format!("{elsewhere}; its edge joins {} and {}", edge.from_node_id, edge.to_node_id);
                found.add(GraphRule::AcknowledgedElsewhere, &[node_id], &[edge_id], message);
            }
        }
    }
    if edge.is_none() {
        let message = "the fork was acknowledged and its edge is not there";
        found.add(GraphRule::AcknowledgedMissing, &[], &[edge_id], message);
    }
}

/// SHA-256 in hex over the structure: equal for equal graphs, whatever the order they are listed in.
pub fn structural_digest(map: &UniverseMap) -> String {
    // Quoted, so that no id can look like two, and no parent is not a parent called "None".
    let nodes =
        map.nodes.iter().map(|node| format!("n {:?} {:?} {}", node.node_id, node.parent_node_id, node.depth));
    let edges = map
        .edges
        .iter()
        .map(|edge| format!("e {:?} {:?} {:?}", edge.edge_id, edge.from_node_id, edge.to_node_id));
    let mut lines: Vec<String> = nodes.chain(edges).collect();
    lines.sort();
    hex::encode(Sha256::digest(lines.join("\n").as_bytes()))
}
