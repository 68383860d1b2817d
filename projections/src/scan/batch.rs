//! Scans by id and by project, many in one statement.

use super::ScanRow;
use super::query::{COLUMN_COUNT, COLUMNS, of_scan, read};
use crate::at::{At, Moment, holds, resolve};
use crate::incident::Direction;
use crate::page::{Page, Paging};
use crate::project::batch::hex_ids;
use crate::store::column::to_json;
use crate::store::{ReadError, Views};
use rusqlite::named_params;
use scanledger_domain::id::{OrganizationId, ProjectId, ScanId};
use scanledger_domain::scan::ScanStatus;
use std::collections::HashMap;

/// A question about the scans of several projects; the same page of each.
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
    /// The last queued first, if descending.
    pub direction: Direction,
    /// Which of each project's.
    pub paging: Paging,
}

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
                 CROSS JOIN scan s ON s.id = unhex(w.value) AND s.deleted IS NULL AND s.queued <= :at {}
                 WHERE o.id = :organization",
                of_scan(moment)
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
            let (holds, way) = (state_holds(moment), query.direction.word());
            let sql = format!(
                "WITH ranked AS (
                    SELECT s.key AS scan, count(*) OVER (PARTITION BY s.project) AS total,
                           row_number() OVER (PARTITION BY s.project ORDER BY s.key {way}) AS place
                    FROM json_each(:ids) w JOIN project p ON p.id = unhex(w.value)
                    JOIN scan s ON s.project = p.key AND s.deleted IS NULL AND s.queued <= :at
                    JOIN scan_state st ON st.scan = s.key AND {holds}
                    WHERE (:branch IS NULL OR s.branch = :branch)
                      AND (:statuses IS NULL OR st.status IN (SELECT value FROM json_each(:statuses)))
                 )
                 SELECT {COLUMNS}, r.total, r.place FROM ranked r JOIN scan s ON s.key = r.scan {of_scan}
                 WHERE o.id = :organization AND (r.place = 1 OR (r.place > :skip AND r.place <= :until))
                 ORDER BY p.key, r.place",
                of_scan = of_scan(moment)
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
                page.total = row.get::<_, i64>(COLUMN_COUNT)?.cast_unsigned();
                // The first row comes along for the total, even if the page begins after it.
                let place: i64 = row.get(COLUMN_COUNT + 1)?;
                if place > skip && query.paging.limit > 0 {
                    page.rows.push(scan);
                }
            }
            Ok(pages)
        })
        .await
    }
}
