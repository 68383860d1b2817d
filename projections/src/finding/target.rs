//! What a list is of: a branch, and the moments at which presence and triage are looked at.

use super::list::{FindingFilter, FindingSort};
use super::only::Only;
use crate::at::Moment;
use crate::project::default_branch;
use crate::store::ReadError;
use rusqlite::{Connection, OptionalExtension, named_params, params};
use scanledger_domain::id::{OrganizationId, ProjectId, ScanId};

/// A branch, by its key and by the ids that its findings show.
#[derive(Debug, Clone, Copy)]
pub(super) struct ShownBranch {
    pub(super) key: i64,
    pub(super) id: [u8; 16],
    pub(super) project: [u8; 16],
}

/// The branch and the moments that a scope and an instant come to.
pub(super) struct Target {
    pub(super) branch: ShownBranch,
    pub(super) presence: Moment,
    pub(super) triage: Moment,
    /// Bits of the scanners that the scan covered; all for a branch.
    pub(super) coverage: u32,
    /// What of that alone, for a scan that a client ran.
    pub(super) only: Option<Only>,
    pub(super) changed: i64,
}

impl Target {
    /// Whether the findings that pass the filter are whole runs, in the order of runs.
    pub(super) fn has_runs(&self, filter: &FindingFilter, sort: FindingSort) -> bool {
        let is_plain = filter.text.is_none() && filter.path_contains.is_none() && self.only.is_none();
        is_plain && sort == FindingSort::Severity && self.presence == self.triage
    }
}

/// Where a scan's findings are: on its branch where its results were complete, with the triage of `moment`.
pub(super) fn scan_target(
    connection: &Connection,
    organization: OrganizationId,
    scan: ScanId,
    moment: Moment,
) -> Result<Option<Target>, ReadError> {
    let exists: bool = connection
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM scan s JOIN organization o ON o.key = s.organization
             JOIN project p ON p.key = s.project
             WHERE s.id = ?1 AND o.id = ?2 AND s.deleted IS NULL AND p.deleted IS NULL)",
        )?
        .query_row(params![scan.as_bytes(), organization.as_bytes()], |row| row.get(0))?;
    if !exists {
        return Err(ReadError::Missing("scan"));
    }
    let holds = match moment {
        Moment::Live => crate::at::holds!("st", live),
        Moment::Past(_) => crate::at::holds!("st", past),
    };
    let anchor = connection
        .prepare_cached(&format!(
            "SELECT a.branch, a.position, a.coverage, b.changed, b.pending_from, a.client ->> 'extent', s.key, b.project,
                    b.id, pr.id
             FROM scan s JOIN scan_state st ON st.scan = s.key AND {holds}
             JOIN branch_scan a ON a.scan = s.id AND a.position = st.anchor
             JOIN branch b ON b.key = a.branch JOIN project pr ON pr.key = b.project WHERE s.id = :scan AND :at = :at"
        ))?
        .query_row(named_params! { ":scan": scan.as_bytes(), ":at": moment.position() }, |row| {
            let only = match row.get_ref(5)?.as_str_or_null()? {
                None => None,
                Some("changes") => Some(Only::Seen(row.get(6)?)),
                Some(_) => Some(Only::Uploads(row.get(7)?)),
            };
            let branch = ShownBranch { key: row.get(0)?, id: row.get(8)?, project: row.get(9)? };
            let anchor = (branch, row.get::<_, i64>(1)?, row.get(2)?);
            Ok((anchor, only, row.get(3)?, row.get::<_, Option<i64>>(4)?))
        })
        .optional()?;
    let Some(((branch, position, coverage), only, changed, pending_from)) = anchor else { return Ok(None) };
    // If nothing came or went between the scan and the moment, presence is the same at both, and one moment will do.
    let next: Option<i64> = connection
        .prepare_cached(
            "SELECT changed FROM branch_scan WHERE branch = ?1 AND position > ?2 AND changed IS NOT NULL
             ORDER BY position LIMIT 1",
        )?
        .query_row([branch.key, position], |row| row.get(0))
        .optional()?;
    let next = next.or(pending_from);
    let presence =
        if next.is_none_or(|next| next > moment.position()) { moment } else { Moment::Past(position) };
    Ok(Some(Target { branch, presence, triage: moment, coverage, only, changed }))
}

/// The findings on a branch; none before its first results.
pub(super) fn branch_target(
    connection: &Connection,
    organization: OrganizationId,
    project: ProjectId,
    name: Option<&str>,
    moment: Moment,
) -> Result<Option<Target>, ReadError> {
    let (key, default) = default_branch(connection, organization, project, moment)?;
    let branch = connection
        .prepare_cached(
            "SELECT key, id, changed FROM branch WHERE project = ?1 AND name = ?2 AND opened <= ?3",
        )?
        .query_row(params![key, name.or(default.as_deref()), moment.position()], |row| {
            let keys = ShownBranch { key: row.get(0)?, id: row.get(1)?, project: *project.as_bytes() };
            Ok((keys, row.get(2)?))
        })
        .optional()?;
    Ok(branch.map(|(branch, changed)| Target {
        branch,
        presence: moment,
        triage: moment,
        coverage: u32::MAX,
        only: None,
        changed,
    }))
}
