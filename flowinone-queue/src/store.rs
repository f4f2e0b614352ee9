//! Pictures as objects: S3 and what speaks like it, Google Cloud Storage, Azure. An object appears
//! whole or not at all by itself; what fails for a moment is tried again by `object_store`.

use object_store::aws::AmazonS3Builder;
use object_store::azure::MicrosoftAzureBuilder;
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::path::Path;
use object_store::{Error as StoreError, ObjectStore, ObjectStoreExt};
use tokio::runtime::Runtime;

use crate::Error;

/// What is written and removed to see whether pictures can be.
const PROBE: &str = ".flowinone-work";

/// A bucket or container, and what comes before all names in it.
#[derive(Debug)]
pub struct Store {
    store: Box<dyn ObjectStore>,
    prefix: Path,
    address: String,
    runtime: Runtime,
}

impl Store {
    /// The store at an address. Region, endpoint and credentials come from the environment, by the
    /// names that the providers' own tools use, such as `AWS_REGION` and `AWS_ACCESS_KEY_ID`.
    pub(crate) fn open(address: &str) -> Result<Self, Error> {
        let failed = |reason: String| Error::Output {
            place: address.into(),
            reason,
        };
        let (scheme, rest) = address.split_once("://").unwrap_or_default();
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        if bucket.is_empty() {
            return Err(failed(
                "it names no bucket; write s3://BUCKET/PREFIX".into(),
            ));
        }
        // Without a choice of its own, the HTTP client would bring a second library for TLS. A
        // process has one provider: another that was there first does as well.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let built: Result<Box<dyn ObjectStore>, StoreError> = match scheme {
            "s3" | "s3a" => AmazonS3Builder::from_env()
                .with_bucket_name(bucket)
                .build()
                .map(|store| Box::new(store) as _),
            "gs" => GoogleCloudStorageBuilder::from_env()
                .with_bucket_name(bucket)
                .build()
                .map(|store| Box::new(store) as _),
            "az" | "abfs" => MicrosoftAzureBuilder::from_env()
                .with_container_name(bucket)
                .build()
                .map(|store| Box::new(store) as _),
            _ => {
                return Err(failed(
                    "outputs go into a folder, s3://, gs:// or az://".into(),
                ));
            }
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| failed(error.to_string()))?;
        let store = Self {
            store: built.map_err(|error| failed(error.to_string()))?,
            prefix: Path::parse(prefix.trim_end_matches('/'))
                .map_err(|error| failed(error.to_string()))?,
            address: address.trim_end_matches('/').into(),
            runtime,
        };
        // Wrong credentials and a bucket that is not there are told before anything is computed.
        store.write(PROBE, b"")?;
        // One that may not be removed is an empty object.
        let _ = store
            .runtime
            .block_on(store.store.delete(&store.path(PROBE)));
        Ok(store)
    }

    pub(crate) fn place(&self, name: &str) -> String {
        format!("{}/{name}", self.address)
    }

    fn path(&self, name: &str) -> Path {
        Path::from(format!("{}/{name}", self.prefix))
    }

    fn failed(&self, name: &str, error: &StoreError) -> Error {
        Error::Output {
            place: self.place(name),
            reason: error.to_string(),
        }
    }

    pub(crate) fn has(&self, name: &str) -> Result<bool, Error> {
        match self.runtime.block_on(self.store.head(&self.path(name))) {
            Ok(_) => Ok(true),
            Err(StoreError::NotFound { .. }) => Ok(false),
            Err(error) => Err(self.failed(name, &error)),
        }
    }

    pub(crate) fn read(&self, name: &str) -> Result<Vec<u8>, Error> {
        let path = self.path(name);
        let read = self.runtime.block_on(async {
            let object = self.store.get(&path).await?;
            object.bytes().await
        });
        read.map(|bytes| bytes.to_vec())
            .map_err(|error| self.failed(name, &error))
    }

    pub(crate) fn write(&self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        let (path, payload) = (self.path(name), bytes.to_vec().into());
        match self.runtime.block_on(self.store.put(&path, payload)) {
            Ok(_) => Ok(()),
            Err(error) => Err(self.failed(name, &error)),
        }
    }
}
