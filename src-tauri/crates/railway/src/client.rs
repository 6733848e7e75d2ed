//! The client: what may be asked of Railway, and the guards around the two mutations.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use crate::documents;
use crate::error::{Error, cut};
use crate::transport::{Limits, Transport};
use crate::types::{
    Budget, Deployment, EnvironmentState, LogLine, Reach, ServiceInstance, Target, TokenKind,
};

/// Pages of services; more than any project has.
const PAGE_LIMIT: usize = 20;

/// A client of Railway with one token. Cheap to clone; clones count their requests together.
#[derive(Clone, Debug)]
pub struct Client {
    transport: Arc<Transport>,
    /// Environments and projects that are never touched, whatever was confirmed.
    denied: Arc<[String]>,
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
    #[serde(default)]
    project: Option<Named>,
    #[serde(default)]
    environment: Option<Named>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Project {
    id: String,
    #[serde(default)]
    primary_environment_id: Option<String>,
}

#[derive(Deserialize)]
struct Named {
    name: String,
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
    node: Node,
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
struct Node {
    service_id: String,
    service_name: String,
    #[serde(default)]
    latest_deployment: Option<Deployment>,
    #[serde(default)]
    active_deployments: Option<Vec<Deployment>>,
}

impl Client {
    /// A client for `endpoint`. Redirects are not followed: a credential must not travel to another origin. An empty
    /// token, the text `null` and anything that cannot be a token are refused here with [`Error::Auth`].
    pub fn new(endpoint: Url, token: SecretString, kind: TokenKind) -> Result<Self, Error> {
        Self::with_limits(endpoint, token, kind, Limits::default())
    }

    pub(crate) fn with_limits(
        endpoint: Url,
        token: SecretString,
        kind: TokenKind,
        limits: Limits,
    ) -> Result<Self, Error> {
        Ok(Self { transport: Arc::new(Transport::new(endpoint, token, kind, limits)?), denied: Arc::new([]) })
    }

    /// The same client, which refuses every answer that names one of these environments or projects.
    #[must_use]
    pub fn denying(self, denied: &[String]) -> Self {
        Self { denied: denied.into(), ..self }
    }

    /// The budget of requests: our own count, and what Railway says of it (Railway facts 9).
    pub fn budget(&self) -> Budget {
        let said = self.transport.said();
        Budget { sent: self.transport.sent(), limit: said.limit, remaining: said.remaining }
    }

