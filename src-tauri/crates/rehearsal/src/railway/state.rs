//! What Railway shows of an environment: its services and their deployments.

use std::sync::Arc;

use async_graphql::{Enum, Object, SimpleObject};
use chrono::{DateTime, Utc};

use super::elsewhere;
use crate::config::Role;
use crate::oddities::Oddity;
use crate::supervisor::Supervisor;

#[derive(Enum, Clone, Copy, PartialEq, Eq)]
pub(super) enum DeploymentStatus {
    Success,
    Sleeping,
    Crashed,
    Failed,
    Skipped,
    Deploying,
    /// In no list that is known.
    Hibernating,
}

#[derive(Enum, Clone, Copy, PartialEq, Eq)]
pub(super) enum DeploymentInstanceStatus {
    Running,
    Exited,
    Crashed,
}

#[derive(SimpleObject, Clone)]
pub(super) struct DeploymentInstance {
    id: String,
    status: DeploymentInstanceStatus,
}

#[expect(clippy::struct_field_names, reason = "the names of Railway's schema")]
#[derive(SimpleObject, Clone)]
pub(super) struct Deployment {
    pub(super) id: String,
    pub(super) status: DeploymentStatus,
    deployment_stopped: bool,
    created_at: DateTime<Utc>,
    instances: Vec<DeploymentInstance>,
    pub(super) project_id: String,
    pub(super) environment_id: String,
    pub(super) service_id: String,
}

#[derive(SimpleObject)]
pub(super) struct ServiceInstance {
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
pub(super) struct PageInfo {
    pub(super) has_next_page: bool,
    pub(super) end_cursor: Option<String>,
}

#[derive(SimpleObject)]
struct Instances {
    edges: Vec<InstanceEdge>,
    page_info: PageInfo,
}

pub(super) struct Environment {
    pub(super) supervisor: Arc<Supervisor>,
}

/// The deployment that serves a service, whether it works or not.
pub(super) fn deployment_of(supervisor: &Supervisor, role: Role) -> Deployment {
    // A restart does not show here (Railway facts 6.2): the status stays what it was.
    let usual = (DeploymentStatus::Success, false, vec![DeploymentInstanceStatus::Running]);
    let (status, deployment_stopped, instances) = match (role, supervisor.odd.which()) {
        (Role::Worker, Some(Oddity::Sleeping)) => {
            (DeploymentStatus::Sleeping, true, vec![DeploymentInstanceStatus::Running])
        }
        (Role::Worker, Some(Oddity::Crashed)) => {
            (DeploymentStatus::Crashed, false, vec![DeploymentInstanceStatus::Crashed])
        }
        (Role::Worker, Some(Oddity::Stopped)) => {
            (DeploymentStatus::Success, true, vec![DeploymentInstanceStatus::Exited])
        }
        (Role::Worker, Some(Oddity::Replicas)) => {
            (DeploymentStatus::Success, false, vec![DeploymentInstanceStatus::Running; 2])
        }
        (Role::Worker, Some(Oddity::StatusUnknown)) | (Role::Web, Some(Oddity::StatusUnknownElsewhere)) => {
            (DeploymentStatus::Hibernating, false, vec![DeploymentInstanceStatus::Running])
        }
        _ => usual,
    };
    let id = supervisor.deployment(role);
    Deployment {
        status,
        deployment_stopped,
        created_at: supervisor.started_at,
        instances: instances
            .into_iter()
            .enumerate()
            .map(|(number, status)| DeploymentInstance { id: format!("{id}-{number}"), status })
            .collect(),
        project_id: supervisor.project_id.clone(),
        environment_id: supervisor.environment_id.clone(),
        service_id: supervisor.service_ids[&role].clone(),
        id,
    }
}

/// The newest attempt at a deployment, which need not be the one that serves (Railway facts 5.2).
fn latest_of(supervisor: &Supervisor, role: Role) -> Deployment {
    let serving = deployment_of(supervisor, role);
    let status = match (role, supervisor.odd.which()) {
        (Role::Worker, Some(Oddity::LatestFailed)) => DeploymentStatus::Failed,
        (Role::Worker, Some(Oddity::LatestSkipped)) => DeploymentStatus::Skipped,
        (Role::Worker, Some(Oddity::Deploying)) => DeploymentStatus::Deploying,
        _ => return serving,
    };
    Deployment { id: elsewhere(), status, created_at: Utc::now(), instances: Vec::new(), ..serving }
}

pub(super) fn instance_of(supervisor: &Supervisor, role: Role) -> ServiceInstance {
    let deployed = role != Role::Worker || !supervisor.odd.is(Oddity::NeverDeployed);
    let replicas = if role == Role::Worker && supervisor.odd.is(Oddity::Replicas) { 2 } else { 1 };
    ServiceInstance {
        service_id: supervisor.service_ids[&role].clone(),
        service_name: role.service_name().into(),
        environment_id: supervisor.environment_id.clone(),
        num_replicas: Some(replicas),
        latest_deployment: deployed.then(|| latest_of(supervisor, role)),
        active_deployments: deployed.then(|| deployment_of(supervisor, role)).into_iter().collect(),
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

    async fn project_id(&self) -> String {
        if self.supervisor.odd.is(Oddity::EnvironmentOfOtherProject) {
            elsewhere()
        } else {
            self.supervisor.project_id.clone()
        }
    }

    async fn is_ephemeral(&self) -> bool {
        false
    }

    async fn service_instances(&self, first: Option<i32>, after: Option<String>) -> Instances {
        let odd = &self.supervisor.odd;
        let start = after.and_then(|cursor| cursor.parse().ok()).unwrap_or(0_usize);
        let most = if odd.is(Oddity::Paged) || odd.is(Oddity::PagedEndless) { 2 } else { 100 };
        let size = usize::try_from(first.unwrap_or(100)).unwrap_or(100).clamp(1, most);
        let edges: Vec<InstanceEdge> = Role::ALL
            .into_iter()
            .skip(start)
            .take(size)
            .map(|role| InstanceEdge { node: instance_of(&self.supervisor, role) })
            .collect();
        let end = start + edges.len();
        let more = end < Role::ALL.len() || odd.is(Oddity::PagedEndless);
        Instances { edges, page_info: PageInfo { has_next_page: more, end_cursor: Some(end.to_string()) } }
    }
}
