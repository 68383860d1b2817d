//! Lists of scans.

use super::query::{COLUMNS, ScanRow, of_scan, read};
use crate::at::{At, Moment, resolve};
use crate::incident::Direction;
use crate::page::{Page, Paging};
use crate::project::visible;
use crate::store::{ReadError, Views};
use rusqlite::named_params;
use scanledger_domain::id::{OrganizationId, ProjectId};
use scanledger_domain::identity::Visible;
use scanledger_domain::scan::ScanStatus;

/// A question about scans.
#[derive(Debug, Clone)]
pub struct ScanQuery {
    /// Whose.
    pub organization: OrganizationId,
    /// The projects that the caller sees.
    pub visible: Visible,
    /// Of this project only.
    pub project: Option<ProjectId>,
    /// In one of these states; empty for all.
    pub statuses: Vec<ScanStatus>,
    /// On this branch only.
    pub branch: Option<String>,
    /// When.
    pub at: At,
    /// The last queued first, if descending.
    pub direction: Direction,
    /// Which of them.
    pub paging: Paging,
}

impl ScanQuery {
    /// The one project that can be meant.
    fn only(&self) -> Option<ProjectId> {
        match self.visible {
            Visible::Project(own) => self.project.or(Some(own)),
            Visible::All | Visible::Teams(..) => self.project,
        }
    }
}

impl Views {
    /// Scans on a page, with the exact total.
    ///
    /// # Errors
    /// As [`Views::resolve`].
    pub async fn scans(&self, query: ScanQuery) -> Result<Page<ScanRow>, ReadError> {
        let head = self.position();
        self.read(move |connection| {
            let moment = resolve(connection, query.organization, query.at, head)?;
            let of = named_params! {
                ":organization": query.organization.as_bytes(),
                ":project": query.only().map(|project| *project.as_bytes()),
                ":visible": visible::bound(&query.visible),
                ":branch": query.branch,
                ":at": moment.position(),
            };
            let scans = scans(&query, moment);
            let total: i64 = connection
                .prepare_cached(&format!("SELECT count(*) {scans}"))?
                .query_row(of, |row| row.get(0))?;
            let mut statement = connection.prepare(&text(&query, &scans))?;
            let rows = statement.query_map(of, read)?;
            Ok(Page { rows: rows.collect::<Result<_, _>>()?, total: total.cast_unsigned() })
        })
        .await
    }
}

/// Which scans, from where.
fn scans(query: &ScanQuery, moment: Moment) -> String {
    // The statuses are words of a closed set, never what a client typed.
    let statuses = if query.statuses.is_empty() {
        String::new()
    } else {
        let words: Vec<String> = query.statuses.iter().map(|status| format!("'{status}'")).collect();
        format!("AND st.status IN ({})", words.join(", "))
    };
    let scope = match query.only() {
        None => {
            "s.organization = (SELECT key FROM organization WHERE id = :organization) AND :project IS NULL"
        }
        Some(_) => {
            "s.project = (SELECT key FROM project WHERE id = :project)
             AND s.organization = (SELECT key FROM organization WHERE id = :organization)"
        }
    };
    format!(
        "FROM scan s {} WHERE {scope} AND {} AND s.deleted IS NULL {statuses}
         AND (:branch IS NULL OR s.branch = :branch) AND s.queued <= :at",
        of_scan(moment),
        visible::of_project(&query.visible)
    )
}

fn text(query: &ScanQuery, scans: &str) -> String {
    let (word, limit) = (query.direction.word(), query.paging.limit);
    let offset = i64::try_from(query.paging.offset).unwrap_or(i64::MAX);
    format!("SELECT {COLUMNS} {scans} ORDER BY s.key {word} LIMIT {limit} OFFSET {offset}")
}

#[cfg(test)]
mod tests {
    use super::{ScanQuery, scans, text};
    use crate::at::{At, Moment};
    use crate::incident::Direction;
    use crate::page::Paging;
    use crate::plan::Plan;
    use scanledger_domain::id::{OrganizationId, ProjectId, TeamId};
    use scanledger_domain::identity::{Teamless, Visible};
    use scanledger_domain::scan::ScanStatus;
    use std::collections::BTreeSet;
    use uuid::Uuid;

    #[test]
    fn scans_are_read_in_both_directions_and_never_sorted() {
        let team = Visible::Teams(BTreeSet::from([TeamId(Uuid::nil())]), Teamless::Too);
        let own = Visible::Project(ProjectId(Uuid::nil()));
        let places = [
            (Visible::All, None, "scan_organization (organization=?"),
            (team, None, "scan_organization (organization=?"),
            (own, None, "scan_project (project=?"),
            (Visible::All, Some(ProjectId(Uuid::nil())), "scan_project (project=?"),
        ];
        for (visible, project, index) in places {
            for direction in [Direction::Ascending, Direction::Descending] {
                for moment in [Moment::Live, Moment::Past(9)] {
                    for statuses in [vec![], vec![ScanStatus::Completed, ScanStatus::Failed]] {
                        let query = ScanQuery {
                            organization: OrganizationId(Uuid::nil()),
                            visible: visible.clone(),
                            project,
                            statuses,
                            branch: None,
                            at: At::Now,
                            direction,
                            paging: Paging { offset: 40, limit: 20 },
                        };
                        let plan = Plan::of(&text(&query, &scans(&query, moment)));
                        plan.has(index);
                        plan.scans_no_table();
                        plan.sorts_nothing();
                    }
                }
            }
        }
    }
}
