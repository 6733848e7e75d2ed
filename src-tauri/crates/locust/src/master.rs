//! A master that runs elsewhere: its load is started and its evidence fetched over the address of its web page.

use std::io;
use std::path::Path;
use std::time::Duration;

use holdpoint_foreign::{json, text};
use holdpoint_load::{Live, Order};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Response, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use tokio::fs::File;
use tokio::io::AsyncWriteExt as _;
use tokio::sync::watch;
use tokio::time::Instant;
use url::Url;

use crate::Package;
use crate::here::ends;
use crate::told::Counts;

/// The longest answer but the evidence.
const LIMITS: json::Limits = json::Limits { bytes: 64 * 1024, values: 1000 };
/// The largest file of evidence that is fetched.
const EVIDENCE_LIMIT: u64 = 4 * 1024 * 1024 * 1024;
const ANSWER: Duration = Duration::from_secs(30);
/// How often a master is asked how far it is.
const LOOK: Duration = Duration::from_secs(1);
/// How long a master may give no answer while its load goes on: the way there is not that of the load.
const SILENCE: Duration = Duration::from_secs(60);

/// Why a master is of no use.
#[derive(Debug, thiserror::Error)]
pub enum MasterError {
    /// It cannot be asked.
    #[error(
        "locust.master.unreachable: the master at {0} gives no answer: {1}; look whether it runs, and whether this computer reaches it"
    )]
    Unreachable(Url, String),
    /// It refuses.
    #[error(
        "locust.master.refused: the master at {0} refuses: {1}; where it asks for a login, give the header that carries it (in the terminal --master-header-file)"
    )]
    Refused(Url, String),
    /// It is another kind of master.
    #[error(
        "locust.master.foreign: {0} is no master with a package of Holdpoint: {1}; start it with the package's own locustfile.py"
    )]
    Foreign(Url, String),
    /// It has another plan.
    #[error(
        "locust.master.plan: the master has another plan (digest {theirs}), and this package's is {ours}; start it from this package, or leave the package as it was when the master was started"
    )]
    Plan {
        /// Its digest.
        theirs: String,
        /// Ours.
        ours: String,
    },
    /// It is at another load.
    #[error(
        "locust.master.busy: the master at {0} is at a load already; wait for its end, and judge what it left"
    )]
    Busy(Url),
    /// It does not come to an end.
    #[error(
        "locust.master.late: the master at {0} did not come to an end of the load in time; look at its own page"
    )]
    Late(Url),
    /// A header that cannot be sent.
    #[error(
        "locust.master.header: a header for the master cannot be sent; write NAME: VALUE in plain letters"
    )]
    Header,
    /// The evidence cannot be written here.
    #[error("locust.master.write: the evidence cannot be written: {0}; free some space")]
    Write(#[from] io::Error),
}

/// What a master says of itself.
#[derive(Clone, Debug, Deserialize)]
pub struct Said {
    /// The digest of its plan.
    pub plan: String,
    /// `waiting`, `running` or `ended`.
    pub phase: String,
    /// Workers that are ready.
    pub workers: u32,
    /// Why its last load was not led to its end.
    pub problem: String,
    /// What has happened so far in the load, or happened in the last one.
    #[serde(default)]
    live: Option<Counts>,
}

/// A master by the address of its web page.
#[derive(Debug)]
pub struct Master {
    client: Client,
    base: Url,
}

