//! Railway's GraphQL API, as far as Holdpoint uses it, with the recorded refusals (Railway facts 5 to 8).

mod door;
mod state;

use std::sync::Arc;

use async_graphql::{
    Context, EmptySubscription, Error, ErrorExtensions as _, InputObject, Object, Schema, SimpleObject,
};
use axum::Router;
use axum::routing::post;
use chrono::{DateTime, Utc};
use tokio::net::TcpListener;

use self::door::{Credential, Shared};
use self::state::{Deployment, Environment, PageInfo, ServiceInstance, deployment_of, instance_of};
use crate::config::Role;
use crate::oddities::Oddity;
use crate::supervisor::Supervisor;

type Api = Schema<Query, Mutation, EmptySubscription>;
type Answer<T> = Result<T, Error>;

/// Any id that is not one of this environment's.
fn elsewhere() -> String {
    uuid::Uuid::new_v4().to_string()
}

fn refusal(message: &str, code: &'static str) -> Error {
    Error::new(message).extend_with(|_, extensions| extensions.set("code", code))
}

fn authorise(context: &Context<'_>) -> Answer<Arc<Supervisor>> {
    match context.data::<Credential>()? {
        Credential::Project | Credential::Account | Credential::Workspace => {
            Ok(Arc::clone(context.data::<Arc<Supervisor>>()?))
        }
        Credential::NotFound => Err(not_found("Project Token")),
        Credential::None => Err(not_authorised()),
    }
}

fn not_authorised() -> Error {
    refusal("Not Authorized", "INTERNAL_SERVER_ERROR")
}

fn not_found(what: &str) -> Error {
    refusal(&format!("{what} not found"), "INTERNAL_SERVER_ERROR")
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

#[derive(SimpleObject)]
struct Project {
    id: String,
    name: String,
    primary_environment_id: Option<String>,
}

#[derive(SimpleObject)]
struct DeploymentEdge {
    node: Deployment,
}

#[derive(SimpleObject)]
struct Deployments {
    edges: Vec<DeploymentEdge>,
    page_info: PageInfo,
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

struct Query;

#[Object]
impl Query {
    async fn me(&self, context: &Context<'_>) -> Answer<Option<Named>> {
        authorise(context)?;
        // Only an account token has a person behind it.
        match context.data::<Credential>()? {
            Credential::Account => Ok(Some(Named { id: elsewhere(), name: "Release Manager".into() })),
            _ => Err(not_authorised()),
        }
    }

    async fn api_token(&self, context: &Context<'_>) -> Answer<ApiToken> {
        authorise(context)?;
        match context.data::<Credential>()? {
            Credential::Account | Credential::Workspace => {
                Ok(ApiToken { workspaces: vec![Named { id: elsewhere(), name: "agentverse".into() }] })
            }
            _ => Err(not_authorised()),
        }
    }

    async fn project_token(&self, context: &Context<'_>) -> Answer<ProjectToken> {
        let supervisor = authorise(context)?;
        if *context.data::<Credential>()? != Credential::Project {
            return Err(not_found("Project Token"));
        }
        let of = |other: Oddity, id: &String| if supervisor.odd.is(other) { elsewhere() } else { id.clone() };
        let project_id = of(Oddity::TokenOfOtherProject, &supervisor.project_id);
        let environment_id = of(Oddity::TokenOfOtherEnvironment, &supervisor.environment_id);
        Ok(ProjectToken {
            project: Named { id: project_id.clone(), name: "agentverse-staging".into() },
            environment: Named { id: environment_id.clone(), name: "production".into() },
            name: "holdpoint".into(),
            project_id,
            environment_id,
        })
    }

    async fn project(&self, context: &Context<'_>, id: String) -> Answer<Project> {
        let supervisor = authorise(context)?;
        if id != supervisor.project_id || supervisor.odd.is(Oddity::ProjectUnreadable) {
            return Err(not_authorised());
        }
        let primary = supervisor.environment_id.clone();
        Ok(Project { id, name: "agentverse-staging".into(), primary_environment_id: Some(primary) })
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
        let role = supervisor.role_of(&id).ok_or_else(|| not_found("Deployment"))?;
        let mut deployment = deployment_of(&supervisor, role);
        // It is read when it is pinned, and again right before the restart.
        let odd = &supervisor.odd;
        if odd.pass(Oddity::DeploymentOfOtherProject) > 1 {
            deployment.project_id = elsewhere();
        }
        if odd.pass(Oddity::DeploymentOfOtherEnvironment) > 1 {
            deployment.environment_id = elsewhere();
        }
        if odd.pass(Oddity::DeploymentOfOtherService) > 1 {
            deployment.service_id = elsewhere();
        }
        if odd.pass(Oddity::DeploymentChanged) == 1 {
            supervisor.new_deployment(role);
        }
        Ok(deployment)
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
        let role = supervisor.role_of(&deployment_id).ok_or_else(|| not_found("Deployment"))?;
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
        if supervisor.odd.is(Oddity::LogSurplus) {
            let filler =
                || Log { timestamp: Utc::now().to_rfc3339(), message: "busy".into(), severity: None };
            lines.splice(0..0, std::iter::repeat_with(filler).take(wanted + 1));
        }
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
        let role = supervisor.role_of(&id).ok_or_else(|| not_found("Deployment"))?;
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

pub(crate) async fn serve(listener: TcpListener, supervisor: Arc<Supervisor>) {
    let schema = Schema::build(Query, Mutation, EmptySubscription).data(Arc::clone(&supervisor)).finish();
    let shared = Shared { schema, supervisor };
    let router = Router::new().route("/graphql/v2", post(door::answer)).with_state(shared);
    let _ = axum::serve(listener, router).await;
}
