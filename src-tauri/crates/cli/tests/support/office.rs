//! A desk at work.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use holdpoint_agentverse::SecretString;
use holdpoint_desk::Desk;
use holdpoint_desk::archive::Archive;
use holdpoint_desk::capacity::Running;
use holdpoint_desk::view::{
    ApiOperation, CapacityDraft, CapacityEngine, CapacityLive, CapacityModel, CapacityTarget, SecretField,
};
use holdpoint_settings::Environments;

use super::Rehearsal;

/// How long anything may take on a slow computer.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// A desk at which a rehearsal is a named environment like any other.
pub struct Office {
    pub rehearsal: Rehearsal,
    pub folder: tempfile::TempDir,
    pub desk: Arc<Desk>,
    pub origin: String,
}

impl Office {
    pub async fn open() -> Self {
        Self::with_cache(None).await
    }

    /// The same with a folder for the environment of Python that Locust runs in.
    pub async fn with_cache(cache: Option<PathBuf>) -> Self {
        let rehearsal = Rehearsal::start("healthy");
        let folder = tempfile::tempdir().unwrap();
        let environments = folder.path().join("environments");
        std::fs::create_dir_all(&environments).unwrap();
        let mut file = rehearsal.json();
        let secrets = file.as_object_mut().unwrap().remove("secrets").unwrap();
        file["name"] = "mirror".into();
        file["kind"] = "staging".into();
        std::fs::write(environments.join("mirror.json"), file.to_string()).unwrap();
        let mut desk = Desk::new(
            Archive::in_folder(&folder.path().join("checks")),
            Environments::in_folder(&environments),
        );
        desk.capacity.cache = cache;
        for (field, key) in [(SecretField::Email, "email"), (SecretField::Password, "password")] {
            let secret = SecretString::from(secrets[key].as_str().unwrap().to_owned());
            desk.vault.set("mirror", field, secret, None, true).await.unwrap();
        }
        let origin = file["api_url"].as_str().unwrap().trim_end_matches('/').to_owned();
        Self { rehearsal, folder, desk: Arc::new(desk), origin }
    }

    pub fn draft(
        &self,
        operations: &[ApiOperation],
        model: CapacityModel,
        thresholds: &[&str],
    ) -> CapacityDraft {
        CapacityDraft {
            environment: "mirror".into(),
            engine: CapacityEngine::Own,
            target: CapacityTarget::Operations { operations: operations.to_vec() },
            model,
            in_flight: 500.0,
            thresholds: thresholds.iter().map(|text| (*text).to_owned()).collect(),
            confirmed: Some(self.origin.clone()),
        }
    }

    /// Watches a load to its end, and answers with every message.
    pub async fn watched(running: &Running) -> Vec<CapacityLive> {
        let messages = Mutex::new(Vec::new());
        let watching = running.watch(|live| {
            messages.lock().unwrap().push(live);
            true
        });
        tokio::time::timeout(PATIENCE, watching).await.unwrap();
        running.over().await;
        messages.into_inner().unwrap()
    }

    pub fn folder_of(&self, number: u32) -> PathBuf {
        self.desk.capacity.archive.folder_of(number).unwrap()
    }
}

pub fn rate(per_second: f64, seconds: f64) -> CapacityModel {
    CapacityModel::Rate { per_second, seconds, poisson: false }
}
