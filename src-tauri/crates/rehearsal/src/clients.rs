//! How a process talks to the database, the queue and the object store.

use std::sync::Arc;
use std::time::Duration;

use rusty_s3::{Bucket, Credentials, S3Action as _, UrlStyle};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use crate::config::{BUCKET, OTHER_BUCKET, Setup};
use crate::drills::{Defect, Switch};
use crate::postgres::{Rows, Statement};
use crate::redis::{Delivery, Task};

/// A dependency that does not answer or refuses.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Away(pub(crate) String);

/// The clients of one process.
#[derive(Clone, Debug)]
pub(crate) struct Clients {
    http: reqwest::Client,
    postgres: String,
    redis: String,
    bucket: Bucket,
    other_bucket: Bucket,
    credentials: Credentials,
    switch: Arc<Switch>,
}

/// A statement with its parameters.
pub(crate) fn sql(text: &str, parameters: impl IntoIterator<Item = Value>) -> Statement {
    Statement { sql: text.into(), parameters: parameters.into_iter().collect() }
}

impl Clients {
    pub(crate) fn new(setup: &Setup) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        let http = reqwest::Client::builder().timeout(Duration::from_secs(10)).no_proxy().build()?;
        let endpoint: url::Url = format!("http://127.0.0.1:{}", setup.minio_port).parse()?;
        Ok(Self {
            http,
            postgres: format!("http://127.0.0.1:{}", setup.postgres_port),
            redis: format!("http://127.0.0.1:{}", setup.redis_port),
            bucket: Bucket::new(endpoint.clone(), UrlStyle::Path, BUCKET, "us-east-1")?,
            other_bucket: Bucket::new(endpoint, UrlStyle::Path, OTHER_BUCKET, "us-east-1")?,
            credentials: Credentials::new(&setup.services_access_key, &setup.services_secret_key),
            switch: Arc::new(setup.behaviour.switch()),
        })
    }

    /// Runs statements in one transaction.
    pub(crate) async fn transaction(&self, statements: &[Statement]) -> Result<Vec<Rows>, Away> {
        self.ask(&format!("{}/transaction", self.postgres), &statements).await
    }

    /// Runs one query.
    pub(crate) async fn query(
        &self,
        text: &str,
        parameters: impl IntoIterator<Item = Value>,
    ) -> Result<Vec<Map<String, Value>>, Away> {
        let mut results = self.transaction(&[sql(text, parameters)]).await?;
        Ok(results.pop().map(|rows| rows.rows).unwrap_or_default())
    }

    pub(crate) async fn postgres_answers(&self) -> Result<(), Away> {
        self.get(&format!("{}/ping", self.postgres)).await
    }

    pub(crate) async fn redis_answers(&self) -> Result<(), Away> {
        self.get(&format!("{}/ping", self.redis)).await
    }

    pub(crate) async fn push(&self, task: &Task) -> Result<(), Away> {
        self.redis("push", task).await.map(|_: Value| ())
    }

    pub(crate) async fn pop(&self, boot_id: &str) -> Result<Option<Delivery>, Away> {
        self.redis("pop", &json!({"boot_id": boot_id})).await
    }

    pub(crate) async fn acknowledge(&self, tag: u64) -> Result<(), Away> {
        self.redis("acknowledge", &tag).await.map(|_: Value| ())
    }

    pub(crate) async fn alive(&self, boot_id: &str) -> Result<(), Away> {
        self.redis("alive", &json!({"boot_id": boot_id})).await.map(|_: Value| ())
    }

    /// How many tasks wait.
    pub(crate) async fn queue_length(&self) -> Result<u64, Away> {
        self.redis("length", &json!({})).await
    }

    /// Discards every run that waits.
    pub(crate) async fn purge(&self) -> Result<(), Away> {
        self.redis("purge", &json!({})).await.map(|_: Value| ())
    }

    pub(crate) async fn write_boot(&self, info: &Value) -> Result<(), Away> {
        self.redis("boot", info).await.map(|_: Value| ())
    }

    pub(crate) async fn boot(&self) -> Result<Option<Value>, Away> {
        let answer = self.http.get(format!("{}/boot", self.redis)).send().await.map_err(away)?;
        answer.json().await.map_err(away)
    }

    pub(crate) async fn write_result(&self, token: &str, value: Value) -> Result<(), Away> {
        self.redis("result", &json!({"token": token, "value": value})).await.map(|_: Value| ())
    }

    /// Waits for the result of a task.
    pub(crate) async fn result(&self, token: &str, patience: Duration) -> Result<Option<Value>, Away> {
        let until = tokio::time::Instant::now() + patience;
        loop {
            if let Some(value) = self.redis::<Option<Value>>("take", &token).await? {
                return Ok(Some(value));
            }
            if tokio::time::Instant::now() >= until {
                return Ok(None);
            }
            tokio::time::sleep(Duration::from_millis(40)).await;
        }
    }

    /// Whether one more request fits into a window, and how many are left.
    pub(crate) async fn limit(&self, key: &str, limit: usize, window_s: u64) -> Result<(bool, u64), Away> {
        let question = json!({"key": key, "limit": limit, "window_s": window_s});
        let answer: Value = self.redis("limit", &question).await?;
        Ok((answer["allowed"] == true, answer["remaining"].as_u64().unwrap_or(0)))
    }

    pub(crate) async fn put(&self, key: &str, bytes: Vec<u8>, content_type: &str) -> Result<(), Away> {
        let mut action = self.bucket_of(key).put_object(Some(&self.credentials), key);
        action.headers_mut().insert("content-type", content_type);
        let url = action.sign(Duration::from_secs(60));
        let request = self.http.put(url).header("content-type", content_type).body(bytes);
        let answer = request.send().await.map_err(away)?;
        if answer.status().is_success() {
            Ok(())
        } else {
            Err(Away(format!("object store: {}", answer.status())))
        }
    }

    /// Where an object is written.
    fn bucket_of(&self, key: &str) -> &Bucket {
        let elsewhere = self.switch.has(Defect::ArtifactsElsewhere)
            || (key.starts_with("runs/") && self.switch.has(Defect::PackInWrongBucket))
            || (key.starts_with("telemetry/") && self.switch.nth(Defect::ObjectInSecondBucket, 1));
        if elsewhere { &self.other_bucket } else { &self.bucket }
    }

    pub(crate) async fn fetch(&self, key: &str) -> Result<Vec<u8>, Away> {
        let bucket =
            if self.switch.has(Defect::ArtifactsElsewhere) { &self.other_bucket } else { &self.bucket };
        let url = bucket.get_object(Some(&self.credentials), key).sign(Duration::from_secs(60));
        let answer = self.http.get(url).send().await.map_err(away)?;
        if !answer.status().is_success() {
            return Err(Away(format!("object store: {}", answer.status())));
        }
        Ok(answer.bytes().await.map_err(away)?.to_vec())
    }

    /// Whether the bucket answers a list.
    pub(crate) async fn bucket_answers(&self) -> Result<(), Away> {
        let mut action = self.bucket.list_objects_v2(Some(&self.credentials));
        action.with_max_keys(1);
        self.get(action.sign(Duration::from_secs(60)).as_str()).await
    }

    async fn get(&self, url: &str) -> Result<(), Away> {
        let answer = self.http.get(url).send().await.map_err(away)?;
        if answer.status().is_success() { Ok(()) } else { Err(Away(answer.status().to_string())) }
    }

    async fn redis<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &(impl Serialize + ?Sized),
    ) -> Result<T, Away> {
        self.ask(&format!("{}/{path}", self.redis), body).await
    }

    async fn ask<T: DeserializeOwned>(&self, url: &str, body: &(impl Serialize + ?Sized)) -> Result<T, Away> {
        let answer = self.http.post(url).json(body).send().await.map_err(away)?;
        if !answer.status().is_success() {
            return Err(Away(answer.text().await.unwrap_or_default()));
        }
        answer.json().await.map_err(away)
    }
}

fn away(error: reqwest::Error) -> Away {
    Away(if error.is_connect() { "connection refused".into() } else { error.without_url().to_string() })
}
