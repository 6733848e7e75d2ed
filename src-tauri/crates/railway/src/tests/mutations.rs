//! What stands between a wish and a restart, and what its answers mean.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::json;
use wiremock::{MockServer, ResponseTemplate};

use super::*;
use crate::Error;

const RESTART: &str = "deploymentRestart";
const REDEPLOY: &str = "serviceInstanceRedeploy";

async fn restart(server: &MockServer) -> Result<chrono::DateTime<chrono::Utc>, Error> {
    let client = client(server);
    let pinned = client.pin(&target()).await?;
    client.restart(&pinned).await
}

/// Pins, restarts, and answers the mutation with `response`. It must have been sent exactly once.
async fn restart_answered(response: ResponseTemplate) -> Result<chrono::DateTime<chrono::Utc>, Error> {
    let server = MockServer::start().await;
    healthy(&server).await;
    answer(&server, RESTART, response).await;
    let outcome = restart(&server).await;
    assert_eq!(count(&server, RESTART).await, 1);
    outcome
}

#[tokio::test]
async fn true_is_accepted_and_the_pinned_deployment_is_what_was_restarted() {
    let server = MockServer::start().await;
    healthy(&server).await;
    answer(&server, RESTART, ok(&json!({RESTART: true}))).await;
    let before = chrono::Utc::now();
    let at = restart(&server).await.unwrap();
    assert!(before <= at && at <= chrono::Utc::now());
    let sent = requests(&server, RESTART).await;
    assert_eq!(sent.len(), 1);
    let body: serde_json::Value = serde_json::from_slice(&sent[0].body).unwrap();
    assert_eq!(body["variables"], json!({"id": "d1"}));
    // The last thing before the mutation is the look at whose deployment it is.
    let all = server.received_requests().await.unwrap();
    let before_last = String::from_utf8_lossy(&all[all.len() - 2].body).into_owned();
    assert!(before_last.contains("deployment(id: $id)"), "{before_last}");
}

#[tokio::test]
async fn false_null_and_nothing_are_not_accepted() {
    for data in [json!({RESTART: false}), json!({RESTART: null}), json!({}), json!(null)] {
        assert_eq!(restart_answered(ok(&data)).await, Err(Error::NotAccepted), "{data}");
    }
}

