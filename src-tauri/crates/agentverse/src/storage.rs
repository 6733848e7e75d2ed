//! Reading the object store that the evidence lies in. Holdpoint never writes to it.

use std::time::Duration;

use chrono::{DateTime, Utc};
use holdpoint_foreign::text;
use reqwest::StatusCode;
use rusty_s3::{Bucket, Credentials, S3Action as _, UrlStyle};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest as _, Sha256};
use url::Url;

use crate::error::{ApiError, ErrorClass};

const SIGNATURE_LIFE: Duration = Duration::from_secs(300);
/// Evidence files and telemetry are far smaller; more than this is not read.
pub const OBJECT_LIMIT: usize = 64 * 1024 * 1024;
/// A list of a thousand keys of the longest kind fits in here.
const LIST_LIMIT: usize = 4 * 1024 * 1024;
/// What a refusal says is short.
const REFUSAL_LIMIT: usize = 64 * 1024;
/// How deep elements of a list lie in each other, and some more.
const DEPTH_LIMIT: usize = 16;
/// Pages of a list; more than anyone asks for, and the end of a list that never ends.
const PAGE_LIMIT: usize = 100;

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
        self.get_within(key, OBJECT_LIMIT).await
    }

    /// Reads an object of at most `limit` bytes; `None` when there is no such key.
    pub async fn get_within(&self, key: &str, limit: usize) -> Result<Option<Vec<u8>>, ApiError> {
        let call = "GET object";
        // In an address such a part leads out of the bucket.
        if key.split('/').any(|part| part == "." || part == "..") {
            return Err(ApiError::new(ErrorClass::Body, call, "the key leads out of its bucket"));
        }
        let url = self.bucket.get_object(Some(&self.credentials), key).sign(SIGNATURE_LIFE);
        self.fetch(url, call, limit).await
    }

    /// SHA-256 in hex and the size of an object's bytes; `None` when there is no such key.
    pub async fn digest(&self, key: &str) -> Result<Option<(String, u64)>, ApiError> {
        Ok(self.get(key).await?.map(|bytes| (hex::encode(Sha256::digest(&bytes)), bytes.len() as u64)))
    }

    /// Keys below `prefix`, at most `limit` of them; the flag says whether there are more.
    pub async fn list(&self, prefix: &str, limit: usize) -> Result<(Vec<Listed>, bool), ApiError> {
        let call = "LIST objects";
        let mut found = Vec::new();
        let mut continuation: Option<String> = None;
        for _ in 0..PAGE_LIMIT {
            let mut action = self.bucket.list_objects_v2(Some(&self.credentials));
            action.with_prefix(prefix.to_owned());
            action.with_max_keys(1000);
            if let Some(token) = &continuation {
                action.with_continuation_token(token.clone());
            }
            let bytes = self
                .fetch(action.sign(SIGNATURE_LIFE), call, LIST_LIMIT)
                .await?
                .ok_or_else(|| ApiError::new(ErrorClass::Status(404), call, "no such bucket"))?;
            let (listed, next) = read_list(&bytes)?;
            found.extend(listed);
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
        Err(ApiError::new(ErrorClass::Body, call, "the list does not come to an end"))
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
            .fetch(url, call, LIST_LIMIT)
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
        match self.fetch(action.sign(SIGNATURE_LIFE), call, LIST_LIMIT).await {
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

    async fn fetch(&self, url: Url, call: &str, limit: usize) -> Result<Option<Vec<u8>>, ApiError> {
        // The signed address carries a signature, so errors must not repeat it: only the cause is kept.
        let mut response = self
            .http
            .get(url)
            .send()
            .await
            .map_err(|error| ApiError::from_reqwest(call, &error.without_url()))?;
        let status = response.status();
        let limit = if status.is_success() { limit } else { REFUSAL_LIMIT };
        let too_large = || {
            ApiError::new(
                ErrorClass::Body,
                call,
                format!("it is larger than the {limit} bytes that are read"),
            )
        };
        let stated = response.content_length().unwrap_or_default();
        if stated > limit as u64 {
            return Err(too_large());
        }
        let mut bytes = Vec::with_capacity(usize::try_from(stated).unwrap_or_default());
        while let Some(chunk) =
            response.chunk().await.map_err(|error| ApiError::from_reqwest(call, &error.without_url()))?
        {
            if bytes.len() + chunk.len() > limit {
                return Err(too_large());
            }
            bytes.extend_from_slice(&chunk);
        }
        if status.is_success() {
            return Ok(Some(bytes));
        }
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let code = between(&text, "<Code>", "</Code>").map(|(code, _)| code).unwrap_or_default();
        if status == StatusCode::NOT_FOUND && code != "NoSuchBucket" {
            return Ok(None);
        }
        Err(ApiError::new(ErrorClass::Status(status.as_u16()), call, code))
    }
}

/// The objects of one page of a list, and where the next one begins.
pub fn read_list(bytes: &[u8]) -> Result<(Vec<Listed>, Option<String>), ApiError> {
    let foreign = |what: &str| ApiError::new(ErrorClass::Body, "LIST objects", what);
    let xml = String::from_utf8_lossy(bytes);
    // The parser goes down into every element, so depth would cost it its stack.
    if depth(&xml) > DEPTH_LIMIT {
        return Err(foreign("elements lie too deep in each other"));
    }
    let page = rusty_s3::actions::ListObjectsV2::parse_response(&xml)
        .map_err(|error| foreign(&error.to_string()))?;
    let listed = page.contents.into_iter();
    let listed = listed.map(|object| Listed { key: object.key, size: object.size.unwrap_or_default() });
    Ok((listed.collect(), page.next_continuation_token))
}

/// How deep elements lie in each other, as far as that matters.
fn depth(xml: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    let mut rest = xml;
    while let Some(at) = rest.find('<') {
        rest = &rest[at + 1..];
        match rest.as_bytes().first() {
            Some(b'/') => depth = depth.saturating_sub(1),
            Some(b'?' | b'!') | None => {}
            Some(_) => {
                depth += 1;
                deepest = deepest.max(depth);
                if deepest > DEPTH_LIMIT {
                    return deepest;
                }
                if closes_itself(rest) {
                    depth -= 1;
                }
            }
        }
    }
    deepest
}

/// Whether a tag ends with `/>`, looking past what stands in quotes.
fn closes_itself(tag: &str) -> bool {
    let mut quote = None;
    let mut before = b' ';
    for byte in tag.bytes() {
        match (quote, byte) {
            // Another tag begins: this one never ends, and is not looked through once more for each that follows.
            (_, b'<') => return false,
            (Some(open), byte) if byte == open => quote = None,
            (Some(_), _) => {}
            (None, b'"' | b'\'') => quote = Some(byte),
            (None, b'>') => return before == b'/',
            (None, _) => {}
        }
        before = byte;
    }
    false
}

/// What stands between two marks, and what follows the second.
fn between<'a>(text: &'a str, start: &str, end: &str) -> Option<(&'a str, &'a str)> {
    let (_, rest) = text.split_once(start)?;
    rest.split_once(end)
}

/// Names in a `ListAllMyBucketsResult`. Bucket names hold no characters that XML escapes.
pub fn bucket_names(xml: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut rest = xml;
    while let Some((bucket, after)) = between(rest, "<Bucket>", "</Bucket>") {
        names.extend(between(bucket, "<Name>", "</Name>").map(|(name, _)| text::cut(name, 100)));
        rest = after;
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

    #[test]
    fn a_list_that_is_deep_or_dull_is_refused_at_once() {
        let xml = |inside: &str| {
            format!(
                "<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">{inside}</ListBucketResult>"
            )
        };
        let good = xml("<Contents><Key>a/b</Key><Size>3</Size></Contents><IsTruncated>false</IsTruncated>");
        let (listed, next) = read_list(good.as_bytes()).unwrap();
        assert_eq!((listed, next), (vec![Listed { key: "a/b".into(), size: 3 }], None));
        assert!(read_list(xml(&"<x>".repeat(300_000)).as_bytes()).is_err());
        assert!(read_list(xml(&"<x a='/>'>".repeat(300_000)).as_bytes()).is_err());
        assert_eq!(depth("<a><b c='>'/><b/><d></d></a>"), 2);
        // Ends before any start made each search begin anew.
        let dull = "</Bucket>".repeat(400_000) + "<Bucket><Name>a</Name></Bucket>";
        assert_eq!(bucket_names(&dull), ["a"]);
    }

    #[tokio::test]
    async fn a_key_cannot_lead_out_of_the_bucket() {
        let url = Url::parse("http://127.0.0.1:1").unwrap();
        let storage = Storage::new(url, "bucket", "r", "key", &SecretString::from("secret")).unwrap();
        for key in ["..", "runs/../../other/a", "./a", "a/.."] {
            let error = storage.get(key).await.unwrap_err();
            assert!(error.detail.contains("leads out"), "{key}: {error}");
        }
    }
}
