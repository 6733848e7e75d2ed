//! Railway's GraphQL API, as far as Holdpoint uses it, with the recorded refusals (Railway facts 5 to 8).

use std::sync::Arc;

use async_graphql::{
    Context, EmptySubscription, Enum, Error, ErrorExtensions as _, InputObject, Object, Request, Schema,
    SimpleObject, Variables,
};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use axum::{Json, Router};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::config::Role;
use crate::supervisor::Supervisor;

type Api = Schema<Query, Mutation, EmptySubscription>;
type Answer<T> = Result<T, Error>;

/// How a request is authorised.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Credential {
    Project,
    /// A project token sent as `Bearer`, or an unknown project token.
    NotFound,
    None,
}

fn refusal(message: &str, code: &'static str) -> Error {
    Error::new(message).extend_with(|_, extensions| extensions.set("code", code))
}

fn authorise(context: &Context<'_>) -> Answer<Arc<Supervisor>> {
    match context.data::<Credential>()? {
        Credential::Project => Ok(Arc::clone(context.data::<Arc<Supervisor>>()?)),
        Credential::NotFound => Err(refusal("Project Token not found", "INTERNAL_SERVER_ERROR")),
        Credential::None => Err(refusal("Not Authorized", "INTERNAL_SERVER_ERROR")),
    }
}

fn not_authorised() -> Error {
    refusal("Not Authorized", "INTERNAL_SERVER_ERROR")
}

#[derive(Enum, Clone, Copy, PartialEq, Eq)]
enum DeploymentStatus {
    Success,
}

#[derive(SimpleObject)]
struct Named {
    id: String,
    name: String,
}

#[derive(SimpleObject)]
struct ApiToken {
    workspaces: Vec<Named>,
}

#[derive(SimpleObject)]
struct ProjectToken {
    project_id: String,
    environment_id: String,
    name: String,
    project: Named,
    environment: Named,
}

#[expect(clippy::struct_field_names, reason = "the names of Railway's schema")]
#[derive(SimpleObject, Clone)]
struct Deployment {
    id: String,
    status: DeploymentStatus,
    deployment_stopped: bool,
    created_at: DateTime<Utc>,
    project_id: String,
    environment_id: String,
    service_id: String,
}

#[derive(SimpleObject)]
struct ServiceInstance {
    service_id: String,
    service_name: String,
    environment_id: String,
    num_replicas: Option<i32>,
    latest_deployment: Option<Deployment>,
    active_deployments: Vec<Deployment>,
}

#[derive(SimpleObject)]
struct InstanceEdge {
    node: ServiceInstance,
}

#[derive(SimpleObject)]
struct DeploymentEdge {
    node: Deployment,
}

#[derive(SimpleObject)]
struct PageInfo {
    has_next_page: bool,
    end_cursor: Option<String>,
}

#[derive(SimpleObject)]
struct Instances {
    edges: Vec<InstanceEdge>,
    page_info: PageInfo,
}

#[derive(SimpleObject)]
struct Deployments {
    edges: Vec<DeploymentEdge>,
    page_info: PageInfo,
}

struct Environment {
    supervisor: Arc<Supervisor>,
}

#[derive(SimpleObject)]
struct Log {
    timestamp: String,
    message: String,
    severity: Option<String>,
}

#[expect(clippy::struct_field_names, reason = "the names of Railway's schema")]
#[derive(InputObject)]
struct DeploymentListInput {
    project_id: Option<String>,
    environment_id: Option<String>,
    service_id: Option<String>,
}

fn deployment_of(supervisor: &Supervisor, role: Role) -> Deployment {
    Deployment {
        id: supervisor.deployment(role),
        // A restart does not show here (Railway facts 6.2): the status stays what it was.
        status: DeploymentStatus::Success,
        deployment_stopped: false,
        created_at: supervisor.started_at,
        project_id: supervisor.project_id.clone(),
        environment_id: supervisor.environment_id.clone(),
        service_id: supervisor.service_ids[&role].clone(),
    }
}

fn instance_of(supervisor: &Supervisor, role: Role) -> ServiceInstance {
    let deployment = deployment_of(supervisor, role);
    ServiceInstance {
        service_id: supervisor.service_ids[&role].clone(),
        service_name: role.service_name().into(),
        environment_id: supervisor.environment_id.clone(),
        num_replicas: Some(1),
        latest_deployment: Some(deployment.clone()),
        active_deployments: vec![deployment],
    }
}

