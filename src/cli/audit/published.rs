//! The part of `scanledger verify --check-blobs` that is about signed checkpoints in the blob store.

use super::Signed;
use super::check::is_bare;
use crate::cli::options::DataOptions;
use crate::cli::output::Bar;
use crate::operations::Progress;
use anyhow::{Context, Result};
use scanledger_commands::proof::{Damage, check_published, contradicted, find_unnamed};
use scanledger_domain::blob::{BlobHash, BlobStore};
use scanledger_domain::log::Position;
use serde::Serialize;
use std::collections::HashSet;
use std::sync::Arc;

/// What there is of signed checkpoints in the blob store.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::cli) struct StoredReport {
    /// Checkpoints that the state store says are there.
    pub(in crate::cli) named: u64,
    /// Checkpoints that are not stored there yet, as far as the state store knows.
    pub(in crate::cli) waiting: u64,
    /// Further ones that are there, signed with the key of this server, and that nothing names.
    pub(in crate::cli) unnamed: u64,
    /// Each thing that does not agree.
    #[serde(skip)]
    pub(in crate::cli) differences: Vec<String>,
}

/// Reads every signed checkpoint in the blob store, and holds the log against it.
///
/// Those that the state store names were held against the log already, so that it is enough that they are there and say
/// the same. Those that it names no more are looked for among the blobs that are not `living` either; if any are there,
/// the log is read once more, whose end is `head`. One that nothing names and that is gone cannot be told. `blobs` is
/// `None` if there is no store.
pub(in crate::cli) async fn check_stored(
    data: &DataOptions,
    blobs: Option<&Arc<dyn BlobStore>>,
    living: HashSet<BlobHash>,
    head: u64,
    bar: &Bar,
) -> Result<StoredReport> {
    let mut report = StoredReport::default();
    if is_bare(data) {
        return Ok(report);
    }
    // Nothing was looked at then, whether the log could be held against what was signed before or not.
    let opened = Signed::open(data).await.and_then(|signed| {
        let kept = signed.checkpoints.all().context("while reading the list of signed checkpoints")?;
        Ok((signed, kept))
    });
    let (signed, kept) = match opened {
        Ok(opened) => opened,
        Err(error) => {
            report.differences.push(format!("signed checkpoints in the blob store were not read: {error:#}"));
            return Ok(report);
        }
    };
    let named: Vec<_> = kept.iter().filter_map(|kept| Some((kept.size(), kept.blob?))).collect();
    report.named = named.len() as u64;
    report.waiting = (kept.len() - named.len()) as u64;
    let Some(blobs) = blobs else {
        let missing = named.into_iter().map(|(size, blob)| Damage::Missing { size, blob });
        report.differences.extend(missing.map(|missing| missing.to_string()));
        return Ok(report);
    };
    let show =
        |what: &str, done, total| bar.tell(Progress { what: what.to_owned(), done, total: Some(total) });
    let tell = |done| show("reading checkpoints", done, report.named);
    let damages = check_published(blobs, &kept, &signed.signer, &tell).await;
    let damages = damages.context("while reading signed checkpoints in the blob store")?;
    report.differences.extend(damages.into_iter().map(|damage| format!("{:#}", anyhow::Error::from(damage))));

    let mut known = living;
    known.extend(named.into_iter().map(|(_, blob)| blob));
    show("looking for checkpoints", 0, 0);
    let found = find_unnamed(blobs, known, &signed.signer).await;
    let found = found.context("while looking for further checkpoints in the blob store")?;
    report.unnamed = found.len() as u64;
    let tell = |done: Position| show("hashing the log", done.0, head);
    let contradictions = contradicted(&*signed.log, &found, &tell).await;
    for (blobs, how) in contradictions.context("while reading the log again")? {
        let blobs: Vec<String> = blobs.iter().map(|blob| format!("blob {blob}")).collect();
        report.differences.push(format!("{how} ({}, which nothing names)", blobs.join(" or ")));
    }
    Ok(report)
}
