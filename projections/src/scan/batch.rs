//! Scans by id and by project, many in one statement.

use super::ScanRow;
use crate::at::{At, Moment, holds, resolve};
use crate::page::{Page, Paging};
use crate::project::batch::hex_ids;
use crate::store::column::{actor, id, json, optional_id, to_json};
use crate::store::{ReadError, Views};
use rusqlite::{Row, named_params};
use scanledger_domain::id::{OrganizationId, ProjectId, ScanId};
use scanledger_domain::log::Position;
use scanledger_domain::scan::{ScanStatus, Source, SourceKind};
use scanledger_domain::time::Timestamp;
use std::collections::HashMap;

/// A question about the scans of several projects, newest first; the same page of each.
#[derive(Debug, Clone)]
pub struct ScansOfProjects {
    /// Whose.
    pub organization: OrganizationId,
    /// Of which projects.
    pub projects: Vec<ProjectId>,
    /// In one of these states; empty for all.
    pub statuses: Vec<ScanStatus>,
    /// On this branch only.
    pub branch: Option<String>,
    /// When.
    pub at: At,
    /// Which of each project's.
    pub paging: Paging,
}

/// The columns [`read`] expects, in order.
const COLUMNS: &str = "s.id, o.id, p.id, d.name, d.repo_url, d.default_branch, s.branch, s.scan_type, s.source_blob,
     s.source_name, s.source_size, s.commit_id, s.base_id, s.rescan_of, s.by_kind, s.by_id, st.status, st.run, s.queued,
     s.queued_at, st.started_at, st.ended_at, st.changed_at, st.outcome, st.verdict, st.failure,
     (SELECT a.position FROM branch_scan a WHERE a.scan = s.id AND a.position <= :at)";

const OF_SCAN: &str = "JOIN project p ON p.key = s.project AND p.deleted IS NULL
     JOIN organization o ON o.key = s.organization AND o.id = :organization
     JOIN project_detail d ON d.project = p.key AND d.valid_to = 9223372036854775807";

const fn state_holds(moment: Moment) -> &'static str {
    match moment {
        Moment::Live => holds!("st", live),
        Moment::Past(_) => holds!("st", past),
    }
}