#[tokio::test]
async fn what_says_neither_yes_nor_no_is_ambiguous_and_sent_once() {
    let both = json!({"data": {RESTART: true}, "errors": [{"message": "Not Authorized"}]});
    let refusal_with_500 = json!({"errors": [{"message": "Not Authorized"}], "data": null});
    let odd = [
        ok(&json!({RESTART: true})).set_delay(Duration::from_secs(3)),
        ResponseTemplate::new(502).set_body_string("Application failed to respond"),
        ResponseTemplate::new(504),
        ResponseTemplate::new(500).set_body_json(refusal_with_500),
        ResponseTemplate::new(200).set_body_string("<html>hello</html>"),
        ResponseTemplate::new(200).set_body_string(r#"{"data": {"deploymentRe"#),
        ResponseTemplate::new(200).set_body_json(both),
        ok(&json!({RESTART: "yes"})),
        refusal("Something went wrong", "INTERNAL_SERVER_ERROR"),
        refusal("Problem processing request", ""),
    ];
    for response in odd {
        let shown = format!("{response:?}");
        let error = restart_answered(response).await.unwrap_err();
        assert!(matches!(error, Error::Ambiguous(_)), "{error:?} for {shown}");
        assert_eq!(error.code(), "railway.ambiguous");
    }
}

#[tokio::test]
async fn a_connection_that_is_dropped_is_ambiguous_and_not_tried_again() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    let mutations = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&mutations);
    let server = tokio::spawn(async move {
        loop {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut request = Vec::new();
            // The body is JSON and the last thing sent.
            while !(request.windows(4).any(|part| part == b"\r\n\r\n") && request.ends_with(b"}")) {
                socket.read_buf(&mut request).await.unwrap();
            }
            let request = String::from_utf8_lossy(&request).into_owned();
            let data = if request.contains(RESTART) {
                seen.fetch_add(1, Ordering::SeqCst);
                continue;
            } else if request.contains("serviceInstances") {
                serving("d1")
            } else {
                belonging("d1", "project", "staging", "worker", "SUCCESS")
            };
            let body = json!({"data": data}).to_string();
            let head =
                format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len());
            socket.write_all((head + &body).as_bytes()).await.unwrap();
        }
    });
    let client = Client::new(url, SecretString::from(TOKEN), TokenKind::Project).unwrap();
    let pinned = client.pin(&target()).await.unwrap();
    let error = client.restart(&pinned).await.unwrap_err();
    assert!(matches!(error, Error::Ambiguous(_)), "{error:?}");
    // A second try would come within the pause between retries.
    tokio::time::sleep(Duration::from_millis(700)).await;
    server.abort();
    assert_eq!(mutations.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_clear_refusal_is_no_ambiguity() {
    let sleeping = restart_answered(refusal("Deployment is not restartable", "BAD_USER_INPUT")).await;
    assert!(matches!(sleeping, Err(Error::NotRestartable(_))), "{sleeping:?}");
    let revoked = restart_answered(refusal("Project Token not found", "INTERNAL_SERVER_ERROR")).await;
    assert!(matches!(revoked, Err(Error::Auth(_))), "{revoked:?}");
    let spent = restart_answered(ResponseTemplate::new(429).insert_header("Retry-After", "7")).await;
    assert_eq!(spent, Err(Error::RateLimited { retry_after_s: Some(7) }));
    let edge = restart_answered(ResponseTemplate::new(403).set_body_string("error code: 1010")).await;
    assert!(matches!(edge, Err(Error::EdgeBlocked(_))), "{edge:?}");
}

#[tokio::test]
async fn a_deployment_that_changed_since_it_was_pinned_is_left_alone() {
    let server = MockServer::start().await;
    answer_first(&server, 1, "serviceInstances", ok(&serving("d1"))).await;
    answer(&server, "serviceInstances", ok(&serving("d2"))).await;
    healthy(&server).await;
    let changed = Err(Error::DeploymentChanged { pinned: "d1".into(), now: "d2".into() });
    assert_eq!(restart(&server).await, changed);
    assert_eq!(count(&server, RESTART).await, 0);
}

#[tokio::test]
async fn a_deployment_that_is_leaving_or_unknown_is_left_alone() {
    for status in ["REMOVING", "DEPLOYING", "HIBERNATING_SOMEHOW"] {
        let server = MockServer::start().await;
        answer(&server, "serviceInstances", ok(&serving("d1"))).await;
        let one = ok(&belonging("d1", "project", "staging", "worker", status));
        answer(&server, "deployment(id: $id)", one).await;
        let error = restart(&server).await.unwrap_err();
        assert!(matches!(error, Error::NotRestartable(_)), "{error:?}");
        assert!(error.to_string().contains(status));
        assert_eq!(count(&server, RESTART).await, 0);
    }
}

#[tokio::test]
async fn a_deployment_of_another_place_is_never_pinned() {
    let elsewhere = [
        ("project id", belonging("d1", "other", "staging", "worker", "SUCCESS")),
        ("environment id", belonging("d1", "project", "production", "worker", "SUCCESS")),
        ("service id", belonging("d1", "project", "staging", "postgres", "SUCCESS")),
        ("deployment id", belonging("d9", "project", "staging", "worker", "SUCCESS")),
        ("project id", json!({"deployment": deployment("d1", "SUCCESS", "2026-10-01T00:00:00Z")})),
    ];
    for (wrong, answered) in elsewhere {
        let server = MockServer::start().await;
        answer(&server, "serviceInstances", ok(&serving("d1"))).await;
        answer(&server, "deployment(id: $id)", ok(&answered)).await;
        let error = client(&server).pin(&target()).await.unwrap_err();
        assert!(matches!(error, Error::WrongTarget { what, .. } if what == wrong), "{error:?}");
    }
}

#[tokio::test]
async fn ids_that_turn_out_wrong_right_before_the_restart_stop_it() {
    let server = MockServer::start().await;
    let mine = ok(&belonging("d1", "project", "staging", "worker", "SUCCESS"));
    answer_first(&server, 1, "deployment(id: $id)", mine).await;
    let other = ok(&belonging("d1", "project", "production", "worker", "SUCCESS"));
    answer(&server, "deployment(id: $id)", other).await;
    answer(&server, "serviceInstances", ok(&serving("d1"))).await;
    let error = restart(&server).await.unwrap_err();
    assert!(matches!(error, Error::WrongTarget { what: "environment id", .. }), "{error:?}");
    assert_eq!(count(&server, RESTART).await, 0);
}

#[tokio::test]
async fn an_environment_that_answers_with_other_ids_stops_everything() {
    for (project, environment) in [("other", "staging"), ("project", "production")] {
        let server = MockServer::start().await;
        let mut state = serving("d1");
        state["environment"]["projectId"] = project.into();
        state["environment"]["id"] = environment.into();
        answer(&server, "serviceInstances", ok(&state)).await;
        answer(&server, REDEPLOY, ok(&json!({REDEPLOY: true}))).await;
        assert!(matches!(client(&server).pin(&target()).await, Err(Error::WrongTarget { .. })));
        assert!(matches!(client(&server).redeploy(&target()).await, Err(Error::WrongTarget { .. })));
        assert_eq!(count(&server, REDEPLOY).await, 0);
    }
}

#[tokio::test]
async fn a_redeploy_needs_the_service_but_nothing_that_serves() {
    let server = MockServer::start().await;
    let failed = deployment("d3", "FAILED", "2026-10-01T00:00:00Z");
    answer(&server, "serviceInstances", ok(&page(vec![instance("worker", &failed, &[])], None))).await;
    answer(&server, REDEPLOY, ok(&json!({REDEPLOY: true}))).await;
    let client = client(&server);
    assert_eq!(client.pin(&target()).await, Err(Error::NothingServing));
    client.redeploy(&target()).await.unwrap();
    let sent = requests(&server, REDEPLOY).await;
    let body: serde_json::Value = serde_json::from_slice(&sent[0].body).unwrap();
    assert_eq!(body["variables"], json!({"serviceId": "worker", "environmentId": "staging"}));
    let unknown = Target { service_id: "elsewhere".into(), ..target() };
    assert!(matches!(client.redeploy(&unknown).await, Err(Error::NotFound(_))));
    assert_eq!(count(&server, REDEPLOY).await, 1);
}

#[tokio::test]
async fn a_redeploy_without_an_answer_is_ambiguous_and_sent_once() {
    let server = MockServer::start().await;
    healthy(&server).await;
    answer(&server, REDEPLOY, ok(&json!({REDEPLOY: true})).set_delay(Duration::from_secs(3))).await;
    assert!(matches!(client(&server).redeploy(&target()).await, Err(Error::Ambiguous(_))));
    assert_eq!(count(&server, REDEPLOY).await, 1);
}

#[tokio::test]
async fn a_mutation_that_is_redirected_takes_no_token_along() {
    let elsewhere = MockServer::start().await;
    answer(&elsewhere, "", ok(&json!({"deploymentRestart": true}))).await;
    for status in [301, 302, 303, 307, 308] {
        let server = MockServer::start().await;
        healthy(&server).await;
        let away = || ResponseTemplate::new(status).insert_header("Location", elsewhere.uri());
        answer(&server, RESTART, away()).await;
        answer(&server, REDEPLOY, away()).await;
        assert!(restart(&server).await.is_err());
        assert!(client(&server).redeploy(&target()).await.is_err());
    }
    assert!(elsewhere.received_requests().await.unwrap().is_empty());
}

#[tokio::test]
async fn what_is_on_the_deny_list_is_never_touched_even_where_it_was_confirmed() {
    for denied in ["staging", "project", "STAGING"] {
        let server = MockServer::start().await;
        healthy(&server).await;
        answer(&server, RESTART, ok(&json!({"deploymentRestart": true}))).await;
        answer(&server, REDEPLOY, ok(&json!({REDEPLOY: true}))).await;
        let client = client(&server).denying(&[denied.to_owned()]);
        assert!(matches!(client.pin(&target()).await, Err(Error::Denied(_))));
        assert!(matches!(client.redeploy(&target()).await, Err(Error::Denied(_))));
        // A deployment that was pinned before somebody put it on the list, too.
        let pinned = super::client(&server).pin(&target()).await.unwrap();
        assert!(matches!(client.restart(&pinned).await, Err(Error::Denied(_))));
        assert_eq!(count(&server, "mutation").await, 0);
    }
}

#[tokio::test]
async fn the_primary_environment_is_told_where_it_can_be_read() {
    let server = MockServer::start().await;
    let project = json!({"project": {"id": "project", "primaryEnvironmentId": "staging"}});
    answer(&server, "primaryEnvironmentId", ok(&project)).await;
    let primary = client(&server).primary_environment("project").await.unwrap();
    assert_eq!(primary.as_deref(), Some("staging"));
    assert!(matches!(client(&server).primary_environment("other").await, Err(Error::WrongTarget { .. })));
    for refused in [
        refusal("Not Authorized", "INTERNAL_SERVER_ERROR"),
        refusal("Cannot query field", "GRAPHQL_VALIDATION_FAILED"),
    ] {
        let server = MockServer::start().await;
        answer(&server, "primaryEnvironmentId", refused).await;
        assert_eq!(client(&server).primary_environment("project").await, Ok(None));
    }
}
