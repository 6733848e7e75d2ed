//! `universe_graph.json`: the graph of the project as the run saw it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::lines::{Report, short};
use super::{EvidenceFile, Expectation, Fetched, Limits, Problem};

const EDGE_TYPES: [&str; 3] = ["branch", "fork", "expand"];

/// What the other files are held against.
pub(super) struct GraphFile {
    pub(super) project_id: Option<String>,
    pub(super) nodes: BTreeSet<String>,
}

pub(super) fn read(
    fetched: Option<&Fetched>,
    expectation: &Expectation,
    limits: &Limits,
) -> (Report, Option<GraphFile>) {
    let mut report = Report::new(EvidenceFile::UniverseGraph);
    let parsed = report.text(fetched, limits).and_then(|text| report.document(text, limits));
    let Some(object) = parsed else { return (report, None) };
    let project_id = report.optional_string(&object, "project_id", None).map(str::to_owned);
    match (&expectation.project_id, &project_id) {
        (Some(expected), Some(found)) if expected != found => {
            let problem = Problem::new("project_id.foreign", None, "project_id is another project's");
            report.push(problem.against(expected, found));
        }
        (_, None) => report.warn("graph.project_id", None, "the graph names no project"),
        _ => {}
    }
    let (nodes, edges) = (list(&mut report, &object, "nodes"), list(&mut report, &object, "edges"));
    if nodes.is_empty() {
        report.add("graph.nodes", None, "the graph holds no node");
    }
    let (ids, parents) = read_nodes(&mut report, nodes);
    names_own_run(&mut report, nodes, expectation);
    read_edges(&mut report, edges, &ids);
    if is_circular(&parents) {
        report.add("graph.cycle", None, "following parents leads in a circle");
    }
    for (field, count) in [("total_nodes", nodes.len()), ("total_edges", edges.len())] {
        match report.count(&object, field, None) {
            Some(total) if total != count as u64 => {
                let problem = Problem::new("graph.total", None, format!("{field} is not what is listed"));
                report.push(problem.against(&count.to_string(), &total.to_string()));
            }
            None if object.get(field).is_none_or(Value::is_null) => {
                report.warn("graph.total", None, format!("the graph states no {field}"));
            }
            _ => {}
        }
    }
    if let Some(root) = report.optional_string(&object, "root_node_id", None) {
        if !ids.contains(root) {
            report.add("graph.root", None, format!("the root {} is not in the graph", short(root)));
        } else if parents.iter().any(|(_, child)| *child == root) {
            report.add("graph.root", None, format!("the root {} has a parent", short(root)));
        }
    }
    let nodes = ids.into_iter().map(str::to_owned).collect();
    (report, Some(GraphFile { project_id, nodes }))
}

/// Nodes may belong to other runs of the project, but where any names its run, this pack's must be among them.
fn names_own_run(report: &mut Report, nodes: &[Value], expectation: &Expectation) {
    let named: BTreeSet<&str> = nodes.iter().filter_map(|node| node.get("run_id")?.as_str()).collect();
    if let Some(other) = named.first().filter(|_| !named.contains(expectation.run_id.as_str())) {
        let problem =
            Problem::new("graph.run_id.foreign", None, "the graph names other runs and not this one");
        report.push(problem.against(&expectation.run_id, other));
    }
}

fn list<'a>(report: &mut Report, object: &'a Map<String, Value>, field: &str) -> &'a [Value] {
    if let Some(Value::Array(list)) = object.get(field) {
        list
    } else {
        report.add("field.missing", None, format!("{field} is missing or no list"));
        &[]
    }
}

/// The ids, and the pairs of parent and child.
fn read_nodes<'a>(report: &mut Report, nodes: &'a [Value]) -> (BTreeSet<&'a str>, Vec<(&'a str, &'a str)>) {
    let mut ids = BTreeSet::new();
    let mut parents = Vec::new();
    for node in nodes {
        let Some(node) = node.as_object() else {
            report.add("graph.nodes", None, "a node is not an object");
            continue;
        };
        let Some(id) = report.string(node, "node_id", None) else { continue };
        if !ids.insert(id) {
            report.add("graph.node_id.duplicate", None, format!("node {} occurs twice", short(id)));
        }
        if let Some(parent) = report.optional_string(node, "parent_id", None) {
            parents.push((parent, id));
        }
    }
    for (parent, id) in &parents {
        if !ids.contains(parent) {
            let message = format!("the parent {} of {} is not in the graph", short(parent), short(id));
            report.add("graph.parent", None, message);
        }
    }
    (ids, parents)
}

fn read_edges(report: &mut Report, edges: &[Value], nodes: &BTreeSet<&str>) {
    let mut ids = BTreeSet::new();
    let mut pairs = Vec::new();
    for edge in edges {
        let Some(edge) = edge.as_object() else {
            report.add("graph.edges", None, "an edge is not an object");
            continue;
        };
        if let Some(id) = report.string(edge, "edge_id", None)
            && !ids.insert(id)
        {
            report.add("graph.edge_id.duplicate", None, format!("edge {} occurs twice", short(id)));
        }
        let ends = ["source_node_id", "target_node_id"].map(|end| report.string(edge, end, None));
        for id in ends.into_iter().flatten().filter(|id| !nodes.contains(id)) {
            report.add(
                "graph.edge.end",
                None,
                format!("the end {} of an edge is not in the graph", short(id)),
            );
        }
        if let [Some(source), Some(target)] = ends {
            pairs.push((source, target));
        }
        if let Some(kind) = report.optional_string(edge, "edge_type", None)
            && !EDGE_TYPES.contains(&kind)
        {
            report.warn("graph.edge_type", None, format!("edge type {} is not known", short(kind)));
        }
    }
    if is_circular(&pairs) {
        report.add("graph.cycle", None, "following edges leads in a circle");
    }
}

/// Takes away whatever nothing leads to, until nothing is left or only circles and what hangs on them.
fn is_circular(pairs: &[(&str, &str)]) -> bool {
    let mut incoming: BTreeMap<&str, usize> = BTreeMap::new();
    let mut outgoing: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (from, to) in pairs {
        incoming.entry(from).or_default();
        *incoming.entry(to).or_default() += 1;
        outgoing.entry(from).or_default().push(to);
    }
    let mut free: Vec<&str> = incoming.iter().filter(|(_, count)| **count == 0).map(|(id, _)| *id).collect();
    let mut taken = 0;
    while let Some(id) = free.pop() {
        taken += 1;
        for to in outgoing.get(id).into_iter().flatten() {
            if let Some(count) = incoming.get_mut(to) {
                *count -= 1;
                if *count == 0 {
                    free.push(to);
                }
            }
        }
    }
    taken < incoming.len()
}
