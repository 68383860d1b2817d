//! Components on a branch.

use crate::at::{At, Moment, resolve_on_branch};
use crate::page::{Page, Paging};
use crate::project::default_branch;
use crate::store::column::containing;
use crate::store::{ReadError, Views};
use rusqlite::{Row, named_params};
use scanledger_domain::component::{Component, Ecosystem, Package, Scope};
use scanledger_domain::id::{OrganizationId, ProjectId};
use scanledger_domain::log::Position;

/// A component on a branch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ComponentRow {
    /// What it is.
    pub component: Component,
    /// Since which position it has been there as it is.
    pub since: Position,
}

/// In which order components come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum ComponentSort {
    /// By ecosystem, name, version and path.
    #[default]
    Package,
    /// Those that came or changed last first. Costs a look at all of the branch.
    Newest,
}

impl ComponentSort {
    /// The columns of `c`, in order.
    pub(super) const fn columns(self) -> &'static str {
        match self {
            Self::Package => "c.ecosystem, c.name, c.version, c.path",
            Self::Newest => "c.valid_from DESC, c.ecosystem, c.name, c.version, c.path",
        }
    }
}

/// A question about components.
#[derive(Debug, Clone)]
pub struct ComponentQuery {
    /// Whose.
    pub organization: OrganizationId,
    /// Of what.
    pub project: ProjectId,
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
    /// Which of them; `None` for all.
    pub paging: Option<Paging>,
}

pub(crate) fn read(row: &Row<'_>) -> rusqlite::Result<ComponentRow> {
    let ecosystem = row.get_ref(0)?.as_str()?.parse::<Ecosystem>().unwrap_or(Ecosystem::Npm);
    Ok(ComponentRow {
        component: Component {
            package: Package { ecosystem, name: row.get(1)? },
            version: row.get(2)?,
            path: row.get(3)?,
            scope: match row.get_ref(4)?.as_str()? {
                "development" => Scope::Development,
                "optional" => Scope::Optional,
                _ => Scope::Runtime,
            },
            direct: row.get(5)?,
        },
        since: Position(row.get::<_, i64>(6)?.cast_unsigned()),
    })
}

impl Views {
    /// Components on a page, with the exact total; empty if the branch has no results.
    ///
    /// # Errors
    /// [`ReadError::Missing`] for an unknown project.
    pub async fn components(&self, query: ComponentQuery) -> Result<Page<ComponentRow>, ReadError> {
        let head = self.position();
        self.read(move |connection| {
            let moment = resolve_on_branch(connection, query.organization, query.at, head)?;
            let (project, default) = default_branch(connection, query.organization, query.project, moment)?;
            let condition = condition(moment);
            let name = query.name_contains.as_deref().map(containing);
            let of = named_params! {
                ":project": project,
                ":branch": query.branch.as_ref().or(default.as_ref()),
                ":name": name,
                ":ecosystem": query.ecosystem.map(Ecosystem::as_str),
                ":at": moment.position(),
            };
            let total: i64 = connection
                .prepare_cached(&format!("SELECT count(*) FROM component c WHERE {condition}"))?
                .query_row(of, |row| row.get(0))?;
            let (limit, offset) = match query.paging {
                Some(paging) => (i64::from(paging.limit), i64::try_from(paging.offset).unwrap_or(i64::MAX)),
                None => (-1, 0),
            };
            let page = format!("LIMIT {limit} OFFSET {offset}");
            let mut statement = connection.prepare(&text(&condition, query.sort, &page))?;
            let rows = statement.query_map(of, read)?;
            Ok(Page { rows: rows.collect::<Result<_, _>>()?, total: total.cast_unsigned() })
        })
        .await
    }
}

fn condition(moment: Moment) -> String {
    let holds = match moment {
        Moment::Live => crate::at::holds!("c", live),
        Moment::Past(_) => crate::at::holds!("c", past),
    };
    format!(
        "c.branch = (SELECT key FROM branch WHERE project = :project AND name = :branch) AND {holds}
         AND (:name IS NULL OR c.name LIKE :name ESCAPE '\\') AND (:ecosystem IS NULL OR c.ecosystem = :ecosystem)
         AND :at = :at"
    )
}

fn text(condition: &str, sort: ComponentSort, page: &str) -> String {
    format!(
        "SELECT c.ecosystem, c.name, c.version, c.path, c.scope, c.direct, c.valid_from FROM component c
         WHERE {condition} ORDER BY {} {page}",
        sort.columns()
    )
}

#[cfg(test)]
mod tests {
    use super::{ComponentSort, condition, text};
    use crate::at::Moment;
    use crate::plan::Plan;

    #[test]
    fn components_are_those_of_the_branch_and_come_by_package_from_an_index() {
        for moment in [Moment::Live, Moment::Past(9)] {
            for sort in [ComponentSort::Package, ComponentSort::Newest] {
                let plan = Plan::of(&text(&condition(moment), sort, "LIMIT 20 OFFSET 40"));
                plan.has("(branch=?)");
                plan.scans_no_table();
                if sort == ComponentSort::Package {
                    plan.sorts_nothing();
                }
            }
        }
    }
}
