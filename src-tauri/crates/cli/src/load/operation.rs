//! Load of operations of the API, through the login of a named environment.

use std::sync::Arc;
use std::time::Duration;

use clap::ValueEnum;
use holdpoint_agentverse::Client;
use holdpoint_agentverse::client::{Credentials, Timeouts};
use holdpoint_agentverse::error::ApiError;
use holdpoint_check::environment::Secrets;
use holdpoint_check::run::failure_of;
use holdpoint_load::{Lane, Lanes, Operation, Outcome, Phases};
use url::Url;

use crate::failure::Failure;
use crate::manage;

/// What one operation of the API is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ApiOperation {
    /// Ask whether the API is alive
    Health,
    /// Ask whether its dependencies are
    Ready,
    /// List the projects of the login
    Projects,
    /// Read one run; a project and a run are made for it
    Run,
    /// Expand a node, as L1 does; a project is made for it and removed afterwards
    Expand,
}

impl ApiOperation {
    pub(super) fn name(self) -> String {
        self.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
    }
}

/// The client of an environment, and what was made for the operations.
#[derive(Clone, Debug)]
pub(super) struct Operations {
    client: Client,
    wanted: Arc<[ApiOperation]>,
    made: Arc<Made>,
    tag: String,
}

/// What operations need to be there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Needs {
    /// Somebody who is logged in.
    pub(super) login: bool,
    /// A project with a run that has ended, so that its root node is explored.
    pub(super) project: bool,
}

impl Needs {
    /// What these operations need.
    pub(super) fn of(wanted: &[ApiOperation]) -> Self {
        Self {
            login: wanted.iter().any(|one| !matches!(one, ApiOperation::Health | ApiOperation::Ready)),
            project: wanted.iter().any(|one| matches!(one, ApiOperation::Run | ApiOperation::Expand)),
        }
    }
}

/// What was made for the operations.
#[derive(Debug, Default)]
pub(super) struct Made {
    pub(super) project: Option<String>,
    pub(super) run: String,
    pub(super) node: String,
}

impl Operations {
    /// Logs in and makes what the operations need.
    pub(super) async fn prepare(wanted: &[ApiOperation], environment: &str) -> Result<Self, Failure> {
        let (environment, secrets) = manage::resolve(environment).await?;
        Self::with(wanted, Needs::of(wanted), environment.api_url, secrets).await
    }

    /// The same for the API at an address, with what else is needed of it.
    pub(super) async fn with(
        wanted: &[ApiOperation],
        needs: Needs,
        api: Url,
        secrets: Secrets,
    ) -> Result<Self, Failure> {
        let credentials = match (secrets.email, secrets.password) {
            (Some(email), Some(password)) => Some(Credentials { email, password, ops_key: secrets.ops_key }),
            _ => None,
        };
        let client = Client::new(api, credentials, Timeouts::default()).map_err(cannot)?;
        let tag = format!("hp-load-{}", std::process::id());
        let mut made = Made::default();
        if needs.login || needs.project {
            client.login().await.map_err(cannot)?;
        }
        if needs.project {
            let project = client.create_project(&tag, "made by a Holdpoint load").await.map_err(cannot)?;
            made.project = Some(project.id.clone());
            match explored(&client, &project.id).await {
                Ok((node, run)) => (made.node, made.run) = (node, run),
                Err(failure) => {
                    remove(&client, &project.id).await;
                    return Err(failure);
                }
            }
        }
        Ok(Self { client, wanted: wanted.into(), made: Arc::new(made), tag })
    }

    /// The client of the environment.
    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    /// What was made.
    pub(super) fn made(&self) -> &Made {
        &self.made
    }

    /// What the labels of everything begin with.
    pub(super) fn tag(&self) -> &str {
        &self.tag
    }

    /// Removes what was made.
    pub(super) async fn clean_up(&self) {
        if let Some(project) = &self.made.project {
            remove(&self.client, project).await;
        }
    }
}

/// How often it is looked whether the run has ended, once a second.
const LOOKS: u32 = 120;

/// Runs a project once, so that its root node is explored and can be expanded.
async fn explored(client: &Client, project: &str) -> Result<(String, String), Failure> {
    let run = client.start_run(project).await.map_err(cannot)?;
    for _ in 0..LOOKS {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let now = client.run(&run.run_id).await.map_err(cannot)?;
        match now.status.as_str() {
            "succeeded" => return Ok((run.node_id.or(now.node_id).unwrap_or_default(), run.run_id)),
            "failed" | "cancelled" | "canceled" => {
                return Err(Failure::failed(format!(
                    "the load could not be prepared: run {} {}",
                    run.run_id, now.status
                )));
            }
            _ => {}
        }
    }
    Err(Failure::failed(format!("the load could not be prepared: run {} did not end", run.run_id)))
}

async fn remove(client: &Client, project: &str) {
    if let Err(error) = client.delete_project(project).await {
        eprintln!("holdpoint: project {project} was made for this load and could not be removed: {error}");
    }
}

#[expect(clippy::needless_pass_by_value, reason = "as `map_err` hands it over")]
pub(super) fn cannot(error: ApiError) -> Failure {
    Failure::failed(format!("the load could not be prepared: {error}"))
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
