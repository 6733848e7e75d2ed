//! The object store process: the real S3 protocol over plain files, with a key that reaches one bucket alone.

use std::path::Path;

use axum::body::Bytes;
use chrono::Utc;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use s3s::access::{S3Access, S3AccessContext};
use s3s::auth::SimpleAuth;
use s3s::dto;
use s3s::service::S3ServiceBuilder;
use s3s::{S3, S3Request, S3Response, S3Result, s3_error};
use s3s_fs::FileSystem;
use tokio::net::TcpListener;
use uuid::Uuid;

use crate::config::{BUCKET, OTHER_BUCKET, Outcome, Setup, say};
use crate::drills::{Defect, Switch};
use crate::telemetry::{self, Finished};

/// Writes that a check's preflight makes: its storage probe, and telemetry and evidence of its run.
const FIRST_WRITES: u64 = 8;

/// The file system's store, with buckets hidden that the key does not reach.
struct Store {
    files: FileSystem,
    switch: Switch,
}

#[async_trait::async_trait]
impl S3 for Store {
    async fn get_object(
        &self,
        request: S3Request<dto::GetObjectInput>,
    ) -> S3Result<S3Response<dto::GetObjectOutput>> {
        let probe = request.input.key.starts_with("smoke-tests/");
        let mut response = self.files.get_object(request).await?;
        // The preflight's own probe is the first.
        if probe && self.switch.nth(Defect::BucketCorrupts, 3) {
            let other = Bytes::from_static(b"something else");
            response.output.content_length = i64::try_from(other.len()).ok();
            response.output.body = Some(dto::StreamingBlob::from(s3s::Body::from(other)));
        }
        Ok(response)
    }

    async fn put_object(
        &self,
        request: S3Request<dto::PutObjectInput>,
    ) -> S3Result<S3Response<dto::PutObjectOutput>> {
        Switch::linger(self.switch.from(Defect::BucketSlow, FIRST_WRITES), 5_500).await;
        if self.switch.from(Defect::BucketFull, FIRST_WRITES) {
            return Err(s3_error!(
                ServiceUnavailable,
                "Storage backend has reached its minimum free drive threshold"
            ));
        }
        if self.switch.pass(Defect::BucketFlaky).is_some_and(|passed| passed.is_multiple_of(10)) {
            return Err(s3_error!(InternalError, "We encountered an internal error, please try again."));
        }
        self.files.put_object(request).await
    }

    async fn head_object(
        &self,
        request: S3Request<dto::HeadObjectInput>,
    ) -> S3Result<S3Response<dto::HeadObjectOutput>> {
        self.files.head_object(request).await
    }

    async fn list_objects_v2(
        &self,
        request: S3Request<dto::ListObjectsV2Input>,
    ) -> S3Result<S3Response<dto::ListObjectsV2Output>> {
        self.files.list_objects_v2(request).await
    }

    async fn list_buckets(
        &self,
        request: S3Request<dto::ListBucketsInput>,
    ) -> S3Result<S3Response<dto::ListBucketsOutput>> {
        let mut response = self.files.list_buckets(request).await?;
        if self.switch.has(Defect::KeySeesOtherBucket) {
            return Ok(response);
        }
        if let Some(buckets) = &mut response.output.buckets {
            buckets.retain(|bucket| bucket.name.as_deref() == Some(BUCKET));
        }
        Ok(response)
    }
}

/// Nobody without a key, the staging key in its own bucket only, API and worker wherever they are configured to be.
struct StagingOnly {
    services_key: String,
    reaches_others: bool,
}

#[async_trait::async_trait]
impl S3Access for StagingOnly {
    async fn check(&self, context: &mut S3AccessContext<'_>) -> S3Result<()> {
        let Some(credentials) = context.credentials() else {
            return Err(s3_error!(AccessDenied, "Access Denied."));
        };
        let services = credentials.access_key == self.services_key;
        match context.s3_path().get_bucket_name() {
            Some(BUCKET) | None => Ok(()),
            Some(_) if services || self.reaches_others => Ok(()),
            Some(_) => Err(s3_error!(AccessDenied, "Access Denied.")),
        }
    }
}

/// Others use the staging bucket too: the telemetry of a run that is no check's.
fn leave_another_tenants_object(bucket: &Path) -> std::io::Result<()> {
    let now = Utc::now();
    let id = || Uuid::new_v4().to_string();
    let run = Finished {
        run_id: id(),
        project_id: id(),
        node_id: id(),
        tenant: id(),
        seed: 1,
        started: now,
        completed: now,
        agents_act: true,
    };
    let (key, bytes, _) = telemetry::object(&run, "1.1.0");
    let path = bucket.join(key);
    std::fs::create_dir_all(path.parent().unwrap_or(bucket))?;
    std::fs::write(path, bytes)
}

pub(crate) async fn serve(setup: Setup) -> Outcome {
    let root = setup.state.join("minio");
    for bucket in [BUCKET, OTHER_BUCKET] {
        std::fs::create_dir_all(root.join(bucket))?;
    }
    leave_another_tenants_object(&root.join(BUCKET))?;
    let files = FileSystem::new(&root).map_err(|error| format!("object store: {error:?}"))?;
    let switch = setup.behaviour.switch();
    let access = StagingOnly {
        services_key: setup.services_access_key.clone(),
        reaches_others: switch.has(Defect::KeySeesOtherBucket) || switch.has(Defect::KeyReadsOtherBucket),
    };
    let mut keys = SimpleAuth::from_single(setup.s3_access_key, setup.s3_secret_key);
    keys.register(setup.services_access_key, setup.services_secret_key.into());
    let mut builder = S3ServiceBuilder::new(Store { files, switch });
    builder.set_auth(keys);
    builder.set_access(access);
    let service = builder.build();
    let listener = TcpListener::bind(("127.0.0.1", setup.minio_port)).await?;
    say("MinIO Object Storage Server (rehearsal)");
    loop {
        let (stream, _) = listener.accept().await?;
        let service = service.clone();
        tokio::spawn(async move {
            let http = Builder::new(TokioExecutor::new());
            let _ = http.serve_connection(TokioIo::new(stream), service).await;
        });
    }
}
