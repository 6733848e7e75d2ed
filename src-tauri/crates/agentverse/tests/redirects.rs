//! Credentials stay with the origin they are meant for.

#![allow(missing_docs, clippy::unwrap_used, reason = "tests")]

use holdpoint_agentverse::client::{Credentials, Timeouts};
use holdpoint_agentverse::{Client, SecretString};
use serde_json::json;
use wiremock::matchers::{any, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

#[tokio::test]
async fn neither_login_nor_token_nor_key_follows_a_redirect() {
    for status in [301, 302, 303, 307, 308] {
        let elsewhere = MockServer::start().await;
        Mock::given(any()).respond_with(ResponseTemplate::new(200)).mount(&elsewhere).await;
        let away = || ResponseTemplate::new(status).insert_header("Location", elsewhere.uri());
        let server = MockServer::start().await;
        let token = json!({"access_token": "token-of-staging", "token_type": "bearer", "expires_in": 3600});
        Mock::given(method("POST"))
            .and(path("/api/v1/auth/login"))
            .respond_with(ResponseTemplate::new(200).set_body_json(token))
            .up_to_n_times(1)
            .mount(&server)
            .await;
        Mock::given(any()).respond_with(away()).mount(&server).await;
        let credentials = Credentials {
            email: "release.manager@example.org".into(),
            password: SecretString::from("password-of-staging"),
            ops_key: Some(SecretString::from("key-of-staging")),
        };
        let client =
            Client::new(server.uri().parse().unwrap(), Some(credentials), Timeouts::default()).unwrap();
        client.login().await.unwrap();
        // Reads, changes and the ops key; then a login that is itself redirected.
        assert!(client.me().await.is_err());
        assert!(client.create_project("a", "b").await.is_err());
        assert!(client.delete_project("a").await.is_err());
        assert!(client.worker_heartbeat().await.is_err());
        assert!(client.telemetry_stream("run", 0, 1.0).await.is_err());
        assert!(client.login().await.is_err());
        assert!(elsewhere.received_requests().await.unwrap().is_empty(), "HTTP {status}");
    }
}
