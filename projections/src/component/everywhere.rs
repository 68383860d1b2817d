//! Components on the default branches of all projects of an organization, and how many there are.

use super::query::{ComponentRow, read};
use crate::at::{At, Moment, resolve};
use crate::page::Paging;
use crate::project::visible;
use crate::store::column::{containing, to_json};
use crate::store::{ReadError, Views};
use rusqlite::types::Value;
use rusqlite::{Row, ToSql};
use scanledger_domain::component::Ecosystem;
use scanledger_domain::id::OrganizationId;
use scanledger_domain::identity::Visible;

/// Components on a page of these lists have seven columns of their own.
const OWN: usize = 7;

/// A package that is looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WantedPackage {
    /// Whose name is this.
    Named(String),
    /// Whose name contains this, whatever the case.
    Containing(String),
}

/// A package, and at which version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// The package.
    pub package: WantedPackage,
    /// This version only.
    pub version: Option<String>,
}

/// Which components. Empty lists and `None` mean all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EverywhereComponents {
    /// In the projects with these numbers: positions of `project.created`.
    pub projects: Vec<u64>,
    /// One of these.
    pub packages: Vec<Wanted>,
    /// Of these ecosystems.
    pub ecosystems: Vec<Ecosystem>,
    /// That the project asks for itself, does not, or nobody knows.
    pub direct: Vec<Option<bool>>,
    /// In this lockfile.
    pub path: Option<String>,
}

/// A question about the components of an organization.
#[derive(Debug, Clone)]
pub struct ComponentsQuery {
    /// Whose.
    pub organization: OrganizationId,
    /// In which of its projects.
    pub visible: Visible,
    /// When.
    pub at: At,
    /// Which.
    pub filter: EverywhereComponents,
    /// Which of them.
    pub paging: Paging,
}

/// A component on the default branch of a project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ComponentOfProject {
    /// The component.
    pub row: ComponentRow,
    /// The number of its project.
    pub project: u64,
    /// The repository of its project.
    pub repo_url: Option<String>,
    /// The project's default branch.
    pub branch: String,
}

/// How many components a project has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProjectTotal {
    /// The number of the project.
    pub project: u64,
    /// Its name.
    pub name: String,
    /// How many.
    pub components: u64,
}

/// How many components a lockfile names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockfileTotal {
    /// The lockfile.
    pub path: String,
    /// How many.
    pub components: u64,
}

impl Views {
    /// Components on the default branches of an organization's projects, by project, ecosystem, name, version and path.
    ///
    /// # Errors
    /// As [`Views::resolve`].
    pub async fn components_everywhere(
        &self,
        query: ComponentsQuery,
    ) -> Result<Vec<ComponentOfProject>, ReadError> {
        let columns =
            "c.ecosystem, c.name, c.version, c.path, c.scope, c.direct, c.valid_from, p.created, d.repo_url,
             d.default_branch";
        self.about_components(query, columns, in_order, |row| {
            Ok(ComponentOfProject {
                row: read(row)?,
                project: unsigned(row, OWN)?,
                repo_url: row.get(OWN + 1)?,
                branch: row.get(OWN + 2)?,
            })
        })
        .await
    }

    /// How many components each project has on its default branch, eldest project first; those without are left out.
    ///
    /// # Errors
    /// As [`Views::resolve`].
    pub async fn component_totals(&self, query: ComponentsQuery) -> Result<Vec<ProjectTotal>, ReadError> {
        let by_project = |_| "GROUP BY p.key ORDER BY p.key";
        self.about_components(query, "p.created, d.name, count(*)", by_project, |row| {
            Ok(ProjectTotal { project: unsigned(row, 0)?, name: row.get(1)?, components: unsigned(row, 2)? })
        })
        .await
    }

    /// How many components each lockfile on the default branches of projects names, by path.
    ///
    /// # Errors
    /// As [`Views::resolve`].
    pub async fn lockfile_totals(&self, query: ComponentsQuery) -> Result<Vec<LockfileTotal>, ReadError> {
        let by_path = |_| "GROUP BY c.path ORDER BY c.path";
        self.about_components(query, "c.path, count(*)", by_path, |row| {
            Ok(LockfileTotal { path: row.get(0)?, components: unsigned(row, 1)? })
        })
        .await
    }

