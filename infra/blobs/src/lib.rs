//! Blobs by content hash in a local folder or an S3-compatible bucket.
//!
//! A blob lies under `<first two hex digits>/<64 hex digits>`, so that no folder grows beyond a 256th of the
//! store; what was set aside lies under `aside/` in the same order, `owner` says whose blobs these are, and `erased/`
//! who was erased. In a folder a blob is written beside its place, synced, renamed and its folder synced: it is either
//! there whole and for good, or not at all. A bucket wants a lifecycle rule that ends multipart uploads which were never
//! completed, since a process that dies in one cannot take it back.
//!
//! Errors of a bucket that does not answer, or is too busy to, name [`domain::OutOfReach`] among their causes.

mod address;
mod download;
mod erased;
mod outage;
mod upload;

pub use address::AddressError;

use bytes::Bytes;
use domain::blob::{BlobError, BlobHash, BlobStore, Listed, OWNER, Shelf};
use domain::time::Timestamp;
use domain::{BoxFuture, Cause};
use futures::TryStreamExt as _;
use object_store::path::Path as Key;
use object_store::{GetResult, ObjectMeta, ObjectStore, ObjectStoreExt as _};
use outage::refused;
use scanledger_domain as domain;
use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use upload::Source;
use uuid::Uuid;

/// The folder of what was set aside.
const ASIDE: &str = "aside";

/// A store of blobs in one place: a folder or a bucket. Needs a tokio runtime to be used.
#[derive(Clone)]
pub struct Blobs {
    store: Arc<dyn ObjectStore>,
    prefix: Key,
    /// Where the store lies, if it is a folder.
    folder: Option<PathBuf>,
}

/// What is wrong with bytes that came from somewhere else.
#[derive(Debug, thiserror::Error)]
enum Fault {
    /// What was read is not what was written.
    #[error("the content is corrupt: its hash is {0}")]
    Corrupt(BlobHash),
    /// The file to store had another content when it was read for the second time.
    #[error("the file changed while it was being stored")]
    Changed,
}

impl fmt::Debug for Blobs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Blobs").field("store", &format_args!("{}", self.store)).finish_non_exhaustive()
    }
}

impl Blobs {
    /// The place of a blob.
    fn key(&self, hash: BlobHash) -> Key {
        self.key_on(Shelf::Place, hash)
    }

    /// Where a blob lies that was set aside.
    fn key_aside(&self, hash: BlobHash) -> Key {
        self.key_on(Shelf::Aside, hash)
    }

    fn key_on(&self, shelf: Shelf, hash: BlobHash) -> Key {
        let name = hash.to_string();
        self.folder_of(shelf, hash.0[0]).join(name.as_str())
    }

    /// Where the blobs of a shelf lie whose hashes begin with a byte.
    fn folder_of(&self, shelf: Shelf, first: u8) -> Key {
        let shelf = match shelf {
            Shelf::Place => self.prefix.clone(),
            Shelf::Aside => self.prefix.clone().join(ASIDE),
        };
        shelf.join(format!("{first:02x}"))
    }

    async fn listed(&self, shelf: Shelf, first: u8) -> Result<Vec<Listed>, BlobError> {
        let found = self.store.list(Some(&self.folder_of(shelf, first)));
        let blobs = found.try_filter_map(|object| async move { Ok(self.blob_at(shelf, &object)) });
        blobs.try_collect().await.map_err(refused("list blobs"))
    }

    /// The blob that lies at a key, if the key is the blob's own.
    fn blob_at(&self, shelf: Shelf, object: &ObjectMeta) -> Option<Listed> {
        let blob = object.location.filename()?.parse().ok()?;
        let written = Timestamp(object.last_modified.timestamp_micros());
        (self.key_on(shelf, blob) == object.location).then_some(Listed { blob, written })
    }

    /// Asks for a blob wherever it may be: in its place, aside, or in its place again if it was put back meanwhile.
    async fn find<T, F: Future<Output = object_store::Result<T>>>(
        &self,
        hash: BlobHash,
        ask: impl Fn(Key) -> F,
    ) -> object_store::Result<T> {
        let mut found = ask(self.key(hash)).await;
        for key in [self.key_aside(hash), self.key(hash)] {
            if !matches!(found, Err(object_store::Error::NotFound { .. })) {
                break;
            }
            found = ask(key).await;
        }
        found
    }

