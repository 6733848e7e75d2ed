//! Every class of refusal, and what must never stand in one.

use serde_json::json;
use wiremock::{MockServer, ResponseTemplate};

use super::*;
use crate::{Budget, Error};

/// What a read makes of `response`, and how often it was asked.
async fn read_answered(response: ResponseTemplate) -> (Error, usize) {
    let server = MockServer::start().await;
    answer(&server, "deployment(id: $id)", response).await;
    let error = client(&server).deployment("d1").await.unwrap_err();
    let asked = count(&server, "deployment(id: $id)").await;
    (error, asked)
}

#[tokio::test]
async fn refusals_are_told_apart_by_message_and_asked_once() {
    let internal = "INTERNAL_SERVER_ERROR";
    let cases = [
        (refusal("Not Authorized", internal), "railway.auth"),
        (refusal("NOT AUTHORIZED", internal), "railway.auth"),
        (refusal("Project Token not found", internal), "railway.auth"),
        (refusal("Two Factor Authentication Required", internal), "railway.auth"),
        (refusal("Deployment not found", internal), "railway.not_found"),
        (refusal("Deployment is not restartable", "BAD_USER_INPUT"), "railway.not_restartable"),
        (
            refusal("Cannot query field \"plan\" on type \"Deployment\".", "GRAPHQL_VALIDATION_FAILED"),
            "railway.invalid_document",
        ),
        (refusal("Please select a plan to continue", internal), "railway.plan"),
        (refusal("Your trial has ended", internal), "railway.plan"),
        (
            refusal("You do this too quickly, your workspace allows 1 per 30 seconds", ""),
            "railway.rate_limited",
        ),
        (refusal("No explanation, planned maintenance", internal), "railway.unknown"),
        (refusal("Problem processing request", ""), "railway.unknown"),
        (refusal("Something went wrong", internal), "railway.unknown"),
        (ok(&json!({"deployment": null})), "railway.not_found"),
        (ok(&json!({"deployment": {"id": 7}})), "railway.invalid_document"),
        (ok(&json!(null)), "railway.not_found"),
        (ResponseTemplate::new(200).set_body_json(json!({})), "railway.unknown"),
        (
            ResponseTemplate::new(400)
                .set_body_json(json!({"errors": [{"message": "Problem processing request"}]})),
            "railway.invalid_document",
        ),
        (
            ResponseTemplate::new(500).set_body_json(json!({"errors": [{"message": "Not Authorized"}]})),
            "railway.auth",
        ),
        (
            ResponseTemplate::new(500)
                .set_body_json(json!({"errors": [{"message": "Oops", "extensions": {"code": internal}}]})),
            "railway.unknown",
        ),
        (ResponseTemplate::new(401), "railway.auth"),
        (ResponseTemplate::new(403).set_body_string("error code: 1010"), "railway.edge_blocked"),
        (ResponseTemplate::new(403).set_body_string("<html>Access denied</html>"), "railway.edge_blocked"),
        (
            ResponseTemplate::new(404).set_body_json(json!({"message": "Not Found", "requestId": "x"})),
            "railway.not_graphql",
        ),
        (
            ResponseTemplate::new(200).set_body_string("<html>Log in to the hotel</html>"),
            "railway.not_graphql",
        ),
        (ResponseTemplate::new(429), "railway.rate_limited"),
    ];
    for (response, code) in cases {
        let shown = format!("{response:?}");
        let (error, asked) = read_answered(response).await;
        assert_eq!(error.code(), code, "{error:?} for {shown}");
        assert_eq!(asked, 1, "{shown}");
        assert!(!error.remedy().is_empty());
    }
}

#[tokio::test]
async fn the_time_to_wait_is_kept_where_it_is_said() {
    let limited = |value: Option<&str>| {
        let response = ResponseTemplate::new(429).set_body_string("<html>1015</html>");
        value.map_or(response.clone(), |value| response.insert_header("Retry-After", value))
    };
    for (header, expected) in [(Some("42"), Some(42)), (None, None), (Some("soon"), None)] {
        let (error, _) = read_answered(limited(header)).await;
        assert_eq!(error, Error::RateLimited { retry_after_s: expected });
        assert_eq!(error.remedy().contains("42"), expected.is_some());
    }
}

#[tokio::test]
async fn a_trace_id_is_kept_as_text() {
    let (error, _) = read_answered(refusal("Something went wrong", "INTERNAL_SERVER_ERROR")).await;
    assert!(error.to_string().contains("712345678901234567"), "{error}");
}

#[tokio::test]
async fn a_passing_fault_is_asked_again_at_most_twice() {
    let (error, asked) = read_answered(ResponseTemplate::new(503)).await;
    assert!(matches!(error, Error::Transient(_)), "{error:?}");
    assert_eq!(asked, 3);

    let server = MockServer::start().await;
    answer_first(&server, 2, "deployment(id: $id)", ResponseTemplate::new(502)).await;
    healthy(&server).await;
    assert_eq!(client(&server).deployment("d1").await.unwrap().id, "d1");
}