impl Master {
    /// A master that is asked with these headers, which may be secret. Redirects are not followed: a header must not
    /// reach anybody else.
    pub fn new(base: Url, headers: &[(String, String)]) -> Result<Self, MasterError> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| MasterError::Header)?;
            let mut value = HeaderValue::from_str(value).map_err(|_| MasterError::Header)?;
            value.set_sensitive(true);
            map.insert(name, value);
        }
        let client = Client::builder()
            .default_headers(map)
            .user_agent(concat!("holdpoint/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(ANSWER)
            .no_proxy()
            .build()
            .map_err(|error| MasterError::Unreachable(base.clone(), error.to_string()))?;
        Ok(Self { client, base })
    }

    /// What it says of itself. One that has another plan than `package` is of no use.
    pub async fn state(&self, package: &Package) -> Result<Said, MasterError> {
        let answer = self
            .client
            .get(self.at(""))
            .timeout(ANSWER)
            .send()
            .await
            .map_err(|error| self.unreachable(&error))?;
        let said: Said = self.read(answer).await?;
        if said.plan == package.digest() {
            return Ok(said);
        }
        Err(MasterError::Plan { theirs: text::cut(&said.plan, 80), ours: package.digest().into() })
    }

    /// Starts its load with all workers that are ready, and answers with their number.
    pub async fn start(&self, package: &Package) -> Result<u32, MasterError> {
        #[derive(Deserialize)]
        struct Started {
            workers: u32,
        }
        if self.state(package).await?.phase == "running" {
            return Err(MasterError::Busy(self.base.clone()));
        }
        let asked =
            self.client.post(self.at("/start")).json(&json!({ "plan": package.digest() })).timeout(ANSWER);
        let started: Started =
            self.read(asked.send().await.map_err(|error| self.unreachable(&error))?).await?;
        Ok(started.workers)
    }

    /// Follows the load that was started to its end, and fetches the evidence of it into a file. `orders` and `see` are those
    /// of [`run_here`](crate::run_here), but for latencies, which are known at the end. A master that gives no answer for a
    /// while is asked again: its load does not depend on this way.
    pub async fn follow(
        &self,
        package: &Package,
        evidence: &Path,
        mut orders: watch::Receiver<Order>,
        mut see: impl FnMut(&Live),
    ) -> Result<(), MasterError> {
        let plan = package.plan();
        let lasts = plan.load.duration().unwrap_or(holdpoint_load::plan::LONGEST) + plan.load.drain;
        let until = Instant::now() + lasts + 3 * Duration::from_secs_f64(plan.patience_s);
        // An order that was given before is one all the same.
        orders.mark_changed();
        let (mut began, mut ordered, mut answered) = (false, true, Instant::now());
        let mut to_tell = None;
        loop {
            tokio::select! {
                () = tokio::time::sleep(LOOK) => {}
                changed = orders.changed(), if ordered => {
                    ordered = changed.is_ok();
                    let order = *orders.borrow_and_update();
                    to_tell = ends(order).then_some(order == Order::Abort).or(to_tell);
                }
            }
            let asked = async {
                if let Some(give_up) = to_tell {
                    self.stop(give_up).await?;
                }
                self.state(package).await
            };
            let said = match asked.await {
                Ok(said) => said,
                Err(MasterError::Unreachable(..)) if answered.elapsed() < SILENCE => continue,
                Err(error) => return Err(error),
            };
            (answered, to_tell) = (Instant::now(), None);
            began |= said.phase == "running";
            // What it tells before is of the load before.
            if began && let Some(counts) = said.live {
                see(&counts.live());
            }
            if said.phase == "ended" && (began || said.problem.is_empty()) {
                break;
            }
            if Instant::now() > until {
                return Err(MasterError::Late(self.base.clone()));
            }
        }
        self.fetch(evidence).await
    }

    /// Ends its load: nothing more is started, or what is in flight is given up too.
    pub async fn stop(&self, give_up: bool) -> Result<(), MasterError> {
        let how = if give_up { "abort" } else { "drain" };
        let asked = self.client.post(self.at("/stop")).json(&json!({ "how": how })).timeout(ANSWER);
        self.read::<serde_json::Value>(asked.send().await.map_err(|error| self.unreachable(&error))?).await?;
        Ok(())
    }

    /// Fetches what its last load left.
    pub async fn fetch(&self, to: &Path) -> Result<(), MasterError> {
        let asked =
            self.client.get(self.at("/evidence")).send().await.map_err(|error| self.unreachable(&error))?;
        let mut answer = self.good(asked).await?;
        let mut file = File::create(to).await?;
        let mut left = EVIDENCE_LIMIT;
        while let Some(piece) = answer.chunk().await.map_err(|error| self.unreachable(&error))? {
            left = left.checked_sub(piece.len() as u64).ok_or_else(|| {
                MasterError::Foreign(
                    self.base.clone(),
                    "its evidence is larger than any load leaves it".into(),
                )
            })?;
            file.write_all(&piece).await?;
        }
        file.flush().await?;
        Ok(())
    }

    fn at(&self, path: &str) -> Url {
        let mut url = self.base.clone();
        let base = url.path().trim_end_matches('/').to_owned();
        url.set_path(&format!("{base}/holdpoint{path}"));
        url
    }

    fn unreachable(&self, error: &reqwest::Error) -> MasterError {
        let mut why = error.to_string();
        let mut source = std::error::Error::source(error);
        while let Some(inner) = source {
            why = inner.to_string();
            source = inner.source();
        }
        MasterError::Unreachable(self.base.clone(), why)
    }

    async fn good(&self, answer: Response) -> Result<Response, MasterError> {
        let status = answer.status();
        if status.is_success() {
            return Ok(answer);
        }
        #[derive(Deserialize)]
        struct Problem {
            problem: String,
        }
        let problem =
            self.bounded(answer).await.ok().and_then(|bytes| serde_json::from_slice::<Problem>(&bytes).ok());
        let base = self.base.clone();
        Err(match problem {
            Some(said) => MasterError::Refused(base, text::cut(&said.problem, 200)),
            None if status == StatusCode::NOT_FOUND => MasterError::Foreign(base, status.to_string()),
            None => MasterError::Refused(base, status.to_string()),
        })
    }

    async fn bounded(&self, mut answer: Response) -> Result<Vec<u8>, MasterError> {
        let mut bytes = Vec::new();
        while let Some(piece) = answer.chunk().await.map_err(|error| self.unreachable(&error))? {
            bytes.extend_from_slice(&piece);
            LIMITS
                .check(&bytes)
                .map_err(|error| MasterError::Foreign(self.base.clone(), error.to_string()))?;
        }
        Ok(bytes)
    }

    async fn read<T: DeserializeOwned>(&self, answer: Response) -> Result<T, MasterError> {
        let answer = self.good(answer).await?;
        let bytes = self.bounded(answer).await?;
        serde_json::from_slice(&bytes)
            .map_err(|error| MasterError::Foreign(self.base.clone(), json::said(&error)))
    }
}
