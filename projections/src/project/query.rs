//! Projects, one or many.

use super::row::{FROM, ProjectRow, columns, holds, read, total};
use super::visible;
use crate::at::{At, Moment, resolve};
use crate::page::{Page, Paging};
use crate::store::column::{containing, id};
use crate::store::{ReadError, Views};
use rusqlite::{OptionalExtension, named_params};
use scanledger_domain::id::{OrganizationId, ProjectId};
use scanledger_domain::identity::Visible;

/// In which order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ProjectSort {
    /// Latest change or scan first.
    #[default]
    Recent,
    /// By name, whatever the case.
    Name,
    /// Most and worst findings first.
    Findings,
}

/// A question about projects.
#[derive(Debug, Clone)]
pub struct ProjectQuery {
    /// Whose.
    pub organization: OrganizationId,
    /// Which of them the caller sees.
    pub visible: Visible,
    /// When.
    pub at: At,
    /// Whose name contains this, whatever the case.
    pub name_contains: Option<String>,
    /// With (`true`) or without (`false`) a repository; `None` for both.
    pub has_repository: Option<bool>,
    /// In which order.
    pub sort: ProjectSort,
    /// Which of them; `None` for all.
    pub paging: Option<Paging>,
}

impl Views {
    /// One project.
    ///
    /// # Errors
    /// [`ReadError::Missing`] if the organization has none of this id at `at`.
    pub async fn project(
        &self,
        organization: OrganizationId,
        id: ProjectId,
        at: At,
    ) -> Result<ProjectRow, ReadError> {
        let head = self.position();
        self.read(move |connection| {
            let moment = resolve(connection, organization, at, head)?;
            let sql = format!(
                "SELECT {} {FROM} WHERE p.id = :id AND o.id = :organization AND p.deleted IS NULL AND {}",
                columns(moment),
                holds(moment)
            );
            let of = named_params! {
                ":id": id.as_bytes(),
                ":organization": organization.as_bytes(),
                ":at": moment.position(),
            };
            connection
                .prepare_cached(&sql)?
                .query_row(of, read)
                .optional()?
                .ok_or(ReadError::Missing("project"))
        })
        .await
    }

    /// Projects on a page, with the exact total.
    ///
    /// # Errors
    /// As [`Views::resolve`].
    pub async fn projects(&self, query: ProjectQuery) -> Result<Page<ProjectRow>, ReadError> {
        let head = self.position();
        self.read(move |connection| {
            let moment = resolve(connection, query.organization, query.at, head)?;
            let name = query.name_contains.as_deref().map(containing);
            let condition = condition(&query, moment);
            let of = named_params! {
                ":organization": query.organization.as_bytes(),
                ":visible": visible::bound(&query.visible),
                ":name": name,
                ":repository": query.has_repository,
                ":at": moment.position(),
            };
            let total: i64 = connection
                .prepare_cached(&format!("SELECT count(*) {FROM} WHERE {condition}"))?
                .query_row(of, |row| row.get(0))?;
            let mut statement = connection.prepare(&page(&query, moment, &condition))?;
            let rows = statement.query_map(of, read)?;
            Ok(Page { rows: rows.collect::<Result<_, _>>()?, total: total.cast_unsigned() })
        })
        .await
    }

    /// The eldest project of an organization with this repository, of those that the caller sees.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn project_with_repo(
        &self,
        organization: OrganizationId,
        seen: &Visible,
        url: &str,
    ) -> Result<Option<ProjectId>, ReadError> {
        let (seen, url) = (seen.clone(), url.to_owned());
        self.read(move |connection| {
            let sql = format!(
                "SELECT p.id FROM project_detail d JOIN project p ON p.key = d.project
                 JOIN organization o ON o.key = p.organization
                 WHERE d.repo_url = :url AND d.valid_to = 9223372036854775807 AND o.id = :organization
                   AND p.deleted IS NULL AND {} ORDER BY p.key LIMIT 1",
                visible::of_project(&seen)
            );
            let of = named_params! {
                ":url": url,
                ":organization": organization.as_bytes(),
                ":visible": visible::bound(&seen),
            };
            let found = connection.prepare_cached(&sql)?.query_row(of, |row| id(row, 0)).optional()?;
            Ok(found.map(ProjectId))
        })
        .await
    }
}

fn condition(query: &ProjectQuery, moment: Moment) -> String {
    format!(
        "o.id = :organization AND p.deleted IS NULL AND {} AND {}
         AND (:name IS NULL OR d.name LIKE :name ESCAPE '\\')
         AND (:repository IS NULL OR (d.repo_url IS NOT NULL) = :repository) AND :at = :at",
        holds(moment),
        visible::of_project(&query.visible)
    )
}

/// First which projects are on the page, and then what is shown of them: totals are read of no other project.
fn page(query: &ProjectQuery, moment: Moment, condition: &str) -> String {
    let (value, order) = match query.sort {
        ProjectSort::Recent => (
            "max(d.updated_at, coalesce((SELECT s.queued_at FROM scan s WHERE s.project = p.key
               AND s.deleted IS NULL AND s.queued <= :at ORDER BY s.key DESC LIMIT 1), 0))"
                .to_owned(),
            "value DESC, p.key DESC",
        ),
        ProjectSort::Name => ("d.name".to_owned(), "value COLLATE NOCASE, p.key"),
        ProjectSort::Findings => (
            format!(
                "(SELECT coalesce(sum({total} * CASE c.severity WHEN 0 THEN 1000000 WHEN 1 THEN 10000
                     WHEN 2 THEN 100 WHEN 3 THEN 100 ELSE 1 END), 0)
                   FROM counter_cell c JOIN branch b ON b.key = c.branch
                   WHERE b.project = p.key AND b.name = d.default_branch AND b.opened <= :at)",
                total = total(moment)
            ),
            "value DESC, p.key",
        ),
    };
    let (limit, offset) = match query.paging {
        Some(paging) => (i64::from(paging.limit), i64::try_from(paging.offset).unwrap_or(i64::MAX)),
        None => (-1, 0),
    };
    format!(
        "WITH page AS MATERIALIZED (
            SELECT p.key AS project, {value} AS value {FROM} WHERE {condition}
            ORDER BY {order} LIMIT {limit} OFFSET {offset}
         )
         SELECT {columns} FROM page CROSS JOIN project p ON p.key = page.project
         CROSS JOIN organization o ON o.key = p.organization
         CROSS JOIN project_detail d ON d.project = p.key AND {holds}
         ORDER BY {order}",
        columns = columns(moment),
        holds = holds(moment),
    )
}

#[cfg(test)]
mod tests {
    use super::{ProjectQuery, ProjectSort, condition, page};
    use crate::at::{At, Moment};
    use crate::page::Paging;
    use crate::plan::Plan;
    use scanledger_domain::id::OrganizationId;
    use scanledger_domain::identity::Visible;
    use uuid::Uuid;

    #[test]
    fn a_page_of_projects_reads_the_totals_of_no_other_project() {
        for sort in [ProjectSort::Recent, ProjectSort::Name, ProjectSort::Findings] {
            for moment in [Moment::Live, Moment::Past(9)] {
                let query = ProjectQuery {
                    organization: OrganizationId(Uuid::nil()),
                    visible: Visible::All,
                    at: At::Now,
                    name_contains: None,
                    has_repository: None,
                    sort,
                    paging: Some(Paging { offset: 40, limit: 20 }),
                };
                let plan = Plan::of(&page(&query, moment, &condition(&query, moment)));
                plan.has("MATERIALIZE page");
                plan.has("SCAN page");
                plan.has("scan_project (project=?)");
            }
        }
    }
}
