//! Starts every service as a process, restarts one when Railway is asked to, and takes all of them down at the end.

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpListener;
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::Mutex as AsyncMutex;
use uuid::Uuid;

use crate::config::{BUCKET, Behaviour, Options, Outcome, Role, Setup};
use crate::drills::{Defect, Switch};
use crate::oddities::{Odd, Oddity};
use crate::ports::Ports;
use crate::{edge, leftovers, railway};

/// Starting a process takes about this long; a restart's pause is shortened by it.
const START_MS: u64 = 120;
const LOG_LINES: usize = 2000;
/// How long the old process still serves after an accepted restart that is late.
const STALE_MS: u64 = 4000;
/// Beyond the 30 seconds that a check gives a rehearsed worker.
const SLOW_RESTART_MS: u64 = 34_000;

/// A line of a service's log.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) at: DateTime<Utc>,
    pub(crate) text: String,
}

/// A running process; dropping it ends the process, because its standard input ends.
#[derive(Debug)]
struct Running {
    child: Child,
    _stdin: ChildStdin,
}

/// The supervisor, shared with the Railway API.
#[derive(Debug)]
pub(crate) struct Supervisor {
    setup: Setup,
    switch: Switch,
    /// What its Railway does otherwise than usual.
    pub(crate) odd: Odd,
    starts: Mutex<BTreeMap<Role, u32>>,
    restart_ms: BTreeMap<Role, u64>,
    pub(crate) project_id: String,
    pub(crate) environment_id: String,
    pub(crate) token: String,
    pub(crate) service_ids: BTreeMap<Role, String>,
    /// When everything was deployed.
    pub(crate) started_at: DateTime<Utc>,
    deployments: Mutex<BTreeMap<Role, String>>,
    running: BTreeMap<Role, AsyncMutex<Option<Running>>>,
    logs: Mutex<BTreeMap<Role, VecDeque<Line>>>,
    pids: Mutex<BTreeMap<Role, u32>>,
    _ports: Ports,
}

/// Brings the whole environment up and keeps it up until standard input ends or the process is told to stop.
pub(crate) async fn up(options: Options) -> Outcome {
    let temporary = match &options.state {
        Some(_) => None,
        None => {
            leftovers::remove(&std::env::temp_dir());
            Some(tempfile::Builder::new().prefix(leftovers::PREFIX).tempdir()?)
        }
    };
    let state = match (&options.state, &temporary) {
        (Some(path), _) => path.clone(),
        (None, Some(folder)) => folder.path().to_owned(),
        (None, None) => PathBuf::from("."),
    };
    std::fs::create_dir_all(state.join("logs"))?;
    let _owner = leftovers::own(&state)?;
    let edge_listener = TcpListener::bind("127.0.0.1:0").await?;
    let railway_listener = TcpListener::bind("127.0.0.1:0").await?;
    let api_url = format!("http://{}", edge_listener.local_addr()?);
    let railway_url = format!("http://{}/graphql/v2", railway_listener.local_addr()?);
    let supervisor = Arc::new(Supervisor::new(&options, state.clone())?);
    tokio::spawn(edge::serve(edge_listener, supervisor.setup.api_port));
    tokio::spawn(railway::serve(railway_listener, Arc::clone(&supervisor)));
    let coming_up = async {
        for role in Role::ALL {
            supervisor.start(role).await?;
        }
        supervisor.wait_until_ready().await
    };
    // Whoever started this may be gone before it is ready.
    let end = wait_for_end();
    tokio::pin!(end);
    tokio::select! {
        outcome = coming_up => outcome?,
        () = &mut end => {
            supervisor.stop_all().await;
            return Ok(());
        }
    }
    if supervisor.odd.is(Oddity::Crashed) || supervisor.odd.is(Oddity::Stopped) {
        supervisor.kill(Role::Worker).await;
    }
    let environment = supervisor.environment(&api_url, &railway_url);
    write_private(&state.join("environment.json"), &environment.to_string())?;
    announce(&environment.to_string());
    end.await;
    supervisor.stop_all().await;
    Ok(())
}

/// The environment file goes to standard output, for whoever started the rehearsal.
fn announce(line: &str) {
    use std::io::Write as _;
    // Whoever waits for the line may have gone away: the end of standard input says so too.
    let mut out = std::io::stdout();
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

fn write_private(path: &std::path::Path, text: &str) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    std::io::Write::write_all(&mut options.open(path)?, text.as_bytes())
}

async fn wait_for_end() {
    let stdin_ends = async {
        let mut stdin = tokio::io::stdin();
        let mut rest = [0_u8; 64];
        while stdin.read(&mut rest).await.is_ok_and(|count| count > 0) {}
    };
    #[cfg(unix)]
    let told = async {
        let kind = tokio::signal::unix::SignalKind::terminate();
        match tokio::signal::unix::signal(kind) {
            Ok(mut signal) => {
                signal.recv().await;
            }
            Err(_) => std::future::pending::<()>().await,
        }
    };
    #[cfg(not(unix))]
    let told = std::future::pending::<()>();
    tokio::select! {
        () = stdin_ends => {}
        () = told => {}
        _ = tokio::signal::ctrl_c() => {}
    }
}

