//! Code excerpts of findings: pieces of blobs, each blob loaded once and kept for a while.

use moka::sync::Cache;
use scanledger_domain::blob::{BlobError, BlobHash, BlobStore};
use scanledger_domain::branch::ExcerptRef;
use std::collections::HashMap;
use std::sync::Arc;

/// Bytes of blobs that are kept.
const KEPT_BYTES: u64 = 16 * 1024 * 1024;

/// Reads excerpts.
pub struct Excerpts(Cache<BlobHash, Arc<[u8]>>);

impl Default for Excerpts {
    fn default() -> Self {
        let weight = |_: &BlobHash, blob: &Arc<[u8]>| u32::try_from(blob.len()).unwrap_or(u32::MAX);
        Self(Cache::builder().weigher(weight).max_capacity(KEPT_BYTES).build())
    }
}

impl Excerpts {
    /// The excerpts of a page, in its order; `None` where there is none or its blob is gone.
    ///
    /// # Errors
    /// When the blob store fails.
    pub async fn read(
        &self,
        blobs: &dyn BlobStore,
        wanted: &[Option<ExcerptRef>],
    ) -> Result<Vec<Option<String>>, BlobError> {
        let mut loaded: HashMap<BlobHash, Option<Arc<[u8]>>> = HashMap::new();
        let mut texts = Vec::with_capacity(wanted.len());
        for piece in wanted {
            let Some(piece) = piece else {
                texts.push(None);
                continue;
            };
            let blob = match loaded.get(&piece.blob) {
                Some(blob) => blob.clone(),
                None => {
                    let blob = self.load(blobs, piece.blob).await?;
                    loaded.insert(piece.blob, blob.clone());
                    blob
                }
            };
            texts.push(blob.and_then(|blob| cut(&blob, *piece)));
        }
        Ok(texts)
    }

    async fn load(&self, blobs: &dyn BlobStore, hash: BlobHash) -> Result<Option<Arc<[u8]>>, BlobError> {
        if let Some(blob) = self.0.get(&hash) {
            return Ok(Some(blob));
        }
        match blobs.load(hash).await {
            Ok(bytes) => {
                let blob: Arc<[u8]> = bytes.into();
                self.0.insert(hash, Arc::clone(&blob));
                Ok(Some(blob))
            }
            Err(BlobError::Missing(hash)) => {
                tracing::warn!(blob.hash = %hash, "a blob of excerpts is missing");
                Ok(None)
            }
            Err(error @ BlobError::Failed { .. }) => Err(error),
        }
    }
}

fn cut(blob: &[u8], piece: ExcerptRef) -> Option<String> {
    let start = piece.start as usize;
    let bytes = blob.get(start..start.checked_add(piece.length as usize)?)?;
    Some(String::from_utf8_lossy(bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::Excerpts;
    use scanledger_domain::BoxFuture;
    use scanledger_domain::blob::{BlobError, BlobHash, BlobStore, Listed, Shelf};
    use scanledger_domain::branch::ExcerptRef;
    use std::collections::HashMap;
    use std::ops::Range;
    use std::path::{Path, PathBuf};
    use std::sync::atomic::{AtomicUsize, Ordering};
    use uuid::Uuid;

    /// Blobs in memory that count how often they are loaded.
    #[derive(Default)]
    struct Counted {
        blobs: HashMap<BlobHash, Vec<u8>>,
        loads: AtomicUsize,
    }

    impl BlobStore for Counted {
        fn owner(&self, log: Uuid) -> BoxFuture<'_, Result<Uuid, BlobError>> {
            Box::pin(async move { Ok(log) })
        }

        fn put(&self, bytes: Vec<u8>) -> BoxFuture<'_, Result<BlobHash, BlobError>> {
            Box::pin(async move { Ok(BlobHash::of(&bytes)) })
        }

        fn put_file(&self, _: PathBuf) -> BoxFuture<'_, Result<(BlobHash, u64), BlobError>> {
            Box::pin(async { Ok((BlobHash([0; 32]), 0)) })
        }

        fn load(&self, hash: BlobHash) -> BoxFuture<'_, Result<Vec<u8>, BlobError>> {
            self.loads.fetch_add(1, Ordering::Relaxed);
            Box::pin(async move { self.blobs.get(&hash).cloned().ok_or(BlobError::Missing(hash)) })
        }

        fn load_range(&self, hash: BlobHash, _: Range<u64>) -> BoxFuture<'_, Result<Vec<u8>, BlobError>> {
            self.load(hash)
        }

        fn load_to_file<'a>(&'a self, hash: BlobHash, _: &'a Path) -> BoxFuture<'a, Result<(), BlobError>> {
            Box::pin(async move { Err(BlobError::Missing(hash)) })
        }

        fn contains(&self, hash: BlobHash) -> BoxFuture<'_, Result<bool, BlobError>> {
            Box::pin(async move { Ok(self.blobs.contains_key(&hash)) })
        }

        fn remove(&self, _: BlobHash) -> BoxFuture<'_, Result<(), BlobError>> {
            Box::pin(async { Ok(()) })
        }

        fn set_aside(&self, _: BlobHash) -> BoxFuture<'_, Result<(), BlobError>> {
            Box::pin(async { Ok(()) })
        }

        fn put_back(&self, _: BlobHash) -> BoxFuture<'_, Result<(), BlobError>> {
            Box::pin(async { Ok(()) })
        }

        fn discard(&self, _: BlobHash) -> BoxFuture<'_, Result<(), BlobError>> {
            Box::pin(async { Ok(()) })
        }

        fn list(&self, _: Shelf, _: u8) -> BoxFuture<'_, Result<Vec<Listed>, BlobError>> {
            Box::pin(async { Ok(vec![]) })
        }
    }

    #[tokio::test]
    async fn a_blob_is_loaded_once_for_a_page_and_kept_for_the_next() {
        let bytes = "let key = 1;fn main()".as_bytes().to_vec();
        let blob = BlobHash::of(&bytes);
        let store = Counted { blobs: [(blob, bytes)].into(), ..Counted::default() };
        let piece = |start, length| Some(ExcerptRef { blob, start, length });
        let gone = Some(ExcerptRef { blob: BlobHash([9; 32]), start: 0, length: 1 });
        let excerpts = Excerpts::default();
        let page = [piece(0, 12), None, piece(12, 9), piece(20, 2), piece(u32::MAX, 1)];
        for _ in 0..2 {
            let texts = excerpts.read(&store, &page).await.unwrap();
            let expected = [Some("let key = 1;"), None, Some("fn main()"), None, None];
            assert_eq!(texts, expected.map(|text| text.map(str::to_owned)));
        }
        assert_eq!(store.loads.load(Ordering::Relaxed), 1);
        assert_eq!(excerpts.read(&store, &[gone]).await.unwrap(), [None]);
    }
}
