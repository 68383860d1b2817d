//! `scanledger verify`.

mod blobs;

use super::audit::{StoredReport, check_signed};
use super::options::VerifyOptions;
use super::output::{Bar, Exit, json, line};
use crate::data::DataFolder;
use crate::log::OpenLog;
use crate::operations::Progress;
use anyhow::{Context, Result};
use scanledger_domain::blob::BlobHash;
use scanledger_domain::event::Event;
use scanledger_domain::log::{EventLog, Metadata, Position, StreamName};
use scanledger_projections::branch::{BrokenBranch, broken_branches};
use scanledger_projections::store::{Snapshot, TableDigest, table_digests};
use scanledger_projections::{ProjectorError, living_blobs};
use serde::Serialize;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// Events read at once.
const READ_EVENTS: usize = 2_000;
/// Differences that are listed; further ones are counted.
const LISTED: usize = 20;

/// What was found.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Findings {
    position: u64,
    events: u64,
    streams: u64,
    /// Signed checkpoints that the log was held against, and events of the largest of them.
    checkpoints: u64,
    signed: u64,
    views_position: u64,
    tables: Vec<TableOut>,
    /// Blobs that are named and were looked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    blobs: Option<u64>,
    /// Signed checkpoints in the blob store.
    #[serde(skip_serializing_if = "Option::is_none")]
    stored_checkpoints: Option<StoredReport>,
    differences: u64,
    listed: Vec<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct TableOut {
    table: String,
    rows: u64,
    digest: String,
    equal: bool,
}

impl Findings {
    fn differs(&mut self, what: String) {
        self.differences += 1;
        if self.listed.len() < LISTED {
            self.listed.push(what);
        }
    }

    /// As [`Self::differs`], half of the list at most, before everything else.
    fn differs_first(&mut self, mut what: Vec<String>) {
        self.differences += what.len() as u64;
        what.truncate(LISTED / 2);
        self.listed.splice(0..0, what);
        self.listed.truncate(LISTED);
    }
}

pub(super) async fn run(options: VerifyOptions) -> Result<Exit> {
    let data = &options.store.data;
    let folder = data.folder();
    folder.require(&data.log)?;
    let log = OpenLog::open_read_only(&data.log, &folder).await?.port();
    let bar = Bar::new();
    let mut found = Findings::default();
    check_log(&*log, &mut found, &bar).await?;
    check_signatures(&options, &mut found, &bar).await?;
    let living = check_views(&folder, &log, options.check_blobs, &mut found, &bar).await?;
    if options.check_blobs {
        blobs::check(&options.store, living, &mut found, &bar).await?;
    }
    bar.finish();
    if options.json.wanted {
        json(&found);
    } else {
        show(&found);
    }
    Ok(if found.differences == 0 { Exit::Done } else { Exit::No })
}

/// Positions in order, and without a hole where the log has none; versions of every stream without a hole, and every
/// event readable.
async fn check_log(log: &dyn EventLog, found: &mut Findings, bar: &Bar) -> Result<()> {
    let head = log.head().await?;
    let mut streams: HashMap<StreamName, u64> = HashMap::new();
    let mut after = Position::START;
    let mut last_at = i64::MIN;
    while after < head {
        let batch = log.read_all(after, READ_EVENTS).await?;
        if batch.is_empty() {
            found.differs(format!("the log ends at {after}, before its head at {head}"));
            break;
        }
        for recorded in &batch {
            let is_next = recorded.position.0 == after.0 + 1;
            if recorded.position <= after || (log.is_contiguous() && !is_next) {
                found.differs(format!("position {} follows {after}", recorded.position));
            }
            after = recorded.position;
            found.events += 1;
            if recorded.recorded_at.0 <= last_at {
                found.differs(format!("the event at {after} is not later than the one before it"));
            }
            last_at = recorded.recorded_at.0;
            let version = streams.entry(recorded.stream.clone()).or_default();
            *version += 1;
            if recorded.version.0 != *version {
                found.differs(format!(
                    "{} has version {} where {version} is due",
                    recorded.stream, recorded.version
                ));
                *version = recorded.version.0;
            }
            if let Err(error) = Event::of(recorded) {
                found.differs(format!("the event at {after} cannot be read: {error}"));
            }
            if Metadata::decode(&recorded.metadata).is_err() {
                found.differs(format!("the metadata of the event at {after} cannot be read"));
            }
        }
        bar.tell(Progress { what: "reading the log".to_owned(), done: after.0, total: Some(head.0) });
    }
    found.position = after.0;
    found.streams = streams.len() as u64;
    Ok(())
}

/// Every event, against what was signed and what was hashed when it was written.
async fn check_signatures(options: &VerifyOptions, found: &mut Findings, bar: &Bar) -> Result<()> {
    let (shown, head) = (bar.clone(), found.position);
    let tell = move |done: Position| {
        shown.tell(Progress { what: "hashing the log".to_owned(), done: done.0, total: Some(head) });
    };
    let report = check_signed(&options.store.data, &options.checkpoints, &tell).await?;
    (found.checkpoints, found.signed) = (report.checkpoints, report.signed);
    report.differences.into_iter().for_each(|difference| found.differs(difference));
    Ok(())
}

