//! From events of scans to rows.

use crate::at::FOREVER;
use crate::blob;
use crate::projector::{ApplyError, Decoded, Scratch};
use crate::store::column::{actor_columns, to_json};
use rusqlite::{Connection, params};
use scanledger_domain::address::without_credentials;
use scanledger_domain::id::FindingId;
use scanledger_domain::scan::{Interruption, Queued, ScanEvent, ScanStatus, SourceKind};
use uuid::Uuid;

/// What of a scan's state an event changes.
#[derive(Default)]
struct State {
    status: String,
    run: u32,
    attempt: u32,
    alone: bool,
    interruptions: u32,
    owes_partial: bool,
    started_at: Option<i64>,
    ended_at: Option<i64>,
    outcome: Option<String>,
    verdict: Option<String>,
    failure: Option<String>,
    log: Option<String>,
    anchor: Option<i64>,
}

/// Applies an event of a scan; answers the key of its project.
pub(crate) fn apply(
    tx: &Connection,
    scratch: &mut Scratch,
    decoded: &Decoded,
    event: &ScanEvent,
) -> Result<i64, ApplyError> {
    if let ScanEvent::Queued(queued) = event {
        let (scan, project) = queue(tx, scratch, decoded, queued)?;
        blob::note_scan(tx, project, scan, event)?;
        return Ok(project);
    }
    let (scan, project) = scratch.keys.scan(tx, scan_of(event))?;
    blob::note_scan(tx, project, scan, event)?;
    if matches!(event, ScanEvent::Deleted(_)) {
        tx.prepare_cached("UPDATE scan SET deleted = ?2 WHERE key = ?1")?
            .execute([scan, decoded.position()])?;
        return Ok(project);
    }
    if let ScanEvent::ResultsReceived(received) = event {
        saw(tx, scan, &received.changes)?;
    }
    let mut state = close(tx, scan, decoded.position())?;
    change(&mut state, event, decoded.at());
    state.anchor = match state.outcome {
        Some(_) => anchor(tx, scan_of(event), state.run)?,
        None => None,
    };
    insert(tx, scan, decoded, &state)?;
    Ok(project)
}

/// What a scan of changes saw.
fn saw(tx: &Connection, scan: i64, findings: &[FindingId]) -> Result<(), ApplyError> {
    let mut statement = tx.prepare_cached(
        "INSERT OR IGNORE INTO scan_finding (scan, finding) SELECT ?1, key FROM finding WHERE id = ?2",
    )?;
    for finding in findings {
        statement.execute(params![scan, finding.as_bytes()])?;
    }
    Ok(())
}

/// Where the results of a run end on the branch. Lists begin to show them when it is known what came out, so that they
/// say at every moment what the scan itself says.
fn anchor(tx: &Connection, scan: Uuid, run: u32) -> rusqlite::Result<Option<i64>> {
    tx.prepare_cached("SELECT max(position) FROM branch_scan WHERE scan = ?1 AND run = ?2")?
        .query_row(params![scan.as_bytes(), run], |row| row.get(0))
}

fn scan_of(event: &ScanEvent) -> Uuid {
    match event {
        ScanEvent::Queued(e) => e.scan,
        ScanEvent::Started(e) => e.scan,
        ScanEvent::Paused(e) => e.scan,
        ScanEvent::Resumed(e) => e.scan,
        ScanEvent::Requeued(e) => e.scan,
        ScanEvent::Settling(e) => e.scan,
        ScanEvent::ResultsReceived(e) => e.scan,
        ScanEvent::Completed(e) => e.scan,
        ScanEvent::Failed(e) => e.scan,
        ScanEvent::Stopped(e) => e.scan,
        ScanEvent::PartialKept(e) => e.scan,
        ScanEvent::Cancelled(e) => e.scan,
        ScanEvent::Deleted(e) => e.scan,
    }
    .0
}

