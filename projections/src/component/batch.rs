//! Components of several projects, in one statement.

use super::query::{ComponentRow, ComponentSort, read};
use crate::at::{At, Moment, NOW, holds, resolve_on_branch};
use crate::page::{Page, Paging};
use crate::project::batch::hex_ids;
use crate::store::column::{containing, id};
use crate::store::{ReadError, Views};
use rusqlite::named_params;
use scanledger_domain::component::Ecosystem;
use scanledger_domain::id::{OrganizationId, ProjectId};
use std::collections::HashMap;

/// A question about the components of several projects; the same page of each.
#[derive(Debug, Clone)]
pub struct ComponentsOfProjects {
    /// Whose.
    pub organization: OrganizationId,
    /// Of which projects.
    pub projects: Vec<ProjectId>,
    /// On which branch; the default branch without a name.
    pub branch: Option<String>,
    /// When.
    pub at: At,
    /// Whose package name contains this, whatever the case.
    pub name_contains: Option<String>,
    /// Of this ecosystem only.
    pub ecosystem: Option<Ecosystem>,
    /// In which order.
    pub sort: ComponentSort,
    /// Which of each project's.
    pub paging: Paging,
}

fn text(moment: Moment, sort: ComponentSort) -> String {
    let holds = match moment {
        Moment::Live => holds!("d", live),
        Moment::Past(_) => holds!("d", past),
    };
    let order = sort.columns();
    format!(
        "WITH target AS (
            SELECT p.id AS project, b.key AS branch FROM json_each(:ids) w
            CROSS JOIN project p ON p.id = unhex(w.value) AND p.deleted IS NULL
            JOIN organization o ON o.key = p.organization AND o.id = :organization
            JOIN project_detail d ON d.project = p.key AND {holds}
            CROSS JOIN branch b ON b.project = p.key AND b.name = coalesce(:branch, d.default_branch) AND b.opened <= :at
         ), shown AS (
            SELECT t.project AS project, c.key AS component FROM target t JOIN component c ON c.branch = t.branch
              AND c.valid_to = 9223372036854775807 AND c.valid_from <= :at
            UNION ALL
            SELECT t.project, c.key FROM target t JOIN component c ON c.branch = t.branch
              AND :at < 9223372036854775806 AND c.valid_to < 9223372036854775807 AND c.valid_from <= :at AND c.valid_to > :at
         ), ranked AS (
            SELECT s.project AS project, s.component AS component, count(*) OVER (PARTITION BY s.project) AS total,
                   row_number() OVER (PARTITION BY s.project ORDER BY {order}) AS place
            FROM shown s JOIN component c ON c.key = s.component
            WHERE (:name IS NULL OR c.name LIKE :name ESCAPE '\\') AND (:ecosystem IS NULL OR c.ecosystem = :ecosystem)
         )
         SELECT c.ecosystem, c.name, c.version, c.path, c.scope, c.direct, c.valid_from, r.project, r.total, r.place
         FROM ranked r JOIN component c ON c.key = r.component
         WHERE r.place = 1 OR (r.place > :skip AND r.place <= :until) ORDER BY r.project, r.place"
    )
}

impl Views {
    /// The same page of the components of several projects, each with its exact total, in one statement.
    /// Projects without any such component, or that the organization does not have, are left out.
    ///
    /// # Errors
    /// As [`Views::resolve`].
    pub async fn components_of_projects(
        &self,
        query: ComponentsOfProjects,
    ) -> Result<HashMap<ProjectId, Page<ComponentRow>>, ReadError> {
        let head = self.position();
        self.read(move |connection| {
            let moment = resolve_on_branch(connection, query.organization, query.at, head)?;
            let at = match moment {
                Moment::Live => NOW,
                Moment::Past(position) => position,
            };
            let name = query.name_contains.as_deref().map(containing);
            let skip = i64::try_from(query.paging.offset).unwrap_or(i64::MAX);
            let mut statement = connection.prepare_cached(&text(moment, query.sort))?;
            let mut rows = statement.query(named_params! {
                ":ids": hex_ids(query.projects.iter().map(|id| id.0)),
                ":organization": query.organization.as_bytes(),
                ":branch": query.branch,
                ":at": at,
                ":name": name,
                ":ecosystem": query.ecosystem.map(Ecosystem::as_str),
                ":skip": skip,
                ":until": skip.saturating_add(query.paging.limit.into()),
            })?;
            let mut pages: HashMap<ProjectId, Page<ComponentRow>> = HashMap::new();
            while let Some(row) = rows.next()? {
                let project = ProjectId(id(row, 7)?);
                let page = pages.entry(project).or_insert_with(|| Page { rows: vec![], total: 0 });
                page.total = row.get::<_, i64>(8)?.cast_unsigned();
                // The first row comes along for the total, even if the page begins after it.
                let place: i64 = row.get(9)?;
                if place > skip && query.paging.limit > 0 {
                    page.rows.push(read(row)?);
                }
            }
            Ok(pages)
        })
        .await
    }
}