    async fn about_components<T: Send + 'static>(
        &self,
        query: ComponentsQuery,
        columns: &'static str,
        order: fn(Moment) -> &'static str,
        read: fn(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, ReadError> {
        let head = self.position();
        self.read(move |connection| {
            let moment = resolve(connection, query.organization, query.at, head)?;
            let (conditions, binds) = conditions(&query, moment);
            let binds: Vec<(&str, &dyn ToSql)> =
                binds.iter().map(|(name, value)| (*name, value as &dyn ToSql)).collect();
            let sql = text(columns, order(moment), moment, &conditions);
            let mut statement = connection.prepare_cached(&sql)?;
            let rows = statement.query_map(binds.as_slice(), read)?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }
}

/// By project, ecosystem, name, version and path. A project has one row of details and one default branch, which SQLite
/// cannot know: named in the order of their indexes, they leave nothing to sort.
const fn in_order(moment: Moment) -> &'static str {
    match moment {
        Moment::Live => "ORDER BY p.key, d.rowid, b.key, c.ecosystem, c.name, c.version, c.path",
        Moment::Past(_) => {
            "ORDER BY p.key, d.valid_from, d.rowid, b.key, c.ecosystem, c.name, c.version, c.path"
        }
    }
}

fn text(columns: &str, order: &str, moment: Moment, conditions: &str) -> String {
    let index = match moment {
        Moment::Live => "component_live",
        Moment::Past(_) => "component_all",
    };
    format!(
        "SELECT {columns} FROM project p INDEXED BY project_organization
         CROSS JOIN project_detail d ON d.project = p.key
         CROSS JOIN branch b ON b.project = p.key AND b.name = d.default_branch
         CROSS JOIN component c INDEXED BY {index} ON c.branch = b.key
         WHERE {conditions} {order} LIMIT :limit OFFSET :skip"
    )
}

fn unsigned(row: &Row<'_>, index: usize) -> rusqlite::Result<u64> {
    row.get::<_, i64>(index).map(i64::cast_unsigned)
}

fn conditions(query: &ComponentsQuery, moment: Moment) -> (String, Vec<(&'static str, Value)>) {
    let EverywhereComponents { projects, packages, ecosystems, direct, path } = &query.filter;
    let holds = match moment {
        Moment::Live => concat!(crate::at::holds!("c", live), " AND ", crate::at::holds!("d", live)),
        Moment::Past(_) => concat!(crate::at::holds!("c", past), " AND ", crate::at::holds!("d", past)),
    };
    let mut sql = format!(
        "p.organization = (SELECT key FROM organization WHERE id = :organization) AND p.deleted IS NULL
         AND {} AND {holds} AND :at = :at",
        visible::of_project(&query.visible)
    );
    let mut binds: Vec<(&'static str, Value)> = vec![
        (":organization", query.organization.as_bytes().to_vec().into()),
        (":visible", visible::bound(&query.visible)),
        (":at", moment.position().into()),
        (":limit", i64::from(query.paging.limit).into()),
        (":skip", i64::try_from(query.paging.offset).unwrap_or(i64::MAX).into()),
    ];
    let mut and = |condition: &str, name: &'static str, value: Value| {
        sql.push_str(" AND ");
        sql.push_str(condition);
        binds.push((name, value));
    };
    if !projects.is_empty() {
        and("p.created IN (SELECT value FROM json_each(:projects))", ":projects", to_json(projects).into());
    }
    if !ecosystems.is_empty() {
        let words: Vec<&str> = ecosystems.iter().map(|ecosystem| ecosystem.as_str()).collect();
        and(
            "c.ecosystem IN (SELECT value FROM json_each(:ecosystems))",
            ":ecosystems",
            to_json(&words).into(),
        );
    }
    if !direct.is_empty() {
        let numbers: Vec<i8> = direct.iter().map(|direct| direct.map_or(-1, i8::from)).collect();
        let one_of = "coalesce(c.direct, -1) IN (SELECT value FROM json_each(:direct))";
        and(one_of, ":direct", to_json(&numbers).into());
    }
    if let Some(path) = path {
        and("c.path = :path", ":path", path.clone().into());
    }
    if !packages.is_empty() {
        let wanted: Vec<(Option<&str>, Option<String>, Option<&str>)> =
            packages.iter().map(pattern).collect();
        and(
            "EXISTS (SELECT 1 FROM json_each(:packages) w WHERE (w.value ->> 0 IS NULL OR c.name = w.value ->> 0)
               AND (w.value ->> 1 IS NULL OR c.name LIKE w.value ->> 1 ESCAPE '\\')
               AND (w.value ->> 2 IS NULL OR c.version = w.value ->> 2))",
            ":packages",
            to_json(&wanted).into(),
        );
    }
    (sql, binds)
}

/// The name, the pattern of the name and the version of a package.
fn pattern(wanted: &Wanted) -> (Option<&str>, Option<String>, Option<&str>) {
    let version = wanted.version.as_deref();
    match &wanted.package {
        WantedPackage::Named(name) => (Some(name), None, version),
        WantedPackage::Containing(part) => (None, Some(containing(part)), version),
    }
}

#[cfg(test)]
mod tests {
    use super::{ComponentsQuery, EverywhereComponents, conditions, in_order, text};
    use crate::page::Paging;
    use crate::plan::Plan;
    use crate::{At, Moment};
    use scanledger_domain::component::Ecosystem;
    use scanledger_domain::id::OrganizationId;
    use scanledger_domain::identity::Visible;
    use uuid::Uuid;

    #[test]
    fn components_are_read_in_order_and_never_sorted() {
        let npm = EverywhereComponents { ecosystems: vec![Ecosystem::Npm], ..Default::default() };
        for filter in [EverywhereComponents::default(), npm] {
            for (moment, index) in [(Moment::Live, "component_live"), (Moment::Past(9), "component_all")] {
                let query = ComponentsQuery {
                    organization: OrganizationId(Uuid::nil()),
                    visible: Visible::All,
                    at: At::Now,
                    filter: filter.clone(),
                    paging: Paging { offset: 5_000, limit: 1_000 },
                };
                let (conditions, _) = conditions(&query, moment);
                let totals = ("count(*)", "GROUP BY p.key ORDER BY p.key");
                for (columns, order) in [("c.key", in_order(moment)), totals] {
                    let plan = Plan::of(&text(columns, order, moment, &conditions));
                    plan.has(&format!("{index} (branch=?"));
                    plan.scans_no_table();
                    plan.sorts_nothing();
                }
            }
        }
    }
}
