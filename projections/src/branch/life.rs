//! When a branch is open, and when it is closed and why.

use crate::at::FOREVER;
use crate::projector::Decoded;
use crate::store::column::to_json;
use rusqlite::{Connection, OptionalExtension, params};
use scanledger_domain::branch::ClosedBecause;

/// The branch is open from here on.
pub(super) fn opened(tx: &Connection, decoded: &Decoded, branch: i64) -> rusqlite::Result<()> {
    tx.prepare_cached(
        "UPDATE branch_life SET valid_to = ?2 WHERE branch = ?1 AND valid_to = 9223372036854775807",
    )?
    .execute([branch, decoded.position()])?;
    tx.prepare_cached(
        "INSERT INTO branch_life (branch, opened_at, valid_from, valid_to) VALUES (?1, ?2, ?3, ?4)",
    )?
    .execute([branch, decoded.at(), decoded.position(), FOREVER])?;
    Ok(())
}

/// The branch is closed from here on, for this reason; one that is closed already stays as it is.
pub(super) fn closed(
    tx: &Connection,
    decoded: &Decoded,
    branch: i64,
    because: ClosedBecause,
) -> rusqlite::Result<()> {
    let opened_at: Option<i64> = tx
        .prepare_cached(
            "UPDATE branch_life SET valid_to = ?2
             WHERE branch = ?1 AND valid_to = 9223372036854775807 AND closed_at IS NULL RETURNING opened_at",
        )?
        .query_row([branch, decoded.position()], |row| row.get(0))
        .optional()?;
    let Some(opened_at) = opened_at else { return Ok(()) };
    tx.prepare_cached(
        "INSERT INTO branch_life (branch, opened_at, closed_at, because, valid_from, valid_to)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?
    .execute(params![
        branch,
        opened_at,
        decoded.at(),
        to_json(&because),
        decoded.position(),
        FOREVER
    ])?;
    Ok(())
}
