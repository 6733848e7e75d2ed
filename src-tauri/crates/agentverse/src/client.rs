//! The calls Holdpoint makes, one method each, as the API facts of sections 3 and 4 describe them.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::{Method, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::sync::RwLock;
use url::Url;

use crate::answer::{self, OpenApi};
use crate::error::{ApiError, ErrorClass};
use crate::graph::UniverseMap;
use crate::known::KnownSecrets;
use crate::pace::Pace;
use crate::stream::TelemetryStream;
use crate::types::{
    AutoTune, Calibration, Ensemble, Export, Fork, Generation, Health, Heartbeat, Job, Node, Project, Run,
    Signature, StorageTest, TelemetryIndex, Trace, User, WorkerStatus, is_id,
};

/// What all pages of a list may hold together, in bytes.
const LIST_LIMIT: usize = 2 * answer::LIMITS.bytes;
/// The largest refusal that is read.
const REFUSAL_LIMIT: usize = 16 * 1024;

/// The one answer that holds a secret.
const LOGIN: &str = "/api/v1/auth/login";

/// Time limits of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// Until connected.
    pub connect: Duration,
    /// Until the whole answer is there.
    pub total: Duration,
}

impl Default for Timeouts {
    /// The original's 30 s for an answer (API facts 10.3), 10 s to connect.
    fn default() -> Self {
        Self { connect: Duration::from_secs(10), total: Duration::from_secs(30) }
    }
}

/// Who Holdpoint is to the API.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// The login; exports need an admin.
    pub email: String,
    /// Its password.
    pub password: SecretString,
    /// The key of the ops endpoints, where there is one.
    pub ops_key: Option<SecretString>,
}

/// Is told of every request when its answer is complete or has failed.
pub trait Observer: std::fmt::Debug + Send + Sync {
    /// One request ended after `latency`; `ok` when it was answered with success.
    fn ended(&self, latency: Duration, ok: bool);
}

/// A client of one AgentVerse API. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Client {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    base: Url,
    http: reqwest::Client,
    streaming: reqwest::Client,
    credentials: Option<Credentials>,
    token: RwLock<Option<SecretString>>,
    /// Everything the API knows of us, and may repeat.
    known: std::sync::RwLock<KnownSecrets>,
    pace: Pace,
    observer: Option<Arc<dyn Observer>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Auth {
    None,
    User,
    Ops,
}

impl Client {
    /// A client for `base`. Redirects are never followed: the API answers a wrong slash with one, and a credential
    /// must not travel to another origin (API facts 3.4).
    pub fn new(base: Url, credentials: Option<Credentials>, timeouts: Timeouts) -> Result<Self, ApiError> {
        Self::observed(base, credentials, timeouts, None)
    }

    /// As [`Client::new`], with somebody who is told of every request.
    pub fn observed(
        base: Url,
        credentials: Option<Credentials>,
        timeouts: Timeouts,
        observer: Option<Arc<dyn Observer>>,
    ) -> Result<Self, ApiError> {
        let builder = || {
            reqwest::Client::builder()
                .user_agent(concat!("holdpoint/", env!("CARGO_PKG_VERSION")))
                .redirect(reqwest::redirect::Policy::none())
                .connect_timeout(timeouts.connect)
                .no_proxy()
        };
        let failed = |error: reqwest::Error| ApiError::new(ErrorClass::Tls, "client", error.to_string());
        let mut known = KnownSecrets::default();
        if let Some(credentials) = &credentials {
            known.add(credentials.password.expose_secret());
            if let Some(key) = &credentials.ops_key {
                known.add(key.expose_secret());
            }
        }
        Ok(Self {
            inner: Arc::new(Inner {
                base,
                known: std::sync::RwLock::new(known),
                http: builder().timeout(timeouts.total).build().map_err(failed)?,
                streaming: builder().build().map_err(failed)?,
                credentials,
                token: RwLock::new(None),
                pace: Pace::default(),
                observer,
            }),
        })
    }

    /// Takes these out of every answer too: a server may know more of us than what this client sends it.
    #[must_use]
    pub fn hiding(self, secrets: &KnownSecrets) -> Self {
        self.inner.known.write().unwrap_or_else(PoisonError::into_inner).add_all(secrets);
        self
    }

