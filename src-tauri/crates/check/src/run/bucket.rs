//! BUCKET: parts (a) to (g) of bucket isolation (API facts 8).

use holdpoint_agentverse::error::{ApiError, ErrorClass};
use holdpoint_agentverse::storage::Storage;
use serde_json::Value;

use super::context::Context;
use super::session::Session;
use crate::event::{BUCKET_PARTS, BucketPart, Event, PartState};
use crate::words::TestId;

/// Keys that artifacts may start with (API facts 8).
const KNOWN_PREFIXES: [&str; 6] =
    ["telemetry/", "snapshots/", "artifacts/", "other/", "smoke-tests/", "runs/"];
/// Buckets that other deployments of AgentVerse are documented to use (API facts 8).
const OTHER_BUCKETS: [&str; 3] =
    ["agentverse-artifacts", "agentverse-prod-artifacts", "agentverse-staging-reps"];
/// Keys that are looked at; a bucket with more is sampled, and the answer says so.
const KEY_LIMIT: usize = 20_000;

pub(super) async fn run(context: &Context, session: &Session) -> Result<(), String> {
    for (done, letter) in (1..).zip(BUCKET_PARTS) {
        if context.stop.is_cancelled() {
            break;
        }
        let part = match letter {
            'a' => configured(context).await,
            'b' => probe_lands(context, session).await,
            'c' => artifacts(context, session).await,
            'd' => visible(context).await,
            'e' => prefixes(context).await,
            'f' => tenants(context, session).await,
            _ => others(context, session).await,
        };
        let doing = part.title.clone();
        context.emit.emit(Event::BucketChecked(part)).await;
        let total = BUCKET_PARTS.len() as u64;
        context.emit.emit(Event::Progress { test: TestId::Bucket, done, total, doing }).await;
    }
    Ok(())
}

fn part(
    part: char,
    title: &str,
    state: PartState,
    observed: impl Into<String>,
    witness: Vec<String>,
) -> BucketPart {
    BucketPart { part, title: title.into(), state, observed: observed.into(), witness }
}

fn no_key(letter: char, title: &str) -> BucketPart {
    part(letter, title, PartState::NotChecked, "no S3 key is set", Vec::new())
}

async fn configured(context: &Context) -> BucketPart {
    let title = "The API is configured for the staging bucket";
    let expected = &context.plan.environment.storage.bucket;
    let named = context.api.ready().await.map(|ready| {
        let storage = ready.dependencies.into_iter().find(|one| one.name == "storage");
        storage
            .and_then(|one| one.details)
            .and_then(|details| details.get("bucket").and_then(Value::as_str).map(str::to_owned))
    });
    match named {
        Ok(Some(bucket)) if bucket == *expected => {
            part('a', title, PartState::Holds, format!("it names {bucket}"), Vec::new())
        }
        Ok(Some(bucket)) => part(
            'a',
            title,
            PartState::Broken,
            format!("it names {bucket}, expected {expected}"),
            vec![bucket],
        ),
        Ok(None) => part('a', title, PartState::Unproven, "the health answer names no bucket", Vec::new()),
        Err(error) => part('a', title, PartState::Unproven, error.to_string(), Vec::new()),
    }
}

async fn probe_lands(context: &Context, session: &Session) -> BucketPart {
    let title = "What the API writes lands in it";
    let probe = match context.api.storage_test().await {
        Ok(probe) => probe,
        Err(error) => {
            // Where nobody answered, nobody said that the write failed.
            let state = if error.class.is_unanswered() { PartState::Unproven } else { PartState::Broken };
            return part('b', title, state, error.to_string(), Vec::new());
        }
    };
    if probe.status != "success" {
        let message = holdpoint_agentverse::error::redact(&probe.message.unwrap_or_default());
        return part(
            'b',
            title,
            PartState::Broken,
            format!("the probe says {} {message}", probe.status),
            Vec::new(),
        );
    }
    let Some(key) = probe.test_object_key else {
        return part('b', title, PartState::Unproven, "the probe names no object", Vec::new());
    };
    session.note_smoke_object(&key);
    let Some(storage) = &context.storage else { return no_key('b', title) };
    match storage.digest(&key).await {
        Ok(Some((_, size))) => {
            part('b', title, PartState::Holds, format!("{key} read over S3, {size} bytes"), vec![key])
        }
        Ok(None) => part('b', title, PartState::Broken, format!("{key} is not in the bucket"), vec![key]),
        Err(error) => part('b', title, PartState::Unproven, error.to_string(), vec![key]),
    }
}

