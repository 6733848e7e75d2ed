//! What servers answer: the API, its streams, the object store, Railway.

use std::time::Duration;

use futures::{FutureExt as _, stream};
use holdpoint_agentverse::answer::{self, OpenApi};
use holdpoint_agentverse::error::{ApiError, ErrorClass};
use holdpoint_agentverse::graph::{self, Fork, GraphRule, UniverseMap};
use holdpoint_agentverse::storage;
use holdpoint_agentverse::stream::{StreamEnd, StreamEvent, TelemetryStream};
use holdpoint_agentverse::types::{
    AutoTune, Calibration, Ensemble, Export, Fork as ForkAnswer, Health, Heartbeat, Job, Node, Project, Run,
    Signature, StorageTest, TelemetryIndex, Trace, User, WorkerStatus, is_id,
};
use holdpoint_foreign::text::is_inert;
use holdpoint_railway::{Deployment, Error, LogLine};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::shown;

/// Reads an answer; what is read is inert, and written and read again it is the same.
fn read<T: DeserializeOwned + Serialize>(body: &str) -> Option<T> {
    let answer: T = answer::read(body, "GET /").map_err(|error| shown::values(&error)).ok()?;
    shown::values(&answer);
    let written = serde_json::to_string(&answer).expect("what was read");
    let again: T = answer::read(&written, "GET /").expect("what was read and written is read again");
    // Compared as written, because a number that has no exact decimal may differ in its last bit once more.
    let same = serde_json::to_string(&again).expect("what was read").len().abs_diff(written.len()) < 64;
    assert!(same, "{written}");
    Some(answer)
}

/// Every answer of the API that is read: by its first byte one of them.
pub(crate) fn answers(bytes: &[u8]) {
    let Some((kind, body)) = bytes.split_first() else { return };
    let refusal = ApiError::new(ErrorClass::Status(500), "GET /", answer::refusal(body));
    shown::values(&refusal);
    let body = &String::from_utf8_lossy(body);
    match kind % 20 {
        0 => {
            if let Some(health) = read::<Health>(body) {
                let _ = health.started_at();
            }
        }
        1 => drop(read::<StorageTest>(body)),
        2 => drop(read::<User>(body).inspect(|user| assert!(is_id(&user.id)))),
        3 => drop(read::<Project>(body).inspect(|project| assert!(is_id(&project.id)))),
        4 => {
            if let Some(run) = read::<Run>(body) {
                assert!(is_id(&run.run_id));
                let tolerance = chrono::TimeDelta::minutes(2);
                for time in [run.started_at, run.completed_at].into_iter().flatten() {
                    let _ = (time - tolerance, time + tolerance);
                }
            }
        }
        5 => drop(read::<Vec<Trace>>(body)),
        6 => drop(read::<ForkAnswer>(body).inspect(|fork| assert!(is_id(&fork.node.node_id)))),
        7 => drop(read::<Vec<Node>>(body)),
        8 => drop(read::<Ensemble>(body).inspect(|all| assert!(all.run_ids.iter().all(|id| is_id(id))))),
        9 => drop(read::<Calibration>(body)),
        10 => drop(read::<AutoTune>(body)),
        11 => drop(read::<Job>(body).inspect(|job| assert!(is_id(&job.id)))),
        12 => drop(read::<Export>(body).inspect(|export| assert!(is_id(&export.export_id)))),
        13 => drop(read::<WorkerStatus>(body)),
        14 => drop(read::<Heartbeat>(body)),
        15 => drop(read::<Signature>(body)),
        16 => drop(read::<TelemetryIndex>(body).inspect(|index| assert!(index.total_ticks >= 0))),
        17 => drop(answer::read::<OpenApi>(body, "GET /")),
        _ => drop(read::<Value>(body)),
    }
}

/// A stream says the same however its bytes are cut, and names inertly what it does not know.
pub(crate) fn stream(bytes: &[u8]) {
    let Some((size, text)) = bytes.split_first() else { return };
    let cut = usize::from(*size) + 1;
    let in_pieces = events(text.chunks(cut).map(<[u8]>::to_vec).collect());
    let at_once = events(vec![text.to_vec()]);
    // A text that is no UTF-8 is refused where it stands, which may be before or after the events around it.
    if std::str::from_utf8(text).is_ok() {
        assert_eq!(in_pieces, at_once);
    }
    for event in in_pieces.0 {
        if let StreamEvent::Other(name) = event {
            assert!(name.chars().all(is_inert) && name.chars().count() <= 40, "{name:?}");
        }
    }
}

