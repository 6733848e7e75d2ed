//! The graph rules: trees are in order, each damage breaks its rule, and any graph is audited to an end.

use holdpoint_agentverse::graph::*;
use proptest::prelude::*;

fn node(id: usize, parent: Option<usize>, depth: i64) -> MapNode {
    MapNode { node_id: format!("n{id}"), parent_node_id: parent.map(|parent| format!("n{parent}")), depth }
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
    UniverseMap { nodes, edges, total_nodes, root_node_id: Some("n0".into()), ..UniverseMap::default() }
}

/// A fork of the root.
fn fork(id: usize) -> Fork {
    Fork { node_id: format!("n{id}"), edge_id: format!("e{id}"), parent_node_id: "n0".into() }
}

fn growth(before: &UniverseMap, after: &UniverseMap, forks: &[Fork]) -> Vec<GraphRule> {
    audit_growth(before, after, forks).into_iter().map(|violation| violation.rule).collect()
}

type Damage = fn(&mut UniverseMap);

fn rules(map: &UniverseMap) -> Vec<GraphRule> {
    audit(map).into_iter().map(|violation| violation.rule).collect()
}

#[test]
fn each_damage_breaks_its_rule() {
    let damages: [(GraphRule, Damage); 16] = [
        (GraphRule::DuplicateNode, |map| map.nodes.push(map.nodes[1].clone())),
        (GraphRule::DuplicateEdge, |map| map.edges.push(map.edges[0].clone())),
        (GraphRule::ParentMissing, |map| map.nodes[1].parent_node_id = Some("gone".into())),
        (GraphRule::EdgeEndMissing, |map| map.edges[0].to_node_id = "gone".into()),
        (GraphRule::NotOneEdgePerChild, |map| map.edges.truncate(1)),
        (GraphRule::EdgeEndsDisagree, |map| map.edges[1].from_node_id = "n2".into()),
        (GraphRule::WrongDepth, |map| map.nodes[2].depth = 7),
        (GraphRule::CountMismatch, |map| map.total_nodes = Some(99)),
        (GraphRule::CountMismatch, |map| map.explored_nodes = Some(99)),
        (GraphRule::RootMissing, |map| map.root_node_id = Some("gone".into())),
        (GraphRule::RootHasParent, |map| map.root_node_id = Some("n1".into())),
        (GraphRule::NotOneEdgePerChild, |map| map.edges.push(edge(1, 0))),
        (GraphRule::NotOneEdgePerChild, |map| map.edges.push(MapEdge { edge_id: "e9".into(), ..edge(0, 1) })),
        (GraphRule::WrongDepth, |map| map.nodes[0].depth = 1),
        (GraphRule::Cycle, |map| map.nodes[1].parent_node_id = Some("n3".into())),
        (GraphRule::Cycle, |map| map.nodes[1].parent_node_id = Some("n1".into())),
    ];
    for (rule, damage) in damages {
        let mut map = tree(&[0, 0, 1]);
        damage(&mut map);
        assert!(rules(&map).contains(&rule), "{rule:?} not in {:?}", rules(&map));
    }
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
    assert!(rule(audit_growth(&before, &after, &[elsewhere])).contains(&GraphRule::AcknowledgedElsewhere));
    assert!(rule(audit_growth(&after, &before, &[])).contains(&GraphRule::Lost));
}

#[test]
fn forks_with_each_others_edge_are_not_what_was_acknowledged() {
    let (before, mut after) = (tree(&[]), tree(&[0, 0]));
    after.edges[0].edge_id = "e2".into();
    after.edges[1].edge_id = "e1".into();
    assert_eq!(audit(&after), []);
    let found = growth(&before, &after, &[fork(1), fork(2)]);
    assert_eq!(found, [GraphRule::AcknowledgedElsewhere; 2]);
}

#[test]
fn what_was_there_before_stays_as_it_was() {
    let before = tree(&[0, 0]);
    let mut moved = before.clone();
    moved.nodes[2] = node(2, Some(1), 2);
    moved.edges[1].from_node_id = "n1".into();
    assert_eq!(audit(&moved), []);
    assert_eq!(growth(&before, &moved, &[]), [GraphRule::Changed; 2]);
    assert!(growth(&before, &before, &[fork(1)]).contains(&GraphRule::AcknowledgedTwice));
    let of = |project: &str| UniverseMap { project_id: Some(project.into()), ..before.clone() };
    assert_eq!(growth(&of("a"), &of("b"), &[]), [GraphRule::Changed]);
}

#[test]
fn several_roots_and_an_empty_project_are_in_order() {
    let mut map = tree(&[0]);
    map.nodes.push(node(2, None, 0));
    map.total_nodes = Some(3);
    assert_eq!(audit(&map), []);
    assert_eq!(audit(&UniverseMap::default()), []);
}

#[test]
fn many_violations_of_one_rule_do_not_hide_another() {
    let mut map = tree(&[0; 300]);
    map.edges.clear();
    map.nodes[300].depth = 9;
    let found = rules(&map);
    assert_eq!(found.iter().filter(|rule| **rule == GraphRule::NotOneEdgePerChild).count(), 50);
    assert!(found.contains(&GraphRule::WrongDepth));
}

#[test]
fn a_violation_names_its_nodes_and_edges_and_is_read_without_them() {
    let mut map = tree(&[0]);
    map.edges[0].from_node_id = "n1".into();
    let found = audit(&map);
    assert_eq!((found[0].id.as_str(), found[0].node_ids.len(), found[0].edge_ids.len()), ("n1", 1, 1));
    let old = r#"{"rule":"cycle","id":"n1","message":"m"}"#;
    let read: Violation = serde_json::from_str(old).unwrap();
    assert_eq!((read.rule, read.node_ids.len()), (GraphRule::Cycle, 0));
}

#[test]
fn the_map_of_the_api_is_read_with_whatever_else_it_holds() {
    let text = r#"{"project_id":"p","nodes":[{"node_id":"r","parent_node_id":null,"depth":0,"label":"x"}],
        "edges":[],"root_node_id":"r","total_nodes":1,"explored_nodes":0,"max_depth":null,"more":[1]}"#;
    let map: UniverseMap = serde_json::from_str(text).unwrap();
    assert_eq!(audit(&map), []);
    assert_eq!(map.project_id.as_deref(), Some("p"));
}

#[test]
fn the_digest_tells_apart_what_only_looks_alike() {
    let one = UniverseMap { nodes: vec![node(0, None, 0)], ..UniverseMap::default() };
    let mut other = one.clone();
    other.nodes[0].parent_node_id = Some("-".into());
    assert_ne!(structural_digest(&one), structural_digest(&other));
    other.nodes[0].parent_node_id = Some("None".into());
    assert_ne!(structural_digest(&one), structural_digest(&other));
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
            ..UniverseMap::default()
        };
        let _ = audit(&map);
        let _ = audit_growth(&map, &tree(&[0, 0]), &[fork(1), fork(1)]);
        let _ = audit_growth(&tree(&[0, 0]), &map, &[fork(2)]);
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

    #[test]
    fn acknowledged_growth_of_any_tree_is_in_order(
        parents in proptest::collection::vec(0_usize..50, 0..30),
        forks in 0_usize..20,
    ) {
        let before = tree(&parents);
        let mut all = parents.clone();
        all.extend(std::iter::repeat_n(0, forks));
        let first = parents.len() + 1;
        // Picking parent 0 for each is asking for forks of the root.
        let forks: Vec<Fork> = (first..first + forks).map(fork).collect();
        prop_assert_eq!(audit_growth(&before, &tree(&all), &forks), vec![]);
    }
}