impl Views {
    /// Scans by id, in one statement; those that the organization does not have at `at` are left out.
    ///
    /// # Errors
    /// As [`Views::resolve`].
    pub async fn scans_by_id(
        &self,
        organization: OrganizationId,
        ids: Vec<ScanId>,
        at: At,
    ) -> Result<HashMap<ScanId, ScanRow>, ReadError> {
        let head = self.position();
        self.read(move |connection| {
            let moment = resolve(connection, organization, at, head)?;
            let sql = format!(
                "SELECT {COLUMNS} FROM json_each(:ids) w
                 JOIN scan s ON s.id = unhex(w.value) AND s.deleted IS NULL AND s.queued <= :at {OF_SCAN}
                 JOIN scan_state st ON st.scan = s.key AND {}",
                state_holds(moment)
            );
            let mut statement = connection.prepare_cached(&sql)?;
            let rows = statement.query_map(
                named_params! {
                    ":ids": hex_ids(ids.into_iter().map(|id| id.0)),
                    ":organization": organization.as_bytes(),
                    ":at": moment.position(),
                },
                |row| read(row).map(|scan| (scan.id, scan)),
            )?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// The same page of the scans of several projects, each with its exact total, in one statement. Projects
    /// without any such scan, or that the organization does not have, are left out.
    ///
    /// # Errors
    /// As [`Views::resolve`].
    pub async fn scans_of_projects(
        &self,
        query: ScansOfProjects,
    ) -> Result<HashMap<ProjectId, Page<ScanRow>>, ReadError> {
        let head = self.position();
        self.read(move |connection| {
            let moment = resolve(connection, query.organization, query.at, head)?;
            let holds = state_holds(moment);
            let sql = format!(
                "WITH ranked AS (
                    SELECT s.key AS scan, st.rowid AS state, count(*) OVER (PARTITION BY s.project) AS total,
                           row_number() OVER (PARTITION BY s.project ORDER BY s.key DESC) AS place
                    FROM json_each(:ids) w JOIN project p ON p.id = unhex(w.value)
                    JOIN scan s ON s.project = p.key AND s.deleted IS NULL AND s.queued <= :at
                    JOIN scan_state st ON st.scan = s.key AND {holds}
                    WHERE (:branch IS NULL OR s.branch = :branch)
                      AND (:statuses IS NULL OR st.status IN (SELECT value FROM json_each(:statuses)))
                 )
                 SELECT {COLUMNS}, r.total, r.place FROM ranked r JOIN scan s ON s.key = r.scan {OF_SCAN}
                 JOIN scan_state st ON st.rowid = r.state
                 WHERE r.place = 1 OR (r.place > :skip AND r.place <= :until) ORDER BY p.key, r.place"
            );
            let words: Vec<&str> = query.statuses.iter().map(|status| status.as_str()).collect();
            let skip = i64::try_from(query.paging.offset).unwrap_or(i64::MAX);
            let mut statement = connection.prepare_cached(&sql)?;
            let mut rows = statement.query(named_params! {
                ":ids": hex_ids(query.projects.iter().map(|id| id.0)),
                ":organization": query.organization.as_bytes(),
                ":branch": query.branch,
                ":statuses": (!words.is_empty()).then(|| to_json(&words)),
                ":at": moment.position(),
                ":skip": skip,
                ":until": skip.saturating_add(query.paging.limit.into()),
            })?;
            let mut pages: HashMap<ProjectId, Page<ScanRow>> = HashMap::new();
            while let Some(row) = rows.next()? {
                let scan = read(row)?;
                let page = pages.entry(scan.project).or_insert_with(|| Page { rows: vec![], total: 0 });
                page.total = row.get::<_, i64>(27)?.cast_unsigned();
                // The first row comes along for the total, even if the page begins after it.
                let place: i64 = row.get(28)?;
                if place > skip && query.paging.limit > 0 {
                    page.rows.push(scan);
                }
            }
            Ok(pages)
        })
        .await
    }
}

fn read(row: &Row<'_>) -> rusqlite::Result<ScanRow> {
    let bad = |column: usize| {
        rusqlite::Error::InvalidColumnType(column, "scan".to_owned(), rusqlite::types::Type::Text)
    };
    Ok(ScanRow {
        id: ScanId(id(row, 0)?),
        organization: OrganizationId(id(row, 1)?),
        project: ProjectId(id(row, 2)?),
        project_name: row.get(3)?,
        project_repo_url: row.get(4)?,
        project_default_branch: row.get(5)?,
        branch: row.get(6)?,
        scan_type: row.get_ref(7)?.as_str()?.parse().map_err(|_| bad(7))?,
        source: Source {
            kind: SourceKind::Upload,
            blob: row.get_ref(8)?.as_str()?.parse().map_err(|_| bad(8))?,
            name: row.get(9)?,
            size: row.get::<_, i64>(10)?.cast_unsigned(),
        },
        commit: row.get(11)?,
        base: row.get(12)?,
        rescan_of: optional_id(row, 13)?.map(ScanId),
        by: actor(row.get(14)?, row, 15)?,
        status: row.get_ref(16)?.as_str()?.parse().map_err(|_| bad(16))?,
        run: row.get(17)?,
        queued: Position(row.get::<_, i64>(18)?.cast_unsigned()),
        queued_at: Timestamp(row.get(19)?),
        started_at: row.get::<_, Option<i64>>(20)?.map(Timestamp),
        ended_at: row.get::<_, Option<i64>>(21)?.map(Timestamp),
        changed_at: Timestamp(row.get(22)?),
        outcome: json(row, 23)?,
        verdict: json(row, 24)?,
        failure: json(row, 25)?,
        scanned: row.get::<_, Option<i64>>(26)?.map(|position| Position(position.cast_unsigned())),
    })
}
