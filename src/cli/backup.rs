//! `scanledger backup`.

use super::operate::{Missing, operate, unexpected};
use super::options::BackupOptions;
use super::output::{Exit, json, line, notice};
use crate::backup::{Contents, Wanted};
use crate::operations::{Operation, Outcome};
use anyhow::{Context, Result};
use std::path::{Path, PathBuf};

pub(super) async fn run(options: BackupOptions) -> Result<Exit> {
    let BackupOptions { store, out, keys_out, without_blobs, json: wanted } = options;
    let has_keys = keys_out.is_some();
    let blobs = if without_blobs { Contents::Hashes } else { Contents::Bytes };
    let wanted_backup =
        Wanted { out: absolute(&out)?, keys_out: keys_out.as_deref().map(absolute).transpose()?, blobs };
    let outcome = operate(&store, Missing::Refuse, Operation::BackUp(wanted_backup)).await?;
    let Outcome::BackedUp(done) = outcome else { return unexpected() };
    if wanted.wanted {
        json(&done);
    } else {
        let listed = if without_blobs { "hashes of blobs" } else { "blobs" };
        line(&format!(
            "backed up {} events up to position {}, {} checkpoints and {} {listed}: {} bytes in {}",
            done.events,
            done.position,
            done.checkpoints,
            done.blobs,
            done.bytes,
            out.display()
        ));
    }
    if !has_keys {
        notice("the keys are not in it: back them up with --keys-out, or with `scanledger keys backup`");
    }
    for blob in &done.lost_blobs {
        notice(&format!("warning: blob {blob} is not there, and something names it that was not deleted"));
    }
    if let Some(more @ 1..) = done.lost.checked_sub(done.lost_blobs.len() as u64) {
        notice(&format!("warning: {more} more blobs are not there"));
    }
    Ok(if done.lost == 0 { Exit::Done } else { Exit::Partly })
}

/// The path as a server in another folder has to know it.
fn absolute(path: &Path) -> Result<PathBuf> {
    std::path::absolute(path).with_context(|| format!("while reading the path {}", path.display()))
}