fn events(pieces: Vec<Vec<u8>>) -> (Vec<StreamEvent>, bool) {
    let most = pieces.iter().map(Vec::len).sum::<usize>() + 1;
    let pieces = stream::iter(pieces.into_iter().map(Ok));
    let read = async {
        let mut stream = TelemetryStream::of_bytes(pieces, "GET stream");
        let mut events = Vec::new();
        loop {
            assert!(events.len() <= most, "more events than bytes");
            match stream.next(Duration::MAX).await {
                Ok(event) => events.push(event),
                Err(StreamEnd::Closed) => return (events, true),
                Err(StreamEnd::Broken(error)) => {
                    shown::values(&error);
                    return (events, false);
                }
                Err(end) => panic!("{end:?}"),
            }
        }
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    runtime.block_on(async { read.now_or_never().expect("nothing to wait for") })
}

/// Lists of the object store.
pub(crate) fn bucket_lists(bytes: &[u8]) {
    match storage::read_list(bytes) {
        Ok((listed, next)) => {
            assert!(listed.len() <= bytes.len());
            assert!(next.is_none_or(|next| next.len() <= bytes.len()));
        }
        Err(error) => shown::values(&error),
    }
    let names = storage::bucket_names(&String::from_utf8_lossy(bytes));
    assert!(names.iter().all(|name| name.chars().all(is_inert)), "{names:?}");
}

/// A universe map: judged whatever it holds, the same in any order; grown by nothing it shows nothing new.
pub(crate) fn graph(bytes: &[u8]) {
    let map = match answer::read::<UniverseMap>(&String::from_utf8_lossy(bytes), "GET map") {
        Ok(map) => map,
        Err(_) => small_map(bytes),
    };
    let found = graph::audit(&map);
    shown::values(&found);
    let mut turned = map.clone();
    turned.nodes.reverse();
    turned.edges.reverse();
    assert_eq!(graph::structural_digest(&turned), graph::structural_digest(&map));
    // Which of two nodes with one id is looked at depends on the order; that something is wrong does not.
    assert_eq!(graph::audit(&turned).is_empty(), found.is_empty());
    let unique =
        !found.iter().any(|one| matches!(one.rule, GraphRule::DuplicateNode | GraphRule::DuplicateEdge));
    if unique {
        assert_eq!(graph::audit(&turned).len(), found.len());
        assert_eq!(graph::audit_growth(&map, &map, &[]).len(), found.len(), "nothing grew");
        if let Some(node) = map.nodes.last() {
            let mut less = map.clone();
            less.nodes.pop();
            let lost = graph::audit_growth(&map, &less, &[]);
            assert!(lost.iter().any(|one| one.rule == GraphRule::Lost && one.id == node.node_id));
            let new = graph::audit_growth(&less, &map, &[]);
            assert!(new.iter().any(|one| one.rule == GraphRule::Unexpected && one.id == node.node_id));
        }
    }
    let fork = Fork { node_id: "never".into(), edge_id: "never".into(), parent_node_id: "never".into() };
    if !map.nodes.iter().any(|node| node.node_id == "never") {
        let missing = graph::audit_growth(&map, &map, &[fork]);
        assert!(missing.iter().any(|one| one.rule == GraphRule::AcknowledgedMissing));
    }
}

/// A map of a few nodes with any parents, depths and edges.
fn small_map(bytes: &[u8]) -> UniverseMap {
    let mut map = UniverseMap::default();
    for piece in bytes.chunks_exact(3).take(300) {
        let name = |byte: u8| format!("n{}", byte % 32);
        if piece[0] % 2 == 0 {
            map.nodes.push(graph::MapNode {
                node_id: name(piece[1]),
                parent_node_id: (piece[2] % 5 != 0).then(|| name(piece[2])),
                depth: i64::from(piece[0] / 2) - 2,
            });
        } else {
            map.edges.push(graph::MapEdge {
                edge_id: format!("e{}", piece[0] / 2),
                from_node_id: name(piece[1]),
                to_node_id: name(piece[2]),
            });
        }
    }
    map
}

/// Railway's answers: a mutation is accepted by a plain `true` alone, and no text carries the token or acts.
pub(crate) fn railway(bytes: &[u8]) {
    const TOKEN: &str = "secret-token";
    let Some((status, body)) = bytes.split_first() else { return };
    let status = [200, 200, 200, 400, 401, 403, 404, 408, 500, 502][usize::from(*status) % 10];
    let inert = |error: &Error| {
        for text in [error.to_string(), error.remedy()] {
            assert!(text.chars().all(is_inert), "{text:?}");
            assert!(!text.contains(TOKEN), "{text}");
        }
    };
    match holdpoint_railway::mutation_answer(status, body, TOKEN, "deploymentRestart") {
        Ok(()) => {
            let answer: Value = serde_json::from_slice(body).expect("JSON");
            assert_eq!(answer.pointer("/data/deploymentRestart"), Some(&Value::Bool(true)));
            let errors = answer.get("errors").and_then(Value::as_array);
            assert!(status == 200 && errors.is_none_or(Vec::is_empty), "accepted with errors");
        }
        Err(error) => inert(&error),
    }
    match holdpoint_railway::read_answer::<Deployment>(status, body, TOKEN, "deployment") {
        Ok(deployment) => {
            assert!(deployment.status.to_string().chars().all(is_inert));
            assert!(!format!("{deployment:?}").contains(TOKEN));
        }
        Err(error) => inert(&error),
    }
    match holdpoint_railway::read_answer::<Vec<LogLine>>(status, body, TOKEN, "deploymentLogs") {
        Ok(lines) => {
            for line in lines {
                assert!(line.message.chars().chain(line.timestamp.chars()).all(is_inert), "{line:?}");
                assert!(!line.message.contains(TOKEN));
            }
        }
        Err(error) => inert(&error),
    }
}
