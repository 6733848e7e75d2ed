//! Operations of the API as load, through the login of an environment.

use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use holdpoint_agentverse::Client;
use holdpoint_agentverse::error::ApiError;
use holdpoint_check::environment::{Environment, Secrets};
use holdpoint_check::run::failure_of;
use holdpoint_load::{Lane, Lanes, Operation, Outcome, Phases};
use tokio_util::sync::CancellationToken;

use crate::clients;
use crate::error::DeskError;
pub use crate::view::ApiOperation;

impl ApiOperation {
    /// Every one.
    pub const ALL: [Self; 5] = [Self::Health, Self::Ready, Self::Projects, Self::Run, Self::Expand];

    /// Its name, as it is typed and recorded.
    pub fn name(self) -> &'static str {
        match self {
            Self::Health => "health",
            Self::Ready => "ready",
            Self::Projects => "projects",
            Self::Run => "run",
            Self::Expand => "expand",
        }
    }

    /// What it does, for people.
    pub fn title(self) -> &'static str {
        match self {
            Self::Health => "Ask whether the API is alive",
            Self::Ready => "Ask whether its dependencies are",
            Self::Projects => "List the projects of the login",
            Self::Run => "Read one run; a project and a run are made for it",
            Self::Expand => "Expand a node, as L1 does; a project is made for it and removed afterwards",
        }
    }

    /// Whether it is asked for by somebody who is logged in.
    pub fn needs_login(self) -> bool {
        !matches!(self, Self::Health | Self::Ready)
    }

    fn needs_project(self) -> bool {
        matches!(self, Self::Run | Self::Expand)
    }
}

impl FromStr for ApiOperation {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = || Self::ALL.map(Self::name).join(", ");
        Self::ALL
            .into_iter()
            .find(|one| one.name() == text)
            .ok_or_else(|| format!("{text} is no operation; these are: {}", known()))
    }
}

/// The client of an environment, and what was made for the operations.
#[derive(Clone, Debug)]
pub struct Operations {
    client: Client,
    wanted: Arc<[ApiOperation]>,
    made: Arc<Made>,
    tag: String,
}

/// What was made for the operations.
#[derive(Debug, Default)]
pub struct Made {
    /// The project, where one was needed.
    pub project: Option<String>,
    /// A run of it that has ended.
    pub run: String,
    /// The node that the run explored.
    pub node: String,
}

impl Operations {
    /// Logs in and makes what the operations need. What was made is removed again where it fails or is stopped.
    pub async fn prepare(
        wanted: &[ApiOperation],
        environment: &Environment,
        secrets: &Secrets,
        stop: &CancellationToken,
    ) -> Result<Self, DeskError> {
        let client = clients::api(environment, secrets)?;
        let tag = format!("hp-load-{}", std::process::id());
        let mut made = Made::default();
        if wanted.iter().any(|one| one.needs_login()) {
            client.login().await.map_err(cannot)?;
        }
        if wanted.iter().any(|one| one.needs_project()) {
            let project = client.create_project(&tag, "made by a Holdpoint load").await.map_err(cannot)?;
            let ready = tokio::select! {
                ready = explored(&client, &project.id) => ready,
                () = stop.cancelled() => Err(failed("it was stopped before it began")),
            };
            match ready {
                Ok((node, run)) => {
                    made = Made { project: Some(project.id), node, run };
                }
                Err(error) => {
                    let left = remove(&client, &project.id).await;
                    return Err(match left {
                        None => error,
                        Some(left) => failed(format!("{error} {left}")),
                    });
                }
            }
        }
        Ok(Self { client, wanted: wanted.into(), made: Arc::new(made), tag })
    }

    /// Names of the operations, in turn.
    pub fn kinds(&self) -> Vec<String> {
        self.wanted.iter().map(|one| one.name().to_owned()).collect()
    }

    /// The client that sends.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// What was made for them.
    pub fn made(&self) -> &Made {
        &self.made
    }

    /// What the labels of everything that is written begin with.
    pub fn tag(&self) -> &str {
        &self.tag
    }

    /// Removes what was made; answers with what could not be removed, in words.
    pub async fn clean_up(&self) -> Option<String> {
        match &self.made.project {
            Some(project) => remove(&self.client, project).await,
            None => None,
        }
    }
}

/// How often it is looked whether the run has ended, once a second.
const LOOKS: u32 = 120;

/// Runs a project once, so that its root node is explored and can be expanded.
async fn explored(client: &Client, project: &str) -> Result<(String, String), DeskError> {
    let run = client.start_run(project).await.map_err(cannot)?;
    for _ in 0..LOOKS {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let now = client.run(&run.run_id).await.map_err(cannot)?;
        match now.status.as_str() {
            "succeeded" => return Ok((run.node_id.or(now.node_id).unwrap_or_default(), run.run_id)),
            "failed" | "cancelled" | "canceled" => {
                return Err(failed(format!("run {} {}", run.run_id, now.status)));
            }
            _ => {}
        }
    }
    Err(failed(format!("run {} did not end within {LOOKS} s", run.run_id)))
}

async fn remove(client: &Client, project: &str) -> Option<String> {
    let error = client.delete_project(project).await.err()?;
    Some(format!("Project {project} was made for this load and could not be removed: {error}."))
}

fn failed(why: impl std::fmt::Display) -> DeskError {
    DeskError::new(
        "capacity.not_prepared",
        "The load could not be prepared.",
        "Look whether the environment is healthy under Services, and start it again.",
    )
    .because(why)
}

fn cannot(error: ApiError) -> DeskError {
    failed(error)
}

impl Lanes for Operations {
    type Lane = Self;

    fn worker(&self) -> impl FnMut() -> Self {
        || self.clone()
    }
}

impl Lane for Operations {
    async fn perform(&mut self, operation: Operation) -> Outcome {
        let Self { client, wanted, made, tag } = self;
        let answer = match wanted[operation.kind] {
            ApiOperation::Health => client.health().await.map(drop),
            ApiOperation::Ready => client.ready().await.map(drop),
            ApiOperation::Projects => client.projects().await.map(drop),
            ApiOperation::Run => client.run(&made.run).await.map(drop),
            ApiOperation::Expand => {
                client.fork(&made.node, &format!("{tag}-{}", operation.index)).await.map(drop)
            }
        };
        answer.map(|()| Phases::default()).map_err(|error| failure_of(&error))
    }
}
