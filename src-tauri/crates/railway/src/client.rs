//! The client: sends a document, classifies what comes back, and guards the mutations.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::StatusCode;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use url::Url;

use crate::documents;
use crate::error::{Error, cut};
use crate::types::{
    Deployment, EnvironmentState, LogLine, Reach, ServiceInstance, Status, Target, TokenKind,
};

/// The largest answer that is read.
const BODY_LIMIT: usize = 8 * 1024 * 1024;
/// Pages of services; more than any project has.
const PAGE_LIMIT: usize = 20;
const READ_TIMEOUT: Duration = Duration::from_secs(30);
const MUTATION_TIMEOUT: Duration = Duration::from_secs(60);

/// A client of Railway with one token. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Client {
    endpoint: Url,
    http: reqwest::Client,
    token: SecretString,
    kind: TokenKind,
    sent: Arc<AtomicU64>,
}

/// A deployment whose ids were compared with the confirmed ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pinned {
    target: Target,
    deployment_id: String,
}

impl Pinned {
    /// The deployment.
    pub fn deployment_id(&self) -> &str {
        &self.deployment_id
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ProjectToken {
    project_id: String,
    environment_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Environment {
    id: String,
    name: String,
    project_id: String,
    service_instances: Connection,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Connection {
    edges: Vec<EdgeOf>,
    page_info: PageInfo,
}

#[derive(Deserialize)]
struct EdgeOf {
    node: Instance,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PageInfo {
    has_next_page: bool,
    #[serde(default)]
    end_cursor: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Instance {
    service_id: String,
    service_name: String,
    #[serde(default)]
    latest_deployment: Option<Deployment>,
    #[serde(default)]
    active_deployments: Option<Vec<Deployment>>,
}

impl Client {
    /// A client for `endpoint`. Redirects are not followed: a credential must not travel to another origin.
    pub fn new(endpoint: Url, token: SecretString, kind: TokenKind) -> Result<Self, Error> {
        let http = reqwest::Client::builder()
            // Without a name of its own a client is turned away by the edge with 403 (Railway facts 1).
            .user_agent(concat!("holdpoint/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(Duration::from_secs(10))
            .no_proxy()
            .build()
            .map_err(|error| Error::Transient(cut(&error.to_string())))?;
        Ok(Self { endpoint, http, token, kind, sent: Arc::default() })
    }

    /// Requests sent so far; the budget is counted by Railway and shared (Railway facts 9).
    pub fn requests_sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// What the token reaches. An account token says only that it is accepted.
    pub async fn reach(&self) -> Result<Reach, Error> {
        match self.kind {
            TokenKind::Project => {
                let token: ProjectToken =
                    self.read(documents::PROJECT_TOKEN, json!({}), "projectToken").await?;
                Ok(Reach { project_id: Some(token.project_id), environment_id: Some(token.environment_id) })
            }
            // A workspace token is refused by `me` although it is valid (Railway facts 2.2): reading the environment
            // is the test then, and the guards compare its ids.
            TokenKind::Account => match self.read::<Value>(documents::ME, json!({}), "me").await {
                Ok(_) | Err(Error::Auth(_)) => Ok(Reach { project_id: None, environment_id: None }),
                Err(error) => Err(error),
            },
        }
    }

    /// Finds out which kind a token is by asking for what only that kind can read.
    pub async fn detect_kind(endpoint: &Url, token: &SecretString) -> Result<TokenKind, Error> {
        match Self::new(endpoint.clone(), token.clone(), TokenKind::Project)?.reach().await {
            Ok(_) => return Ok(TokenKind::Project),
            Err(Error::Auth(_)) => {}
            Err(error) => return Err(error),
        }
        let account = Self::new(endpoint.clone(), token.clone(), TokenKind::Account)?;
        account.read::<Value>(documents::ME, json!({}), "me").await.map(|_| TokenKind::Account)
    }

    /// An environment with all its services. Its ids are compared with the asked ones.
    pub async fn environment(
        &self,
        project_id: &str,
        environment_id: &str,
    ) -> Result<EnvironmentState, Error> {
        let mut services = Vec::new();
        let mut after: Option<String> = None;
        for _ in 0..PAGE_LIMIT {
            let variables = json!({"id": environment_id, "after": after});
            let page: Environment = self.read(documents::ENVIRONMENT, variables, "environment").await?;
            same("environment id", &page.id, environment_id)?;
            same("project id", &page.project_id, project_id)?;
            services.extend(page.service_instances.edges.into_iter().map(|edge| edge.node.into()));
            let info = page.service_instances.page_info;
            if !info.has_next_page || info.end_cursor.is_none() || info.end_cursor == after {
                return Ok(EnvironmentState {
                    id: page.id,
                    name: page.name,
                    project_id: page.project_id,
                    services,
                });
            }
            after = info.end_cursor;
        }
        Err(Error::Unknown { message: "the list of services has no end".into(), trace_id: None })
    }

    /// The deployment that serves the target, with its ids compared with the confirmed ones.
    pub async fn pin(&self, target: &Target) -> Result<Pinned, Error> {
        let deployment_id = self.serving(target).await?;
        self.guard(target, &deployment_id).await?;
        Ok(Pinned { target: target.clone(), deployment_id })
    }

    /// Restarts a pinned deployment. `Ok` means that Railway accepted it, not that anything restarted (Railway facts
    /// 6.3). Ids and serving deployment are compared once more right before.
    pub async fn restart(&self, pinned: &Pinned) -> Result<DateTime<Utc>, Error> {
        let now = self.serving(&pinned.target).await?;
        if now != pinned.deployment_id {
            return Err(Error::DeploymentChanged { pinned: pinned.deployment_id.clone(), now });
        }
        self.guard(&pinned.target, &pinned.deployment_id).await?;
        let at = Utc::now();
        let variables = json!({"id": pinned.deployment_id});
        match self.send(documents::RESTART, variables, MUTATION_TIMEOUT).await {
            Ok(data) if data.get("deploymentRestart") == Some(&Value::Bool(true)) => Ok(at),
            Ok(_) => Err(Error::NotAccepted),
            Err(Error::Transient(reason)) => Err(Error::Ambiguous(reason)),
            Err(error) => Err(error),
        }
    }

    /// Starts a new deployment of the target from the same source: the offer where a restart does not help. A rolling
    /// replacement, not a restart (Railway facts 4.3).
    pub async fn redeploy(&self, target: &Target) -> Result<(), Error> {
        let pinned = self.pin(target).await?;
        self.guard(target, pinned.deployment_id()).await?;
        let variables = json!({"serviceId": target.service_id, "environmentId": target.environment_id});
        match self.send(documents::REDEPLOY, variables, MUTATION_TIMEOUT).await {
            Ok(data) if data.get("serviceInstanceRedeploy") == Some(&Value::Bool(true)) => Ok(()),
            Ok(_) => Err(Error::NotAccepted),
            Err(Error::Transient(reason)) => Err(Error::Ambiguous(reason)),
            Err(error) => Err(error),
        }
    }

    /// The newest `limit` log lines of a deployment.
    pub async fn logs(
        &self,
        deployment_id: &str,
        limit: u32,
        since: Option<DateTime<Utc>>,
        until: Option<DateTime<Utc>>,
    ) -> Result<Vec<LogLine>, Error> {
        let variables = json!({"id": deployment_id, "limit": limit, "start": since, "end": until});
        let mut lines: Vec<LogLine> = self.read(documents::LOGS, variables, "deploymentLogs").await?;
        // Railway may answer one more than asked for (Railway facts 7.1).
        let surplus = lines.len().saturating_sub(limit as usize);
        lines.drain(..surplus);
        Ok(lines)
    }

    async fn serving(&self, target: &Target) -> Result<String, Error> {
        let state = self.environment(&target.project_id, &target.environment_id).await?;
        let instance =
            state.services.into_iter().find(|instance| instance.service_id == target.service_id).ok_or_else(
                || Error::NotFound(format!("service {} in this environment", target.service_id)),
            )?;
        instance.serving.map(|deployment| deployment.id).ok_or(Error::NothingServing)
    }

    async fn guard(&self, target: &Target, deployment_id: &str) -> Result<(), Error> {
        let deployment: Deployment =
            self.read(documents::DEPLOYMENT, json!({"id": deployment_id}), "deployment").await?;
        let answered = |id: &Option<String>| id.clone().unwrap_or_else(|| "nothing".into());
        same("project id", &answered(&deployment.project_id), &target.project_id)?;
        same("environment id", &answered(&deployment.environment_id), &target.environment_id)?;
        same("service id", &answered(&deployment.service_id), &target.service_id)
    }

    /// Reads are repeated at most twice after a passing fault.
    async fn read<T: DeserializeOwned>(
        &self,
        document: &str,
        variables: Value,
        field: &str,
    ) -> Result<T, Error> {
        let mut attempt = 0;
        let data = loop {
            match self.send(document, variables.clone(), READ_TIMEOUT).await {
                Err(Error::Transient(_)) if attempt < 2 => {
                    attempt += 1;
                    tokio::time::sleep(Duration::from_millis(200 * attempt)).await;
                }
                other => break other?,
            }
        };
        let value = data.get(field).cloned().unwrap_or(Value::Null);
        if value.is_null() {
            return Err(Error::NotFound(format!("{field} is empty")));
        }
        serde_json::from_value(value)
            .map_err(|error| Error::InvalidDocument(cut(&format!("{field}: {error}"))))
    }

    async fn send(&self, document: &str, variables: Value, limit: Duration) -> Result<Value, Error> {
        self.sent.fetch_add(1, Ordering::Relaxed);
        let request = self
            .http
            .post(self.endpoint.clone())
            .timeout(limit)
            .json(&json!({"query": document, "variables": variables}));
        let request = match self.kind {
            TokenKind::Project => request.header("Project-Access-Token", self.token.expose_secret()),
            TokenKind::Account => request.bearer_auth(self.token.expose_secret()),
        };
        // The address is left out of error texts: they must fit into a report.
        let passing = |error: reqwest::Error| Error::Transient(cut(&error.without_url().to_string()));
        let mut response = request.send().await.map_err(passing)?;
        let status = response.status();
        let retry_after_s = response
            .headers()
            .get(reqwest::header::RETRY_AFTER)
            .and_then(|value| value.to_str().ok())
            .and_then(|text| text.parse().ok());
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(passing)? {
            if bytes.len() + chunk.len() > BODY_LIMIT {
                return Err(Error::Unknown { message: "the answer is too large".into(), trace_id: None });
            }
            bytes.extend_from_slice(&chunk);
        }
        if status == StatusCode::TOO_MANY_REQUESTS {
            return Err(Error::RateLimited { retry_after_s });
        }
        if status.is_server_error() {
            return Err(Error::Transient(format!("HTTP {}", status.as_u16())));
        }
        let Ok(answer) = serde_json::from_slice::<Value>(&bytes) else {
            return Err(match status {
                StatusCode::UNAUTHORIZED => Error::Auth("HTTP 401".into()),
                _ => Error::EdgeBlocked(format!("HTTP {}, not a GraphQL answer", status.as_u16())),
            });
        };
        if let Some(error) = answer.get("errors").and_then(Value::as_array).and_then(|errors| errors.first())
        {
            return Err(Error::from_graphql(error));
        }
        match answer.get("data") {
            Some(data) if data.is_object() => Ok(data.clone()),
            _ if status == StatusCode::UNAUTHORIZED => Err(Error::Auth("HTTP 401".into())),
            _ if status == StatusCode::FORBIDDEN => Err(Error::EdgeBlocked("HTTP 403".into())),
            _ => Err(Error::Unknown {
                message: format!("HTTP {} without data", status.as_u16()),
                trace_id: None,
            }),
        }
    }
}

fn same(what: &'static str, answered: &str, confirmed: &str) -> Result<(), Error> {
    if answered == confirmed {
        return Ok(());
    }
    Err(Error::WrongTarget { what, answered: cut(answered), confirmed: confirmed.into() })
}

impl From<Instance> for ServiceInstance {
    fn from(instance: Instance) -> Self {
        let candidate = |deployment: &Deployment| {
            matches!(deployment.status, Status::Success | Status::Sleeping | Status::Crashed)
        };
        let active = instance.active_deployments.unwrap_or_default();
        let serving = active
            .iter()
            .filter(|one| candidate(one))
            .max_by_key(|one| one.created_at)
            .or_else(|| instance.latest_deployment.as_ref().filter(|one| candidate(one)))
            .cloned();
        Self {
            service_id: instance.service_id,
            service_name: instance.service_name,
            serving,
            latest: instance.latest_deployment,
        }
    }
}
