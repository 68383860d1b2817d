//! One finding.

use super::row::{COLUMN_COUNT, COLUMNS, FindingRow, read};
use crate::at::{At, Moment, resolve};
use crate::project::scope::read_scope;
use crate::store::column::{json, optional_id};
use crate::store::{ReadError, Views};
use rusqlite::{Connection, OptionalExtension, named_params};
use scanledger_domain::finding::Fingerprint;
use scanledger_domain::id::{FindingId, OrganizationId, ScanId};
use scanledger_domain::identity::ProjectScope;
use scanledger_domain::incident::Opening;
use scanledger_domain::severity::Severity;

/// Findings that are looked up on the caller's thread.
const FEW: usize = 4;

/// Whose a finding is: what a decision about it needs to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FindingScope {
    /// The finding.
    pub finding: FindingId,
    /// Where its project belongs, for authorization.
    pub scope: ProjectScope,
    /// Its fingerprint.
    pub fingerprint: Fingerprint,
    /// The secret that it is about, as bad as it is anywhere in the project.
    pub secret: Option<Opening>,
}

/// A finding and the latest scan of its branch that has results, deleted ones aside.
#[derive(Debug, Clone, PartialEq)]
pub struct FindingInScan {
    /// The finding.
    pub finding: FindingRow,
    /// The scan.
    pub scan: Option<ScanId>,
}

impl Views {
    /// Whose these findings are; those that do not exist, or whose project was deleted, are left out.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn finding_scopes(&self, ids: Vec<FindingId>) -> Result<Vec<FindingScope>, ReadError> {
        if ids.len() <= FEW {
            return self.look_up(|connection| scopes(connection, &ids));
        }
        self.read(move |connection| scopes(connection, &ids)).await
    }

    /// One finding as it was last seen up to `at`: on the default branch if it is there, else where it is, else
    /// where it was; with the latest scan of that branch that has results.
    ///
    /// # Errors
    /// [`ReadError::Missing`] if the organization has no such finding at `at`.
    pub fn finding(
        &self,
        organization: OrganizationId,
        id: FindingId,
        at: At,
    ) -> Result<FindingInScan, ReadError> {
        let head = self.position();
        self.look_up(|connection| {
            let moment = resolve(connection, organization, at, head)?;
            let (began, triage) = match moment {
                Moment::Live => ("1", crate::at::holds!("t", live)),
                Moment::Past(_) => ("p.valid_from <= :at", crate::at::holds!("t", past)),
            };
            // Where a finding no longer is, its presence keeps the status of that time; decisions go on.
            let columns = COLUMNS.replace("p.status", "coalesce(t.status, 0)");
            let sql = format!(
                "SELECT {columns},
                        (SELECT a.scan FROM branch_scan a JOIN scan s ON s.id = a.scan AND s.deleted IS NULL
                         WHERE a.branch = p.branch AND a.position <= :at ORDER BY a.position DESC LIMIT 1)
                 FROM finding f
                 JOIN project pr ON pr.key = f.project AND pr.deleted IS NULL
                 JOIN organization o ON o.key = pr.organization AND o.id = :organization
                 JOIN project_detail d ON d.project = pr.key AND d.valid_to = 9223372036854775807
                 JOIN presence p ON p.finding = f.key
                 JOIN branch b ON b.key = p.branch
                 LEFT JOIN triage t ON t.finding = f.key AND {triage}
                 WHERE f.id = :id AND {began} AND :at = :at
                 ORDER BY p.valid_to > :at DESC, b.name = d.default_branch DESC, p.valid_from DESC, b.key LIMIT 1"
            );
            connection
                .prepare_cached(&sql)?
                .query_row(
                    named_params! {
                        ":organization": organization.as_bytes(),
                        ":id": id.as_bytes(),
                        ":at": match moment { Moment::Live => i64::MAX - 1, Moment::Past(position) => position },
                    },
                    |row| Ok(FindingInScan { finding: read(row)?, scan: optional_id(row, COLUMN_COUNT)?.map(ScanId) }),
                )
                .optional()?
                .ok_or(ReadError::Missing("finding"))
        })
    }
}

fn scopes(connection: &Connection, ids: &[FindingId]) -> Result<Vec<FindingScope>, ReadError> {
    let mut statement = connection.prepare_cached(
        "SELECT o.id, p.team, p.id, f.fingerprint, f.secret, f.rule FROM finding f JOIN project p ON p.key = f.project
         JOIN organization o ON o.key = p.organization WHERE f.id = ?1 AND p.deleted IS NULL",
    )?;
    let mut seen = connection.prepare_cached(
        "SELECT min(q.severity), max(q.is_new) FROM presence q INDEXED BY presence_finding
         WHERE q.finding = (SELECT key FROM finding WHERE id = ?1)",
    )?;
    let mut scopes = Vec::with_capacity(ids.len());
    for finding in ids {
        let scope = statement
            .query_row([finding.as_bytes()], |row| {
                let scope = read_scope(row, 0)?;
                let secret = match json(row, 4)? {
                    None => None,
                    Some(secret) => Some(seen.query_row([finding.as_bytes()], |seen| {
                        Ok(Opening {
                            organization: scope.organization,
                            secret,
                            rule: row.get(5)?,
                            severity: Severity::from_rank(seen.get(0)?),
                            is_historical: !seen.get::<_, bool>(1)?,
                        })
                    })?),
                };
                Ok(FindingScope { finding: *finding, scope, fingerprint: Fingerprint(row.get(3)?), secret })
            })
            .optional()?;
        scopes.extend(scope);
    }
    Ok(scopes)
}