    /// How long to wait until `count` more requests to `path` (with `/api/v1`) fit into the limiter's window.
    pub fn wait_for_room(&self, path: &str, count: usize) -> Duration {
        self.inner.pace.wait_for(path, count)
    }

    /// Counts requests to `path` that were sent before this client was made, each by how long ago.
    pub fn recall(&self, path: &str, ago: &[Duration]) {
        self.inner.pace.recall(path, ago);
    }

    /// How long ago each request was sent that the limiter still counts, by path.
    pub fn counted(&self) -> Vec<(String, Vec<Duration>)> {
        self.inner.pace.counted()
    }

    /// Whether a server answers at `/` at all, whatever it says; a failing server (5xx) does not.
    pub async fn reach(&self) -> Result<(), ApiError> {
        match self.send_seen(Method::GET, "/", "", None, Auth::None).await {
            Err(error) => match error.class {
                ErrorClass::Status(code) if code < 500 => Ok(()),
                _ => Err(error),
            },
            Ok(_) => Ok(()),
        }
    }

    // --- health (API facts 4.1) ---

    /// `GET /health`: always healthy; exempt from the limiter; the process identity of the API.
    pub async fn health(&self) -> Result<Health, ApiError> {
        self.get("/health", Auth::None).await
    }

    /// `GET /health` with a time limit of its own, for probers.
    pub async fn health_within(&self, limit: Duration) -> Result<Health, ApiError> {
        tokio::time::timeout(limit, self.health())
            .await
            .unwrap_or_else(|_| Err(ApiError::new(ErrorClass::Timeout, "GET /health", "")))
    }

    /// `GET /health/ready`: HTTP 200 even when unhealthy; only the body tells.
    pub async fn ready(&self) -> Result<Health, ApiError> {
        self.get("/health/ready", Auth::None).await
    }

    /// `GET /health/storage-test`: writes an object and reads it back; always HTTP 200.
    pub async fn storage_test(&self) -> Result<StorageTest, ApiError> {
        self.get("/health/storage-test", Auth::None).await
    }

    /// Which contract the server speaks, by its own `OpenAPI` document.
    pub async fn generation(&self) -> Result<(Generation, Vec<String>), ApiError> {
        let document: OpenApi = self.get("/api/v1/openapi.json", Auth::None).await?;
        let paths: Vec<String> = document.paths.into_keys().collect();
        let generation = if paths.iter().any(|path| path == "/api/v1/calibration/jobs") {
            Generation::G2
        } else {
            Generation::G1
        };
        Ok((generation, paths))
    }

    // --- session (API facts 3.1) ---

    /// Logs in and keeps the token. The login path allows 10 requests in 300 s.
    pub async fn login(&self) -> Result<(), ApiError> {
        let Some(credentials) = &self.inner.credentials else {
            return Err(ApiError::new(
                ErrorClass::Status(401),
                "POST /api/v1/auth/login",
                "no login is configured",
            ));
        };
        let body = json!({"email": credentials.email, "password": credentials.password.expose_secret()});
        let answer: Value = self.call(Method::POST, LOGIN, Some(&body), Auth::None).await?;
        let token = answer.get("access_token").and_then(Value::as_str).ok_or_else(|| {
            ApiError::new(ErrorClass::Body, "POST /api/v1/auth/login", "no access_token in the answer")
        })?;
        self.inner.known.write().unwrap_or_else(PoisonError::into_inner).add(token);
        *self.inner.token.write().await = Some(SecretString::from(token.to_owned()));
        Ok(())
    }

    /// `GET /auth/me`.
    pub async fn me(&self) -> Result<User, ApiError> {
        self.get("/api/v1/auth/me", Auth::User).await
    }

    // --- projects and runs (API facts 4.4) ---

    /// Creates a project spec.
    pub async fn create_project(&self, name: &str, description: &str) -> Result<Project, ApiError> {
        let body = json!({"name": name, "description": description, "domain": "custom"});
        self.call(Method::POST, "/api/v1/project-specs/", Some(&body), Auth::User).await
    }

    /// Reads a project spec.
    pub async fn project(&self, id: &str) -> Result<Project, ApiError> {
        self.get(&format!("/api/v1/project-specs/{id}"), Auth::User).await
    }

    /// All project specs of this user.
    pub async fn projects(&self) -> Result<Vec<Project>, ApiError> {
        self.paged("/api/v1/project-specs/", "", 100).await
    }