/// The read models as they are, against ones built from the log up to the same position. Answers which blobs those say
/// that something names which was not deleted, if that is asked and they could be built.
async fn check_views(
    folder: &DataFolder,
    log: &Arc<dyn EventLog>,
    are_blobs_asked: bool,
    found: &mut Findings,
    bar: &Bar,
) -> Result<Option<HashSet<BlobHash>>> {
    let scratch = tempfile::Builder::new()
        .prefix("verify-")
        .tempdir_in(folder.root())
        .context("while making a folder")?;
    let copy = scratch.path().join("live.db");
    let taken = match scanledger_projections::store::snapshot(folder.root(), &copy) {
        Ok(taken) => taken,
        Err(error) => {
            found.differs(format!("the read models cannot be read: {error}"));
            return Ok(None);
        }
    };
    let Some(Snapshot { position, parked, .. }) = taken else {
        found.differs(
            "there are no read models of this version: start the server or run `rebuild`".to_owned(),
        );
        return Ok(None);
    };
    found.views_position = position.0;
    // What was appended while the log was read is in it all the same.
    if position.0 > found.position && position > log.head().await? {
        found.differs(format!("the read models are at {position}, beyond the end of the log"));
        return Ok(None);
    }
    if parked > 0 {
        found.differs(format!("{parked} events could not be applied to the read models"));
    }
    match broken_branches(&copy) {
        Ok(broken) => broken.iter().for_each(|branch| found.differs(said_of(branch))),
        Err(error) => found.differs(format!("the branches of the read models cannot be read: {error}")),
    }
    let fresh = scratch.path().join("fresh.db");
    bar.tell(Progress { what: "building read models".to_owned(), done: 0, total: Some(position.0) });
    let shown = bar.clone();
    let tell = move |done: Position, head: Position| {
        shown.tell(Progress { what: "building read models".to_owned(), done: done.0, total: Some(head.0) });
    };
    match scanledger_projections::build(&fresh, log, position, Arc::new(tell)).await {
        Ok(_) => (),
        Err(ProjectorError::Decode { position, .. }) => {
            found.differs(format!("the read models cannot be compared: none can be built beyond {position}"));
            return Ok(None);
        }
        Err(error) => return Err(error).context("while building read models"),
    }
    let built = table_digests(&fresh).context("while reading the read models built from the log")?;
    match table_digests(&copy) {
        Ok(live) => compare(&live, &built, found),
        Err(error) => found.differs(format!("the read models cannot be read: {error}")),
    }
    if !are_blobs_asked {
        return Ok(None);
    }
    let living = tokio::task::spawn_blocking(move || living_blobs(&fresh)).await?;
    Ok(Some(living.context("while looking which blobs are named")?.into_iter().collect()))
}

fn said_of(broken: &BrokenBranch) -> String {
    let BrokenBranch { id, project, name } = broken;
    format!("branch {name} of project {project} ({id}) is not what the end of its last scan says")
}

fn compare(live: &[TableDigest], built: &[TableDigest], found: &mut Findings) {
    for built in built {
        let Some(live) = live.iter().find(|live| live.table == built.table) else {
            found.differs(format!("table {} is missing", built.table));
            continue;
        };
        let equal = live == built;
        if !equal {
            found.differs(format!(
                "table {} has {} rows, built anew it has {}, and they do not say the same",
                live.table, live.rows, built.rows
            ));
        }
        let (table, digest) = (live.table.clone(), live.digest.clone());
        found.tables.push(TableOut { table, rows: live.rows, digest, equal });
    }
}

fn show(found: &Findings) {
    line(&format!(
        "log     {} events in {} streams, up to position {}",
        found.events, found.streams, found.position
    ));
    match found.checkpoints {
        0 => line("signed  no checkpoint yet"),
        1 => line(&format!("signed  1 checkpoint, of {} events", found.signed)),
        many => line(&format!("signed  {many} checkpoints, the largest of {} events", found.signed)),
    }
    line(&format!("views   up to position {}", found.views_position));
    for table in &found.tables {
        let verdict = if table.equal { "equal" } else { "DIFFERS" };
        line(&format!("{verdict:7} {:22} {:>9} rows  {}", table.table, table.rows, &table.digest[..16]));
    }
    if let Some(blobs) = found.blobs {
        line(&format!("blobs   {blobs} are named and were looked for"));
    }
    if let Some(StoredReport { named, waiting, unnamed, .. }) = found.stored_checkpoints {
        line(&format!(
            "stored  {named} signed checkpoints are named, {waiting} are yet to be stored, nothing names {unnamed} more"
        ));
    }
    for difference in &found.listed {
        line(&format!("differs: {difference}"));
    }
    match found.differences {
        0 => line("everything agrees"),
        1 => line("1 difference"),
        many => line(&format!("{many} differences")),
    }
}

#[cfg(test)]
mod tests {
    use super::{Findings, LISTED};

    #[test]
    fn what_is_listed_first_leaves_room_for_half_of_the_rest() {
        let told = |what: &str, count| (0..count).map(|n| format!("{what} {n}")).collect::<Vec<_>>();
        for (first, of_first) in [(1, 1), (LISTED / 2, LISTED / 2), (LISTED / 2 + 1, LISTED / 2)] {
            let mut found = Findings::default();
            told("other", LISTED + 1).into_iter().for_each(|what| found.differs(what));
            found.differs_first(told("first", first));
            assert_eq!(found.differences, (LISTED + 1 + first) as u64);
            assert_eq!(found.listed, [told("first", of_first), told("other", LISTED - of_first)].concat());
        }
    }
}
