//! Sends a blob in parts that fit into memory, and makes sure that it is the blob its key says.

use crate::outage::refused;
use crate::{Blobs, Fault, blocking, failed};
use bytes::Bytes;
use domain::Cause;
use domain::blob::{BlobError, BlobHash};
use object_store::{ObjectStoreExt as _, WriteMultipart};
use scanledger_domain as domain;
use sha2::{Digest as _, Sha256};
use std::fs::File;
use std::io::{Read, Seek as _, SeekFrom};
use std::path::Path;

/// Bytes of a part. S3 wants at least 5 MiB and at most 10,000 parts, so a blob may have 80 GB.
const PART_BYTES: usize = 8 * 1024 * 1024;
/// Parts on their way at once; one more is being read.
const PARTS_AT_ONCE: usize = 3;
/// Bytes read at once for hashing.
const BUFFER_BYTES: usize = 256 * 1024;

/// Something to store, read part by part and hashed on the way.
pub(crate) struct Source<R> {
    reader: R,
    hash: Sha256,
}

impl<R: Read + Send + 'static> Source<R> {
    pub(crate) fn new(reader: R) -> Self {
        Self { reader, hash: Sha256::new() }
    }

    /// The next part: [`PART_BYTES`] long, shorter at the end and empty behind it.
    async fn part(mut self) -> Result<(Self, Bytes), BlobError> {
        blocking("read what is to be stored", move || {
            let mut part = Vec::new();
            self.reader.by_ref().take(PART_BYTES as u64).read_to_end(&mut part)?;
            self.hash.update(&part);
            Ok((self, part.into()))
        })
        .await
    }

    fn must_have_been(self, hash: BlobHash) -> Result<(), BlobError> {
        match BlobHash(self.hash.finalize().into()) {
            actual if actual == hash => Ok(()),
            _ => Err(failed("store a file")(Fault::Changed)),
        }
    }
}

/// The open file, rewound, with the hash and size of its content.
pub(crate) fn hash_file(path: &Path) -> Result<(File, BlobHash, u64), Cause> {
    let mut file = File::open(path)?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; BUFFER_BYTES];
    let mut size = 0;
    loop {
        match file.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => {
                hash.update(&buffer[..read]);
                size += read as u64;
            }
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => (),
            Err(error) => return Err(error.into()),
        }
    }
    file.seek(SeekFrom::Start(0))?;
    Ok((file, BlobHash(hash.finalize().into()), size))
}

impl Blobs {
    /// Stores what `source` gives under `hash`, or nothing if it is something else.
    pub(crate) async fn upload<R: Read + Send + 'static>(
        &self,
        hash: BlobHash,
        source: Source<R>,
    ) -> Result<(), BlobError> {
        let key = self.key(hash);
        let (source, first) = source.part().await?;
        if first.len() < PART_BYTES {
            source.must_have_been(hash)?;
            self.store.put(&key, first.into()).await.map_err(refused("write a blob"))?;
            return Ok(());
        }
        let upload = self.store.put_multipart(&key).await.map_err(refused("begin to write a blob"))?;
        let mut parts = WriteMultipart::new_with_chunk_size(upload, PART_BYTES);
        if let Err(error) = send(&mut parts, first, source, hash).await {
            if let Err(abort) = parts.abort().await {
                tracing::warn!(blob.hash = %hash, error = %abort, "an unfinished blob could not be taken back");
            }
            return Err(error);
        }
        parts.finish().await.map_err(refused("finish a blob"))?;
        Ok(())
    }
}

async fn send<R: Read + Send + 'static>(
    parts: &mut WriteMultipart,
    mut part: Bytes,
    mut source: Source<R>,
    hash: BlobHash,
) -> Result<(), BlobError> {
    while !part.is_empty() {
        parts.wait_for_capacity(PARTS_AT_ONCE).await.map_err(refused("write a part of a blob"))?;
        parts.put(part);
        (source, part) = source.part().await?;
    }
    source.must_have_been(hash)
}

#[cfg(test)]
mod tests {
    use super::{PART_BYTES, Source};
    use crate::Blobs;
    use domain::blob::{BlobHash, BlobStore as _};
    use scanledger_domain as domain;
    use std::io::Cursor;

    #[tokio::test]
    async fn a_file_that_changed_while_it_was_read_is_not_stored() {
        for size in [10, PART_BYTES, 2 * PART_BYTES + 1] {
            let folder = tempfile::tempdir().unwrap();
            let blobs = Blobs::local(folder.path()).unwrap();
            let hash = BlobHash::of(b"what it was at first");

            let refused = blobs.upload(hash, Source::new(Cursor::new(vec![7; size]))).await;

            assert!(refused.is_err(), "{size} bytes");
            assert!(!blobs.contains(hash).await.unwrap(), "{size} bytes");
        }
    }
}
