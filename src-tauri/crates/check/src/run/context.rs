//! What every test needs: the clients, the plan, the journal, the way to stop.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use holdpoint_agentverse::Client;
use holdpoint_agentverse::client::{Credentials, Observer, Timeouts};
use holdpoint_agentverse::error::ApiError;
use holdpoint_agentverse::storage::Storage;
use holdpoint_load::Pulse;
use holdpoint_railway as railway;
use tokio_util::sync::CancellationToken;

use super::abort::Abort;
use super::faults::Faults;
use super::session::Created;
use crate::environment::Secrets;
use crate::journal::Emitter;
use crate::plan::{ChaosIntent, Plan};
use crate::words::{Service, TestId};

/// Why the clients of a check cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The client of the API.
    #[error("the client of the API cannot be made: {0}")]
    Api(ApiError),
    /// The client of the object store.
    #[error("the client of the object store cannot be made: {0}. Check storage.url, bucket and region")]
    Storage(ApiError),
    /// The client of Railway.
    #[error("the client of Railway cannot be made: {0}")]
    Railway(railway::Error),
}

pub(super) struct Clients {
    api: Client,
    storage: Option<Storage>,
    railway: Option<railway::Client>,
    pulse: Arc<ApiPulse>,
}

/// Every request to the API, second by second.
#[derive(Debug, Default)]
pub(super) struct ApiPulse(pub(super) Pulse);

impl Observer for ApiPulse {
    fn ended(&self, latency: Duration, ok: bool) {
        self.0.ended(latency, ok);
    }
}

pub(super) struct Context {
    pub(super) plan: Plan,
    pub(super) check_id: String,
    pub(super) api: Client,
    pub(super) storage: Option<Storage>,
    pub(super) railway: Option<railway::Client>,
    pub(super) pulse: Arc<ApiPulse>,
    pub(super) emit: Emitter,
    /// Everything that the check made on the server.
    pub(super) created: Arc<Created>,
    pub(super) abort: Abort,
    /// Cancelled when load must end.
    pub(super) stop: CancellationToken,
    /// Cancelled when services are not waited for any more.
    given_up: CancellationToken,
    /// Identities that faults were proven with, so that a later change is seen as somebody else's.
    proven: Mutex<BTreeMap<TestId, String>>,
    /// The service that did not come back in time: after that no further fault is injected.
    overdue: OnceLock<Service>,
    /// Which faults there were and when they ended.
    faults: Mutex<Faults>,
    /// What was restarted, and the deployment that served it then.
    restarted: Mutex<BTreeMap<TestId, (railway::Target, String)>>,
}

impl Context {
    pub(super) fn connect(plan: &Plan, secrets: &Secrets) -> Result<Clients, ConnectError> {
        let environment = &plan.environment;
        let credentials = match (&secrets.email, &secrets.password) {
            (Some(email), Some(password)) => Some(Credentials {
                email: email.clone(),
                password: password.clone(),
                ops_key: secrets.ops_key.clone(),
            }),
            _ => None,
        };
        let timeouts = Timeouts {
            total: Duration::from_secs(plan.parameters.general.request_timeout_s),
            ..Timeouts::default()
        };
        let pulse = Arc::new(ApiPulse::default());
        let observer: Arc<dyn Observer> = pulse.clone();
        let api = Client::observed(environment.api_url.clone(), credentials, timeouts, Some(observer))
            .map_err(ConnectError::Api)?
            .hiding(&secrets.known());
        let storage = match (&secrets.s3_access_key, &secrets.s3_secret_key) {
            (Some(access), Some(secret)) => {
                let target = &environment.storage;
                Some(
                    Storage::new(target.url.clone(), &target.bucket, &target.region, access, secret)
                        .map_err(ConnectError::Storage)?,
                )
            }
            _ => None,
        };
        let railway = match (&environment.railway, &secrets.railway_token, plan.chaos) {
            (Some(target), Some(token), ChaosIntent::Real) => Some(
                railway::Client::new(
                    target.url.clone(),
                    token.clone(),
                    secrets.railway_token_kind.unwrap_or(railway::TokenKind::Project),
                )
                .map_err(ConnectError::Railway)?
                .denying(&target.deny),
            ),
            _ => None,
        };
        Ok(Clients { api, storage, railway, pulse })
    }

    pub(super) fn new(clients: Clients, plan: Plan, check_id: String, emit: Emitter, abort: Abort) -> Self {
        Self {
            plan,
            check_id,
            api: clients.api,
            storage: clients.storage,
            railway: clients.railway,
            pulse: clients.pulse,
            emit,
            created: Arc::default(),
            stop: abort.load(),
            given_up: abort.waiting(),
            abort,
            proven: Mutex::default(),
            overdue: OnceLock::new(),
            faults: Mutex::default(),
            restarted: Mutex::default(),
        }
    }

    /// Keeps the identity a fault was proven with.
    pub(super) fn keep_identity(&self, test: TestId, identity: &str) {
        self.proven.lock().unwrap_or_else(PoisonError::into_inner).insert(test, identity.into());
    }

    /// Keeps what a test has restarted.
    pub(super) fn keep_restarted(&self, test: TestId, target: railway::Target, deployment: &str) {
        let mut restarted = self.restarted.lock().unwrap_or_else(PoisonError::into_inner);
        restarted.insert(test, (target, deployment.into()));
    }

    /// What `test` has restarted, and the deployment that served it then.
    pub(super) fn restarted(&self, test: TestId) -> Option<(railway::Target, String)> {
        self.restarted.lock().unwrap_or_else(PoisonError::into_inner).get(&test).cloned()
    }

    /// The identity the fault of `test` was proven with.
    pub(super) fn proven_identity(&self, test: TestId) -> Option<String> {
        self.proven.lock().unwrap_or_else(PoisonError::into_inner).get(&test).cloned()
    }

    /// The faults of this check so far.
    pub(super) fn faults(&self) -> MutexGuard<'_, Faults> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A service did not come back in time.
    pub(super) fn note_overdue(&self, service: Service) {
        // The first one is the reason; a second changes nothing.
        let _ = self.overdue.set(service);
    }

    /// The service that did not come back in time, if there is one.
    pub(super) fn overdue(&self) -> Option<Service> {
        self.overdue.get().copied()
    }

    /// The short form of the check's id that our own operation ids start with: `hp-1a2b3c4d`.
    pub(super) fn tag(&self) -> String {
        format!("hp-{}", self.check_id.get(..8).unwrap_or("check"))
    }

    /// None once the check is aborted.
    pub(super) fn goes_on(&self) -> Option<()> {
        (!self.stop.is_cancelled()).then_some(())
    }

    /// Waits for something that goes on through an abort; none when a second one ends that too.
    pub(super) async fn unless_given_up<T>(&self, what: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            () = self.given_up.cancelled() => None,
            done = what => Some(done),
        }
    }

    /// Sleeps; false when the check was aborted meanwhile, however short the sleep.
    pub(super) async fn pause(&self, duration: Duration) -> bool {
        tokio::select! {
            biased;
            () = self.stop.cancelled() => false,
            () = tokio::time::sleep(duration) => true,
        }
    }
}
