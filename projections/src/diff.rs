//! The difference between two instants of a branch.

use crate::at::{At, Moment, resolve_on_branch};
use crate::component::{self, ComponentRow};
use crate::finding::{FindingRow, row};
use crate::page::Paging;
use crate::project::default_branch;
use crate::store::{ReadError, Views};
use rusqlite::{Connection, OptionalExtension, Row, named_params, params};
use scanledger_domain::id::{OrganizationId, ProjectId};
use scanledger_domain::log::Position;

/// A question about a difference.
#[derive(Debug, Clone)]
pub struct DiffQuery {
    /// Whose.
    pub organization: OrganizationId,
    /// Of what.
    pub project: ProjectId,
    /// On which branch; without a name, what was the default branch at the later instant.
    pub branch: Option<String>,
    /// The earlier instant.
    pub from: At,
    /// The later instant.
    pub to: At,
    /// Which rows of each kind are listed; the numbers count all.
    pub paging: Paging,
}

/// Rows of one kind that differ, and how many there are.
#[derive(Debug, Clone, PartialEq)]
pub struct Listed<T> {
    /// Those on the page that was asked for, in the order in which they came.
    pub rows: Vec<T>,
    /// How many there are.
    pub total: u64,
}

impl<T> Default for Listed<T> {
    fn default() -> Self {
        Self { rows: vec![], total: 0 }
    }
}

/// What differs between two instants.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Diff {
    /// The instants as positions.
    pub positions: (Position, Position),
    /// Findings there at the later instant only.
    pub findings_added: Listed<FindingRow>,
    /// Findings there at the earlier instant only, as they were.
    pub findings_removed: Listed<FindingRow>,
    /// Findings there at both that look different or are triaged differently: before and after.
    pub findings_changed: Listed<(FindingRow, FindingRow)>,
    /// Components there at the later instant only.
    pub components_added: Listed<ComponentRow>,
    /// Components there at the earlier instant only.
    pub components_removed: Listed<ComponentRow>,
    /// Components there at both in another scope: before and after.
    pub components_changed: Listed<(ComponentRow, ComponentRow)>,
}

impl Views {
    /// What differs on a branch between two instants. A branch without results has nothing on it.
    ///
    /// # Errors
    /// [`ReadError::Missing`] for an unknown project or scan, [`ReadError::BeyondHead`].
    pub async fn diff(&self, query: DiffQuery) -> Result<Diff, ReadError> {
        let head = self.position();
        self.read(move |connection| {
            let at = |at| -> Result<i64, ReadError> {
                Ok(match resolve_on_branch(connection, query.organization, at, head)? {
                    Moment::Live => {
                        connection.query_row("SELECT position FROM checkpoint", [], |row| row.get(0))?
                    }
                    Moment::Past(position) => position,
                })
            };
            let (from, to) = (at(query.from)?, at(query.to)?);
            let (project, default) =
                default_branch(connection, query.organization, query.project, Moment::Past(to))?;
            let branch: Option<i64> = connection
                .prepare_cached("SELECT key FROM branch WHERE project = ?1 AND name = ?2")?
                .query_row(params![project, query.branch.as_ref().or(default.as_ref())], |row| row.get(0))
                .optional()?;
            let positions = (Position(from.cast_unsigned()), Position(to.cast_unsigned()));
            match branch {
                Some(branch) => {
                    Ok(Diff { positions, ..difference(connection, branch, from, to, query.paging)? })
                }
                None => Ok(Diff { positions, ..Diff::default() }),
            }
        })
        .await
    }
}

/// Rows of `$table` on the branch that held at a position, under the name `$name`: those that still hold and
/// those that ended since, each from an index of its own.
macro_rules! held_at {
    ($name:literal, $table:literal, $columns:literal, $at:literal) => {
        concat!(
            $name,
            " AS (SELECT ",
            $columns,
            " FROM ",
            $table,
            " WHERE branch = :branch AND valid_to = 9223372036854775807 AND valid_from <= ",
            $at,
            " UNION ALL SELECT ",
            $columns,
            " FROM ",
            $table,
            " WHERE branch = :branch AND valid_to < 9223372036854775807 AND valid_from <= ",
            $at,
            " AND valid_to > ",
            $at,
            ")"
        )
    };
}

/// Rows of `$table` that held at `:b` and have no partner of the same identity that held at `:a`.
macro_rules! only_at_second {
    ($table:literal, $columns:literal, $same:literal) => {
        concat!(
            "WITH ",
            held_at!("x", $table, $columns, ":b"),
            ", ",
            held_at!("y", $table, $columns, ":a"),
            " SELECT x.key FROM x LEFT JOIN y ON ",
            $same,
            " WHERE y.key IS NULL ORDER BY x.key"
        )
    };
}