async fn artifacts(context: &Context, session: &Session) -> BucketPart {
    let title = "Every artifact of this check's runs lies in it, unchanged";
    let Some(storage) = &context.storage else { return no_key('c', title) };
    let expected = &context.plan.environment.storage.bucket;
    let (mut checked, mut wrong, mut unread) = (0, Vec::new(), Vec::new());
    for id in session.run_ids() {
        let run = match context.api.run(&id).await {
            Ok(run) => run,
            Err(error) => {
                unread.push(format!("run {id}: {error}"));
                continue;
            }
        };
        if run.status != "succeeded" {
            continue;
        }
        let Some(reference) = run.telemetry_ref else {
            wrong.push(format!("run {id} succeeded without telemetry"));
            continue;
        };
        if reference.bucket != *expected {
            wrong.push(format!("run {id}: telemetry in bucket {}", reference.bucket));
            continue;
        }
        match storage.digest(&reference.key).await {
            Ok(Some((digest, size))) => {
                checked += 1;
                if reference.checksum.as_ref().is_some_and(|sum| *sum != digest) {
                    wrong.push(format!(
                        "run {id}: {} does not have the checksum the run states",
                        reference.key
                    ));
                } else if reference.size_bytes.is_some_and(|stated| stated != size) {
                    wrong.push(format!(
                        "run {id}: {} has {size} bytes, the run states another size",
                        reference.key
                    ));
                }
            }
            Ok(None) => wrong.push(format!("run {id}: {} is not in the bucket", reference.key)),
            Err(error) => unread.push(format!("run {id}: {error}")),
        }
    }
    if !wrong.is_empty() {
        return part('c', title, PartState::Broken, format!("{} runs are wrong", wrong.len()), cut(wrong));
    }
    if !unread.is_empty() || checked == 0 {
        let observed = format!("{checked} read, {} could not be read", unread.len());
        return part('c', title, PartState::Unproven, observed, cut(unread));
    }
    part(
        'c',
        title,
        PartState::Holds,
        format!("{checked} telemetry objects read, checksums equal"),
        Vec::new(),
    )
}

async fn visible(context: &Context) -> BucketPart {
    let title = "The staging key sees this bucket alone, and nobody without a key sees it";
    let Some(storage) = &context.storage else { return no_key('d', title) };
    let expected = &context.plan.environment.storage.bucket;
    let buckets = match storage.buckets().await {
        Ok(buckets) => buckets,
        Err(error) => return part('d', title, PartState::Unproven, error.to_string(), Vec::new()),
    };
    let others: Vec<String> = buckets.iter().filter(|name| *name != expected).cloned().collect();
    if !others.is_empty() {
        let observed = format!("the key also sees {}", others.join(", "));
        return part('d', title, PartState::Broken, observed, others);
    }
    // A list of buckets shows what a policy lets the key list, which may be less than what it lets it read.
    for name in OTHER_BUCKETS.into_iter().filter(|name| name != expected) {
        match storage.reads_bucket(name).await {
            Ok(Some(true)) => {
                let observed = format!("the key reads {name}, which the list of buckets does not show");
                return part('d', title, PartState::Broken, observed, vec![name.to_owned()]);
            }
            Ok(Some(false) | None) => {}
            Err(error) => return part('d', title, PartState::Unproven, error.to_string(), Vec::new()),
        }
    }
    match storage.unsigned_status().await {
        Ok(status) if (200..300).contains(&status) => part(
            'd',
            title,
            PartState::Broken,
            format!("without a key the bucket answers HTTP {status}"),
            Vec::new(),
        ),
        Ok(status) if !buckets.is_empty() => {
            part('d', title, PartState::Holds, format!("one bucket; without a key HTTP {status}"), Vec::new())
        }
        Ok(_) => part('d', title, PartState::Unproven, "the key sees no bucket at all", Vec::new()),
        Err(error) => part('d', title, PartState::Unproven, error.to_string(), Vec::new()),
    }
}

async fn prefixes(context: &Context) -> BucketPart {
    let title = "Keys lie below known prefixes only";
    let Some(storage) = &context.storage else { return no_key('e', title) };
    match storage.list("", KEY_LIMIT).await {
        Ok((keys, more)) => {
            let strangers: Vec<String> = keys
                .iter()
                .filter(|object| !KNOWN_PREFIXES.iter().any(|prefix| object.key.starts_with(prefix)))
                .map(|object| object.key.clone())
                .collect();
            let extent =
                if more { format!("the first {KEY_LIMIT} keys") } else { format!("{} keys", keys.len()) };
            if strangers.is_empty() {
                part('e', title, PartState::Holds, extent, Vec::new())
            } else {
                let observed = format!("{} of {extent} lie elsewhere", strangers.len());
                part('e', title, PartState::Broken, observed, cut(strangers))
            }
        }
        Err(error) => part('e', title, PartState::Unproven, error.to_string(), Vec::new()),
    }
}