impl Supervisor {
    fn new(options: &Options, state: PathBuf) -> std::io::Result<Self> {
        let id = || Uuid::new_v4().to_string();
        let (worker, api, postgres) = if options.recorded_durations {
            (5000, 65_000, 30_000)
        } else {
            (options.worker_restart_ms, options.api_restart_ms, options.postgres_restart_ms)
        };
        let ports = Ports::reserve()?;
        let [api_port, web_port, postgres_port, redis_port, minio_port] = ports.numbers;
        let setup = Setup {
            behaviour: Behaviour::new(options.profile, options.drill.as_ref().map(|drill| drill.defect)),
            restarts: 0,
            state,
            api_port,
            web_port,
            postgres_port,
            redis_port,
            minio_port,
            run_ms: options.run_ms,
            email: "release.manager@example.org".into(),
            password: id(),
            user_id: id(),
            jwt_secret: id() + &id(),
            ops_key: id(),
            s3_access_key: format!("staging-{}", &id()[..8]),
            s3_secret_key: id(),
            services_access_key: format!("services-{}", &id()[..8]),
            services_secret_key: id(),
        };
        Ok(Self {
            switch: setup.behaviour.switch(),
            odd: Odd::new(options.oddity.map(|row| row.oddity)),
            started_at: Utc::now(),
            starts: Mutex::default(),
            setup,
            restart_ms: BTreeMap::from([
                (Role::Worker, worker),
                (Role::Api, api),
                (Role::Postgres, postgres),
            ]),
            project_id: id(),
            environment_id: id(),
            token: id(),
            service_ids: Role::ALL.into_iter().map(|role| (role, id())).collect(),
            deployments: Mutex::new(Role::ALL.into_iter().map(|role| (role, id())).collect()),
            running: Role::ALL.into_iter().map(|role| (role, AsyncMutex::new(None))).collect(),
            logs: Mutex::default(),
            pids: Mutex::default(),
            _ports: ports,
        })
    }

    fn environment(&self, api_url: &str, railway_url: &str) -> Value {
        let services: BTreeMap<&str, &String> =
            self.service_ids.iter().map(|(role, id)| (role.name(), id)).collect();
        // A token does not show its kind, so a person may have saved the wrong one.
        let saved_as_account = matches!(
            self.odd.which(),
            Some(Oddity::AccountToken | Oddity::WorkspaceToken | Oddity::ProjectTokenAsBearer)
        );
        json!({
            "holdpoint_environment": 1, "name": "rehearsal", "kind": "rehearsal", "expected_environment": "staging",
            "api_url": api_url, "web_url": format!("http://127.0.0.1:{}", self.setup.web_port),
            "storage": {
                "url": format!("http://127.0.0.1:{}", self.setup.minio_port), "bucket": BUCKET, "region": "us-east-1",
            },
            "railway": {
                "url": railway_url, "project_id": self.project_id, "environment_id": self.environment_id,
                "services": services,
            },
            "secrets": {
                "email": self.setup.email, "password": self.setup.password, "ops_key": self.setup.ops_key,
                "s3_access_key": self.setup.s3_access_key, "s3_secret_key": self.setup.s3_secret_key,
                "railway_token": self.token, "railway_token_kind": if saved_as_account { "account" } else { "project" },
            },
        })
    }

    async fn start(self: &Arc<Self>, role: Role) -> std::io::Result<()> {
        let mut child = Command::new(std::env::current_exe()?)
            .args(["role", role.name()])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let mut stdin = child.stdin.take().ok_or_else(|| std::io::Error::other("no standard input"))?;
        let setup = Setup { restarts: self.count_start(role), ..self.setup.clone() };
        let line = serde_json::to_string(&setup).map_err(std::io::Error::other)?;
        stdin.write_all(line.as_bytes()).await?;
        stdin.write_all(b"\n").await?;
        stdin.flush().await?;
        if let Some(stderr) = child.stderr.take() {
            let this = Arc::clone(self);
            tokio::spawn(async move {
                let mut lines = BufReader::new(stderr).lines();
                while let Ok(Some(text)) = lines.next_line().await {
                    this.log(role, &text);
                }
            });
        }
        if let Some(pid) = child.id() {
            self.note_pid(role, pid);
        }
        *self.running[&role].lock().await = Some(Running { child, _stdin: stdin });
        Ok(())
    }

    /// How often the service was started before.
    fn count_start(&self, role: Role) -> u32 {
        let mut starts = self.starts.lock().unwrap_or_else(PoisonError::into_inner);
        let count = starts.entry(role).or_default();
        *count += 1;
        *count - 1
    }

    /// For people who want to kill a service by hand.
    fn note_pid(&self, role: Role, pid: u32) {
        let mut pids = self.pids.lock().unwrap_or_else(PoisonError::into_inner);
        pids.insert(role, pid);
        let named: BTreeMap<&str, u32> = pids.iter().map(|(role, pid)| (role.name(), *pid)).collect();
        let _ = std::fs::write(self.setup.state.join("pids.json"), json!(named).to_string());
    }

