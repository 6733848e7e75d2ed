//! What the reads make of Railway's structure.

use chrono::{TimeZone as _, Utc};
use serde_json::json;
use wiremock::{MockServer, ResponseTemplate};

use super::*;
use crate::{Error, Status};

const OLD: &str = "2026-10-01T00:00:00.000Z";
const NEW: &str = "2026-10-02T00:00:00.000Z";

/// The deployment that serves, by id, where the environment reads as given.
async fn serving_of(latest: serde_json::Value, active: &[serde_json::Value]) -> Option<String> {
    let server = MockServer::start().await;
    answer(&server, "serviceInstances", ok(&page(vec![instance("worker", &latest, active)], None))).await;
    let state = client(&server).environment("project", "staging").await.unwrap();
    state.services[0].serving.as_ref().map(|one| one.id.clone())
}

#[tokio::test]
async fn the_active_deployment_serves_and_not_a_newer_failure() {
    let active = [deployment("old", "SUCCESS", OLD)];
    for status in ["FAILED", "SKIPPED", "BUILDING", "NEEDS_APPROVAL", "SOMETHING_NEW"] {
        assert_eq!(serving_of(deployment("new", status, NEW), &active).await.as_deref(), Some("old"));
    }
}

#[tokio::test]
async fn only_states_that_can_serve_are_chosen() {
    for status in ["SUCCESS", "CRASHED", "SLEEPING"] {
        let one = deployment("d", status, OLD);
        assert_eq!(serving_of(one.clone(), &[one]).await.as_deref(), Some("d"));
    }
    for status in ["FAILED", "REMOVED", "DEPLOYING", "SOMETHING_NEW"] {
        let one = deployment("d", status, OLD);
        assert_eq!(serving_of(one.clone(), &[one]).await, None, "{status}");
    }
    assert_eq!(serving_of(json!(null), &[]).await, None);
}

#[tokio::test]
async fn of_two_active_ones_the_newer_serves() {
    let both = [deployment("new", "SUCCESS", NEW), deployment("old", "SUCCESS", OLD)];
    assert_eq!(serving_of(json!(null), &both).await.as_deref(), Some("new"));
}

#[tokio::test]
async fn an_unknown_status_keeps_its_name() {
    let server = MockServer::start().await;
    let answered = belonging("d1", "project", "staging", "worker", "HIBERNATING");
    answer(&server, "deployment(id: $id)", ok(&answered)).await;
    let one = client(&server).deployment("d1").await.unwrap();
    assert_eq!(one.status, Status::Other("HIBERNATING".into()));
    assert_eq!(one.status.to_string(), "HIBERNATING");
    assert_eq!(one.environment_id.as_deref(), Some("staging"));
}

