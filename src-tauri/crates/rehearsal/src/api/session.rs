//! Login and who is asking (API facts 3.1).

use axum::Json;
use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use chrono::Utc;
use jsonwebtoken::{DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Answer, Refusal, Shared, detail};

#[derive(Serialize, Deserialize)]
struct Claims {
    sub: String,
    #[serde(rename = "type")]
    kind: String,
    exp: i64,
    #[serde(default)]
    role: Option<String>,
    #[serde(default)]
    is_admin: bool,
}

/// The user of a request.
pub(super) struct User {
    pub(super) id: String,
    pub(super) is_admin: bool,
}

impl FromRequestParts<Shared> for User {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, app: &Shared) -> Result<Self, Refusal> {
        let header = parts.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let token = header
            .and_then(|value| value.strip_prefix("Bearer "))
            .ok_or_else(|| detail(StatusCode::FORBIDDEN, "Not authenticated"))?;
        let key = DecodingKey::from_secret(app.setup.jwt_secret.as_bytes());
        let claims = jsonwebtoken::decode::<Claims>(token, &key, &Validation::default())
            .map_err(|_| detail(StatusCode::UNAUTHORIZED, "Could not validate credentials"))?
            .claims;
        Ok(Self { id: claims.sub, is_admin: claims.is_admin })
    }
}

pub(super) async fn login(State(app): State<Shared>, Json(body): Json<Value>) -> Answer<Json<Value>> {
    let field = |name: &'static str| body[name].as_str().ok_or(Refusal::Invalid("body", name));
    if field("email")? != app.setup.email || field("password")? != app.setup.password {
        return Err(detail(StatusCode::UNAUTHORIZED, "Incorrect email or password"));
    }
    let token = |kind: &str, hours: i64| {
        let claims = Claims {
            sub: app.setup.user_id.clone(),
            kind: kind.into(),
            exp: Utc::now().timestamp() + hours * 3600,
            role: Some("admin".into()),
            is_admin: true,
        };
        jsonwebtoken::encode(
            &Header::default(),
            &claims,
            &EncodingKey::from_secret(app.setup.jwt_secret.as_bytes()),
        )
        .map_err(|_| Refusal::Unhandled)
    };
    Ok(Json(json!({
        "access_token": token("access", 24)?, "refresh_token": token("refresh", 168)?, "token_type": "bearer",
    })))
}

pub(super) async fn me(State(app): State<Shared>, user: User) -> Json<Value> {
    Json(json!({
        "id": user.id, "email": app.setup.email, "full_name": "Release Manager", "company": null,
        "role": if user.is_admin { "admin" } else { "user" }, "tier": "free", "is_active": true, "is_verified": true,
    }))
}