    fn log(&self, role: Role, text: &str) {
        let mut logs = self.logs.lock().unwrap_or_else(PoisonError::into_inner);
        let lines = logs.entry(role).or_default();
        if lines.len() == LOG_LINES {
            lines.pop_front();
        }
        lines.push_back(Line { at: Utc::now(), text: text.to_owned() });
        let path = self.setup.state.join("logs").join(format!("{}.log", role.name()));
        if let Ok(mut file) = std::fs::OpenOptions::new().create(true).append(true).open(path) {
            let _ = std::io::Write::write_all(&mut file, format!("{text}\n").as_bytes());
        }
    }

    /// What Railway was asked to do, whatever came of it; whoever looks at a rehearsal can count it.
    pub(crate) fn note_asked(&self, mutation: &str) {
        let path = self.setup.state.join("logs").join("railway.log");
        if let Ok(mut file) = std::fs::OpenOptions::new().create(true).append(true).open(path) {
            let _ = std::io::Write::write_all(&mut file, format!("{mutation}\n").as_bytes());
        }
    }

    /// The log lines of a service, oldest first.
    pub(crate) fn lines(&self, role: Role) -> Vec<Line> {
        let logs = self.logs.lock().unwrap_or_else(PoisonError::into_inner);
        logs.get(&role).map(|lines| lines.iter().cloned().collect()).unwrap_or_default()
    }

    async fn wait_until_ready(&self) -> Outcome {
        let http = reqwest::Client::builder().timeout(Duration::from_secs(2)).no_proxy().build()?;
        let url = format!("http://127.0.0.1:{}/health/ready", self.setup.api_port);
        let until = tokio::time::Instant::now() + Duration::from_secs(20);
        loop {
            let healthy = match http.get(&url).send().await {
                Ok(answer) => answer.json::<Value>().await.is_ok_and(|body| body["status"] == "healthy"),
                Err(_) => false,
            };
            let booted = self.lines(Role::Worker).iter().any(|line| line.text.contains("ready, boot"));
            if healthy && booted {
                return Ok(());
            }
            if tokio::time::Instant::now() > until {
                return Err("the services did not become ready within 20 s".into());
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
    }

    /// The deployment that serves a service.
    pub(crate) fn deployment(&self, role: Role) -> String {
        let deployments = self.deployments.lock().unwrap_or_else(PoisonError::into_inner);
        deployments.get(&role).cloned().unwrap_or_default()
    }

    /// The service of a deployment.
    pub(crate) fn role_of(&self, deployment: &str) -> Option<Role> {
        Role::ALL.into_iter().find(|role| self.deployment(*role) == deployment)
    }

    /// Kills a service and starts it again after its time. Returns at once: the restart is accepted, not done.
    pub(crate) fn restart(self: &Arc<Self>, role: Role) {
        let this = Arc::clone(self);
        let ignored = match role {
            Role::Worker => Defect::WorkerRestartIgnored,
            _ => Defect::ApiRestartIgnored,
        };
        if matches!(role, Role::Worker | Role::Api) && this.switch.has(ignored) {
            return;
        }
        let begins_after_ms = if self.odd.is(Oddity::StaleSuccess) { STALE_MS } else { 100 };
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(begins_after_ms)).await;
            this.replace(role).await;
            if role == Role::Worker && this.switch.has(Defect::OtherDeployment) {
                this.new_deployment(role);
            }
            if role == Role::Worker && this.switch.nth(Defect::RestartsTwice, 1) {
                // Before the runs that the first restart hit can be done again.
                tokio::time::sleep(Duration::from_millis(800)).await;
                this.log(role, "Container crashed");
                this.replace(role).await;
            }
        });
    }

    /// Kills a service's process, and starts another after the service's time.
    async fn replace(self: &Arc<Self>, role: Role) {
        let usual = self.restart_ms.get(&role).copied().unwrap_or(500);
        let slow = role == Role::Worker && self.switch.has(Defect::SlowRecovery);
        let pause = if slow { SLOW_RESTART_MS } else { self.setup.behaviour.about(usual) };
        self.kill(role).await;
        self.log(role, "Stopping Container");
        if role == Role::Worker && self.switch.has(Defect::WorkerNeverReturns) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(pause.saturating_sub(START_MS))).await;
        self.log(role, "Starting Container");
        let _ = self.start(role).await;
    }

    /// Another deployment serves from now on.
    pub(crate) fn new_deployment(&self, role: Role) {
        let mut deployments = self.deployments.lock().unwrap_or_else(PoisonError::into_inner);
        deployments.insert(role, Uuid::new_v4().to_string());
    }

    /// A rolling replacement: a new deployment of the same source.
    pub(crate) fn redeploy(self: &Arc<Self>, role: Role) {
        self.new_deployment(role);
        self.restart(role);
    }

    async fn kill(&self, role: Role) {
        if let Some(mut running) = self.running[&role].lock().await.take() {
            let _ = running.child.kill().await;
        }
    }

    async fn stop_all(&self) {
        for role in Role::ALL {
            self.kill(role).await;
        }
    }
}