#[tokio::test]
async fn every_page_of_services_is_read() {
    let server = MockServer::start().await;
    let null = json!(null);
    let second = ok(&page(vec![instance("api", &null, &[]), instance("redis", &null, &[])], None));
    answer(&server, r#""after":"cursor-1""#, second).await;
    answer(&server, "serviceInstances", ok(&page(vec![instance("worker", &null, &[])], Some("cursor-1"))))
        .await;
    let state = client(&server).environment("project", "staging").await.unwrap();
    let ids: Vec<_> = state.services.iter().map(|one| one.service_id.as_str()).collect();
    assert_eq!(ids, ["worker", "api", "redis"]);
    assert_eq!(count(&server, "serviceInstances").await, 2);
}

#[tokio::test]
async fn a_list_that_breaks_off_or_runs_in_circles_is_not_taken_for_the_whole() {
    let null = json!(null);
    let mut headless = page(vec![instance("worker", &null, &[])], Some("x"));
    headless["environment"]["serviceInstances"]["pageInfo"]["endCursor"] = json!(null);
    for answered in [headless, page(vec![instance("worker", &null, &[])], Some("same"))] {
        let server = MockServer::start().await;
        answer(&server, "serviceInstances", ok(&answered)).await;
        let state = client(&server).environment("project", "staging").await;
        assert!(matches!(state, Err(Error::Unknown { .. })), "{state:?}");
        assert!(count(&server, "serviceInstances").await <= 2);
    }
}

#[tokio::test]
async fn logs_are_flat_trimmed_from_the_front_and_cut_by_time() {
    let server = MockServer::start().await;
    let line = |n: u32| {
        json!({"timestamp": format!("2026-10-01T00:00:0{n}.123456789Z"), "message": n.to_string(),
                               "severity": if n == 3 { json!(null) } else { json!("error") }})
    };
    answer(&server, "deploymentLogs", ok(&json!({"deploymentLogs": [line(1), line(2), line(3)]}))).await;
    let since = Utc.with_ymd_and_hms(2026, 10, 1, 0, 0, 0).unwrap();
    let lines = client(&server).logs("d1", 2, Some(since), None).await.unwrap();
    assert_eq!(lines.iter().map(|line| line.message.as_str()).collect::<Vec<_>>(), ["2", "3"]);
    assert_eq!(lines[0].severity.as_deref(), Some("error"));
    assert_eq!(lines[1].severity, None);
    assert_eq!(lines[1].timestamp, "2026-10-01T00:00:03.123456789Z");
    let sent = requests(&server, "deploymentLogs").await;
    let body: serde_json::Value = serde_json::from_slice(&sent[0].body).unwrap();
    assert_eq!(
        body["variables"],
        json!({"id": "d1", "limit": 2, "start": "2026-10-01T00:00:00Z", "end": null})
    );
}

#[tokio::test]
async fn no_logs_are_no_error() {
    let server = MockServer::start().await;
    answer(&server, "deploymentLogs", ok(&json!({"deploymentLogs": []}))).await;
    assert_eq!(client(&server).logs("d1", 2, None, None).await, Ok(Vec::new()));
}

#[tokio::test]
async fn a_project_token_says_what_it_is_bound_to_and_is_sent_as_one() {
    let server = MockServer::start().await;
    let token = json!({"projectId": "project", "environmentId": "staging", "project": {"name": "agentverse"},
                       "environment": {"name": "production"}});
    answer(&server, "projectToken", ok(&json!({"projectToken": token}))).await;
    let client = client(&server);
    let reach = client.reach().await.unwrap();
    assert_eq!(reach.project_id.as_deref(), Some("project"));
    assert_eq!(reach.environment_id.as_deref(), Some("staging"));
    assert_eq!(reach.environment_name.as_deref(), Some("production"));
    assert_eq!(client.budget().sent, 1);
    let sent = &server.received_requests().await.unwrap()[0];
    assert_eq!(sent.headers["project-access-token"], TOKEN);
    assert!(!sent.headers.contains_key("authorization"));
    assert!(sent.headers["user-agent"].to_str().unwrap().starts_with("holdpoint/"));
}

#[tokio::test]
async fn a_workspace_token_is_accepted_although_me_refuses_it() {
    let server = MockServer::start().await;
    answer(&server, "{ me {", refusal("Not Authorized", "INTERNAL_SERVER_ERROR")).await;
    answer(&server, "apiToken", ok(&json!({"apiToken": {"workspaces": [{"id": "w"}]}}))).await;
    let reach = client_at(&server, TokenKind::Account).reach().await.unwrap();
    assert_eq!((reach.project_id, reach.environment_id), (None, None));
    let sent = &server.received_requests().await.unwrap()[0];
    assert_eq!(sent.headers["authorization"], format!("Bearer {TOKEN}"));
    assert!(!sent.headers.contains_key("project-access-token"));
}

#[tokio::test]
async fn a_refused_account_token_is_refused() {
    let server = MockServer::start().await;
    answer(&server, "query", refusal("Not Authorized", "INTERNAL_SERVER_ERROR")).await;
    let error = client_at(&server, TokenKind::Account).reach().await.unwrap_err();
    assert!(matches!(error, Error::Auth(_)), "{error:?}");
    assert!(error.to_string().contains("account token"), "{error}");
}

#[tokio::test]
async fn the_kind_of_a_token_is_found_out() {
    let not_found = || refusal("Project Token not found", "INTERNAL_SERVER_ERROR");
    let refused = || refusal("Not Authorized", "INTERNAL_SERVER_ERROR");
    let project = json!({"projectToken": {"projectId": "p", "environmentId": "e"}});
    let cases = [
        (ok(&project), refused(), refused(), Ok(TokenKind::Project)),
        (not_found(), ok(&json!({"me": {"id": "u"}})), refused(), Ok(TokenKind::Account)),
        (not_found(), refused(), ok(&json!({"apiToken": {"workspaces": []}})), Ok(TokenKind::Account)),
        (not_found(), refused(), refused(), Err("railway.auth")),
        (ResponseTemplate::new(429), refused(), refused(), Err("railway.rate_limited")),
    ];
    for (project, me, api, expected) in cases {
        let server = MockServer::start().await;
        answer(&server, "projectToken", project).await;
        answer(&server, "{ me {", me).await;
        answer(&server, "apiToken", api).await;
        let url = server.uri().parse().unwrap();
        let found = Client::detect_kind(&url, &SecretString::from(TOKEN)).await;
        assert_eq!(found.map_err(|error| error.code()), expected);
    }
}

#[tokio::test]
async fn what_stands_in_the_way_of_a_restart_is_named() {
    let flag = |mut one: serde_json::Value, stopped: bool, instances: &[&str]| {
        one["deploymentStopped"] = stopped.into();
        one["instances"] = instances.iter().map(|status| json!({"status": status})).collect();
        one
    };
    let one = |status: &str| deployment("d1", status, "2026-10-01T00:00:00Z");
    let running = flag(one("SUCCESS"), false, &["RUNNING"]);
    let cases = [
        (json!(running.clone()), vec![running.clone()], None),
        (one("FAILED"), vec![running.clone()], None),
        (one("BUILDING"), vec![running.clone()], Some("railway.deploying")),
        (json!(null), vec![], Some("railway.nothing_serving")),
        (one("FAILED"), vec![], Some("railway.nothing_serving")),
        (one("HIBERNATING"), vec![one("HIBERNATING")], Some("railway.nothing_serving")),
        (one("CRASHED"), vec![one("CRASHED")], Some("railway.crashed")),
        (one("SUCCESS"), vec![flag(one("SUCCESS"), true, &["EXITED"])], Some("railway.stopped")),
        // A deployment that sleeps carries the flag of a stopped one.
        (one("SLEEPING"), vec![flag(one("SLEEPING"), true, &["RUNNING"])], None),
        (
            one("SUCCESS"),
            vec![flag(one("SUCCESS"), false, &["RUNNING", "RUNNING"])],
            Some("railway.replicas"),
        ),
        (one("SUCCESS"), vec![flag(one("SUCCESS"), false, &["RUNNING", "EXITED"])], None),
    ];
    for (latest, active, expected) in cases {
        let server = MockServer::start().await;
        let state = page(vec![instance("worker", &latest, &active)], None);
        answer(&server, "serviceInstances", ok(&state)).await;
        let services = client(&server).environment("project", "staging").await.unwrap().services;
        let found = services[0].in_the_way().map(|(code, _)| code);
        assert_eq!(found, expected, "{latest} {active:?}");
    }
}
