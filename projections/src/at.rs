//! The instant a query is about.

use crate::store::ReadError;
use rusqlite::{Connection, OptionalExtension, params};
use scanledger_domain::id::{OrganizationId, ScanId};
use scanledger_domain::log::Position;
use scanledger_domain::time::Timestamp;

/// When: what a caller asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum At {
    /// As it is.
    #[default]
    Now,
    /// As it was after the event at this position.
    Position(Position),
    /// As it was at this instant.
    Instant(Timestamp),
    /// As it was when this scan had ended with its results; of a branch, when they were complete there.
    Scan(ScanId),
}

/// When: what read models understand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Moment {
    /// As it is.
    Live,
    /// As it was after the event at this position.
    Past(i64),
}

/// The `valid_to` of rows that still hold.
pub(crate) const FOREVER: i64 = i64::MAX;
/// The position bound for "now" where one statement serves every instant: below [`FOREVER`], above every event.
pub(crate) const NOW: i64 = FOREVER - 1;

/// The one place that says which rows of a temporal table hold: live, so that partial indexes are used, or at
/// a position. `$alias` is the table's alias; positions are bound as `:at`.
macro_rules! holds {
    ($alias:literal, live) => {
        concat!($alias, ".valid_to = 9223372036854775807")
    };
    ($alias:literal, past) => {
        concat!($alias, ".valid_from <= :at AND ", $alias, ".valid_to > :at")
    };
}
pub(crate) use holds;

impl Moment {
    /// The position bound to `:at`; unused when live.
    pub(crate) const fn position(self) -> i64 {
        match self {
            Self::Live => FOREVER,
            Self::Past(position) => position,
        }
    }
}

/// Turns what was asked for into what read models understand, for what an organization may see.
///
/// # Errors
/// [`ReadError::BeyondHead`] for a position that the read model has not reached, [`ReadError::Missing`] for a
/// scan that has no results or belongs to another organization.
pub(crate) fn resolve(
    connection: &Connection,
    organization: OrganizationId,
    at: At,
    head: Position,
) -> Result<Moment, ReadError> {
    match at {
        At::Now => Ok(Moment::Live),
        At::Position(position) if position > head => Err(ReadError::BeyondHead { asked: position, head }),
        At::Position(position) if position == head => Ok(Moment::Live),
        At::Position(position) => Ok(Moment::Past(position.0.cast_signed())),
        At::Instant(instant) => at_instant(connection, organization, instant),
        At::Scan(scan) => {
            let ended = results_of(connection, organization, scan)?.and_then(|results| results.ended);
            ended.map(Moment::Past).ok_or(NO_RESULTS)
        }
    }
}

/// As [`resolve`], for what is on a branch: a scan means where its results end there. Until the scan itself ended, other
/// scans may have changed the branch.
///
/// # Errors
/// As [`resolve`].
pub(crate) fn resolve_on_branch(
    connection: &Connection,
    organization: OrganizationId,
    at: At,
    head: Position,
) -> Result<Moment, ReadError> {
    match at {
        At::Scan(scan) => {
            let results = results_of(connection, organization, scan)?.ok_or(NO_RESULTS)?;
            Ok(Moment::Past(results.anchor))
        }
        At::Now | At::Position(_) | At::Instant(_) => resolve(connection, organization, at, head),
    }
}

const NO_RESULTS: ReadError = ReadError::Missing("scan with results");

/// Where the results of a scan that it has today are in the log.
struct ScanResults {
    /// Their end on the branch.
    anchor: i64,
    /// The end of the scan, completed or with what it had when it was stopped; `None` while it goes on.
    ended: Option<i64>,
}

fn results_of(
    connection: &Connection,
    organization: OrganizationId,
    scan: ScanId,
) -> Result<Option<ScanResults>, ReadError> {
    let results = connection
        .prepare_cached(
            "SELECT st.anchor, (SELECT min(e.valid_from) FROM scan_state e
                                WHERE e.scan = s.key AND e.anchor = st.anchor AND e.ended_at IS NOT NULL)
             FROM scan s JOIN organization o ON o.key = s.organization
             JOIN scan_state st ON st.scan = s.key AND st.valid_to = 9223372036854775807 AND st.anchor IS NOT NULL
             WHERE s.id = ?1 AND o.id = ?2 AND s.deleted IS NULL",
        )?
        .query_row(params![scan.as_bytes(), organization.as_bytes()], |row| {
            Ok(ScanResults { anchor: row.get(0)?, ended: row.get(1)? })
        })
        .optional()?;
    Ok(results)
}

/// The organization's last event at or before an instant. Time grows with position, so this is a binary search
/// by seeks on the primary key: about twenty of them for a million events.
fn at_instant(
    connection: &Connection,
    organization: OrganizationId,
    at: Timestamp,
) -> Result<Moment, ReadError> {
    let key: Option<i64> = connection
        .prepare_cached("SELECT key FROM organization WHERE id = ?1")?
        .query_row([organization.as_bytes()], |row| row.get(0))
        .optional()?;
    let Some(key) = key else { return Ok(Moment::Past(0)) };
    let mut probe = connection.prepare_cached(
        "SELECT position, recorded_at FROM event_index WHERE organization = ?1 AND position >= ?2
         ORDER BY position LIMIT 1",
    )?;
    let last: Option<(i64, i64)> = connection
        .prepare_cached(
            "SELECT position, recorded_at FROM event_index WHERE organization = ?1 ORDER BY position DESC LIMIT 1",
        )?
        .query_row([key], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((last, last_at)) = last else { return Ok(Moment::Past(0)) };
    if last_at <= at.0 {
        return Ok(Moment::Live);
    }
    // Invariant: the first event at or after `low` may be in time, the one at or after `high` is too late.
    let (mut low, mut high, mut found) = (0, last, 0);
    while low < high {
        let middle = low + (high - low) / 2;
        let (position, recorded_at): (i64, i64) =
            probe.query_row(params![key, middle], |row| Ok((row.get(0)?, row.get(1)?)))?;
        if recorded_at <= at.0 {
            found = position;
            low = position + 1;
        } else {
            high = middle;
        }
    }
    Ok(Moment::Past(found))
}