    async fn exists(&self, hash: BlobHash) -> Result<bool, BlobError> {
        match self.find(hash, |key| async move { self.store.head(&key).await }).await {
            Ok(_) => Ok(true),
            Err(object_store::Error::NotFound { .. }) => Ok(false),
            Err(error) => Err(refused("look for a blob")(error)),
        }
    }

    /// Moves what is there, in one step in a folder; in a bucket it is in both places for a moment.
    async fn shift(&self, from: Key, to: Key) -> Result<(), BlobError> {
        match self.store.rename(&from, &to).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(refused("move a blob")(error)),
        }
    }

    /// How long the blob in its place is in bytes; `None` if none is there. One request.
    async fn stored_size(&self, hash: BlobHash) -> Result<Option<u64>, BlobError> {
        match self.store.head(&self.key(hash)).await {
            Ok(found) => Ok(Some(found.size)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(refused("look for a blob")(error)),
        }
    }

    /// Whether the blob is there for good, so that writing it again can be left out.
    ///
    /// A blob of another size than it should have was damaged, and is written again.
    async fn is_stored(&self, hash: BlobHash, size: u64) -> Result<bool, BlobError> {
        if self.stored_size(hash).await? != Some(size) {
            return Ok(false);
        }
        if let Some(folder) = self.folder.clone() {
            // Another writer may have renamed the blob into place a moment ago and not have synced the folder
            // yet; whoever says "durable" has to know it.
            let name = hash.to_string();
            blocking("sync the folder of a blob", move || {
                Ok(address::sync_folder(&folder.join(&name[..2]))?)
            })
            .await?;
        }
        Ok(true)
    }

    async fn store_bytes(&self, bytes: Vec<u8>) -> Result<BlobHash, BlobError> {
        let (hash, bytes) =
            blocking("hash a blob", move || Ok((BlobHash::of(&bytes), Bytes::from(bytes)))).await?;
        if !self.is_stored(hash, bytes.len() as u64).await? {
            self.upload(hash, Source::new(std::io::Cursor::new(bytes))).await?;
        }
        Ok(hash)
    }

    async fn store_file(&self, path: PathBuf) -> Result<(BlobHash, u64), BlobError> {
        let (file, hash, size) = blocking("hash a file", move || upload::hash_file(&path)).await?;
        if !self.is_stored(hash, size).await? {
            self.upload(hash, Source::new(file)).await?;
        }
        Ok((hash, size))
    }

    async fn get(&self, hash: BlobHash) -> Result<GetResult, BlobError> {
        let found = self.find(hash, |key| async move { self.store.get(&key).await }).await;
        found.map_err(missing_or_failed(hash))
    }

    async fn read(&self, hash: BlobHash) -> Result<Vec<u8>, BlobError> {
        let found = self.get(hash).await?;
        let bytes = found.bytes().await.map_err(missing_or_failed(hash))?;
        blocking("verify a blob", move || match BlobHash::of(&bytes) {
            actual if actual == hash => Ok(Vec::from(bytes)),
            actual => Err(Fault::Corrupt(actual).into()),
        })
        .await
    }

    async fn read_range(&self, hash: BlobHash, range: Range<u64>) -> Result<Vec<u8>, BlobError> {
        if range.is_empty() {
            return if self.exists(hash).await? { Ok(Vec::new()) } else { Err(BlobError::Missing(hash)) };
        }
        let ask = |key| {
            let range = range.clone();
            async move { self.store.get_range(&key, range).await }
        };
        let part = self.find(hash, ask).await.map_err(missing_or_failed(hash))?;
        Ok(part.into())
    }

    /// Whose the store is, if that is noted.
    async fn noted_owner(&self, key: &Key) -> Result<Option<Uuid>, BlobError> {
        let doing = "read whose blobs these are";
        let found = match self.store.get(key).await {
            Ok(found) => found,
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(refused(doing)(error)),
        };
        let bytes = found.bytes().await.map_err(refused(doing))?;
        let text = std::str::from_utf8(&bytes).map_err(failed(doing))?;
        Ok(Some(text.trim().parse().map_err(failed::<uuid::Error>(doing))?))
    }

    async fn owner_or(&self, log: Uuid) -> Result<Uuid, BlobError> {
        let key = self.prefix.clone().join(OWNER);
        if let Some(owner) = self.noted_owner(&key).await? {
            return Ok(owner);
        }
        let doing = "note whose blobs these are";
        self.store.put(&key, log.to_string().into()).await.map_err(refused(doing))?;
        // Not every S3-compatible store can write what is not there yet and nothing else, so another log may have
        // written as well; the last one has it.
        Ok(self.noted_owner(&key).await?.unwrap_or(log))
    }

    async fn delete(&self, key: Key) -> Result<(), BlobError> {
        match self.store.delete(&key).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(refused("remove a blob")(error)),
        }
    }
}

