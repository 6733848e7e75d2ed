//! What can be typed after `holdpoint load`.

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::{ArgGroup, Args};
use holdpoint_desk::capacity::{ApiOperation, fleet};
use holdpoint_load::http::{Family, Kind, Options, Timeouts, Version};
use holdpoint_load::plan::{self, Arrivals, AtCap, Model, Plan, Stage};
use holdpoint_load::{Search, Wanted};
use url::Url;

use crate::failure::Failure;

#[derive(Args, Debug)]
#[command(group = ArgGroup::new("model").required(true).multiple(false).args(["rate", "users", "rounds", "stages", "test"]))]
pub(crate) struct LoadOptions {
    /// The addresses to ask in turn, all of one origin; ws:// and wss:// with --message
    #[arg(required_unless_present_any = ["operation", "test"], value_name = "URL")]
    pub(crate) url: Vec<Url>,
    /// Operations of the API in turn, through the login of --environment
    #[arg(long, value_parser = operation(), value_delimiter = ',', conflicts_with = "url")]
    pub(crate) operation: Vec<ApiOperation>,
    /// Open load: so many requests a second, whether answers come or not
    #[arg(long, value_name = "PER-SECOND")]
    pub(crate) rate: Option<f64>,
    /// Closed load: so many users, each of whom waits for the answer
    #[arg(long, value_name = "N")]
    pub(crate) users: Option<u32>,
    /// Bursts with a barrier between them: so many at once, so many times, for example 20x3
    #[arg(long, value_name = "CxR", value_parser = rounds)]
    pub(crate) rounds: Option<(u32, u32)>,
    /// Open load in stages: RATE:DURATION or FROM-TO:DURATION, for example 0-500:30s,500:1m
    #[arg(long, value_name = "STAGES")]
    pub(crate) stages: Option<String>,
    /// Raise the rate from --rate until a criterion breaks, and enclose the limit; each try takes --duration, or longer where
    /// it would send too few to tell
    #[arg(long, requires = "rate")]
    pub(crate) find_limit: bool,
    /// The highest rate that --find-limit tries
    #[arg(long, value_name = "PER-SECOND", default_value_t = 20_000.0)]
    pub(crate) up_to: f64,
    /// How near --find-limit comes to the limit, in percent
    #[arg(long, value_name = "PERCENT", default_value_t = 5.0)]
    pub(crate) precision: f64,
    /// How long, for example 500ms, 30s or 5m (30s; a try of --find-limit 10s)
    #[arg(long, value_parser = duration)]
    pub(crate) duration: Option<Duration>,
    /// The pause of a user between an answer and the next request
    #[arg(long, value_parser = duration, default_value = "0s", requires = "users")]
    pub(crate) think: Duration,
    /// Let arrivals follow each other as independent people do; the same seed gives the same arrivals
    #[arg(long, value_name = "SEED", num_args = 0..=1, default_missing_value = "1")]
    pub(crate) poisson: Option<u64>,
    /// A criterion: p95<500ms, p99.9<2s, max<5s, failures<1%, failures<=0, rate>480; of one operation as
    /// 'expand: p95<500ms'; may be given several times. A percentile or a share is met where its 95 % bound is
    #[arg(long, value_name = "CRITERION")]
    pub(crate) threshold: Vec<String>,
    /// The saved environment that the addresses belong to; all are looked through otherwise
    #[arg(long, value_name = "NAME")]
    pub(crate) environment: Option<String>,
    /// Confirm that you may load this host, where it is neither this computer nor of a saved environment
    #[arg(long, value_name = "HOST")]
    pub(crate) i_may_load: Option<String>,
    /// The method
    #[arg(long, default_value = "GET")]
    pub(crate) method: String,
    /// A header, NAME: VALUE; secret ones go into --header-file
    #[arg(long, value_name = "HEADER")]
    pub(crate) header: Vec<String>,
    /// A file of headers, one a line; for those that are secret
    #[arg(long, value_name = "FILE")]
    pub(crate) header_file: Option<PathBuf>,
    /// A file to send as the body
    #[arg(long, value_name = "FILE")]
    pub(crate) body: Option<PathBuf>,
    /// The statuses that are good; all from 200 to 299 otherwise. Redirects are never followed
    #[arg(long, value_name = "STATUS", value_delimiter = ',')]
    pub(crate) expect_status: Vec<u16>,
    /// Only HTTP/1.1
    #[arg(long, conflicts_with = "http2")]
    pub(crate) http1: bool,
    /// Only HTTP/2; without TLS by prior knowledge
    #[arg(long)]
    pub(crate) http2: bool,
    /// A new connection for each request
    #[arg(long)]
    pub(crate) new_connections: bool,
    /// Only IPv4
    #[arg(long, conflicts_with = "ipv6")]
    pub(crate) ipv4: bool,
    /// Only IPv6
    #[arg(long)]
    pub(crate) ipv6: bool,
    /// Follow each answer as a stream of events
    #[arg(long, conflicts_with = "message")]
    pub(crate) events: bool,
    /// Send this message over a WebSocket and wait for the next one back
    #[arg(long, value_name = "TEXT")]
    pub(crate) message: Option<String>,
    /// A file of certificate authorities (PEM) to trust besides the system's
    #[arg(long, value_name = "FILE")]
    pub(crate) authorities: Option<PathBuf>,
    /// From a request to the end of its answer
    #[arg(long, value_parser = duration, default_value = "30s")]
    pub(crate) timeout: Duration,
    /// The longest answer that is read, in bytes
    #[arg(long, value_name = "BYTES", default_value_t = 64 * 1024 * 1024)]
    pub(crate) body_limit: u64,
    /// Requests in flight at once; arrivals beyond are refused and counted
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    pub(crate) in_flight: u32,
    /// Connections at most; arrivals beyond wait for one, and their wait counts in their latency
    #[arg(long, value_name = "N", conflicts_with_all = ["in_flight", "users", "rounds", "test"])]
    pub(crate) connections: Option<u32>,
    /// Threads that send
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) threads: u32,
    /// Write everything that was recorded as JSON
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
    /// Write latencies second by second in the log format of HdrHistogram
    #[arg(long, value_name = "FILE")]
    pub(crate) hdr_log: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) fleet: super::fleet::FleetOptions,
}

