//! The client against a Railway that misbehaves in the ways the facts list (Railway facts 8.2 and 12).

mod answers;
mod mutations;
mod reads;

use std::time::Duration;

use secrecy::SecretString;
use serde_json::{Value, json};
use wiremock::matchers::body_string_contains;
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use crate::client::Client;
use crate::transport::Limits;
use crate::types::{Target, TokenKind};

const TOKEN: &str = "1f2e3d4c-secret-0000";

fn client_at(server: &MockServer, kind: TokenKind) -> Client {
    let limits = Limits { read: Duration::from_secs(5), mutation: Duration::from_secs(1) };
    let url = server.uri().parse().unwrap();
    Client::with_limits(url, SecretString::from(TOKEN), kind, limits).unwrap()
}

fn client(server: &MockServer) -> Client {
    client_at(server, TokenKind::Project)
}

fn target() -> Target {
    Target { project_id: "project".into(), environment_id: "staging".into(), service_id: "worker".into() }
}

fn ok(data: &Value) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(json!({"data": data}))
}

/// A refusal as Railway words most of them: HTTP 200.
fn refusal(message: &str, code: &str) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(json!({
        "errors": [{"message": message, "extensions": {"code": code}, "traceId": "712345678901234567"}],
        "data": null,
    }))
}

/// Answers every document that contains `part`.
async fn answer(server: &MockServer, part: &str, response: ResponseTemplate) {
    Mock::given(body_string_contains(part)).respond_with(response).mount(server).await;
}

/// As [`answer`], for the first `times` only.
async fn answer_first(server: &MockServer, times: u64, part: &str, response: ResponseTemplate) {
    let mock = Mock::given(body_string_contains(part)).respond_with(response);
    mock.up_to_n_times(times).mount(server).await;
}

fn deployment(id: &str, status: &str, created: &str) -> Value {
    json!({"id": id, "status": status, "deploymentStopped": false, "createdAt": created})
}

fn instance(service: &str, latest: &Value, active: &[Value]) -> Value {
    json!({"serviceId": service, "serviceName": format!("the {service}"), "latestDeployment": latest,
           "activeDeployments": active})
}

fn page(instances: Vec<Value>, next: Option<&str>) -> Value {
    let edges: Vec<_> = instances.into_iter().map(|node| json!({"node": node})).collect();
    json!({"environment": {"id": "staging", "name": "production", "projectId": "project", "serviceInstances": {
        "edges": edges, "pageInfo": {"hasNextPage": next.is_some(), "endCursor": next}}}})
}

/// An environment in which `id` serves as the worker.
fn serving(id: &str) -> Value {
    let one = deployment(id, "SUCCESS", "2026-10-01T00:00:00.000Z");
    page(vec![instance("worker", &one, std::slice::from_ref(&one))], None)
}

fn belonging(id: &str, project: &str, environment: &str, service: &str, status: &str) -> Value {
    json!({"deployment": {"id": id, "status": status, "deploymentStopped": false,
        "createdAt": "2026-10-01T00:00:00.000Z", "projectId": project, "environmentId": environment,
        "serviceId": service}})
}

/// A healthy environment: `d1` serves the target and belongs to it.
async fn healthy(server: &MockServer) {
    answer(server, "serviceInstances", ok(&serving("d1"))).await;
    answer(server, "deployment(id: $id)", ok(&belonging("d1", "project", "staging", "worker", "SUCCESS")))
        .await;
}

async fn requests(server: &MockServer, part: &str) -> Vec<Request> {
    let all = server.received_requests().await.unwrap();
    all.into_iter().filter(|one| String::from_utf8_lossy(&one.body).contains(part)).collect()
}

async fn count(server: &MockServer, part: &str) -> usize {
    requests(server, part).await.len()
}
