//! Environments with what may be shown of their secrets.

use std::collections::BTreeMap;

use holdpoint_check::environment::Kind;
use holdpoint_check::parameters::Parameters;
use holdpoint_check::quiet::QuietHours;
use holdpoint_check::words::Service;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::Problem;

/// An environment as its form shows it. Every value is text as typed, so that nothing typed is lost.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
pub struct EnvironmentForm {
    /// Its name.
    pub name: String,
    /// The API's address.
    pub api_url: String,
    /// The web front's address.
    pub web_url: String,
    /// The object store's address.
    pub storage_url: String,
    /// The bucket all artifacts must lie in.
    pub bucket: String,
    /// The region used in signatures.
    pub region: String,
    /// What the API must call its environment.
    pub expected_environment: String,
    /// Railway, where restarts are possible.
    pub railway: Option<RailwayForm>,
    /// When no service of it may be restarted by a check.
    #[serde(default)]
    #[ts(optional)]
    pub quiet_hours: Option<QuietHours>,
    /// Limits and amounts.
    pub parameters: Parameters,
}

/// The confirmed ids. Names are shown, ids decide.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct RailwayForm {
    /// The GraphQL endpoint.
    pub url: String,
    /// The project's id.
    pub project_id: String,
    /// The environment's id.
    pub environment_id: String,
    /// Service ids by service; a service may be missing.
    pub services: BTreeMap<Service, String>,
    /// Ids of environments and projects that are never touched.
    #[serde(default)]
    #[ts(as = "Option<Vec<String>>", optional)]
    pub deny: Vec<String>,
}

/// An environment, opened.
#[derive(Clone, Debug, Serialize, Deserialize, TS)]
pub struct EnvironmentView {
    /// Staging or rehearsal.
    pub kind: Kind,
    /// Whether it is built in and cannot be changed.
    pub built_in: bool,
    /// Whether a file of it is there.
    pub saved: bool,
    /// Its values.
    pub form: EnvironmentForm,
    /// Its secrets, as far as they may be shown.
    pub secrets: Vec<SecretView>,
    /// Why the keychain cannot be asked.
    pub keychain: Option<Problem>,
}

/// A secret of an environment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum SecretField {
    /// The address of the login.
    Email,
    /// Its password.
    Password,
    /// The key of the ops endpoints.
    OpsKey,
    /// The S3 access key.
    S3AccessKey,
    /// The S3 secret key.
    S3SecretKey,
    /// The Railway token.
    RailwayToken,
}

/// Where a secret is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum SecretState {
    /// Not set.
    Absent,
    /// In the system keychain.
    Keychain,
    /// In memory until the program ends.
    Session,
    /// The keychain cannot be asked.
    Unknown,
}

/// What may be shown of a secret: never the secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct SecretView {
    /// Which.
    pub field: SecretField,
    /// Its name for people.
    pub label: String,
    /// What it is for.
    pub purpose: String,
    /// Where it is.
    pub state: SecretState,
    /// The kind of a token: `account token`, …
    pub kind: Option<String>,
    /// When it was set.
    pub set_at: Option<String>,
}

/// What is wrong with one field of a form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct FieldProblem {
    /// Its path: `api_url`, `railway.services.worker`, `parameters.l1.rounds`.
    pub field: String,
    /// What is wrong and what to do.
    pub message: String,
}

/// An id with its name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct NamedId {
    /// The id.
    pub id: String,
    /// The name, only shown.
    pub name: String,
}

/// What Railway answers for the token and ids of an environment.
#[derive(Clone, Debug, Serialize, Deserialize, TS)]
pub struct RailwayFound {
    /// When asked.
    pub asked_at: String,
    /// The kind of the token: `project token`, …
    pub token_kind: String,
    /// The project.
    pub project: NamedId,
    /// The environment the token or the ids reach.
    pub environment: NamedId,
    /// Whether the ids are those in the form.
    pub matches: bool,
    /// Its services.
    pub services: Vec<RailwayService>,
}

/// A service Railway answers with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct RailwayService {
    /// Which of ours it seems to be, by its id or name; a person confirms.
    pub service: Option<Service>,
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
}
