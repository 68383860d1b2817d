//! Who was erased, by id alone, beside the blobs: a backup that is older than an erasure cannot know it, and whoever
//! restores it into the same store has to.
//!
//! Each is an empty object under `erased/`, so that nodes which note the same people at the same time lose nobody.

use crate::outage::refused;
use crate::{Blobs, failed};
use bytes::Bytes;
use domain::blob::BlobError;
use domain::id::SubjectId;
use futures::{StreamExt as _, TryStreamExt as _, future, stream};
use object_store::ObjectStoreExt as _;
use object_store::path::Path as Key;
use scanledger_domain as domain;
use std::collections::BTreeSet;

/// The folder of their ids.
const ERASED: &str = "erased";
/// Ids that are on their way at once.
const AT_ONCE: usize = 16;

impl Blobs {
    /// Notes who was erased; durable when it answers. Who is noted already costs nothing but a line of a list.
    ///
    /// # Errors
    /// When the store cannot be listed or written; some may be noted then.
    pub async fn note_erased(&self, subjects: &BTreeSet<SubjectId>) -> Result<(), BlobError> {
        let known = self.erased().await?;
        let new: Vec<_> = subjects.difference(&known).map(|subject| self.erased_key(*subject)).collect();
        let written =
            stream::iter(new).map(|key| async move { self.store.put(&key, Bytes::new().into()).await });
        let written = written.buffer_unordered(AT_ONCE).try_for_each(|_| future::ready(Ok(())));
        written.await.map_err(refused("note who was erased"))
    }

    /// Who is noted as erased.
    ///
    /// # Errors
    /// When the store cannot be listed, or has something else among them.
    pub async fn erased(&self) -> Result<BTreeSet<SubjectId>, BlobError> {
        let doing = "read who was erased";
        let found = self.store.list(Some(&self.prefix.clone().join(ERASED)));
        let found: Vec<_> = found.try_collect().await.map_err(refused(doing))?;
        let id = |name: &str| Ok(SubjectId(name.parse().map_err(failed::<uuid::Error>(doing))?));
        found.iter().map(|object| id(object.location.filename().unwrap_or_default())).collect()
    }

    fn erased_key(&self, subject: SubjectId) -> Key {
        self.prefix.clone().join(ERASED).join(subject.0.to_string())
    }
}
