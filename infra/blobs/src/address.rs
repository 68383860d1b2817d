//! Where blobs are kept: a folder, or a bucket named by URL and options.

use crate::{ASIDE, Blobs};
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::client::ClientConfigKey;
use object_store::local::LocalFileSystem;
use object_store::path::Path as Key;
use object_store::{ObjectStore, RetryConfig};
use scanledger_domain::Cause;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use url::Url;

/// How long a request to a bucket is tried again before it fails.
const RETRY_TIME: Duration = Duration::from_secs(30);
/// How often a request to a bucket is tried again before it fails.
const RETRIES: usize = 5;
/// How long one request to a bucket may take, unless `AWS_TIMEOUT` says otherwise.
const REQUEST_TIME: &str = "5 minutes";

/// Why a blob store cannot be opened. Says which setting is wrong, never what a secret is.
#[derive(Debug, thiserror::Error)]
pub enum AddressError {
    /// The address cannot be read.
    #[error("the address of the blob store is not a URL")]
    NotAUrl(#[from] url::ParseError),
    /// The scheme names no kind of store.
    #[error("the blob store cannot be reached by {0}: expected file:///folder or s3://bucket/prefix")]
    UnknownScheme(String),
    /// The address has parts that mean nothing: a password, a port, a query, a fragment, a host for a folder.
    #[error("the address of the blob store must not have {0}")]
    Unexpected(&'static str),
    /// `s3://` without a bucket.
    #[error("the address of the blob store names no bucket")]
    NoBucket,
    /// What follows the bucket is no prefix.
    #[error("the address of the blob store has an invalid prefix")]
    Prefix(#[source] Cause),
    /// An option that nothing reads.
    #[error("the blob store has no option {0}")]
    UnknownOption(String),
    /// An endpoint without TLS that was not asked for.
    #[error("the endpoint of the blob store is not encrypted: use https, or set AWS_ALLOW_HTTP to true")]
    Unencrypted,
    /// A value that an option cannot have, or options that do not go together.
    #[error("the options of the blob store are not valid")]
    Options(#[source] Cause),
    /// The folder cannot be made or used.
    #[error("the blob folder {} cannot be used", folder.display())]
    Folder {
        /// Which.
        folder: PathBuf,
        /// Why.
        #[source]
        source: Cause,
    },
}

impl Blobs {
    /// Blobs in a local folder, which is made if it is not there, readable by this user alone.
    ///
    /// # Errors
    /// [`AddressError::Folder`] if it cannot be made, or is a file.
    pub fn local(folder: impl AsRef<Path>) -> Result<Self, AddressError> {
        let folder = folder.as_ref();
        open_folder(folder)
            .map_err(|source| AddressError::Folder { folder: folder.to_owned(), source: Box::new(source) })
    }

    /// Blobs at `file:///folder` or `s3://bucket/prefix`.
    ///
    /// The options are those of other S3 clients, in any case and order: `AWS_ACCESS_KEY_ID`,
    /// `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`, `AWS_REGION`, `AWS_ENDPOINT_URL`, `AWS_ALLOW_HTTP`,
    /// `AWS_VIRTUAL_HOSTED_STYLE_REQUEST`, `AWS_TIMEOUT` and what else [`AmazonS3ConfigKey`] lists. Names that
    /// begin with `AWS_` and mean nothing here are logged and left out, because an environment holds settings
    /// of other programs; any other unknown name is an error. Without keys, the credentials of the machine or
    /// container are used. The environment is not looked at, and nothing is sent until a blob is used.
    ///
    /// # Errors
    /// An [`AddressError`] that names the setting which is wrong.
    pub fn from_url<K: AsRef<str>, V: Into<String>>(
        url: &str,
        options: impl IntoIterator<Item = (K, V)>,
    ) -> Result<Self, AddressError> {
        let url = Url::parse(url)?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(AddressError::Unexpected("a user or password"));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(AddressError::Unexpected("a query or fragment"));
        }
        match url.scheme() {
            "file" => {
                let folder = url.to_file_path().map_err(|()| AddressError::Unexpected("a host"))?;
                Self::local(folder)
            }
            "s3" => open_bucket(&url, options),
            scheme => Err(AddressError::UnknownScheme(scheme.to_owned())),
        }
    }
}

fn open_folder(folder: &Path) -> io::Result<Blobs> {
    create_private(folder)?;
    let folder = folder.canonicalize()?;
    if let Some(parent) = folder.parent() {
        sync_folder(parent)?;
    }
    // Made now, since otherwise a writer could answer for a blob in a folder that another is just making and
    // has not synced.
    for first in 0..=u8::MAX {
        create_private(&folder.join(format!("{first:02x}")))?;
    }
    create_private(&folder.join(ASIDE))?;
    sync_folder(&folder)?;
    let store = LocalFileSystem::new_with_prefix(&folder)?.with_fsync(true);
    Ok(Blobs { store: Arc::new(store), prefix: Key::default(), folder: Some(folder) })
}

/// Sources and reports are nobody else's business, so only the owner may enter a new folder.
fn create_private(folder: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// Makes what was renamed into `folder` survive a power cut.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    // Other systems cannot open a folder as a file, and order such changes themselves.
    if cfg!(unix) { std::fs::File::open(folder)?.sync_all() } else { Ok(()) }
}

fn open_bucket<K: AsRef<str>, V: Into<String>>(
    url: &Url,
    options: impl IntoIterator<Item = (K, V)>,
) -> Result<Blobs, AddressError> {
    let bucket = url.host_str().filter(|bucket| !bucket.is_empty()).ok_or(AddressError::NoBucket)?;
    if url.port().is_some() {
        return Err(AddressError::Unexpected("a port: the endpoint belongs into AWS_ENDPOINT_URL"));
    }
    let prefix = Key::from_url_path(url.path()).map_err(|error| AddressError::Prefix(error.into()))?;
    // One blob is deleted at a time, and not every S3-compatible store knows the bulk request.
    let mut builder = AmazonS3Builder::new()
        .with_config(AmazonS3ConfigKey::DisableBulkDelete, "true")
        .with_config(AmazonS3ConfigKey::Client(ClientConfigKey::Timeout), REQUEST_TIME)
        .with_retry(RetryConfig {
            max_retries: RETRIES,
            retry_timeout: RETRY_TIME,
            ..RetryConfig::default()
        });
    for (name, value) in options {
        let name = name.as_ref().to_ascii_lowercase();
        match name.parse::<AmazonS3ConfigKey>() {
            Ok(AmazonS3ConfigKey::Bucket) => {
                return Err(AddressError::Unexpected("its bucket in the options as well"));
            }
            Ok(option) => builder = builder.with_config(option, value),
            Err(_) if name.starts_with("aws_") => {
                tracing::warn!(
                    option = name.to_ascii_uppercase(),
                    "the blob store does not know this option"
                );
            }
            Err(_) => return Err(AddressError::UnknownOption(name)),
        }
    }
    if is_unencrypted(&builder) {
        return Err(AddressError::Unencrypted);
    }
    let store =
        builder.with_bucket_name(bucket).build().map_err(|error| AddressError::Options(error.into()))?;
    Ok(Blobs { store: Arc::new(store) as Arc<dyn ObjectStore>, prefix, folder: None })
}

/// Whether requests would go out in clear, or fail later and say less.
fn is_unencrypted(builder: &AmazonS3Builder) -> bool {
    let option = |key| builder.get_config_value(&key);
    let endpoint = option(AmazonS3ConfigKey::S3Endpoint).or_else(|| option(AmazonS3ConfigKey::Endpoint));
    let allowed = option(AmazonS3ConfigKey::Client(ClientConfigKey::AllowHttp));
    let allowed = allowed.is_some_and(|value| {
        matches!(value.to_ascii_lowercase().as_str(), "1" | "true" | "on" | "yes" | "y")
    });
    !allowed && endpoint.is_some_and(|endpoint| endpoint.to_ascii_lowercase().starts_with("http:"))
}