fn operation() -> impl TypedValueParser<Value = ApiOperation> {
    let known = ApiOperation::ALL.map(|one| PossibleValue::new(one.name()).help(one.title()));
    PossibleValuesParser::new(known).try_map(|text| text.parse::<ApiOperation>())
}

/// The most tries of --find-limit.
const TRIES: u32 = 60;

fn duration(text: &str) -> Result<Duration, String> {
    plan::duration_of(text).ok_or_else(|| "a duration is written like 500ms, 30s, 5m or 1h".into())
}

fn rounds(text: &str) -> Result<(u32, u32), String> {
    text.split_once('x')
        .and_then(|(concurrency, rounds)| Some((concurrency.parse().ok()?, rounds.parse().ok()?)))
        .ok_or_else(|| "rounds are written like 20x3".into())
}

/// Headers that are secrets; arguments of a process are seen by everybody on the computer.
const SECRET: [&str; 4] = ["authorization", "cookie", "proxy-authorization", "x-api-key"];
/// A file of headers or a body is read whole; more is a mistake.
const FILE_LIMIT: u64 = 16 * 1024 * 1024;

impl LoadOptions {
    /// What is wanted, as it is typed.
    pub(crate) fn wanted(&self) -> Result<Wanted, Failure> {
        let arrivals = self.poisson.map_or(Arrivals::Constant, |seed| Arrivals::Poisson { seed });
        let wanted = if self.find_limit {
            let search = Search {
                from: self.rate.unwrap_or(10.0),
                up_to: self.up_to,
                precision: self.precision / 100.0,
                steps: TRIES,
            };
            Wanted::limit(search, arrivals, self.duration.unwrap_or(Duration::from_secs(10)))
        } else {
            Wanted::Load(Plan::new(self.model(arrivals)?))
        };
        self.bounded(wanted)
    }

