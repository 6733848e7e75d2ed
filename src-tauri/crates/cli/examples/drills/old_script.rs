//! What the script that Holdpoint replaces would have called a drill: its probes and its judgement as recorded (API facts
//! 9, 10 and 14), with the fixed waits cut to the rehearsal's restarts. It counts answers, not what they say.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::AsyncBufReadExt as _;

use super::Failure;

/// The script waited 30 to 60 s for services that took 5 to 65; the rehearsal's take up to 2.5.
const FIXED_WAIT: Duration = Duration::from_secs(5);

const LIMITER_WINDOW: Duration = Duration::from_secs(61);

/// `GO` or `NO-GO`, as it would have said.
pub async fn verdict(rehearsal: &Path, drill: &str) -> Result<&'static str, Failure> {
    let mut child = tokio::process::Command::new(rehearsal)
        .args(["up", "--drill", drill])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::null())
        .kill_on_drop(true)
        .spawn()?;
    let stdout = child.stdout.take().ok_or("the rehearsal has no output")?;
    let mut line = String::new();
    tokio::io::BufReader::new(stdout).read_line(&mut line).await?;
    let script = Script { environment: serde_json::from_str(&line)?, http: client()? };
    let passed = script.load().await && script.chaos().await && script.verify().await;
    // The end of its standard input ends the rehearsal with everything it started.
    drop(child.stdin.take());
    let _ = child.wait().await;
    Ok(if passed { "GO" } else { "NO-GO" })
}

fn client() -> Result<reqwest::Client, reqwest::Error> {
    reqwest::Client::builder().timeout(Duration::from_secs(30)).no_proxy().build()
}

struct Script {
    environment: Value,
    http: reqwest::Client,
}

impl Script {
    async fn get(&self, path: &str) -> Option<Value> {
        let base = self.environment["api_url"].as_str()?.trim_end_matches('/');
        let answer = self.http.get(format!("{base}{path}")).send().await.ok()?;
        answer.status().is_success().then_some(())?;
        answer.json().await.ok()
    }

    /// How many of `count` requests at once were answered with 200.
    async fn answered(&self, path: &str, count: usize) -> usize {
        let all = futures::future::join_all((0..count).map(|_| self.get(path))).await;
        all.into_iter().flatten().count()
    }

    /// L1 to L3: health called load. The P95, the backlog and time-outs were written down and not judged.
    async fn load(&self) -> bool {
        let mut passed = true;
        // What started the rehearsal asked it whether it is ready, and that counts as well.
        tokio::time::sleep(LIMITER_WINDOW).await;
        for _ in 0..3 {
            passed &= self.answered("/health/ready", 20).await == 20;
        }
        // Runs of the script that went well had a minute between these: the limiter's window.
        tokio::time::sleep(LIMITER_WINDOW).await;
        passed &= self.answered("/health/ready", 20).await == 20;
        passed &= self.answered("/health/storage-test", 10).await == 10;
        passed & (self.answered("/health", 10).await == 10)
    }

    /// C1 to C3: a restart that was asked for, a fixed wait, and whoever answers then.
    async fn chaos(&self) -> bool {
        let mut passed = true;
        for service in ["worker", "api", "postgres"] {
            // A refused restart passed as well.
            let _ = self.restart(service).await;
            tokio::time::sleep(FIXED_WAIT).await;
            passed &= match service {
                // The length of a list that nothing is put into: always healthy.
                "worker" => self.get("/health/ready").await.is_some_and(|ready| {
                    ready["dependencies"]
                        .as_array()
                        .into_iter()
                        .flatten()
                        .any(|one| one["name"] == "celery" && one["status"] == "healthy")
                }),
                _ => self.answered("/health", 20).await == 20,
            };
        }
        passed
    }

    async fn restart(&self, service: &str) -> Option<()> {
        let railway = &self.environment["railway"];
        let ask = |query: &str, variables: Value| {
            self.http
                .post(railway["url"].as_str().unwrap_or_default())
                .header(
                    "project-access-token",
                    self.environment["secrets"]["railway_token"].as_str().unwrap_or_default(),
                )
                .json(&json!({"query": query, "variables": variables}))
                .send()
        };
        let input = json!({"input": {
            "projectId": railway["project_id"], "environmentId": railway["environment_id"],
            "serviceId": railway["services"][service],
        }});
        let find = "query($input: DeploymentListInput!) { deployments(input: $input, first: 1) { edges { node { id } } } }";
        let found: Value = ask(find, input).await.ok()?.json().await.ok()?;
        let id = found.pointer("/data/deployments/edges/0/node/id")?.clone();
        ask("mutation($id: String!) { deploymentRestart(id: $id) }", json!({"id": id})).await.ok()?;
        Some(())
    }

    /// REP and bucket: a text file written and read by the API itself, marked as five valid files.
    async fn verify(&self) -> bool {
        self.get("/health/storage-test").await.is_some_and(|probe| probe["status"] == "success")
    }
}
