//! What the workers are told: the plan of a load, and everything that is asked.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use holdpoint_load::Schedule;
use holdpoint_load::http::{Family, Kind, Options, Target, TargetError, Version};
use holdpoint_load::plan::{AtCap, Model, Plan, PlanError};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::Url;

/// The version of this document.
const FORMAT: u32 = 1;
/// The most kinds of operations of one load.
pub(crate) const MOST_KINDS: usize = 64;
/// The most operations of which a ledger is kept.
pub const LEDGER_LIMIT: u64 = 1_000_000;
/// The most reports of one worker, about: with a long load each report covers more.
const REPORTS: f64 = 600.0;
/// What starting, introducing and reporting may take beyond the load itself.
const PATIENCE_S: f64 = 60.0;

/// A load for Locust, as `plan.json` holds it. No secret stands in it: where one is needed stands its name, and the
/// worker takes it from its environment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FleetPlan {
    holdpoint_plan: u32,
    /// Who starts when. Threads do not count: each worker is one process.
    pub load: Plan,
    /// Where everything goes, and how.
    pub http: Http,
    /// The kinds of operations.
    pub operations: Vec<Operation>,
    /// Which kind each arrival is, in turn: arrival `k` is of kind `turns[k % turns.len()]`.
    pub turns: Vec<usize>,
    /// How a worker logs in, where steps need a login.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login: Option<Step>,
    /// What the ids of operations begin with.
    pub tag: String,
    /// Whether workers report every operation with its id.
    pub ledger: bool,
    /// Seconds that each report covers.
    pub report_every_s: f64,
    /// Seconds that are waited beyond the load itself.
    pub patience_s: f64,
}

/// Where requests go, and how.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Http {
    /// The host to connect to.
    pub host: String,
    /// The port.
    pub port: u16,
    /// Whether by TLS.
    pub tls: bool,
    /// The `Host` header.
    pub authority: String,
    /// The `User-Agent` header.
    pub user_agent: String,
    /// Headers of every request; a value may be `${secret:NAME}`.
    pub headers: Vec<(String, String)>,
    /// Whether connections are kept.
    pub keep_connections: bool,
    /// `any`, `v4` or `v6`.
    pub family: String,
    /// Whether `authorities.pem` beside the plan holds authorities to trust besides those of the system.
    pub authorities: bool,
    /// The statuses that are expected; empty for all from 200 to 299.
    pub expected: Vec<u16>,
    /// The longest answer that is read, in bytes.
    pub body_limit: u64,
    /// How long each part may take.
    pub timeouts: Limits,
}

/// How long each part of a request may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Finding an address.
    pub resolve: Duration,
    /// Opening a connection.
    pub connect: Duration,
    /// The TLS handshake.
    pub tls: Duration,
    /// From the request to the end of the answer.
    pub request: Duration,
}

/// A kind of operation: its steps in order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Operation {
    /// Its name in records and reports.
    pub name: String,
    /// Its requests; it is good when all of them are.
    pub steps: Vec<Step>,
}

/// One request of an operation. In `path` and `json`, `${id}` is the operation's id, `${index}` its number, and `${NAME}`
/// what a step before captured under that name.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// The method.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// Whether it is the same every time, so that a worker makes its bytes once.
    #[serde(default, skip_serializing_if = "is_false")]
    pub fixed: bool,
    /// Whether it needs the token of the login.
    #[serde(default, skip_serializing_if = "is_false")]
    pub login: bool,
    /// Its document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub json: Option<Value>,
    /// Its body as base64, where it is no document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// The statuses that are expected, where they differ from those of all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub expect: Vec<u16>,
    /// What later steps need of its answer, by name: JSON pointers. What is captured as `key` goes into the ledger.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub capture: BTreeMap<String, String>,
    /// What must hold of its answer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub checks: Vec<Check>,
    /// Its answer is a stream of events.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream: Option<Stream>,
    /// The longest silence of a stream with an end event, in place of the limit of a request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub silence: Option<Duration>,
    /// Of a login: where the token stands in the answer, as a JSON pointer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_false(value: &bool) -> bool {
    !*value
}

/// Something that must hold of an answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Check {
    /// Where, as a JSON pointer.
    pub at: String,
    /// What.
    #[serde(flatten)]
    pub holds: Holds,
}

/// What must hold there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Holds {
    /// It is this.
    Equals(Value),
    /// It is this number, to a millionth.
    Near(f64),
    /// It is more than this number.
    Above(f64),
    /// It is a list that holds something, or has one in one of the places where the API puts it.
    Records(bool),
}

/// How a stream of events is followed: to its close, or to an event that ends it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stream {
    /// The event that ends it; without it the stream ends when it closes, and one event is enough.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<String>,
    /// The event that carries a `tick`, each of which must come once and in order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tick: Option<String>,
    /// The first tick.
    #[serde(default)]
    pub from: i64,
    /// The last.
    #[serde(default)]
    pub to: i64,
}