fn change(state: &mut State, event: &ScanEvent, at: i64) {
    let status = match event {
        ScanEvent::Queued(_) | ScanEvent::Deleted(_) => return,
        ScanEvent::Started(started) => {
            state.run = started.run;
            state.attempt = started.attempt;
            state.alone = started.alone;
            state.started_at = Some(at);
            ScanStatus::Running
        }
        ScanEvent::Paused(_) => ScanStatus::Paused,
        ScanEvent::Resumed(_) => ScanStatus::Running,
        ScanEvent::Requeued(requeued) => {
            state.run = requeued.run;
            match requeued.because {
                Interruption::WorkerLost => state.interruptions += 1,
                Interruption::Shutdown => (),
                Interruption::Resumed => {
                    state.started_at = None;
                    state.ended_at = None;
                    state.outcome = None;
                    state.owes_partial = false;
                }
            }
            ScanStatus::Queued
        }
        // A stopped scan whose results are recorded stays stopped.
        ScanEvent::Settling(_) if state.owes_partial => return,
        ScanEvent::Settling(_) => ScanStatus::Settling,
        ScanEvent::ResultsReceived(received) => {
            state.outcome = Some(to_json(&received.outcome));
            return;
        }
        ScanEvent::Completed(completed) => {
            state.outcome = Some(to_json(&completed.outcome));
            state.verdict = Some(to_json(&completed.verdict));
            state.ended_at = Some(at);
            ScanStatus::Completed
        }
        ScanEvent::Failed(failed) => {
            state.failure = Some(to_json(&failed.failure));
            state.log = failed.log.as_ref().map(to_json);
            state.ended_at = Some(at);
            ScanStatus::Failed
        }
        ScanEvent::Stopped(_) => {
            state.owes_partial = state.status != ScanStatus::Queued.as_str();
            state.ended_at = Some(at);
            ScanStatus::Stopped
        }
        ScanEvent::PartialKept(kept) => {
            state.outcome = Some(to_json(&kept.outcome));
            state.owes_partial = false;
            ScanStatus::Stopped
        }
        ScanEvent::Cancelled(_) => {
            state.outcome = None;
            state.ended_at = Some(at);
            ScanStatus::Cancelled
        }
    };
    status.as_str().clone_into(&mut state.status);
}

/// Makes the row; answers its key and that of the project.
fn queue(
    tx: &Connection,
    scratch: &mut Scratch,
    decoded: &Decoded,
    queued: &Queued,
) -> Result<(i64, i64), ApplyError> {
    let organization = scratch.keys.organization(tx, Some(queued.organization))?;
    let project = scratch.keys.project(tx, queued.project.0)?;
    let (by_kind, by_id) = actor_columns(queued.by);
    let source_kind = match queued.source.kind {
        SourceKind::Upload => "upload",
        SourceKind::Client => "client",
        SourceKind::Repository => "repository",
    };
    tx.prepare_cached(
        "INSERT INTO scan (id, organization, project, branch, scan_type, source_kind, source_blob, source_name,
                           source_size, commit_id, base_id, rescan_of, by_kind, by_id, queued, queued_at,
                           client)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)",
    )?
    .execute(params![
        queued.scan.as_bytes(),
        organization,
        project,
        queued.branch,
        queued.scan_type.as_str(),
        source_kind,
        queued.source.blob.to_string(),
        without_credentials(&queued.source.name),
        queued.source.size.cast_signed(),
        queued.commit,
        queued.base,
        queued.rescan_of.map(|scan| *scan.as_bytes()),
        by_kind,
        by_id,
        decoded.position(),
        decoded.at(),
        queued.client.as_ref().map(|client| to_json(&client.without_credentials())),
    ])?;
    let scan = tx.last_insert_rowid();
    let state = State { status: ScanStatus::Queued.as_str().to_owned(), run: 1, ..State::default() };
    insert(tx, scan, decoded, &state)?;
    Ok((scan, project))
}

fn close(tx: &Connection, scan: i64, position: i64) -> rusqlite::Result<State> {
    tx.prepare_cached(
        "UPDATE scan_state SET valid_to = ?2 WHERE scan = ?1 AND valid_to = 9223372036854775807
         RETURNING status, run, attempt, alone, interruptions, owes_partial, started_at, ended_at, outcome, verdict,
                   failure, log, anchor",
    )?
    .query_row([scan, position], |row| {
        Ok(State {
            status: row.get(0)?,
            run: row.get(1)?,
            attempt: row.get(2)?,
            alone: row.get(3)?,
            interruptions: row.get(4)?,
            owes_partial: row.get(5)?,
            started_at: row.get(6)?,
            ended_at: row.get(7)?,
            outcome: row.get(8)?,
            verdict: row.get(9)?,
            failure: row.get(10)?,
            log: row.get(11)?,
            anchor: row.get(12)?,
        })
    })
}

fn insert(tx: &Connection, scan: i64, decoded: &Decoded, state: &State) -> Result<(), ApplyError> {
    tx.prepare_cached(
        "INSERT INTO scan_state (scan, status, run, attempt, alone, interruptions, owes_partial, started_at, ended_at,
                                 outcome, verdict, failure, log, anchor, changed_at, valid_from, valid_to)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)",
    )?
    .execute(params![
        scan,
        state.status,
        state.run,
        state.attempt,
        state.alone,
        state.interruptions,
        state.owes_partial,
        state.started_at,
        state.ended_at,
        state.outcome,
        state.verdict,
        state.failure,
        state.log,
        state.anchor,
        decoded.at(),
        decoded.position(),
        FOREVER,
    ])?;
    Ok(())
}