    /// Deletes a project spec.
    pub async fn delete_project(&self, id: &str) -> Result<(), ApiError> {
        self.raw(Method::DELETE, &format!("/api/v1/project-specs/{id}"), "", None, Auth::User)
            .await
            .map(|_| ())
    }

    /// Creates and queues one run on a new root node.
    pub async fn start_run(&self, project_id: &str) -> Result<Run, ApiError> {
        let body = json!({"project_id": project_id, "auto_start": true});
        self.call(Method::POST, "/api/v1/runs", Some(&body), Auth::User).await
    }

    /// Creates and queues one run for each seed on `node_id`.
    pub async fn run_ensemble(&self, node_id: &str, seeds: &[u32]) -> Result<Ensemble, ApiError> {
        let body = json!({"seeds": seeds, "auto_start": true});
        self.call(Method::POST, &format!("/api/v1/nodes/{node_id}/run-ensemble"), Some(&body), Auth::User)
            .await
    }

    /// Reads a run.
    pub async fn run(&self, id: &str) -> Result<Run, ApiError> {
        self.get(&format!("/api/v1/runs/{id}"), Auth::User).await
    }

    /// The traces of a run; empty until it has ended.
    pub async fn traces(&self, id: &str) -> Result<Vec<Trace>, ApiError> {
        self.get_query(&format!("/api/v1/runs/{id}/traces"), "limit=1000", Auth::User).await
    }

    /// The outcome of a succeeded run, with its execution counters.
    pub async fn outcome(&self, id: &str) -> Result<Value, ApiError> {
        self.get(&format!("/api/v1/runs/{id}/outcome"), Auth::User).await
    }

    /// The determinism signature of a run.
    pub async fn signature(&self, id: &str) -> Result<Signature, ApiError> {
        let answer: Value = self.get(&format!("/api/v1/evidence/signature/{id}"), Auth::User).await?;
        let inner = answer.get("determinism_signature").cloned().unwrap_or(answer);
        answer::read(&inner.to_string(), "GET /api/v1/evidence/signature/…")
    }

    // --- nodes (API facts 4.5) ---

    /// Creates one child of `parent`, labelled with our own operation id.
    pub async fn fork(&self, parent: &str, label: &str) -> Result<Fork, ApiError> {
        let body = json!({
            "parent_node_id": parent,
            "label": label,
            "intervention_label": label,
            "intervention": {"variable_deltas": {"price": -0.1}},
            "intervention_type": "variable_delta",
            "auto_run": false,
        });
        self.call(Method::POST, "/api/v1/nodes/fork/", Some(&body), Auth::User).await
    }

    /// Reads a node.
    pub async fn node(&self, id: &str) -> Result<Node, ApiError> {
        self.get(&format!("/api/v1/nodes/{id}"), Auth::User).await
    }

    /// All nodes of a project, page by page.
    pub async fn nodes(&self, project_id: &str) -> Result<Vec<Node>, ApiError> {
        self.paged("/api/v1/nodes/", &format!("project_id={project_id}&"), 200).await
    }

    /// The whole universe map of a project.
    pub async fn universe_map(&self, project_id: &str) -> Result<UniverseMap, ApiError> {
        self.get(&format!("/api/v1/nodes/universe-map/{project_id}"), Auth::User).await
    }

    // --- calibration (API facts 4.6) ---

    /// Creates a calibration scenario, which lives in the memory of the API process.
    pub async fn create_scenario(&self, project_id: &str, name: &str) -> Result<String, ApiError> {
        let body = json!({"project_id": project_id, "name": name, "data_cutoff": "2026-01-01T00:00:00Z"});
        let answer: Value =
            self.call(Method::POST, "/api/v1/calibration/scenarios", Some(&body), Auth::User).await?;
        answer
            .get("scenario_id")
            .and_then(Value::as_str)
            .filter(|id| is_id(id))
            .map(str::to_owned)
            .ok_or_else(|| {
                ApiError::new(
                    ErrorClass::Body,
                    "POST /api/v1/calibration/scenarios",
                    "no scenario_id in the answer",
                )
            })
    }

