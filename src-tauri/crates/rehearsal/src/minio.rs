//! The object store process: the real S3 protocol over plain files, with a key that reaches one bucket alone.

use std::time::Duration;

use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use s3s::access::{S3Access, S3AccessContext};
use s3s::auth::SimpleAuth;
use s3s::dto;
use s3s::service::S3ServiceBuilder;
use s3s::{S3, S3Request, S3Response, S3Result, s3_error};
use s3s_fs::FileSystem;
use tokio::net::TcpListener;

use crate::config::{BUCKET, Behaviour, OTHER_BUCKET, Outcome, Setup, say};
use crate::drills::Drill;

/// Longer than the API waits for the store.
const SLOW: Duration = Duration::from_secs(12);

/// The file system's store, with buckets hidden that the key does not reach.
struct Store {
    files: FileSystem,
    behaviour: Behaviour,
}

#[async_trait::async_trait]
impl S3 for Store {
    async fn get_object(
        &self,
        request: S3Request<dto::GetObjectInput>,
    ) -> S3Result<S3Response<dto::GetObjectOutput>> {
        self.files.get_object(request).await
    }

    async fn put_object(
        &self,
        request: S3Request<dto::PutObjectInput>,
    ) -> S3Result<S3Response<dto::PutObjectOutput>> {
        let refused = match self.behaviour.defect {
            // The preflight writes seven objects; what comes before the load is sound.
            Some(Drill::SlowBucket) if self.behaviour.after(8, Drill::SlowBucket) => {
                tokio::time::sleep(SLOW).await;
                None
            }
            Some(Drill::BucketWriteFails) => self
                .behaviour
                .every(10, Drill::BucketWriteFails)
                .then(|| s3_error!(InternalError, "I/O error")),
            Some(full @ (Drill::BucketFull | Drill::HealthLies)) => {
                self.behaviour.after(8, full).then(|| s3_error!(InternalError, "no space left on device"))
            }
            _ => None,
        };
        match refused {
            Some(error) => Err(error),
            None => self.files.put_object(request).await,
        }
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
        if let Some(buckets) = &mut response.output.buckets {
            let all = self.behaviour.has(Drill::KeyReadsProduction);
            buckets.retain(|bucket| all || bucket.name.as_deref() == Some(BUCKET));
        }
        Ok(response)
    }
}

/// Nobody without a key, and the staging key in its own bucket only.
struct StagingOnly {
    behaviour: Behaviour,
}

#[async_trait::async_trait]
impl S3Access for StagingOnly {
    async fn check(&self, context: &mut S3AccessContext<'_>) -> S3Result<()> {
        if context.credentials().is_none() {
            return Err(s3_error!(AccessDenied, "Access Denied."));
        }
        match context.s3_path().get_bucket_name() {
            Some(BUCKET) | None => Ok(()),
            Some(OTHER_BUCKET) if self.behaviour.has(Drill::KeyReadsProduction) => Ok(()),
            Some(_) => Err(s3_error!(AccessDenied, "Access Denied.")),
        }
    }
}

pub(crate) async fn serve(setup: Setup) -> Outcome {
    let root = setup.state.join("minio");
    for bucket in [BUCKET, OTHER_BUCKET] {
        std::fs::create_dir_all(root.join(bucket))?;
    }
    let files = FileSystem::new(&root).map_err(|error| format!("object store: {error:?}"))?;
    let mut builder = S3ServiceBuilder::new(Store { files, behaviour: setup.behaviour.clone() });
    builder.set_auth(SimpleAuth::from_single(setup.s3_access_key.clone(), setup.s3_secret_key.clone()));
    builder.set_access(StagingOnly { behaviour: setup.behaviour.clone() });
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
