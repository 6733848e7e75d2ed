//! Our own client: the engine with everything recorded, as `holdpoint load` runs it.

use std::time::Duration;

use holdpoint_load::http::{HttpLanes, Options, Target, Version};
use holdpoint_load::plan::{Arrivals, AtCap, Model, Plan, Stage};
use holdpoint_load::start;
use serde_json::json;

/// `send URL users|rate|poisson N SECONDS [http2] [connections N]`: sends, and says what it recorded as JSON.
pub fn run(words: &[String]) {
    let [url, model, size, seconds, rest @ ..] = words else {
        panic!("send URL users|rate|poisson N SECONDS")
    };
    let version = if rest.iter().any(|word| word == "http2") { Version::Http2 } else { Version::Http1 };
    let duration = Duration::from_secs_f64(seconds.parse().unwrap());
    let stages = || vec![Stage::steady(size.parse().unwrap(), duration)];
    let model = match model.as_str() {
        "users" => Model::Users { users: size.parse().unwrap(), think: Duration::ZERO, duration },
        "poisson" => Model::Open { arrivals: Arrivals::Poisson { seed: 7 }, stages: stages() },
        _ => Model::Open { arrivals: Arrivals::Constant, stages: stages() },
    };
    let target = Target::new(&[url.parse().unwrap()], Options { version, ..Options::default() }).unwrap();
    let kinds = target.names().to_vec();
    let mut plan = Plan::new(model);
    if let Some(at) = rest.iter().position(|word| word == "connections") {
        (plan.in_flight, plan.at_cap) = (rest[at + 1].parse().unwrap(), AtCap::Wait);
    }
    let result = start(plan, kinds, &HttpLanes::new(target), None).unwrap().join();
    let total = result.total();
    let at = |quantile| total.latency.quantile_ms(quantile);
    println!(
        "{}",
        json!({
            "planned": total.planned, "sent": total.sent, "refused": total.refused, "ok": total.ok,
            "failed": total.failures(), "abandoned": total.abandoned, "elapsed_s": result.elapsed_s,
            "p50": at(0.5), "p95": at(0.95), "p99": at(0.99), "p995": at(0.995), "p999": at(0.999),
            "service_p99": total.service.quantile_ms(0.99),
            "lag_p50": total.lag.quantile_ms(0.5), "lag_p95": total.lag.quantile_ms(0.95),
            "lag_p99": total.lag.quantile_ms(0.99), "lag_p999": total.lag.quantile_ms(0.999),
            "lag_max": total.lag.max_ms(), "failures": total.failed,
        })
    );
}