    /// Calibrates a scenario against a known truth.
    pub async fn calibrate(
        &self,
        scenario_id: &str,
        predicted: &BTreeMap<String, f64>,
        actual: &BTreeMap<String, f64>,
    ) -> Result<Calibration, ApiError> {
        let body = json!({
            "scenario_id": scenario_id,
            "ground_truth": {"predicted": predicted, "actual": actual},
            "target_accuracy": 0.8,
        });
        self.call(Method::POST, "/api/v1/calibration/run", Some(&body), Auth::User).await
    }

    /// Asks for a new parameter version.
    pub async fn auto_tune(&self, project_id: &str) -> Result<AutoTune, ApiError> {
        let body = json!({"project_id": project_id, "method": "bayesian", "require_approval": true});
        self.call(Method::POST, "/api/v1/calibration/auto-tune", Some(&body), Auth::User).await
    }

    /// Queues a calibration job for the worker (G2).
    pub async fn create_job(&self, project_id: &str) -> Result<Job, ApiError> {
        let path = "/api/v1/calibration/jobs";
        let body = json!({});
        let text = self
            .raw(Method::POST, path, &format!("project_id={project_id}"), Some(&body), Auth::User)
            .await?;
        answer::read(&text, &format!("POST {path}"))
    }

    /// Reads a calibration job.
    pub async fn job(&self, id: &str) -> Result<Job, ApiError> {
        self.get(&format!("/api/v1/calibration/jobs/{id}"), Auth::User).await
    }

    // --- streams, telemetry and exports (API facts 4.7, 4.8) ---

    /// The index of a run's telemetry (G2).
    pub async fn telemetry_index(&self, run_id: &str) -> Result<TelemetryIndex, ApiError> {
        self.get(&format!("/api/v1/telemetry/{run_id}"), Auth::User).await
    }

    /// Opens the telemetry stream of a run from `start_tick` at `speed` (0.1 to 10).
    pub async fn telemetry_stream(
        &self,
        run_id: &str,
        start_tick: i64,
        speed: f64,
    ) -> Result<TelemetryStream, ApiError> {
        let path = format!("/api/v1/telemetry/{run_id}/stream");
        let call = format!("GET {}", shorten(&path));
        let query = format!("start_tick={start_tick}&speed={speed}");
        let request = self.request(&self.inner.streaming, Method::GET, &path, &query, Auth::User).await?;
        let counted = self.inner.pace.count(&path);
        let sending = request.header(reqwest::header::ACCEPT, "text/event-stream").send();
        let response = tokio::time::timeout(Duration::from_secs(30), sending)
            .await
            .map_err(|_| ApiError::new(ErrorClass::Timeout, call.clone(), "no response head"))?
            .map_err(|error| ApiError::from_reqwest(call.clone(), &error))?;
        drop(counted);
        if response.status() != StatusCode::OK {
            return Err(self.failed(response, call).await);
        }
        let is_stream = response
            .headers()
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .is_some_and(|value| value.starts_with("text/event-stream"));
        if !is_stream {
            return Err(ApiError::new(ErrorClass::Body, call, "not an event stream"));
        }
        Ok(TelemetryStream::new(response, call))
    }

    /// One chunk of a replay through the stateless replay endpoint, which exists in both generations.
    pub async fn replay_chunk(&self, storage_ref: &Value, from: i64, to: i64) -> Result<Value, ApiError> {
        let path = "/api/v1/replay/chunk";
        let query = format!("start_tick={from}&end_tick={to}&include_states=true");
        let text = self.raw(Method::POST, path, &query, Some(storage_ref), Auth::User).await?;
        answer::read(&text, &format!("POST {path}"))
    }

    /// Creates an export of a project's runs (admin only in practice).
    pub async fn create_export(&self, project_id: &str) -> Result<Export, ApiError> {
        let body = json!({"resource_type": "runs", "project_id": project_id, "format": "json"});
        self.call(Method::POST, "/api/v1/exports", Some(&body), Auth::User).await
    }

    /// Reads an export.
    pub async fn export(&self, id: &str) -> Result<Export, ApiError> {
        self.get(&format!("/api/v1/exports/{id}"), Auth::User).await
    }

    /// Downloads an export.
    pub async fn download_export(&self, id: &str) -> Result<String, ApiError> {
        self.raw(Method::GET, &format!("/api/v1/exports/{id}/download"), "", None, Auth::User).await
    }

    // --- ops (API facts 4.2) ---

