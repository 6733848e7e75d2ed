//! The object store process: the real S3 protocol over plain files, with a key that reaches one bucket alone.

use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use s3s::access::{S3Access, S3AccessContext};
use s3s::auth::SimpleAuth;
use s3s::dto;
use s3s::service::S3ServiceBuilder;
use s3s::{S3, S3Request, S3Response, S3Result, s3_error};
use s3s_fs::FileSystem;
use tokio::net::TcpListener;

use crate::config::{BUCKET, OTHER_BUCKET, Outcome, Setup, say};

/// The file system's store, with buckets hidden that the key does not reach.
struct Store(FileSystem);

#[async_trait::async_trait]
impl S3 for Store {
    async fn get_object(
        &self,
        request: S3Request<dto::GetObjectInput>,
    ) -> S3Result<S3Response<dto::GetObjectOutput>> {
        self.0.get_object(request).await
    }

    async fn put_object(
        &self,
        request: S3Request<dto::PutObjectInput>,
    ) -> S3Result<S3Response<dto::PutObjectOutput>> {
        self.0.put_object(request).await
    }

    async fn head_object(
        &self,
        request: S3Request<dto::HeadObjectInput>,
    ) -> S3Result<S3Response<dto::HeadObjectOutput>> {
        self.0.head_object(request).await
    }

    async fn list_objects_v2(
        &self,
        request: S3Request<dto::ListObjectsV2Input>,
    ) -> S3Result<S3Response<dto::ListObjectsV2Output>> {
        self.0.list_objects_v2(request).await
    }

    async fn list_buckets(
        &self,
        request: S3Request<dto::ListBucketsInput>,
    ) -> S3Result<S3Response<dto::ListBucketsOutput>> {
        let mut response = self.0.list_buckets(request).await?;
        if let Some(buckets) = &mut response.output.buckets {
            buckets.retain(|bucket| bucket.name.as_deref() == Some(BUCKET));
        }
        Ok(response)
    }
}

/// Nobody without a key, and the staging key in its own bucket only.
struct StagingOnly;

#[async_trait::async_trait]
impl S3Access for StagingOnly {
    async fn check(&self, context: &mut S3AccessContext<'_>) -> S3Result<()> {
        if context.credentials().is_none() {
            return Err(s3_error!(AccessDenied, "Access Denied."));
        }
        match context.s3_path().get_bucket_name() {
            Some(BUCKET) | None => Ok(()),
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
    let mut builder = S3ServiceBuilder::new(Store(files));
    builder.set_auth(SimpleAuth::from_single(setup.s3_access_key.clone(), setup.s3_secret_key.clone()));
    builder.set_access(StagingOnly);
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