impl BlobStore for Blobs {
    fn owner(&self, log: Uuid) -> BoxFuture<'_, Result<Uuid, BlobError>> {
        Box::pin(self.owner_or(log))
    }

    /// A blob that is there already costs one request and is not sent again.
    fn put(&self, bytes: Vec<u8>) -> BoxFuture<'_, Result<BlobHash, BlobError>> {
        Box::pin(self.store_bytes(bytes))
    }

    /// Reads the file twice (once for the hash, which is the key), and notices if it changes in between.
    fn put_file(&self, path: PathBuf) -> BoxFuture<'_, Result<(BlobHash, u64), BlobError>> {
        Box::pin(self.store_file(path))
    }

    /// Fails if the content is not what was stored.
    fn load(&self, hash: BlobHash) -> BoxFuture<'_, Result<Vec<u8>, BlobError>> {
        Box::pin(self.read(hash))
    }

    /// Ends where the blob ends; fails if the range starts there or later. The hash cannot be verified.
    fn load_range(&self, hash: BlobHash, range: Range<u64>) -> BoxFuture<'_, Result<Vec<u8>, BlobError>> {
        Box::pin(self.read_range(hash, range))
    }

    /// Fails if the content is not what was stored; leaves no file behind when it fails.
    fn load_to_file<'a>(&'a self, hash: BlobHash, path: &'a Path) -> BoxFuture<'a, Result<(), BlobError>> {
        Box::pin(self.download(hash, path))
    }

    fn contains(&self, hash: BlobHash) -> BoxFuture<'_, Result<bool, BlobError>> {
        Box::pin(self.exists(hash))
    }

    fn remove(&self, hash: BlobHash) -> BoxFuture<'_, Result<(), BlobError>> {
        Box::pin(self.delete(self.key(hash)))
    }

    fn set_aside(&self, hash: BlobHash) -> BoxFuture<'_, Result<(), BlobError>> {
        Box::pin(self.shift(self.key(hash), self.key_aside(hash)))
    }

    fn put_back(&self, hash: BlobHash) -> BoxFuture<'_, Result<(), BlobError>> {
        Box::pin(self.shift(self.key_aside(hash), self.key(hash)))
    }

    fn discard(&self, hash: BlobHash) -> BoxFuture<'_, Result<(), BlobError>> {
        Box::pin(self.delete(self.key_aside(hash)))
    }

    /// One request for each thousand of them in a bucket.
    fn list(&self, shelf: Shelf, first: u8) -> BoxFuture<'_, Result<Vec<Listed>, BlobError>> {
        Box::pin(self.listed(shelf, first))
    }
}

/// Work that reads, writes or hashes, away from the threads that serve.
async fn blocking<T: Send + 'static>(
    doing: &'static str,
    work: impl FnOnce() -> Result<T, Cause> + Send + 'static,
) -> Result<T, BlobError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(outcome) => outcome.map_err(|source| BlobError::Failed { doing, source }),
        Err(panicked) => Err(failed(doing)(panicked)),
    }
}

fn failed<E: Into<Cause>>(doing: &'static str) -> impl FnOnce(E) -> BlobError {
    move |error| BlobError::Failed { doing, source: error.into() }
}

fn missing_or_failed(hash: BlobHash) -> impl FnOnce(object_store::Error) -> BlobError {
    move |error| match error {
        object_store::Error::NotFound { .. } => BlobError::Missing(hash),
        error => refused("read a blob")(error),
    }
}
