//! Logs in object stores: of a big object only the ends are transferred.

use std::{fmt, sync::Arc, time::Duration};

use axum::body::Bytes;
use futures::StreamExt;
use object_store::{
    Error, GetOptions, GetRange, ObjectStore, ObjectStoreExt as _, RetryConfig,
    aws::{AmazonS3Builder, AmazonS3ConfigKey},
    azure::{AzureConfigKey, MicrosoftAzureBuilder},
    gcp::{GoogleCloudStorageBuilder, GoogleConfigKey},
    path::Path,
};
use paramedic_fetch::{Body, FetchError, Remote};

use super::{
    CollectConfig, CollectError,
    bucket::{Bucket, LogBucket, ObjectUrl, StoreKind},
};
use crate::error::ClassifierError;

/// Repetitions of a request that failed for a moment.
const RETRIES_MAX: usize = 2;
/// The first request asks for no fewer bytes than this, so that a small log takes one request.
const FIRST_BYTES_MIN: u64 = 1024 * 1024;

/// A setting of the object stores, `NAME=VALUE`: `aws_endpoint`, `aws_region`, `allow_http`, `google_base_url`,
/// `azure_storage_account_name`, … by the names of the `object_store` crate.
#[derive(Clone, PartialEq, Eq)]
pub struct StoreOption {
    name: String,
    value: String,
}

impl std::str::FromStr for StoreOption {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, value) = text.split_once('=').ok_or("give NAME=VALUE")?;
        let name = name.trim().to_ascii_lowercase();
        let known = name.parse::<AmazonS3ConfigKey>().is_ok()
            || name.parse::<GoogleConfigKey>().is_ok()
            || name.parse::<AzureConfigKey>().is_ok();
        if !known {
            return Err(format!(
                "no object store knows the setting {name:?}; aws_endpoint, aws_region and allow_http are some"
            ));
        }
        Ok(Self { name, value: value.to_owned() })
    }
}

impl fmt::Debug for StoreOption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.name, paramedic_redaction::mask_value(&self.name, &self.value))
    }
}

/// The buckets that may be read, each with its client.
pub(super) struct ObjectStores(Vec<(LogBucket, Arc<dyn ObjectStore>)>);

impl ObjectStores {
    /// Makes the clients; asks nobody. Credentials come from the environment or the instance.
    pub(super) fn open(config: &CollectConfig) -> Result<Self, ClassifierError> {
        let open = |entry: &LogBucket| {
            let store = client(&entry.bucket, &config.store_options, config.http_timeout);
            let store =
                store.map_err(|source| ClassifierError::LogBucket { bucket: entry.bucket.name.clone(), source })?;
            Ok((entry.clone(), store))
        };
        Ok(Self(config.log_buckets.iter().map(open).collect::<Result<_, ClassifierError>>()?))
    }

    /// The object, where its bucket is on the allow list; `first_bytes` are asked for before the rest.
    pub(super) fn at(&self, object: ObjectUrl, first_bytes: Option<u64>) -> Result<ObjectLog, CollectError> {
        let (_, store) = self
            .0
            .iter()
            .find(|(entry, _)| entry.allows(&object))
            .ok_or_else(|| CollectError::BucketNotAllowed(object.bucket.name.clone()))?;
        Ok(ObjectLog { store: store.clone(), path: object.path, first_bytes })
    }
}

macro_rules! client {
    ($builder:ty, $key:ty, $options:expr, $retry:expr) => {{
        let mut builder = <$builder>::from_env().with_retry($retry);
        for option in $options {
            // Settings of the other stores are none of this one's.
            if let Ok(key) = option.name.parse::<$key>() {
                builder = builder.with_config(key, option.value.clone());
            }
        }
        builder
    }};
}

fn client(bucket: &Bucket, options: &[StoreOption], timeout: Duration) -> Result<Arc<dyn ObjectStore>, Error> {
    let retry = RetryConfig { max_retries: RETRIES_MAX, retry_timeout: timeout, ..RetryConfig::default() };
    Ok(match bucket.kind {
        StoreKind::S3 => {
            let builder = client!(AmazonS3Builder, AmazonS3ConfigKey, options, retry);
            Arc::new(builder.with_bucket_name(&bucket.name).build()?)
        }
        StoreKind::Gcs => {
            let builder = client!(GoogleCloudStorageBuilder, GoogleConfigKey, options, retry);
            Arc::new(builder.with_bucket_name(&bucket.name).build()?)
        }
        StoreKind::Azure => {
            let mut builder = client!(MicrosoftAzureBuilder, AzureConfigKey, options, retry);
            if let Some(account) = &bucket.account {
                builder = builder.with_account(account);
            }
            Arc::new(builder.with_container_name(&bucket.name).build()?)
        }
    })
}

/// A log in an object store.
pub(super) struct ObjectLog {
    store: Arc<dyn ObjectStore>,
    path: Path,
    first_bytes: Option<u64>,
}

impl ObjectLog {
    async fn get(&self, range: Option<GetRange>) -> Result<Body, Error> {
        let found = self.store.get_opts(&self.path, GetOptions { range, ..GetOptions::default() }).await?;
        let (size, end) = (found.meta.size, found.range.end);
        let chunks = found.into_stream().map(|chunk| chunk.map_err(|error| store_error(&error))).boxed();
        Ok(Body { chunks, size: Some(size), ranges: true, until: Some(end).filter(|end| *end < size) })
    }

    /// An empty object has no range that could be asked for.
    async fn is_empty(&self) -> bool {
        self.store.head(&self.path).await.is_ok_and(|found| found.size == 0)
    }
}

impl Remote for ObjectLog {
    async fn open(&self, from: u64) -> Result<Body, FetchError> {
        if from > 0 {
            return self.get(Some(GetRange::Offset(from))).await.map_err(|error| store_error(&error));
        }
        let first = self.first_bytes.map(|bytes| GetRange::Bounded(0..bytes.max(FIRST_BYTES_MIN)));
        match self.get(first).await {
            Err(Error::Generic { .. }) if self.is_empty().await => {
                let nothing = futures::stream::empty::<Result<Bytes, FetchError>>().boxed();
                Ok(Body { chunks: nothing, size: Some(0), ranges: true, until: None })
            }
            body => body.map_err(|error| store_error(&error)),
        }
    }
}

/// The kind of the error and its causes; the stores' own texts name the request, and no credentials.
fn store_error(error: &Error) -> FetchError {
    FetchError::Source(format!("the object store: {error}"))
}
