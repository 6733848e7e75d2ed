//! Reading the object store that the evidence lies in. Holdpoint never writes to it.

use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::StatusCode;
use rusty_s3::{Bucket, Credentials, S3Action as _, UrlStyle};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest as _, Sha256};
use url::Url;

use crate::error::{ApiError, ErrorClass};

const SIGNATURE_LIFE: Duration = Duration::from_secs(300);
/// Evidence files and telemetry are far smaller; more than this is not read.
const OBJECT_LIMIT: usize = 64 * 1024 * 1024;

/// A read-only view of one bucket.
#[derive(Clone, Debug)]
pub struct Storage {
    http: reqwest::Client,
    bucket: Bucket,
    credentials: Credentials,
    endpoint: Url,
    region: String,
}

/// An object's name and size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// The key.
    pub key: String,
    /// Bytes.
    pub size: u64,
}

impl Storage {
    /// A view of `bucket` at `endpoint` with the staging key.
    pub fn new(
        endpoint: Url,
        bucket: &str,
        region: &str,
        access_key: &str,
        secret_key: &SecretString,
    ) -> Result<Self, ApiError> {
        let invalid = |text: String| ApiError::new(ErrorClass::Resolve, "object store", text);
        let http = reqwest::Client::builder()
            .user_agent(concat!("holdpoint/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(Duration::from_secs(10))
            .timeout(Duration::from_secs(30))
            .no_proxy()
            .build()
            .map_err(|error| invalid(error.to_string()))?;
        Ok(Self {
            http,
            bucket: Bucket::new(endpoint.clone(), UrlStyle::Path, bucket.to_owned(), region.to_owned())
                .map_err(|error| invalid(error.to_string()))?,
            credentials: Credentials::new(access_key, secret_key.expose_secret()),
            endpoint,
            region: region.to_owned(),
        })
    }

    /// The name of the bucket.
    pub fn bucket(&self) -> &str {
        self.bucket.name()
    }

    /// Reads an object; `None` when there is no such key.
    pub async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, ApiError> {
        let url = self.bucket.get_object(Some(&self.credentials), key).sign(SIGNATURE_LIFE);
        self.fetch(url, "GET object").await
    }

    /// SHA-256 in hex and the size of an object's bytes; `None` when there is no such key.
    pub async fn digest(&self, key: &str) -> Result<Option<(String, u64)>, ApiError> {
        Ok(self.get(key).await?.map(|bytes| (hex::encode(Sha256::digest(&bytes)), bytes.len() as u64)))
    }

    /// Keys below `prefix`, at most `limit` of them; the flag says whether there are more.
    pub async fn list(&self, prefix: &str, limit: usize) -> Result<(Vec<Listed>, bool), ApiError> {
        let mut found = Vec::new();
        let mut continuation: Option<String> = None;
        loop {
            let mut action = self.bucket.list_objects_v2(Some(&self.credentials));
            action.with_prefix(prefix.to_owned());
            action.with_max_keys(1000);
            if let Some(token) = &continuation {
                action.with_continuation_token(token.clone());
            }
            let call = "LIST objects";
            let bytes = self
                .fetch(action.sign(SIGNATURE_LIFE), call)
                .await?
                .ok_or_else(|| ApiError::new(ErrorClass::Status(404), call, "no such bucket"))?;
            let page = rusty_s3::actions::ListObjectsV2::parse_response(&String::from_utf8_lossy(&bytes))
                .map_err(|error| ApiError::new(ErrorClass::Body, call, error.to_string()))?;
            found.extend(
                page.contents.into_iter().map(|object| Listed {
                    key: object.key.to_string(),
                    size: object.size.unwrap_or_default(),
                }),
            );
            let next = page.next_continuation_token.map(|token| token.to_string());
            if found.len() >= limit {
                let more = found.len() > limit || next.is_some();
                found.truncate(limit);
                return Ok((found, more));
            }
            match next {
                Some(token) if Some(&token) != continuation.as_ref() => continuation = Some(token),
                _ => return Ok((found, false)),
            }
        }
    }

    /// Names of the buckets this key can see.
    pub async fn buckets(&self) -> Result<Vec<String>, ApiError> {
        let call = "LIST buckets";
        let url = rusty_s3::signing::sign(
            &jiff::Timestamp::now(),
            rusty_s3::Method::Get,
            self.endpoint.clone(),
            self.credentials.key(),
            self.credentials.secret(),
            None,
            &self.region,
            SIGNATURE_LIFE.as_secs(),
            std::iter::empty(),
            std::iter::empty(),
        );
        let bytes = self
            .fetch(url, call)
            .await?
            .ok_or_else(|| ApiError::new(ErrorClass::Status(404), call, "no such service"))?;
        Ok(bucket_names(&String::from_utf8_lossy(&bytes)))
    }

    /// Whether this key can list another bucket of the same store; at most one name is asked for. `None` where there
    /// is no such bucket.
    pub async fn reads_bucket(&self, name: &str) -> Result<Option<bool>, ApiError> {
        let call = "LIST objects of another bucket";
        let other = Bucket::new(self.endpoint.clone(), UrlStyle::Path, name.to_owned(), self.region.clone())
            .map_err(|error| ApiError::new(ErrorClass::Resolve, call, error.to_string()))?;
        let mut action = other.list_objects_v2(Some(&self.credentials));
        action.with_max_keys(1);
        match self.fetch(action.sign(SIGNATURE_LIFE), call).await {
            Ok(Some(_)) => Ok(Some(true)),
            Ok(None) => Ok(None),
            Err(error) => match error.class {
                ErrorClass::Status(401 | 403) => Ok(Some(false)),
                ErrorClass::Status(404) => Ok(None),
                _ => Err(error),
            },
        }
    }

    /// The time by the store's own clock, to the second; `None` where it does not say.
    pub async fn clock(&self) -> Result<Option<DateTime<Utc>>, ApiError> {
        let answer = self
            .http
            .get(self.bucket.base_url().clone())
            .send()
            .await
            .map_err(|error| ApiError::from_reqwest("unsigned LIST objects", &error))?;
        let date = answer.headers().get(reqwest::header::DATE).and_then(|date| date.to_str().ok());
        Ok(date.and_then(|date| DateTime::parse_from_rfc2822(date).ok()).map(|date| date.with_timezone(&Utc)))
    }

    /// What a stranger without a key gets when listing the bucket: the HTTP status.
    pub async fn unsigned_status(&self) -> Result<u16, ApiError> {
        let url = self.bucket.base_url().clone();
        let response = self
            .http
            .get(url)
            .send()
            .await
            .map_err(|error| ApiError::from_reqwest("unsigned LIST objects", &error))?;
        Ok(response.status().as_u16())
    }

    async fn fetch(&self, url: Url, call: &str) -> Result<Option<Vec<u8>>, ApiError> {
        // The signed address carries a signature, so errors must not repeat it: only the cause is kept.
        let mut response = self
            .http
            .get(url)
            .send()
            .await
            .map_err(|error| ApiError::from_reqwest(call, &error.without_url()))?;
        let status = response.status();
        let mut bytes = Vec::new();
        while let Some(chunk) =
            response.chunk().await.map_err(|error| ApiError::from_reqwest(call, &error.without_url()))?
        {
            if bytes.len() + chunk.len() > OBJECT_LIMIT {
                return Err(ApiError::new(ErrorClass::Body, call, "the object is larger than 64 MiB"));
            }
            bytes.extend_from_slice(&chunk);
        }
        if status.is_success() {
            return Ok(Some(bytes));
        }
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let code = between(&text, "<Code>", "</Code>").unwrap_or_default();
        if status == StatusCode::NOT_FOUND && code != "NoSuchBucket" {
            return Ok(None);
        }
        Err(ApiError::new(ErrorClass::Status(status.as_u16()), call, code))
    }
}

fn between<'a>(text: &'a str, start: &str, end: &str) -> Option<&'a str> {
    let from = text.find(start)? + start.len();
    let to = text[from..].find(end)? + from;
    Some(&text[from..to])
}

/// Names in a `ListAllMyBucketsResult`. Bucket names hold no characters that XML escapes.
fn bucket_names(xml: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut rest = xml;
    while let Some(bucket) = between(rest, "<Bucket>", "</Bucket>") {
        names.extend(between(bucket, "<Name>", "</Name>").map(str::to_owned));
        let end = rest.find("</Bucket>").map_or(rest.len(), |at| at + "</Bucket>".len());
        rest = &rest[end..];
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bucket_names_are_read_in_order() {
        let xml = "<R><Owner/><Buckets><Bucket><Name>a</Name></Bucket><Bucket><CreationDate>x</CreationDate>\
                   <Name>b-c</Name></Bucket></Buckets></R>";
        assert_eq!(bucket_names(xml), ["a", "b-c"]);
        assert!(bucket_names("<Bucket><Name>").is_empty());
    }
}