/// Secrets by their names. A worker finds `NAME` in its environment as `HOLDPOINT_SECRET_NAME`.
#[derive(Clone, Default)]
pub struct Secrets(BTreeMap<String, String>);

/// No value is ever shown.
impl std::fmt::Debug for Secrets {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_set().entries(self.0.keys()).finish()
    }
}

impl Secrets {
    /// Keeps a secret, and answers with what stands for it in a plan.
    pub fn keep(&mut self, name: &str, value: impl Into<String>) -> String {
        self.0.insert(name.to_owned(), value.into());
        format!("${{secret:{name}}}")
    }

    /// The names of the variables a worker needs, each with its value.
    pub fn variables(&self) -> impl Iterator<Item = (String, &str)> {
        self.0.iter().map(|(name, value)| (format!("HOLDPOINT_SECRET_{name}"), value.as_str()))
    }
}

/// Why a load cannot be given to Locust.
#[derive(Debug, thiserror::Error)]
pub enum FleetPlanError {
    /// The plan itself cannot be carried out.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The addresses cannot be asked.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// Something Locust does not do here.
    #[error("locust.plan.cannot: Locust sends no {0}; leave it out, or use Holdpoint's own engine")]
    Cannot(&'static str),
    /// Something in the plan does not fit together.
    #[error("locust.plan.wrong: this is no plan for Locust: {0}")]
    Wrong(String),
}

impl Http {
    /// How to ask the origin of an address. Headers from `secret_from` on are secrets and are kept apart.
    pub fn new(
        url: &Url,
        options: &Options,
        secret_from: usize,
        secrets: &mut Secrets,
    ) -> Result<Self, FleetPlanError> {
        if options.version == Version::Http2 {
            return Err(FleetPlanError::Cannot("HTTP/2"));
        }
        // Everything else that can be wrong with an address is found by who asks it here.
        let none = || TargetError::None;
        let host = url.host_str().ok_or_else(none)?;
        let port = url.port_or_known_default().ok_or_else(none)?;
        let headers = options.headers.iter().enumerate().map(|(place, (name, value))| {
            let value = value.trim();
            let value = if place >= secret_from {
                secrets.keep(&format!("HEADER_{}", place + 1), value)
            } else {
                value.to_owned()
            };
            (name.trim().to_owned(), value)
        });
        let timeouts = &options.timeouts;
        Ok(Self {
            // An address in brackets is one of IPv6, and connected to without them.
            host: host.trim_matches(['[', ']']).to_owned(),
            port,
            tls: url.scheme() == "https",
            authority: url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}")),
            user_agent: concat!("holdpoint/", env!("CARGO_PKG_VERSION")).to_owned(),
            headers: headers.collect(),
            keep_connections: options.keep_connections,
            family: match options.family {
                Family::Any => "any",
                Family::V4 => "v4",
                Family::V6 => "v6",
            }
            .to_owned(),
            authorities: options.authorities.is_some(),
            expected: options.expected.clone(),
            body_limit: options.body_limit,
            timeouts: Limits {
                resolve: timeouts.resolve,
                connect: timeouts.connect,
                tls: timeouts.tls,
                request: timeouts.request,
            },
        })
    }
}

impl Http {
    /// Where connections are really opened, whatever the `Host` header says; none where that is no address.
    pub fn address(&self) -> Option<Url> {
        let scheme = if self.tls { "https" } else { "http" };
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        let url = Url::parse(&format!("{scheme}://{host}:{}", self.port)).ok()?;
        // A host that holds more than a host would be read as something else.
        (url.path() == "/" && url.username().is_empty() && url.password().is_none() && url.query().is_none())
            .then_some(url)
    }

    /// The origin that everything goes to, such as `https://api.example.org`.
    pub fn origin(&self) -> String {
        format!("{}://{}", if self.tls { "https" } else { "http" }, self.authority)
    }
}

impl FleetPlan {
    /// A load of operations, which take turns.
    pub fn new(load: Plan, http: Http, operations: Vec<Operation>, tag: &str) -> Self {
        let every =
            load.duration().map_or(1.0, |duration| (duration.as_secs_f64() / REPORTS).ceil().max(1.0));
        Self {
            holdpoint_plan: FORMAT,
            load,
            http,
            turns: (0..operations.len()).collect(),
            operations,
            login: None,
            tag: tag.to_owned(),
            ledger: false,
            report_every_s: every,
            patience_s: PATIENCE_S,
        }
    }