    /// The same with the bounds that are typed, where it can be done.
    pub(super) fn bounded(&self, wanted: Wanted) -> Result<Wanted, Failure> {
        let wanted = wanted.bounded(|plan| {
            (plan.in_flight, plan.threads, plan.drain) = (self.in_flight, self.threads, self.timeout);
            if let Some(connections) = self.connections {
                (plan.in_flight, plan.at_cap) = (connections, AtCap::Wait);
            }
        });
        wanted.check()?;
        Ok(wanted)
    }

    fn model(&self, arrivals: Arrivals) -> Result<Model, Failure> {
        let duration = self.duration.unwrap_or(Duration::from_secs(30));
        Ok(match (self.rate, self.users, self.rounds, &self.stages) {
            (Some(rate), ..) => Model::Open { arrivals, stages: vec![Stage::steady(rate, duration)] },
            (_, Some(users), ..) => Model::Users { users, think: self.think, duration },
            (_, _, Some((concurrency, rounds)), _) => Model::Rounds { concurrency, rounds },
            (.., Some(stages)) => Model::Open { arrivals, stages: plan::stages(stages)? },
            _ => return Err(Failure::usage("say how much: --rate, --users, --rounds or --stages")),
        })
    }

    /// How to ask.
    pub(crate) fn http(&self) -> Result<Options, Failure> {
        let mut headers = Vec::new();
        for line in &self.header {
            let header = header(line)?;
            if SECRET.contains(&header.0.to_ascii_lowercase().as_str()) {
                return Err(Failure::usage(format!(
                    "the header {} is a secret, and arguments are seen by everybody on this computer; put the line \
                     into a file and name it with --header-file",
                    header.0
                )));
            }
            headers.push(header);
        }
        if let Some(file) = &self.header_file {
            headers.extend(self::headers(file)?);
        }
        let body = self.body.as_deref().map(read).transpose()?.unwrap_or_default().into();
        let method = self
            .method
            .to_ascii_uppercase()
            .parse()
            .map_err(|_| Failure::usage(format!("{:?} is no method of HTTP", self.method)))?;
        Ok(Options {
            method,
            headers,
            body,
            version: match (self.http1, self.http2) {
                (true, _) => Version::Http1,
                (_, true) => Version::Http2,
                _ => Version::Auto,
            },
            keep_connections: !self.new_connections,
            family: match (self.ipv4, self.ipv6) {
                (true, _) => Family::V4,
                (_, true) => Family::V6,
                _ => Family::Any,
            },
            timeouts: Timeouts { request: self.timeout, ..Timeouts::default() },
            body_limit: self.body_limit,
            expected: self.expect_status.clone(),
            kind: match (&self.message, self.events) {
                (Some(text), _) => Kind::Message(text.clone()),
                (None, true) => Kind::Events,
                (None, false) => Kind::Request,
            },
            authorities: self.authorities.clone(),
        })
    }
}

/// The headers in a file, one a line.
pub(super) fn headers(file: &std::path::Path) -> Result<Vec<(String, String)>, Failure> {
    let text = String::from_utf8(read(file)?)
        .map_err(|_| Failure::usage(format!("{} is no text", file.display())))?;
    text.lines().filter(|line| !line.trim().is_empty()).map(header).collect()
}

fn header(line: &str) -> Result<(String, String), Failure> {
    // What follows the colon may be secret and is not repeated.
    fleet::header(line).ok_or_else(|| Failure::usage("a header is written NAME: VALUE; one has no colon"))
}

fn read(file: &std::path::Path) -> Result<Vec<u8>, Failure> {
    use std::io::Read as _;
    let cannot =
        |error: std::io::Error| Failure::usage(format!("{} cannot be read: {error}", file.display()));
    let mut bytes = Vec::new();
    std::fs::File::open(file)
        .map_err(cannot)?
        .take(FILE_LIMIT + 1)
        .read_to_end(&mut bytes)
        .map_err(cannot)?;
    if bytes.len() as u64 > FILE_LIMIT {
        return Err(Failure::usage(format!("{} is larger than {FILE_LIMIT} bytes", file.display())));
    }
    Ok(bytes)
}
