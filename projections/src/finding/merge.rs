//! Findings that turn out to be others: from there on they show what people decide about those.

use super::decide::{Decision, decide, known, known_as};
use crate::projector::{ApplyError, Decoded, Scratch};
use rusqlite::Connection;
use scanledger_domain::finding::{Merged, TriageState};
use std::collections::BTreeSet;

const MERGED_INTO: &str = "SELECT key FROM finding WHERE merged_into = ?1";

/// A finding turned out to be an elder one, and with it all that were merged into it; answers the key of the project.
pub(super) fn merged(
    tx: &Connection,
    scratch: &mut Scratch,
    decoded: &Decoded,
    merged: &Merged,
) -> Result<i64, ApplyError> {
    let project = scratch.keys.project(tx, merged.project.0)?;
    let (younger, elder) = (known(tx, merged.finding)?.key, known(tx, merged.into)?);
    tx.prepare_cached("UPDATE finding SET merged_into = ?2 WHERE key = ?1")?.execute([younger, elder.key])?;
    let held = elder.decision.map(|row| Decision::of_row(tx, row)).transpose()?;
    // If nobody decided about the elder, what was decided about the others no longer holds.
    let undone = Decision::of(decoded, TriageState::Untriaged.code(), None);
    for key in std::iter::once(younger).chain(merged_into(tx, younger)?).filter(|key| *key != elder.key) {
        let known = known_as(tx, key)?;
        if held.is_some() || known.decision.is_some() {
            decide(tx, scratch, decoded.position(), &known, held.as_ref().unwrap_or(&undone))?;
        }
    }
    Ok(project)
}

/// Keys of the findings that were merged into one, directly or through others, in order of first sight.
pub(super) fn merged_into(tx: &Connection, elder: i64) -> rusqlite::Result<BTreeSet<i64>> {
    let mut merged = BTreeSet::new();
    let mut ways = vec![elder];
    let mut statement = tx.prepare_cached(MERGED_INTO)?;
    while let Some(into) = ways.pop() {
        for key in statement.query_map([into], |row| row.get::<_, i64>(0))? {
            let key = key?;
            if key != elder && merged.insert(key) {
                ways.push(key);
            }
        }
    }
    Ok(merged)
}

#[cfg(test)]
mod tests {
    use super::MERGED_INTO;
    use crate::plan::Plan;

    #[test]
    fn what_was_merged_into_a_finding_is_found_by_an_index_with_every_decision() {
        Plan::of(MERGED_INTO).has("USING COVERING INDEX finding_merged");
    }
}
