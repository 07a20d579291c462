//! Buckets whose objects may be read: the allow list of object stores.

use object_store::path::Path;
use url::Url;

use paramedic_fetch::FetchError;

/// An object store's kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum StoreKind {
    /// S3, and what speaks its protocol.
    S3,
    /// Google Cloud Storage.
    Gcs,
    /// Azure Blob Storage, also by its Data Lake address.
    Azure,
}

/// A bucket, or an Azure container.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Bucket {
    pub(super) kind: StoreKind,
    pub(super) name: String,
    /// Azure's storage account, where the URL names it.
    pub(super) account: Option<String>,
}

/// An entry of the allow list: a bucket, or what lies under a path in it, as `s3://bucket/path`, `gs://bucket/path`,
/// `az://container/path` or `abfss://container@account.dfs.core.windows.net/path`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogBucket {
    pub(super) bucket: Bucket,
    prefix: Path,
}

impl std::str::FromStr for LogBucket {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let url = Url::parse(text).map_err(|error| format!("give a URL such as s3://bucket/path: {error}"))?;
        let object = parse(&url).map_err(|error| error.to_string())?;
        let ObjectUrl { bucket, path: prefix } = object.ok_or("give an s3:, gs:, az: or abfss: URL")?;
        Ok(Self { bucket, prefix })
    }
}

impl LogBucket {
    /// Whole segments count: `s3://b/logs` allows no `s3://b/logs-of-others`.
    pub(super) fn allows(&self, object: &ObjectUrl) -> bool {
        self.bucket == object.bucket && object.path.prefix_matches(&self.prefix)
    }
}

/// A URL's object.
#[derive(Debug)]
pub(super) struct ObjectUrl {
    pub(super) bucket: Bucket,
    pub(super) path: Path,
}

/// The object that the URL names; none: it is no object store's.
pub(super) fn parse(url: &Url) -> Result<Option<ObjectUrl>, FetchError> {
    let kind = match url.scheme() {
        "s3" | "s3a" | "s3n" => StoreKind::S3,
        "gs" => StoreKind::Gcs,
        "az" | "azure" | "abfs" | "abfss" | "wasb" | "wasbs" => StoreKind::Azure,
        _ => return Ok(None),
    };
    let host = url.host_str().filter(|host| !host.is_empty());
    let host = host.ok_or_else(|| FetchError::BadUrl("it names no bucket".to_owned()))?;
    let bucket = match kind {
        StoreKind::Azure if !url.username().is_empty() => {
            Bucket { kind, name: url.username().to_owned(), account: Some(azure_account(host)?) }
        }
        _ if !url.username().is_empty() || url.port().is_some() => {
            return Err(FetchError::BadUrl("a bucket's URL names no user and no port".to_owned()));
        }
        _ => Bucket { kind, name: host.to_owned(), account: None },
    };
    let path = Path::from_url_path(url.path()).map_err(|error| FetchError::BadUrl(error.to_string()))?;
    Ok(Some(ObjectUrl { bucket, path }))
}

/// The account of `account.dfs.core.windows.net`, or of its blob address; no other host is Azure's.
fn azure_account(host: &str) -> Result<String, FetchError> {
    let account = host.strip_suffix(".dfs.core.windows.net").or_else(|| host.strip_suffix(".blob.core.windows.net"));
    let account =
        account.filter(|account| !account.is_empty() && account.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    account.map(str::to_owned).ok_or_else(|| FetchError::BadUrl(format!("{host} is no storage account's host")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allows(entry: &str, url: &str) -> bool {
        let entry: LogBucket = entry.parse().unwrap();
        parse(&Url::parse(url).unwrap()).is_ok_and(|object| object.is_some_and(|object| entry.allows(&object)))
    }

    #[test]
    fn an_entry_allows_what_lies_under_it() {
        for (entry, url, expected) in [
            ("s3://logs", "s3://logs/a/b", true),
            ("s3://logs", "s3a://logs/a/b", true),
            ("s3://logs", "s3://other/a", false),
            ("s3://logs", "gs://logs/a", false),
            ("s3://logs/spark", "s3://logs/spark/a b", true),
            ("s3://logs/spark/", "s3://logs/spark/a", true),
            ("s3://logs/spark", "s3://logs/spark-secret/a", false),
            ("s3://logs/spark", "s3://logs/spark/%2e%2e/secret", false),
            ("s3://logs/spark", "s3://logs/spark/../secret", false),
            ("s3://logs", "s3://key:secret@logs/a", false),
            ("s3://logs", "s3://logs:9000/a", false),
            ("abfss://c@acc.dfs.core.windows.net/x", "abfss://c@acc.dfs.core.windows.net/x/y", true),
            ("abfss://c@acc.dfs.core.windows.net/x", "wasbs://c@acc.blob.core.windows.net/x/y", true),
            ("abfss://c@acc.dfs.core.windows.net", "abfss://c@other.dfs.core.windows.net/y", false),
            ("abfss://c@acc.dfs.core.windows.net", "abfss://c@acc.evil.example/y", false),
            ("az://c", "az://c/y", true),
        ] {
            assert_eq!(allows(entry, url), expected, "{entry} {url}");
        }
    }

    #[test]
    fn wrong_entries_are_refused() {
        for wrong in ["", "logs", "s3://", "https://logs/", "file:///logs", "abfss://c@host.example/x"] {
            assert!(wrong.parse::<LogBucket>().is_err(), "{wrong}");
        }
    }
}
