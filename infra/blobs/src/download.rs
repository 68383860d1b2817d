//! Writes a blob to a new file without reading it into memory whole.

use crate::{Blobs, Fault, blocking, failed, missing_or_failed};
use bytes::Bytes;
use domain::Cause;
use domain::blob::{BlobError, BlobHash};
use futures::StreamExt as _;
use object_store::GetResultPayload;
use scanledger_domain as domain;
use sha2::{Digest as _, Sha256};
use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

/// Bytes that are gathered before a thread is asked to write them.
const BUFFER_BYTES: usize = 1024 * 1024;

/// A new file that is being written and hashed; it goes away unless [`Target::keep`] is reached.
struct Target {
    file: File,
    hash: Sha256,
    path: PathBuf,
    keep: bool,
}

impl Target {
    fn create(path: PathBuf) -> Result<Self, Cause> {
        let file = OpenOptions::new().write(true).create_new(true).open(&path)?;
        Ok(Self { file, hash: Sha256::new(), path, keep: false })
    }

    fn write(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.hash.update(bytes);
        self.file.write_all(bytes)
    }

    fn copy_from(&mut self, mut blob: File) -> std::io::Result<()> {
        let mut buffer = vec![0; BUFFER_BYTES];
        loop {
            match blob.read(&mut buffer) {
                Ok(0) => return Ok(()),
                Ok(read) => self.write(&buffer[..read])?,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => (),
                Err(error) => return Err(error),
            }
        }
    }

    fn keep(mut self, hash: BlobHash) -> Result<(), Cause> {
        match BlobHash(self.hash.finalize_reset().into()) {
            actual if actual == hash => {
                self.keep = true;
                Ok(())
            }
            actual => Err(Fault::Corrupt(actual).into()),
        }
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        if !self.keep
            && let Err(error) = std::fs::remove_file(&self.path)
        {
            tracing::warn!(%error, "an unfinished download could not be removed");
        }
    }
}

impl Blobs {
    pub(crate) async fn download(&self, hash: BlobHash, path: &Path) -> Result<(), BlobError> {
        let found = self.get(hash).await?;
        let path = path.to_owned();
        let mut target = blocking("create a file for a blob", move || Target::create(path)).await?;
        match found.payload {
            GetResultPayload::File(blob, _) => {
                target = blocking("copy a blob to a file", move || {
                    target.copy_from(blob)?;
                    Ok(target)
                })
                .await?;
            }
            GetResultPayload::Stream(mut stream) => {
                let mut waiting = Vec::new();
                let mut waiting_bytes = 0;
                while let Some(chunk) = stream.next().await {
                    let chunk = chunk.map_err(missing_or_failed(hash))?;
                    waiting_bytes += chunk.len();
                    waiting.push(chunk);
                    if waiting_bytes >= BUFFER_BYTES {
                        target = write_all(target, std::mem::take(&mut waiting)).await?;
                        waiting_bytes = 0;
                    }
                }
                target = write_all(target, waiting).await?;
            }
        }
        target.keep(hash).map_err(failed("verify a blob"))
    }
}

async fn write_all(mut target: Target, chunks: Vec<Bytes>) -> Result<Target, BlobError> {
    blocking("write a blob to a file", move || {
        chunks.iter().try_for_each(|chunk| target.write(chunk))?;
        Ok(target)
    })
    .await
}