async fn tenants(context: &Context, session: &Session) -> BucketPart {
    let title = "This tenant's runs lie below its own prefix only";
    let Some(storage) = &context.storage else { return no_key('f', title) };
    match tenant_keys(storage, session).await {
        Ok((_, strays, _)) if !strays.is_empty() => part(
            'f',
            title,
            PartState::Broken,
            format!("{} objects lie elsewhere", strays.len()),
            cut(strays),
        ),
        Ok((own, _, more)) if own > 0 => {
            let extent = if more { " (the bucket holds more keys than were looked at)" } else { "" };
            part('f', title, PartState::Holds, format!("{own} objects{extent}"), Vec::new())
        }
        Ok(_) => part('f', title, PartState::Unproven, "no telemetry of this check was found", Vec::new()),
        Err(error) => part('f', title, PartState::Unproven, error, Vec::new()),
    }
}

async fn tenant_keys(storage: &Storage, session: &Session) -> Result<(usize, Vec<String>, bool), String> {
    let (keys, more) = storage.list("telemetry/", KEY_LIMIT).await.map_err(|error| error.to_string())?;
    let own = format!("telemetry/{}/", session.tenant_id);
    let runs = session.run_ids();
    let (mut inside, mut strays) = (0, Vec::new());
    for object in keys {
        let ours = object.key.split('/').nth(2).is_some_and(|id| runs.iter().any(|run| run == id));
        if ours && object.key.starts_with(&own) {
            inside += 1;
        } else if ours {
            strays.push(object.key);
        }
    }
    Ok((inside, strays, more))
}

/// Whether the API hands out another tenant's object to this check's user. What it answers is not looked at.
async fn others(context: &Context, session: &Session) -> BucketPart {
    let title = "Another tenant's object cannot be read through the API";
    let Some(storage) = &context.storage else { return no_key('g', title) };
    let own = format!("telemetry/{}/", session.tenant_id);
    let keys = match storage.list("telemetry/", KEY_LIMIT).await {
        Ok((keys, _)) => keys,
        Err(error) => return part('g', title, PartState::Unproven, error.to_string(), Vec::new()),
    };
    let Some(mut reference) =
        session.first_run.telemetry_ref.as_ref().and_then(|one| serde_json::to_value(one).ok())
    else {
        let missing = "this check's own run has no telemetry to compare with";
        return part('g', title, PartState::Unproven, missing, Vec::new());
    };
    let there = keys.into_iter().map(|object| object.key).find(|key| !key.starts_with(&own));
    let exists = there.is_some();
    // Where there is no such object, one is asked for that another tenant could have.
    let key = there.unwrap_or_else(|| format!("telemetry/{0}/{0}.json.gz", uuid::Uuid::new_v4()));
    reference["key"] = key.as_str().into();
    let refusal = context.api.replay_chunk(&reference, 0, 10).await.err();
    let (state, observed) = handed_out(exists, refusal.as_ref());
    part('g', title, state, observed, vec![key])
}

/// What the answer to a replay of another tenant's object says. That one which does not exist is not found says nothing.
fn handed_out(exists: bool, refusal: Option<&ApiError>) -> (PartState, String) {
    let Some(error) = refusal else {
        return (PartState::Broken, "a replay of it was answered".to_owned());
    };
    match error.class {
        ErrorClass::Status(401 | 403) => {
            (PartState::Holds, format!("a replay of it was refused: {}", error.class.word()))
        }
        ErrorClass::Status(404) if exists => {
            (PartState::Holds, format!("a replay of it was refused: {}", error.class.word()))
        }
        ErrorClass::Status(404) => (
            PartState::Unproven,
            "no other tenant's object is in the bucket, and one that does not exist was not found; let another \
             account make one run, then run the check again"
                .to_owned(),
        ),
        // An error of the server is no refusal: nobody knows what the next one would answer.
        _ => (PartState::Unproven, error.to_string()),
    }
}

/// The first few of many.
fn cut(mut list: Vec<String>) -> Vec<String> {
    list.truncate(5);
    list
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_refusal_of_what_is_there_or_of_the_asker_holds() {
        let said = |status| ApiError::new(ErrorClass::Status(status), "POST /replay", "no");
        let state = |exists, status| handed_out(exists, Some(&said(status))).0;
        assert_eq!(handed_out(true, None).0, PartState::Broken);
        assert_eq!(state(true, 403), PartState::Holds);
        assert_eq!(state(false, 403), PartState::Holds);
        assert_eq!(state(true, 404), PartState::Holds);
        assert_eq!(state(false, 404), PartState::Unproven);
        assert_eq!(state(true, 500), PartState::Unproven);
    }
}