    /// The environment that a project has had from its first day, usually production; none where the schema does not
    /// know it, or the token may not read the project (Railway facts 2.3, 10.1).
    pub async fn primary_environment(&self, project_id: &str) -> Result<Option<String>, Error> {
        let variables = json!({"id": project_id});
        match self.transport.read::<Project>(documents::PROJECT, variables, "project").await {
            Ok(project) => {
                same("project id", &project.id, project_id)?;
                Ok(project.primary_environment_id)
            }
            Err(Error::Auth(_) | Error::InvalidDocument(_) | Error::NotFound(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// How the token is presented.
    pub fn kind(&self) -> TokenKind {
        self.transport.kind()
    }

    /// What the token reaches. An account token says only that it is accepted; what it may restart is decided by the
    /// ids that [`Client::environment`] and [`Client::pin`] compare.
    pub async fn reach(&self) -> Result<Reach, Error> {
        match self.transport.kind() {
            TokenKind::Project => {
                let token: ProjectToken =
                    self.transport.read(documents::PROJECT_TOKEN, json!({}), "projectToken").await?;
                self.allowed([&token.project_id, &token.environment_id])?;
                Ok(Reach {
                    project_id: Some(token.project_id),
                    project_name: token.project.map(|project| project.name),
                    environment_id: Some(token.environment_id),
                    environment_name: token.environment.map(|environment| environment.name),
                })
            }
            TokenKind::Account => {
                match self.transport.read::<Value>(documents::ME, json!({}), "me").await {
                    // `me` refuses a valid workspace token, which `apiToken` accepts (Railway facts 2.2). One that both
                    // refuse is refused.
                    Err(Error::Auth(_)) => {
                        self.transport.read::<Value>(documents::API_TOKEN, json!({}), "apiToken").await?
                    }
                    answer => answer?,
                };
                Ok(Reach::default())
            }
        }
    }

    /// Finds out which kind a token is by asking for what only that kind can read. A token that every kind is refused
    /// with is [`Error::Auth`].
    pub async fn detect_kind(endpoint: &Url, token: &SecretString) -> Result<TokenKind, Error> {
        match Self::new(endpoint.clone(), token.clone(), TokenKind::Project)?.reach().await {
            Ok(_) => return Ok(TokenKind::Project),
            Err(Error::Auth(_)) => {}
            Err(error) => return Err(error),
        }
        Self::new(endpoint.clone(), token.clone(), TokenKind::Account)?.reach().await?;
        Ok(TokenKind::Account)
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
            let page: Environment =
                self.transport.read(documents::ENVIRONMENT, variables, "environment").await?;
            self.allowed([&page.project_id, &page.id])?;
            same("environment id", &page.id, environment_id)?;
            same("project id", &page.project_id, project_id)?;
            services.extend(page.service_instances.edges.into_iter().map(|edge| edge.node.into()));
            let info = page.service_instances.page_info;
            if !info.has_next_page {
                return Ok(EnvironmentState {
                    id: page.id,
                    name: page.name,
                    project_id: page.project_id,
                    services,
                });
            }
            // A list that breaks off must not pass for the whole: a missing service would read as gone.
            if info.end_cursor.is_none() || info.end_cursor == after {
                break;
            }
            after = info.end_cursor;
        }
        Err(Error::Unknown { message: "the list of services does not come to an end".into(), trace_id: None })
    }

    /// A deployment, with the ids it belongs to.
    pub async fn deployment(&self, deployment_id: &str) -> Result<Deployment, Error> {
        let variables = json!({"id": deployment_id});
        let deployment: Deployment =
            self.transport.read(documents::DEPLOYMENT, variables, "deployment").await?;
        same("deployment id", &deployment.id, deployment_id)?;
        Ok(deployment)
    }

    /// The deployment that serves the target, with its ids compared with the confirmed ones.
    pub async fn pin(&self, target: &Target) -> Result<Pinned, Error> {
        let deployment_id = self.serving(target).await?;
        self.guard(target, &deployment_id).await?;
        Ok(Pinned { target: target.clone(), deployment_id })
    }

    /// Restarts a pinned deployment, asking once. `Ok`, the moment right before the request, means that Railway
    /// accepted it, not that anything restarted (Railway facts 6.3). Serving deployment and ids are compared once more
    /// right before. [`Error::Ambiguous`] means that it may have happened; every other error that it did not.
    pub async fn restart(&self, pinned: &Pinned) -> Result<DateTime<Utc>, Error> {
        let now = self.serving(&pinned.target).await?;
        if now != pinned.deployment_id {
            return Err(Error::DeploymentChanged { pinned: pinned.deployment_id.clone(), now: cut(&now) });
        }
        let deployment = self.guard(&pinned.target, &pinned.deployment_id).await?;
        // It may have left service between the two reads. An unknown status is not taken for a good one.
        if !deployment.status.may_serve() {
            return Err(Error::NotRestartable(format!("it is {}", deployment.status)));
        }
        let at = Utc::now();
        let variables = json!({"id": pinned.deployment_id});
        self.transport.mutate(documents::RESTART, variables, "deploymentRestart").await?;
        Ok(at)
    }

    /// Starts a new deployment of the target from the same source: the offer where a restart does not help, so it needs
    /// no deployment that serves. A rolling replacement, not a restart (Railway facts 4.3).
    pub async fn redeploy(&self, target: &Target) -> Result<(), Error> {
        self.instance(target).await?;
        let variables = json!({"serviceId": target.service_id, "environmentId": target.environment_id});
        self.transport.mutate(documents::REDEPLOY, variables, "serviceInstanceRedeploy").await
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
        let mut lines: Vec<LogLine> =
            self.transport.read(documents::LOGS, variables, "deploymentLogs").await?;
        // Railway may answer one more than asked for (Railway facts 7.1).
        let surplus = lines.len().saturating_sub(limit as usize);
        lines.drain(..surplus);
        Ok(lines)
    }

    fn allowed<'a>(&self, answered: impl IntoIterator<Item = &'a String>) -> Result<(), Error> {
        let denied =
            answered.into_iter().find(|id| self.denied.iter().any(|one| one.eq_ignore_ascii_case(id)));
        denied.map_or(Ok(()), |id| Err(Error::Denied(cut(id))))
    }

    /// The target's service, found where the person confirmed it.
    async fn instance(&self, target: &Target) -> Result<ServiceInstance, Error> {
        let state = self.environment(&target.project_id, &target.environment_id).await?;
        let missing = || Error::NotFound(format!("service {} in this environment", target.service_id));
        state
            .services
            .into_iter()
            .find(|instance| instance.service_id == target.service_id)
            .ok_or_else(missing)
    }

    async fn serving(&self, target: &Target) -> Result<String, Error> {
        let instance = self.instance(target).await?;
        instance.serving.map(|deployment| deployment.id).ok_or(Error::NothingServing)
    }

    async fn guard(&self, target: &Target, deployment_id: &str) -> Result<Deployment, Error> {
        let deployment = self.deployment(deployment_id).await?;
        self.allowed(deployment.project_id.iter().chain(&deployment.environment_id))?;
        let answered = |id: &Option<String>| id.clone().unwrap_or_else(|| "nothing".into());
        same("project id", &answered(&deployment.project_id), &target.project_id)?;
        same("environment id", &answered(&deployment.environment_id), &target.environment_id)?;
        same("service id", &answered(&deployment.service_id), &target.service_id)?;
        Ok(deployment)
    }
}

fn same(what: &'static str, answered: &str, confirmed: &str) -> Result<(), Error> {
    if answered == confirmed {
        return Ok(());
    }
    Err(Error::WrongTarget { what, answered: cut(answered), confirmed: cut(confirmed) })
}

impl From<Node> for ServiceInstance {
    fn from(instance: Node) -> Self {
        let candidate = |deployment: &Deployment| deployment.status.may_serve();
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
