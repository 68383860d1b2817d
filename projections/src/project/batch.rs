//! Projects by id, many in one statement.

use super::ProjectRow;
use crate::at::{At, Moment, holds, resolve};
use crate::store::column::{id, json, json_list, optional_id, to_json};
use crate::store::{ReadError, Views};
use rusqlite::{Row, named_params};
use scanledger_domain::id::{OrganizationId, ProjectId, ScanId, TeamId};
use scanledger_domain::project::ProjectDetails;
use scanledger_domain::scanning::ScannerKind;
use scanledger_domain::severity::{Severity, SeverityCounts};
use scanledger_domain::time::Timestamp;
use std::collections::HashMap;
use uuid::Uuid;

/// Ids as a JSON array of hexadecimal text, which statements turn back with `unhex`.
pub(crate) fn hex_ids(ids: impl IntoIterator<Item = Uuid>) -> String {
    to_json(&ids.into_iter().map(|id| id.simple().to_string()).collect::<Vec<_>>())
}

macro_rules! projects_sql {
    ($total:literal, $when:ident) => {
        concat!(
            "SELECT p.id, o.id, p.team, d.name, d.description, d.repo_url, d.default_branch, d.dast_target_url, d.gate,
                    p.created_at, d.updated_at,
                    (SELECT count(*) FROM scan s WHERE s.project = p.key AND s.deleted IS NULL AND s.queued <= :at),
                    (SELECT s.id FROM scan s WHERE s.project = p.key AND s.deleted IS NULL AND s.queued <= :at
                     ORDER BY s.key DESC LIMIT 1),
                    (SELECT json_group_array(json_array(c.severity, c.scanner, ",
            $total,
            ")) FROM branch b JOIN counter_cell c ON c.branch = b.key
                     WHERE b.project = p.key AND b.name = d.default_branch AND b.opened <= :at)
             FROM json_each(:ids) w JOIN project p ON p.id = unhex(w.value) AND p.deleted IS NULL
             JOIN organization o ON o.key = p.organization AND o.id = :organization
             JOIN project_detail d ON d.project = p.key AND ",
            holds!("d", $when)
        )
    };
}

const LIVE: &str = projects_sql!("c.value", live);
const PAST: &str = projects_sql!(
    "coalesce((SELECT k.value FROM counter k WHERE k.cell = c.key AND k.position <= :at
               ORDER BY k.position DESC LIMIT 1), 0)",
    past
);

impl Views {
    /// Projects by id, in one statement; those that the organization does not have at `at` are left out.
    ///
    /// # Errors
    /// As [`Views::resolve`].
    pub async fn projects_by_id(
        &self,
        organization: OrganizationId,
        ids: Vec<ProjectId>,
        at: At,
    ) -> Result<HashMap<ProjectId, ProjectRow>, ReadError> {
        let head = self.position();
        self.read(move |connection| {
            let moment = resolve(connection, organization, at, head)?;
            let sql = if moment == Moment::Live { LIVE } else { PAST };
            let mut statement = connection.prepare_cached(sql)?;
            let rows = statement.query_map(
                named_params! {
                    ":ids": hex_ids(ids.into_iter().map(|id| id.0)),
                    ":organization": organization.as_bytes(),
                    ":at": moment.position(),
                },
                |row| read(row).map(|project| (project.id, project)),
            )?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }
}

fn read(row: &Row<'_>) -> rusqlite::Result<ProjectRow> {
    let mut counts = SeverityCounts::default();
    let (mut secrets, mut dependencies) = (0, 0);
    for (severity, scanner, total) in json_list::<(u8, u8, u64)>(row, 13)? {
        counts.add(Severity::from_rank(severity), total);
        match ScannerKind::from_code(scanner) {
            Some(ScannerKind::Secrets) => secrets += total,
            Some(ScannerKind::Sca) => dependencies += total,
            _ => (),
        }
    }
    Ok(ProjectRow {
        id: ProjectId(id(row, 0)?),
        organization: OrganizationId(id(row, 1)?),
        team: optional_id(row, 2)?.map(TeamId),
        details: ProjectDetails {
            name: row.get(3)?,
            description: row.get(4)?,
            repo_url: row.get(5)?,
            default_branch: row.get(6)?,
            dast_target_url: row.get(7)?,
        },
        gate: json(row, 8)?.unwrap_or_default(),
        created_at: Timestamp(row.get(9)?),
        updated_at: Timestamp(row.get(10)?),
        scans: row.get::<_, i64>(11)?.cast_unsigned(),
        latest_scan: optional_id(row, 12)?.map(ScanId),
        counts,
        secrets,
        dependencies,
    })
}