/// Pairs of rows of `$table` of the same identity, one that held at `:a` and another at `:b`, that differ.
macro_rules! at_both {
    ($table:literal, $columns:literal, $same:literal, $differs:literal) => {
        concat!(
            "WITH ",
            held_at!("x", $table, $columns, ":b"),
            ", ",
            held_at!("y", $table, $columns, ":a"),
            " SELECT y.key, x.key FROM x JOIN y ON ",
            $same,
            " WHERE x.key <> y.key AND (",
            $differs,
            ") ORDER BY x.key"
        )
    };
}

const FINDINGS: &str = only_at_second!("presence", "key, finding", "y.finding = x.finding");
const FINDINGS_CHANGED: &str = at_both!(
    "presence",
    "key, finding, status, digest",
    "y.finding = x.finding",
    "x.status <> y.status OR x.digest <> y.digest"
);
const COMPONENTS: &str = only_at_second!(
    "component",
    "key, ecosystem, name, version, path",
    "y.ecosystem = x.ecosystem AND y.name = x.name AND y.version = x.version AND y.path = x.path"
);
const COMPONENTS_CHANGED: &str = at_both!(
    "component",
    "key, ecosystem, name, version, path, digest",
    "y.ecosystem = x.ecosystem AND y.name = x.name AND y.version = x.version AND y.path = x.path",
    "x.digest <> y.digest"
);

fn difference(
    connection: &Connection,
    branch: i64,
    from: i64,
    to: i64,
    paging: Paging,
) -> rusqlite::Result<Diff> {
    let finding = format!(
        "SELECT {} FROM presence p JOIN finding f ON f.key = p.finding JOIN branch b ON b.key = p.branch
         JOIN project pr ON pr.key = f.project
         LEFT JOIN triage t ON t.finding = f.key AND {} WHERE p.key = :key",
        row::COLUMNS,
        crate::at::holds!("t", past)
    );
    let mut finding = connection.prepare_cached(&finding)?;
    let mut finding_at =
        |key: i64, at: i64| finding.query_row(named_params! { ":key": key, ":at": at }, row::read);
    let mut part = connection.prepare_cached(
        "SELECT c.ecosystem, c.name, c.version, c.path, c.scope, c.direct, c.valid_from FROM component c WHERE c.key = ?1",
    )?;
    let mut part = |key: i64| part.query_row([key], component::query::read);
    let keys = |sql: &str, a: i64, b: i64| {
        listed(connection, sql, (branch, a, b), paging, |row| row.get::<_, i64>(0))
    };
    let pairs = |sql: &str| {
        listed(connection, sql, (branch, from, to), paging, |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?))
        })
    };
    Ok(Diff {
        positions: (Position::START, Position::START),
        findings_added: keys(FINDINGS, from, to)?.map(|key| finding_at(key, to))?,
        findings_removed: keys(FINDINGS, to, from)?.map(|key| finding_at(key, from))?,
        findings_changed: pairs(FINDINGS_CHANGED)?
            .map(|(before, after)| Ok((finding_at(before, from)?, finding_at(after, to)?)))?,
        components_added: keys(COMPONENTS, from, to)?.map(&mut part)?,
        components_removed: keys(COMPONENTS, to, from)?.map(&mut part)?,
        components_changed: pairs(COMPONENTS_CHANGED)?
            .map(|(before, after)| Ok((part(before)?, part(after)?)))?,
    })
}

impl<K> Listed<K> {
    fn map<T>(self, read: impl FnMut(K) -> rusqlite::Result<T>) -> rusqlite::Result<Listed<T>> {
        let rows = self.rows.into_iter().map(read).collect::<Result<_, _>>()?;
        Ok(Listed { rows, total: self.total })
    }
}

/// The rows of a page of what `sql` finds on a branch between two positions, and how many there are on all pages.
fn listed<T>(
    connection: &Connection,
    sql: &str,
    (branch, a, b): (i64, i64, i64),
    paging: Paging,
    read: impl Fn(&Row<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<Listed<T>> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(named_params! { ":branch": branch, ":a": a, ":b": b })?;
    let mut listed = Listed::default();
    while let Some(row) = rows.next()? {
        if listed.total >= paging.offset && listed.rows.len() < paging.limit as usize {
            listed.rows.push(read(row)?);
        }
        listed.total += 1;
    }
    Ok(listed)
}
