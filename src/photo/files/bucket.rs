//! A photo store in a bucket of an S3-compatible service. What is coming is a
//! multipart upload; the bytes that do not fill a part yet are kept as an object
//! of their own when the upload is interrupted.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use object_store::{
    ObjectStore, ObjectStoreExt, RetryConfig,
    aws::{AmazonS3, AmazonS3Builder},
    multipart::{MultipartStore, PartId},
    path::Path,
    prefix::PrefixStore,
};
use uuid::Uuid;

use super::{INCOMING, failed, incoming, place, traced::Traced};
use crate::{
    digest::Digest,
    error::{Error, Result},
};

/// How long a request to the service is tried again.
const RETRY_TIME_MAX: Duration = Duration::from_secs(15);

/// How often a request to the service is tried again.
const RETRIES_MAX: usize = 5;

/// A bucket, or what lies under a prefix in it.
#[derive(Clone, Debug)]
pub(super) struct Bucket {
    store: Arc<PrefixStore<AmazonS3>>,
}

impl Bucket {
    pub(super) fn open(url: &str) -> object_store::Result<Bucket> {
        // One of a process; whoever came first has installed the same.
        let _ = rustls::crypto::ring::default_provider().install_default();
        // The key and the secret, the region and the endpoint come from the
        // environment, as with AWS's own tools.
        let retry =
            RetryConfig { max_retries: RETRIES_MAX, retry_timeout: RETRY_TIME_MAX, ..RetryConfig::default() };
        let (_, path) = url.split_once("://").unwrap_or(("", url));
        let (bucket, prefix) = path.split_once('/').unwrap_or((path, ""));
        let service = AmazonS3Builder::from_env().with_http_connector(Traced::default());
        let service = service.with_bucket_name(bucket).with_retry(retry).build()?;
        Ok(Bucket { store: Arc::new(PrefixStore::new(service, prefix)) })
    }

    pub(super) fn store(&self) -> Arc<dyn ObjectStore> {
        self.store.clone()
    }

    /// The id that the service has for the file's multipart upload.
    pub(super) async fn begin(&self, upload: Uuid) -> Result<String> {
        self.store.create_multipart(&incoming(upload)).await.map_err(failed)
    }

    /// Stores a part; what the service knows it by.
    pub(super) async fn put_part(
        &self,
        upload: Uuid,
        multipart: &str,
        index: usize,
        bytes: Bytes,
    ) -> Result<String> {
        let multipart = multipart.to_owned();
        let put = self.store.put_part(&incoming(upload), &multipart, index, bytes.into()).await;
        Ok(put.map_err(gone)?.content_id)
    }

    /// Stores the bytes that fill no part yet.
    pub(super) async fn put_tail(&self, upload: Uuid, writer: Uuid, bytes: Bytes) -> Result<()> {
        self.store.put(&tail(upload, writer), bytes.into()).await.map_err(failed)?;
        Ok(())
    }

    /// The bytes that fill no part yet.
    pub(super) async fn tail(&self, upload: Uuid, writer: Uuid) -> Result<Bytes> {
        let found = self.store.get(&tail(upload, writer)).await.map_err(gone)?;
        found.bytes().await.map_err(failed)
    }

    /// Makes one object of the parts.
    pub(super) async fn end(&self, upload: Uuid, multipart: &str, parts: &[String]) -> Result<()> {
        let parts = parts.iter().map(|id| PartId { content_id: id.clone() }).collect();
        let ended = self.store.complete_multipart(&incoming(upload), &multipart.to_owned(), parts).await;
        ended.map(drop).map_err(gone)
    }

    /// Copies the whole file to the place of its digest, within the service.
    pub(super) async fn keep(&self, upload: Uuid, sha256: Digest) -> Result<()> {
        self.store.copy(&incoming(upload), &place(sha256)).await.map_err(failed)
    }

    /// Gives up the parts that are no object yet.
    pub(super) async fn discard(&self, upload: Uuid, multipart: &str) -> Result<()> {
        match self.store.abort_multipart(&incoming(upload), &multipart.to_owned()).await {
            // It was ended, or given up before.
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(failed(error)),
        }
    }
}

fn tail(upload: Uuid, writer: Uuid) -> Path {
    Path::from(format!("{INCOMING}/{upload}.{writer}"))
}

/// What is not there any more was ended or swept.
fn gone(error: object_store::Error) -> Error {
    match error {
        object_store::Error::NotFound { .. } => Error::UploadLost,
        error => failed(error),
    }
}