#[tokio::test]
async fn where_nobody_listens_it_is_a_passing_fault_without_the_address() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/private-path", listener.local_addr().unwrap()).parse().unwrap();
    drop(listener);
    let client = Client::new(url, SecretString::from(TOKEN), TokenKind::Project).unwrap();
    let error = client.reach().await.unwrap_err();
    assert_eq!(error, Error::Transient("no connection".into()));
    assert_eq!(client.budget().sent, 3);
}

#[tokio::test]
async fn a_redirect_is_not_followed_with_the_token() {
    let elsewhere = MockServer::start().await;
    answer(&elsewhere, "", ok(&json!({}))).await;
    for status in [301, 307, 308] {
        let response = ResponseTemplate::new(status).insert_header("Location", elsewhere.uri());
        let (error, _) = read_answered(response).await;
        assert_eq!(error, Error::NotGraphql(format!("HTTP {status}")));
    }
    assert!(elsewhere.received_requests().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_short_wait_that_is_asked_for_is_waited_once() {
    let server = MockServer::start().await;
    let limited = || ResponseTemplate::new(429).insert_header("Retry-After", "0");
    answer_first(&server, 1, "deployment(id: $id)", limited()).await;
    healthy(&server).await;
    assert_eq!(client(&server).deployment("d1").await.unwrap().id, "d1");
    assert_eq!(count(&server, "deployment(id: $id)").await, 2);
    let (error, asked) = read_answered(limited()).await;
    assert_eq!((error, asked), (Error::RateLimited { retry_after_s: Some(0) }, 2));
    let (_, asked) = read_answered(ResponseTemplate::new(429).insert_header("Retry-After", "600")).await;
    assert_eq!(asked, 1);
}

#[tokio::test]
async fn the_budget_is_counted_and_heard_where_it_is_said() {
    let server = MockServer::start().await;
    let policy = ResponseTemplate::new(200)
        .set_body_json(json!({"data": belonging("d1", "project", "staging", "worker", "SUCCESS")}));
    answer_first(
        &server,
        1,
        "deployment(id: $id)",
        policy.clone().insert_header("RateLimit-Policy", "\"default\";q=1000;w=3600"),
    )
    .await;
    let headers =
        policy.insert_header("X-RateLimit-Limit", "100").insert_header("X-RateLimit-Remaining", "9");
    answer(&server, "deployment(id: $id)", headers).await;
    let client = client(&server);
    assert_eq!(client.budget(), Budget::default());
    client.deployment("d1").await.unwrap();
    assert_eq!(client.budget(), Budget { sent: 1, limit: Some(1000), remaining: None });
    assert_eq!(client.budget().falls_short(900), None);
    assert!(client.budget().falls_short(1000).unwrap().contains("1000 requests an hour"));
    client.deployment("d1").await.unwrap();
    assert_eq!(client.budget(), Budget { sent: 2, limit: Some(100), remaining: Some(9) });
    assert_eq!(client.budget().falls_short(9), None);
    assert!(client.budget().falls_short(10).unwrap().contains("9 requests are left"));
}

#[tokio::test]
async fn the_token_stands_in_no_error_and_no_debug_text() {
    let echo = format!("Bad \u{1b}[31m header Project-Access-Token: {TOKEN} {}", "x".repeat(500));
    let cases = [
        refusal(&echo, "INTERNAL_SERVER_ERROR"),
        refusal(&format!("Not Authorized {TOKEN}"), "INTERNAL_SERVER_ERROR"),
        refusal(&format!("{} {TOKEN}", "y".repeat(185)), ""),
        ResponseTemplate::new(200).set_body_string(echo.clone()),
        ResponseTemplate::new(403).set_body_string(echo.clone()),
        ok(&json!({"deployment": {"id": "d1", "status": "SUCCESS", "createdAt": TOKEN}})),
        ok(&json!({"deployment": {"id": TOKEN, "status": "SUCCESS"}})),
    ];
    for response in cases {
        let (error, _) = read_answered(response).await;
        let texts = format!("{error} {error:?} {}", error.remedy());
        // A cut through the token must not leave half of it either.
        assert!(!texts.contains(&TOKEN[..8]), "{texts}");
        assert!(!error.to_string().contains('\u{1b}'));
        assert!(error.to_string().chars().count() < 320, "{texts}");
    }
    for kind in [TokenKind::Project, TokenKind::Account] {
        let url = "http://127.0.0.1:1".parse().unwrap();
        let client = Client::new(url, SecretString::from(TOKEN), kind).unwrap();
        assert!(!format!("{client:?}").contains(TOKEN));
    }
}

#[test]
fn what_cannot_be_a_token_is_refused_before_it_is_sent() {
    for text in ["", "null", "two words", "line\n", "caf\u{7f}"] {
        let url = "http://127.0.0.1:1".parse().unwrap();
        let error = Client::new(url, SecretString::from(text), TokenKind::Project).unwrap_err();
        assert!(matches!(error, Error::Auth(_)), "{text:?}");
    }
}
