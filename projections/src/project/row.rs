//! A project as lists show it, with its totals, from one statement.

use crate::Moment;
use crate::store::column::{id, json, json_list, optional_id};
use rusqlite::Row;
use scanledger_domain::id::{OrganizationId, ProjectId, ScanId, TeamId};
use scanledger_domain::project::{Gate, ProjectDetails};
use scanledger_domain::scanning::ScannerKind;
use scanledger_domain::severity::{Severity, SeverityCounts};
use scanledger_domain::time::Timestamp;

/// A project at some moment.
#[derive(Debug, Clone, PartialEq)]
pub struct ProjectRow {
    /// Its id.
    pub id: ProjectId,
    /// Its id where it has to be a whole number: the position of its `project.created`.
    pub number: u64,
    /// Whose it is.
    pub organization: OrganizationId,
    /// The team that owns it.
    pub team: Option<TeamId>,
    /// What people wrote.
    pub details: ProjectDetails,
    /// Its gate.
    pub gate: Gate,
    /// When it was created.
    pub created_at: Timestamp,
    /// When its details or gate last changed.
    pub updated_at: Timestamp,
    /// How many scans it has, deleted ones aside.
    pub scans: u64,
    /// Its latest scan, deleted ones aside.
    pub latest_scan: Option<ScanId>,
    /// Whether a scan of its default branch has had results.
    pub has_results: bool,
    /// Findings on its default branch by severity, whatever their triage.
    pub counts: SeverityCounts,
    /// Of those, secrets.
    pub secrets: u64,
    /// Of those, vulnerable dependencies.
    pub dependencies: u64,
}

/// What a total `c` was at `:at`.
macro_rules! past_total {
    () => {
        "coalesce((SELECT k.value FROM counter k WHERE k.cell = c.key AND k.position <= :at
                   ORDER BY k.position DESC LIMIT 1), 0)"
    };
}

/// A total `c` at a moment.
pub(crate) const fn total(moment: Moment) -> &'static str {
    match moment {
        Moment::Live => "c.value",
        Moment::Past(_) => past_total!(),
    }
}

macro_rules! columns_sql {
    ($total:expr, $until:literal) => {
        concat!(
            "p.id, o.id, p.team, d.name, d.description, d.repo_url, d.default_branch, d.dast_target_url, d.gate,
             p.created_at, d.updated_at,
             (SELECT count(*) FROM scan s WHERE s.project = p.key AND s.deleted IS NULL",
            $until,
            "),
             (SELECT s.id FROM scan s WHERE s.project = p.key AND s.deleted IS NULL AND s.queued <= :at
              ORDER BY s.key DESC LIMIT 1),
             (SELECT json_group_array(json_array(c.severity, c.scanner, ",
            $total,
            ")) FROM branch b JOIN counter_cell c ON c.branch = b.key
              WHERE b.project = p.key AND b.name = d.default_branch AND b.opened <= :at),
             p.created,
             EXISTS (SELECT 1 FROM branch b CROSS JOIN branch_scan a ON a.branch = b.key AND a.position <= :at
                     WHERE b.project = p.key AND b.name = d.default_branch)"
        )
    };
}

/// The columns that [`read`] expects, with the aliases `p` project, `o` organization and `d` project_detail.
pub(super) const fn columns(moment: Moment) -> &'static str {
    match moment {
        // Without an end, scans are counted in their index alone.
        Moment::Live => columns_sql!("c.value", ""),
        Moment::Past(_) => columns_sql!(past_total!(), " AND s.queued <= :at"),
    }
}

/// Where projects come from.
pub(super) const FROM: &str =
    "FROM project p JOIN organization o ON o.key = p.organization JOIN project_detail d ON d.project = p.key";

/// The details that hold at a moment.
pub(super) const fn holds(moment: Moment) -> &'static str {
    match moment {
        Moment::Live => crate::at::holds!("d", live),
        Moment::Past(_) => crate::at::holds!("d", past),
    }
}

pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<ProjectRow> {
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
        number: row.get::<_, i64>(14)?.cast_unsigned(),
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
        has_results: row.get(15)?,
        counts,
        secrets,
        dependencies,
    })
}