#[Object]
impl Environment {
    async fn id(&self) -> &str {
        &self.supervisor.environment_id
    }

    /// As on the real staging: what it is for cannot be read off its name (Railway facts 10.2).
    async fn name(&self) -> &'static str {
        "production"
    }

    async fn project_id(&self) -> &str {
        &self.supervisor.project_id
    }

    async fn is_ephemeral(&self) -> bool {
        false
    }

    async fn service_instances(&self, first: Option<i32>, after: Option<String>) -> Instances {
        let start = after.and_then(|cursor| cursor.parse().ok()).unwrap_or(0_usize);
        let size = usize::try_from(first.unwrap_or(100)).unwrap_or(100).clamp(1, 100);
        let edges: Vec<InstanceEdge> = Role::ALL
            .into_iter()
            .skip(start)
            .take(size)
            .map(|role| InstanceEdge { node: instance_of(&self.supervisor, role) })
            .collect();
        let end = start + edges.len();
        let page_info = PageInfo { has_next_page: end < Role::ALL.len(), end_cursor: Some(end.to_string()) };
        Instances { edges, page_info }
    }
}

struct Query;

#[Object]
impl Query {
    async fn me(&self, context: &Context<'_>) -> Answer<Option<Named>> {
        authorise(context)?;
        // A project token has no person behind it.
        Err(not_authorised())
    }

    async fn api_token(&self, context: &Context<'_>) -> Answer<ApiToken> {
        authorise(context)?;
        // Only account and workspace tokens reach workspaces.
        Err(not_authorised())
    }

    async fn project_token(&self, context: &Context<'_>) -> Answer<ProjectToken> {
        let supervisor = authorise(context)?;
        let (project_id, environment_id) = (supervisor.project_id.clone(), supervisor.environment_id.clone());
        Ok(ProjectToken {
            project: Named { id: project_id.clone(), name: "agentverse-staging".into() },
            environment: Named { id: environment_id.clone(), name: "production".into() },
            name: "holdpoint".into(),
            project_id,
            environment_id,
        })
    }

    async fn environment(
        &self,
        context: &Context<'_>,
        id: String,
        project_id: Option<String>,
    ) -> Answer<Environment> {
        let supervisor = authorise(context)?;
        let other_project = project_id.is_some_and(|project| project != supervisor.project_id);
        if id != supervisor.environment_id || other_project {
            return Err(not_authorised());
        }
        Ok(Environment { supervisor })
    }

    async fn service_instance(
        &self,
        context: &Context<'_>,
        service_id: String,
        environment_id: String,
    ) -> Answer<ServiceInstance> {
        let supervisor = authorise(context)?;
        let role = Role::ALL.into_iter().find(|role| supervisor.service_ids[role] == service_id);
        match role {
            Some(role) if environment_id == supervisor.environment_id => Ok(instance_of(&supervisor, role)),
            _ => Err(not_authorised()),
        }
    }

    async fn deployment(&self, context: &Context<'_>, id: String) -> Answer<Deployment> {
        let supervisor = authorise(context)?;
        let role = supervisor
            .role_of(&id)
            .ok_or_else(|| refusal("Deployment not found", "INTERNAL_SERVER_ERROR"))?;
        Ok(deployment_of(&supervisor, role))
    }

    async fn deployments(
        &self,
        context: &Context<'_>,
        input: DeploymentListInput,
        first: Option<i32>,
    ) -> Answer<Deployments> {
        let supervisor = authorise(context)?;
        let asks =
            |wanted: &Option<String>, ours: &str| wanted.as_deref().is_none_or(|wanted| wanted == ours);
        if !asks(&input.project_id, &supervisor.project_id)
            || !asks(&input.environment_id, &supervisor.environment_id)
        {
            return Err(not_authorised());
        }
        let limit = usize::try_from(first.unwrap_or(100)).unwrap_or(100);
        let edges = Role::ALL
            .into_iter()
            .filter(|role| asks(&input.service_id, &supervisor.service_ids[role]))
            .take(limit)
            .map(|role| DeploymentEdge { node: deployment_of(&supervisor, role) })
            .collect();
        Ok(Deployments { edges, page_info: PageInfo { has_next_page: false, end_cursor: None } })
    }

