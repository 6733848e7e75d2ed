//! The arrivals of Rust on the vectors that Python tries too (`real.rs` runs `vectors.py` on the same file).

#![allow(missing_docs, clippy::unwrap_used, reason = "tests")]

use holdpoint_load::Schedule;
use holdpoint_load::plan::{Arrivals, Stage};
use serde::Deserialize;
use std::collections::BTreeMap;

#[derive(Deserialize)]
struct Vector {
    arrivals: Arrivals,
    stages: Vec<Stage>,
    count: u64,
    nanos: BTreeMap<usize, i128>,
    sum: i128,
}

#[test]
fn the_same_seed_gives_the_arrivals_of_the_vectors() {
    let vectors: Vec<Vector> = serde_json::from_str(include_str!("vectors.json")).unwrap();
    assert_eq!(vectors.len(), 5);
    for vector in vectors {
        let all: Vec<_> = Schedule::new(vector.arrivals, &vector.stages).collect();
        assert_eq!(all.len() as u64, vector.count);
        let nanos: Vec<i128> =
            all.iter().map(|arrival| i128::try_from(arrival.at.as_nanos()).unwrap()).collect();
        for (place, wanted) in vector.nanos {
            // The logarithm may differ by its last bit between systems.
            assert!((nanos[place] - wanted).abs() <= 1, "{place}: {} and {wanted}", nanos[place]);
        }
        assert!((nanos.iter().sum::<i128>() - vector.sum).abs() <= i128::from(vector.count));
    }
}