    /// What the worker wrote at boot; present does not mean alive.
    pub async fn worker_status(&self) -> Result<WorkerStatus, ApiError> {
        self.get("/api/v1/ops/chaos/worker-status", Auth::Ops).await
    }

    /// A real task round trip through queue and worker, up to 30 s.
    pub async fn worker_heartbeat(&self) -> Result<Heartbeat, ApiError> {
        self.call(Method::POST, "/api/v1/ops/chaos/force-boot-id", None, Auth::Ops).await
    }

    // --- plumbing ---

    async fn get<T: DeserializeOwned>(&self, path: &str, auth: Auth) -> Result<T, ApiError> {
        self.get_query(path, "", auth).await
    }

    async fn get_query<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &str,
        auth: Auth,
    ) -> Result<T, ApiError> {
        let text = self.raw(Method::GET, path, query, None, auth).await?;
        answer::read(&text, &format!("GET {}", shorten(path)))
    }

    async fn call<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        auth: Auth,
    ) -> Result<T, ApiError> {
        let name = format!("{method} {}", shorten(path));
        let text = self.raw(method, path, "", body, auth).await?;
        answer::read(&text, &name)
    }

    /// Reads a list to its end. Stops where a page brings nothing new, because a server that ignores `skip` would
    /// otherwise be read for ever.
    async fn paged<T>(&self, path: &str, filter: &str, size: usize) -> Result<Vec<T>, ApiError>
    where
        T: DeserializeOwned + Serialize,
    {
        let mut all: Vec<T> = Vec::new();
        let mut last_head = None;
        let mut bytes = 0;
        let call = format!("GET {}", shorten(path));
        for page in 0..50 {
            let query = format!("{filter}skip={}&limit={size}", page * size);
            let text = self.raw(Method::GET, path, &query, None, Auth::User).await?;
            bytes += text.len();
            let items: Vec<T> = answer::read(&text, &call)?;
            if bytes > LIST_LIMIT {
                return Err(ApiError::new(ErrorClass::Body, call, "the list is larger than 64 MiB"));
            }
            let head = items.first().and_then(|item| serde_json::to_string(item).ok());
            let full = items.len() == size;
            if page > 0 && head == last_head {
                break;
            }
            last_head = head;
            all.extend(items);
            if !full {
                break;
            }
        }
        Ok(all)
    }

    /// Sends one request and reads its body; logs in again once on 401 (API facts 3.1).
    async fn raw(
        &self,
        method: Method,
        path: &str,
        query: &str,
        body: Option<&Value>,
        auth: Auth,
    ) -> Result<String, ApiError> {
        match self.send_seen(method.clone(), path, query, body, auth).await {
            Err(error) if error.class == ErrorClass::Status(401) && auth == Auth::User => {
                Box::pin(self.login()).await?;
                self.send_seen(method, path, query, body, auth).await
            }
            other => other,
        }
    }

    async fn send_seen(
        &self,
        method: Method,
        path: &str,
        query: &str,
        body: Option<&Value>,
        auth: Auth,
    ) -> Result<String, ApiError> {
        // Reported when dropped too: a caller with a limit of its own gives a request up by dropping it.
        let mut sight = Sight { observer: self.inner.observer.as_deref(), start: Instant::now(), ok: false };
        let answer = self.send_once(method, path, query, body, auth).await;
        sight.ok = answer.is_ok();
        answer
    }

    async fn send_once(
        &self,
        method: Method,
        path: &str,
        query: &str,
        body: Option<&Value>,
        auth: Auth,
    ) -> Result<String, ApiError> {
        let call = format!("{method} {}", shorten(path));
        let mut request = self.request(&self.inner.http, method, path, query, auth).await?;
        if let Some(body) = body {
            request = request.json(body);
        }
        let counted = self.inner.pace.count(path);
        let mut response =
            request.send().await.map_err(|error| ApiError::from_reqwest(call.clone(), &error))?;
        drop(counted);
        let limit = response.headers().get("x-ratelimit-limit").and_then(|value| value.to_str().ok());
        if let Some(limit) = limit.and_then(|text| text.parse().ok()) {
            self.inner.pace.stated(path, limit);
        }
        if !response.status().is_success() {
            return Err(self.failed(response, call).await);
        }
        let mut bytes = Vec::new();
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) if bytes.len() + chunk.len() > answer::LIMITS.bytes => {
                    return Err(ApiError::new(ErrorClass::Body, call, "the answer is larger than 32 MiB"));
                }
                Ok(Some(chunk)) => bytes.extend_from_slice(&chunk),
                Ok(None) => break,
                Err(error) => return Err(ApiError::from_reqwest(call, &error)),
            }
        }
        let text = String::from_utf8(bytes)
            .map_err(|_| ApiError::new(ErrorClass::Body, call, "the answer is not UTF-8"))?;
        Ok(if path == LOGIN { text } else { self.without_secrets(text) })
    }

    /// Nothing of ours comes back in an answer, whatever is made of it afterwards.
    fn without_secrets(&self, text: String) -> String {
        let known = self.inner.known.read().unwrap_or_else(PoisonError::into_inner);
        match known.hide(&text) {
            Cow::Owned(hidden) => hidden,
            Cow::Borrowed(_) => text,
        }
    }

    /// Turns a refusal into an error, with the server's own words where they are text.
    async fn failed(&self, mut response: reqwest::Response, call: String) -> ApiError {
        let status = response.status();
        let mut bytes = Vec::new();
        while let Ok(Some(chunk)) = response.chunk().await {
            let room = REFUSAL_LIMIT - bytes.len();
            bytes.extend_from_slice(&chunk[..chunk.len().min(room)]);
            if bytes.len() == REFUSAL_LIMIT {
                break;
            }
        }
        let text = self.without_secrets(String::from_utf8_lossy(&bytes).into_owned());
        let class = if status == StatusCode::TOO_MANY_REQUESTS {
            ErrorClass::RateLimited
        } else {
            ErrorClass::Status(status.as_u16())
        };
        ApiError::new(class, call, answer::refusal(text.as_bytes()))
    }

    async fn request(
        &self,
        http: &reqwest::Client,
        method: Method,
        path: &str,
        query: &str,
        auth: Auth,
    ) -> Result<reqwest::RequestBuilder, ApiError> {
        let call = format!("{method} {}", shorten(path));
        let mut url = self
            .inner
            .base
            .join(path)
            .map_err(|error| ApiError::new(ErrorClass::Resolve, call.clone(), error.to_string()))?;
        // An id in it that leads elsewhere would ask something else than was meant.
        if url.path() != path {
            return Err(ApiError::new(ErrorClass::Body, call, "an id does not fit into an address"));
        }
        if !query.is_empty() {
            url.set_query(Some(query));
        }
        let mut request = http.request(method, url);
        match auth {
            Auth::None => {}
            Auth::User => {
                if self.inner.token.read().await.is_none() {
                    Box::pin(self.login()).await?;
                }
                if let Some(token) = self.inner.token.read().await.as_ref() {
                    let value = format!("Bearer {}", token.expose_secret());
                    request = request.header(AUTHORIZATION, hidden(&value, &call)?);
                }
            }
            Auth::Ops => {
                let key = self.inner.credentials.as_ref().and_then(|known| known.ops_key.as_ref());
                let Some(key) = key else {
                    return Err(ApiError::new(ErrorClass::Status(401), call, "no ops key is configured"));
                };
                request = request.header("X-API-Key", hidden(key.expose_secret(), &call)?);
            }
        }
        Ok(request)
    }
}

struct Sight<'a> {
    observer: Option<&'a dyn Observer>,
    start: Instant,
    ok: bool,
}

impl Drop for Sight<'_> {
    fn drop(&mut self) {
        if let Some(observer) = self.observer {
            observer.ended(self.start.elapsed(), self.ok);
        }
    }
}

/// The value of a header that no log shows.
fn hidden(secret: &str, call: &str) -> Result<HeaderValue, ApiError> {
    let mut value = HeaderValue::from_str(secret).map_err(|_| {
        ApiError::new(
            ErrorClass::Status(401),
            call,
            "the key holds characters that no key has; nothing was sent",
        )
    })?;
    value.set_sensitive(true);
    Ok(value)
}

/// Replaces ids in a path by `…`, so that equal calls count together.
fn shorten(path: &str) -> String {
    path.split('/')
        .map(|part| if uuid::Uuid::parse_str(part).is_ok() { "…" } else { part })
        .collect::<Vec<_>>()
        .join("/")
}