    async fn deployment_logs(
        &self,
        context: &Context<'_>,
        deployment_id: String,
        limit: Option<i32>,
        filter: Option<String>,
        start_date: Option<DateTime<Utc>>,
        end_date: Option<DateTime<Utc>>,
    ) -> Answer<Vec<Log>> {
        let supervisor = authorise(context)?;
        let role = supervisor
            .role_of(&deployment_id)
            .ok_or_else(|| refusal("Deployment not found", "INTERNAL_SERVER_ERROR"))?;
        let wanted = usize::try_from(limit.unwrap_or(100)).unwrap_or(100);
        let mut lines: Vec<Log> = supervisor
            .lines(role)
            .into_iter()
            .filter(|line| start_date.is_none_or(|start| line.at >= start))
            .filter(|line| end_date.is_none_or(|end| line.at <= end))
            .filter(|line| filter.as_ref().is_none_or(|filter| line.text.contains(filter.as_str())))
            .map(|line| Log {
                timestamp: line.at.to_rfc3339_opts(chrono::SecondsFormat::Nanos, true),
                // The services write their level at the start of a line, as the real ones do.
                severity: Some(if line.text.starts_with("ERROR") { "error" } else { "info" }.into()),
                message: line.text,
            })
            .collect();
        // One more than asked for, as the real one may answer (Railway facts 7.1).
        let surplus = lines.len().saturating_sub(wanted + 1);
        lines.drain(..surplus);
        Ok(lines)
    }
}

struct Mutation;

#[Object]
impl Mutation {
    async fn deployment_restart(&self, context: &Context<'_>, id: String) -> Answer<bool> {
        let supervisor = authorise(context)?;
        let role = supervisor
            .role_of(&id)
            .ok_or_else(|| refusal("Deployment not found", "INTERNAL_SERVER_ERROR"))?;
        supervisor.restart(role);
        Ok(true)
    }

    async fn service_instance_redeploy(
        &self,
        context: &Context<'_>,
        service_id: String,
        environment_id: String,
    ) -> Answer<bool> {
        let supervisor = authorise(context)?;
        let role = Role::ALL.into_iter().find(|role| supervisor.service_ids[role] == service_id);
        match role {
            Some(role) if environment_id == supervisor.environment_id => {
                supervisor.redeploy(role);
                Ok(true)
            }
            _ => Err(not_authorised()),
        }
    }
}

#[derive(Deserialize)]
struct Body {
    query: String,
    #[serde(default)]
    variables: Value,
}

#[derive(Clone)]
struct Shared {
    schema: Api,
    supervisor: Arc<Supervisor>,
}

pub(crate) async fn serve(listener: TcpListener, supervisor: Arc<Supervisor>) {
    let schema = Schema::build(Query, Mutation, EmptySubscription).data(Arc::clone(&supervisor)).finish();
    let router = Router::new().route("/graphql/v2", post(answer)).with_state(Shared { schema, supervisor });
    let _ = axum::serve(listener, router).await;
}

async fn answer(
    State(shared): State<Shared>,
    headers: HeaderMap,
    Json(body): Json<Body>,
) -> (StatusCode, Json<Value>) {
    let credential = credential(&headers, &shared.supervisor.token);
    let request = Request::new(body.query).variables(Variables::from_json(body.variables)).data(credential);
    let response = shared.schema.execute(request).await;
    if response.errors.is_empty() {
        return (StatusCode::OK, Json(json!({"data": response.data})));
    }
    let errors: Vec<Value> = response
        .errors
        .iter()
        .map(|error| {
            let mut value = serde_json::to_value(error).unwrap_or_default();
            if error.path.is_empty() {
                value["extensions"] = json!({"code": "GRAPHQL_VALIDATION_FAILED"});
            }
            value["traceId"] = format!("{}", rand::random_range(10_u64.pow(17)..10_u64.pow(18))).into();
            value
        })
        .collect();
    let invalid = response.errors.iter().any(|error| error.path.is_empty());
    let status =
        if invalid && credential == Credential::None { StatusCode::BAD_REQUEST } else { StatusCode::OK };
    (status, Json(json!({"errors": errors, "data": null})))
}

fn credential(headers: &HeaderMap, token: &str) -> Credential {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    match (text("project-access-token"), text("authorization")) {
        (Some(sent), _) if sent == token => Credential::Project,
        (Some(_), _) => Credential::NotFound,
        (None, Some(bearer)) if bearer.strip_prefix("Bearer ") == Some(token) => Credential::NotFound,
        _ => Credential::None,
    }
}