    /// A load of plain addresses. Headers of `options` from `secret_from` on are secrets: they go into `secrets` and
    /// not into the plan.
    pub fn of_urls(
        load: Plan,
        urls: &[Url],
        options: &Options,
        secret_from: usize,
        secrets: &mut Secrets,
    ) -> Result<Self, FleetPlanError> {
        let stream = match options.kind {
            Kind::Request => None,
            Kind::Events => Some(Stream::default()),
            Kind::Message(_) => return Err(FleetPlanError::Cannot("messages over a WebSocket")),
        };
        // The same checks and the same names as where this computer sends.
        let target = Target::new(urls, options.clone())?;
        let first = urls.first().ok_or(TargetError::None)?;
        let http = Http::new(first, options, secret_from, secrets)?;
        let operations = urls.iter().zip(target.names()).map(|(url, name)| Operation {
            name: name.clone(),
            steps: vec![Step {
                method: options.method.to_string(),
                path: url
                    .query()
                    .map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path())),
                fixed: true,
                body: (!options.body.is_empty()).then(|| STANDARD.encode(&options.body)),
                stream: stream.clone(),
                ..Step::default()
            }],
        });
        let plan = Self::new(load, http, operations.collect(), "hp");
        plan.check()?;
        Ok(plan)
    }

    /// Refuses what cannot be done, before anything is written.
    pub fn check(&self) -> Result<(), FleetPlanError> {
        let wrong = |what: &str| Err(FleetPlanError::Wrong(what.to_owned()));
        self.load.check()?;
        if self.holdpoint_plan != FORMAT {
            return wrong(&format!(
                "it is of format {}, and this program knows {FORMAT}",
                self.holdpoint_plan
            ));
        }
        if self.load.at_cap != AtCap::Refuse {
            return wrong(
                "arrivals that wait for a connection belong to one computer; bound the number in flight instead",
            );
        }
        if self.operations.is_empty() || self.operations.len() > MOST_KINDS {
            return wrong(&format!(
                "it has {} kinds of operations, of 1 to {MOST_KINDS}",
                self.operations.len()
            ));
        }
        let names: BTreeSet<&str> = self.operations.iter().map(|one| one.name.as_str()).collect();
        if names.len() < self.operations.len() {
            return wrong("two kinds of operations have one name");
        }
        if self.operations.iter().any(|one| one.steps.is_empty()) {
            return wrong("an operation has no step");
        }
        if self.turns.is_empty() || self.turns.iter().any(|kind| *kind >= self.operations.len()) {
            return wrong("the turns name a kind that is not there");
        }
        if self.turns.len() as u64 > u64::from(holdpoint_load::plan::MOST_AT_ONCE) {
            return wrong("there are too many turns");
        }
        if !(0.1..=3600.0).contains(&self.report_every_s) || !(1.0..=3600.0).contains(&self.patience_s) {
            return wrong("reports cover a tenth of a second to an hour, and patience is no longer either");
        }
        let steps = || self.operations.iter().flat_map(|one| &one.steps);
        if steps().any(|step| step.login) && self.login.as_ref().is_none_or(|login| login.token.is_none()) {
            return wrong("a step needs a login, and there is none");
        }
        if steps()
            .chain(&self.login)
            .any(|step| !step.path.starts_with('/') || step.path.contains(char::is_whitespace))
        {
            return wrong("a path does not begin with /, or holds a space");
        }
        if self.ledger && self.expected(1).is_some_and(|all| all.iter().flatten().sum::<u64>() > LEDGER_LIMIT)
        {
            return wrong(&format!("a ledger is kept of at most {LEDGER_LIMIT} operations"));
        }
        Ok(())
    }

    /// The names of the kinds.
    pub fn kinds(&self) -> Vec<String> {
        self.operations.iter().map(|one| one.name.clone()).collect()
    }

    fn kind_of(&self, index: u64) -> usize {
        let place = usize::try_from(index % self.turns.len().max(1) as u64).unwrap_or(0);
        self.turns.get(place).copied().unwrap_or(0)
    }

    /// How many operations of each kind each of `workers` workers is to take, where the plan says it.
    pub fn expected(&self, workers: u32) -> Option<Vec<Vec<u64>>> {
        let workers = workers.max(1) as usize;
        let mut counts = vec![vec![0_u64; self.operations.len()]; workers];
        let mut count = |index: u64| {
            let worker = usize::try_from(index % workers as u64).unwrap_or(0);
            if let Some(of_kind) = counts[worker].get_mut(self.kind_of(index)) {
                *of_kind += 1;
            }
        };
        match &self.load.model {
            Model::Users { .. } => return None,
            Model::Rounds { concurrency, rounds } => {
                (0..u64::from(*concurrency) * u64::from(*rounds)).for_each(&mut count);
            }
            Model::Open { arrivals, stages } => {
                Schedule::new(*arrivals, stages).for_each(|arrival| count(arrival.index));
            }
        }
        Some(counts)
    }
}
