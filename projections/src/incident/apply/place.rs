//! Where secrets come to stand.

use crate::branch::apply::BranchKeys;
use crate::projector::{ApplyError, Decoded, Scratch};
use rusqlite::{Connection, OptionalExtension, params};
use scanledger_domain::address::without_credentials;
use scanledger_domain::branch::{Occurrence, Reopened, SecretFacts};
use scanledger_domain::id::{IncidentId, OrganizationId};
use scanledger_domain::incident::{Occurred, incident_of, is_sensitive_file, is_test_file};
use scanledger_domain::scanning::ScannerKind;
use uuid::Uuid;

/// The incident of a finding's secret; none if it is no secret.
pub(crate) fn of_finding(
    tx: &Connection,
    project: i64,
    secret: Option<&SecretFacts>,
) -> Result<Option<IncidentId>, ApplyError> {
    let Some(secret) = secret else { return Ok(None) };
    let organization: [u8; 16] = tx
        .prepare_cached(
            "SELECT o.id FROM project p JOIN organization o ON o.key = p.organization WHERE p.key = ?1",
        )?
        .query_row([project], |row| row.get(0))?;
    Ok(Some(incident_of(OrganizationId(Uuid::from_bytes(organization)), secret)))
}

const INSERT_OCCURRENCE: &str =
    "INSERT INTO incident_occurrence (key, organization, incident, project, branch, finding, path, url, line, end_line,
                                      is_historical, is_test, is_sensitive, seen_at)
     VALUES (?1, (SELECT organization FROM project WHERE key = ?3), ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)";

/// The finding of a secret came to a branch.
pub(crate) fn came(
    tx: &Connection,
    decoded: &Decoded,
    keys: BranchKeys,
    (finding, incident): (i64, IncidentId),
    is_historical: bool,
    occurrence: &Occurrence,
) -> Result<(), ApplyError> {
    let first = occurrence.places.first();
    let path = first.map_or("", |place| place.path.as_str());
    tx.prepare_cached(INSERT_OCCURRENCE)?.execute(params![
        decoded.position(),
        incident.as_bytes(),
        keys.project,
        keys.branch,
        finding,
        path,
        None::<&str>,
        first.and_then(|place| place.line),
        first.and_then(|place| place.end_line),
        is_historical,
        is_test_file(path),
        is_sensitive_file(path),
        decoded.at(),
    ])?;
    Ok(())
}

/// A finding came back to a branch. What stood there because the branch began with it is a place of its own now.
pub(crate) fn came_back(
    tx: &Connection,
    decoded: &Decoded,
    keys: BranchKeys,
    finding: i64,
    reopened: &Reopened,
    is_historical: bool,
) -> Result<(), ApplyError> {
    if reopened.scanner != ScannerKind::Secrets {
        return Ok(());
    }
    let incident = tx
        .prepare_cached(
            "SELECT f.incident FROM finding f WHERE f.key = ?1 AND f.incident IS NOT NULL
               AND NOT EXISTS (SELECT 1 FROM incident_occurrence o INDEXED BY incident_occurrence_finding
                               WHERE o.finding = ?1 AND o.branch = ?2)",
        )?
        .query_row([finding, keys.branch], |row| row.get(0).map(Uuid::from_bytes))
        .optional()?;
    match incident {
        Some(incident) => {
            let of = (finding, IncidentId(incident));
            came(tx, decoded, keys, of, is_historical, &reopened.occurrence)
        }
        None => Ok(()),
    }
}

/// The secret was seen at a place that is on no branch.
pub(super) fn occur(
    tx: &Connection,
    scratch: &mut Scratch,
    decoded: &Decoded,
    occurred: &Occurred,
) -> Result<(), ApplyError> {
    let project = scratch.keys.project(tx, occurred.project.0)?;
    tx.prepare_cached(INSERT_OCCURRENCE)?.execute(params![
        decoded.position(),
        occurred.incident.as_bytes(),
        project,
        None::<i64>,
        None::<i64>,
        occurred.path,
        occurred.url.as_deref().map(without_credentials),
        occurred.line,
        occurred.end_line,
        false,
        is_test_file(&occurred.path),
        is_sensitive_file(&occurred.path),
        decoded.at(),
    ])?;
    Ok(())
}
