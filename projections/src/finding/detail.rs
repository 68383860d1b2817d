//! One finding.

use super::row::{COLUMN_COUNT, COLUMNS, FindingRow, read};
use crate::at::{At, Moment, NOW, resolve};
use crate::project::scope::read_scope;
use crate::store::column::{json, optional_id};
use crate::store::{ReadError, Views};
use rusqlite::{Connection, OptionalExtension, named_params};
use scanledger_domain::finding::Fingerprint;
use scanledger_domain::id::{FindingId, OrganizationId, ScanId};
use scanledger_domain::identity::ProjectScope;
use scanledger_domain::incident::Opening;
use scanledger_domain::severity::Severity;
use std::sync::LazyLock;

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

/// A finding and the latest scan that saw it where it is or was last, deleted ones aside.
#[derive(Debug, Clone, PartialEq)]
pub struct FindingInScan {
    /// The finding.
    pub finding: FindingRow,
    /// The scan; none if its results are not complete or it was cancelled.
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
    /// where it was; with the latest scan whose list has it.
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
            as_last_seen(connection, organization, id, moment)
        })
    }

    /// Whose a finding is, and the finding as [`Self::finding`] shows it now, seen at the same moment. A decision needs
    /// both, and after each write the first look at a page of the file costs more than the others.
    ///
    /// # Errors
    /// [`ReadError::Missing`] if there is no such finding, or its project was deleted.
    pub fn finding_and_scope(&self, id: FindingId) -> Result<(FindingScope, FindingInScan), ReadError> {
        self.look_up_together(|connection| {
            let scope = scopes(connection, &[id])?.pop().ok_or(ReadError::Missing("finding"))?;
            let shown = as_last_seen(connection, scope.scope.organization, id, Moment::Live)?;
            Ok((scope, shown))
        })
    }
}

fn as_last_seen(
    connection: &Connection,
    organization: OrganizationId,
    id: FindingId,
    moment: Moment,
) -> Result<FindingInScan, ReadError> {
    static LIVE: LazyLock<String> = LazyLock::new(|| last_seen_sql(Moment::Live));
    let past;
    let (sql, at) = match moment {
        Moment::Live => (LIVE.as_str(), NOW),
        Moment::Past(position) => {
            past = last_seen_sql(moment);
            (past.as_str(), position)
        }
    };
    connection
        .prepare_cached(sql)?
        .query_row(
            named_params! { ":organization": organization.as_bytes(), ":id": id.as_bytes(), ":at": at },
            |row| {
                Ok(FindingInScan { finding: read(row)?, scan: optional_id(row, COLUMN_COUNT)?.map(ScanId) })
            },
        )
        .optional()?
        .ok_or(ReadError::Missing("finding"))
}

fn last_seen_sql(moment: Moment) -> String {
    let (began, triage, details) = match moment {
        Moment::Live => ("1", crate::at::holds!("t", live), crate::at::holds!("d", live)),
        Moment::Past(_) => {
            ("p.valid_from <= :at", crate::at::holds!("t", past), crate::at::holds!("d", past))
        }
    };
    // Where a finding no longer is, its presence keeps the status of that time; decisions go on.
    let columns = COLUMNS.replace("p.status", "coalesce(t.status, 0)");
    format!(
        "SELECT {columns}, {saw}
         FROM finding f
         JOIN project pr ON pr.key = f.project AND pr.deleted IS NULL
         JOIN organization o ON o.key = pr.organization AND o.id = :organization
         JOIN project_detail d ON d.project = pr.key AND {details}
         JOIN presence p ON p.finding = f.key
         JOIN branch b ON b.key = p.branch
         LEFT JOIN triage t ON t.finding = f.key AND {triage}
         WHERE f.id = :id AND {began} AND :at = :at
         ORDER BY p.valid_to > :at DESC, b.name = d.default_branch DESC, p.valid_from DESC, b.key LIMIT 1",
        saw = saw(moment)
    )
}

/// The latest scan that saw the presence `p` of the finding `f`: one that ended while it was there, looked for such
/// findings, and still has what it found then.
fn saw(moment: Moment) -> String {
    let holds = match moment {
        Moment::Live => crate::at::holds!("st", live),
        Moment::Past(_) => crate::at::holds!("st", past),
    };
    format!(
        "(SELECT a.scan FROM branch_scan a INDEXED BY branch_scan_branch
          CROSS JOIN scan s ON s.id = a.scan AND s.deleted IS NULL
          CROSS JOIN scan_state st ON st.scan = s.key AND st.anchor = a.position AND {holds}
          WHERE a.branch = p.branch AND a.position > p.since AND a.position <= :at AND a.position < p.valid_to
            AND (a.coverage >> p.scanner) & 1
            AND CASE a.client ->> 'extent'
                WHEN 'changes' THEN EXISTS (SELECT 1 FROM scan_finding x WHERE x.scan = s.key AND x.finding = f.key)
                WHEN 'full' THEN f.upload IS NOT NULL
                ELSE 1 END
          ORDER BY a.position DESC LIMIT 1)"
    )
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
