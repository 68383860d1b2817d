//! Projects page by page, each page found by the row before it.

use super::row::{ProjectRow, columns, holds, read};
use super::visible;
use crate::at::{FOREVER, Moment};
use crate::conditions::Conditions;
use crate::incident::Direction;
use crate::store::column::{containing, id};
use crate::store::{ReadError, Views};
use rusqlite::Row;
use scanledger_domain::id::{OrganizationId, ProjectId, TeamId};
use scanledger_domain::identity::Visible;
use scanledger_domain::time::Timestamp;

/// When the last scan of `p` was asked for, deleted ones aside; projects without any come last.
const LAST_SCAN: &str =
    "coalesce((SELECT s.queued_at FROM scan s WHERE s.project = p.key AND s.deleted IS NULL
    ORDER BY s.key DESC LIMIT 1), 9223372036854775807)";

/// What projects are ordered by; those that are equal in it, by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ProjectOrder {
    /// The number, which is the order in which they were created.
    #[default]
    Number,
    /// When their last scan was asked for. Costs a look at every project.
    LastScan,
}

/// Where a project stands in an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProjectMark {
    /// When its last scan was asked for, in an order by that; none without any.
    pub last_scan_at: Option<Timestamp>,
    /// Its number.
    pub number: u64,
}

/// A question about projects, in order. `None` means all.
#[derive(Debug, Clone)]
pub struct ProjectWalk {
    /// Whose.
    pub organization: OrganizationId,
    /// Which of them the caller sees.
    pub visible: Visible,
    /// Whose name contains this, whatever the case.
    pub name_contains: Option<String>,
    /// Of this team.
    pub team: Option<TeamId>,
    /// This one.
    pub project: Option<ProjectId>,
    /// In which order.
    pub order: ProjectOrder,
    /// In which direction they are read.
    pub direction: Direction,
    /// The row that comes before the first one.
    pub from: Option<ProjectMark>,
    /// How many.
    pub limit: u32,
}

/// A project on a page.
#[derive(Debug, Clone, PartialEq)]
pub struct WalkedProject {
    /// The project.
    pub row: ProjectRow,
    /// When its last scan was asked for.
    pub last_scan_at: Option<Timestamp>,
}

/// Which project stands where in an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WalkedKey {
    /// The project.
    pub project: ProjectId,
    /// When its last scan was asked for; none in an order by number.
    pub last_scan_at: Option<Timestamp>,
}

impl Views {
    /// Which projects come on from a row of the list, however many: for whoever has to look at each to know whether it
    /// is meant, because a page in an order by the last scan costs a look at every project.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn walk_keys(&self, walk: ProjectWalk) -> Result<Vec<WalkedKey>, ReadError> {
        self.read(move |connection| {
            let (sql, conditions) = keys(&walk);
            let mut statement = connection.prepare_cached(&sql)?;
            let rows = statement.query_map(conditions.params().as_slice(), |row| {
                Ok(WalkedKey { project: ProjectId(id(row, 0)?), last_scan_at: last_scan(row.get(1)?) })
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// Projects as they are, on from a row of the list.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn walk_projects(&self, walk: ProjectWalk) -> Result<Vec<WalkedProject>, ReadError> {
        self.read(move |connection| {
            let (sql, conditions) = statement(&walk);
            let mut statement = connection.prepare_cached(&sql)?;
            let rows = statement.query_map(conditions.params().as_slice(), read_walked)?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }
}

/// Behind the columns of a project.
const LAST_SCAN_COLUMN: usize = 16;

fn read_walked(row: &Row<'_>) -> rusqlite::Result<WalkedProject> {
    Ok(WalkedProject { row: read(row)?, last_scan_at: last_scan(row.get(LAST_SCAN_COLUMN)?) })
}

fn last_scan(at: Option<i64>) -> Option<Timestamp> {
    at.filter(|at| *at != FOREVER).map(Timestamp)
}

/// The statement of a page.
fn statement(walk: &ProjectWalk) -> (String, Conditions) {
    let (page, mut conditions) = meant(walk, "p.key AS project");
    conditions.bind(":limit", i64::from(walk.limit));
    conditions.bind(":at", FOREVER);
    let (first, word) = order(walk);
    let sql = format!(
        "WITH page AS ({page} LIMIT :limit)
         SELECT {columns}, {LAST_SCAN} FROM page CROSS JOIN project p ON p.key = page.project
         CROSS JOIN organization o ON o.key = p.organization
         CROSS JOIN project_detail d ON d.project = p.key AND {holds}
         ORDER BY {first}p.key {word}",
        columns = columns(Moment::Live),
        holds = holds(Moment::Live),
    );
    (sql, conditions)
}

/// The statement of all keys.
fn keys(walk: &ProjectWalk) -> (String, Conditions) {
    meant(walk, "p.id")
}

/// What the order of a walk begins with, if that is not the key, and which way it goes.
fn order(walk: &ProjectWalk) -> (String, &'static str) {
    let word = walk.direction.word();
    let first = match walk.order {
        ProjectOrder::Number => String::new(),
        ProjectOrder::LastScan => format!("value {word}, "),
    };
    (first, word)
}

/// The statement of what is meant, in order: `column` and the value that it is ordered by.
fn meant(walk: &ProjectWalk, column: &str) -> (String, Conditions) {
    let mut conditions = Conditions::default();
    conditions.bind(":organization", walk.organization.as_bytes().to_vec());
    conditions.bind(":visible", visible::bound(&walk.visible));
    conditions.and(visible::of_project(&walk.visible));
    let mut details = String::new();
    if let Some(part) = &walk.name_contains {
        details = format!("CROSS JOIN project_detail d ON d.project = p.key AND {}", holds(Moment::Live));
        conditions.and("d.name LIKE :name ESCAPE '\\'");
        conditions.bind(":name", containing(part));
    }
    let mut index = "project_organization";
    if let Some(team) = walk.team {
        index = "project_team";
        conditions.and("p.team = :team");
        conditions.bind(":team", team.as_bytes().to_vec());
    }
    if let Some(project) = walk.project {
        conditions.and("p.key = (SELECT key FROM project WHERE id = :project)");
        conditions.bind(":project", project.as_bytes().to_vec());
    }
    let further = walk.direction.further();
    let value = match walk.order {
        ProjectOrder::Number => "NULL",
        ProjectOrder::LastScan => LAST_SCAN,
    };
    if let Some(from) = walk.from {
        conditions.bind(":from", from.number.cast_signed());
        // Keys grow with positions. What is nearest, whoever's it is: a cursor that somebody made up says nothing.
        let key = match walk.direction {
            Direction::Ascending => {
                "coalesce((SELECT key FROM project WHERE created <= :from ORDER BY created DESC LIMIT 1), 0)"
            }
            Direction::Descending => {
                "coalesce((SELECT key FROM project WHERE created >= :from ORDER BY created LIMIT 1),
                          9223372036854775807)"
            }
        };
        match walk.order {
            ProjectOrder::Number => conditions.and(&format!("p.key {further} {key}")),
            ProjectOrder::LastScan => {
                conditions.and(&format!("({value}, p.key) {further} (:value, {key})"));
                conditions.bind(":value", from.last_scan_at.map_or(FOREVER, |at| at.0));
            }
        }
    }
    let (first, word) = order(walk);
    let sql = format!(
        "SELECT {column}, {value} AS value FROM project p INDEXED BY {index} {details}
         WHERE p.organization = (SELECT key FROM organization WHERE id = :organization) AND p.deleted IS NULL
           {conditions}
         ORDER BY {first}p.key {word}",
        conditions = conditions.sql,
    );
    (sql, conditions)
}

#[cfg(test)]
mod tests {
    use super::{ProjectMark, ProjectOrder, ProjectWalk, keys, statement};
    use crate::incident::Direction;
    use crate::plan::Plan;
    use scanledger_domain::id::{OrganizationId, ProjectId, TeamId};
    use scanledger_domain::identity::{Teamless, Visible};
    use std::collections::BTreeSet;
    use uuid::Uuid;

    fn walk() -> ProjectWalk {
        ProjectWalk {
            organization: OrganizationId(Uuid::nil()),
            visible: Visible::All,
            name_contains: None,
            team: None,
            project: None,
            order: ProjectOrder::Number,
            direction: Direction::Ascending,
            from: None,
            limit: 20,
        }
    }

    #[test]
    fn a_page_by_number_begins_at_the_row_before_it_and_is_never_sorted() {
        let from = Some(ProjectMark { last_scan_at: None, number: 7 });
        let by_organization = "SEARCH p USING INDEX project_organization (organization=? AND key";
        let by_team = "SEARCH p USING INDEX project_team (team=? AND rowid";
        let team = TeamId(Uuid::nil());
        let teams = Visible::Teams(BTreeSet::from([team]), Teamless::Too);
        for direction in [Direction::Ascending, Direction::Descending] {
            let sign = direction.further();
            for (asked, expected) in [
                (ProjectWalk { from, ..walk() }, format!("{by_organization}{sign}?)")),
                (
                    ProjectWalk { from, visible: teams.clone(), ..walk() },
                    format!("{by_organization}{sign}?)"),
                ),
                (
                    ProjectWalk { from, name_contains: Some("shop".to_owned()), ..walk() },
                    format!("{by_organization}{sign}?)"),
                ),
                (ProjectWalk { from, team: Some(team), ..walk() }, format!("{by_team}{sign}?)")),
                (
                    ProjectWalk { project: Some(ProjectId(Uuid::nil())), ..walk() },
                    format!("{by_organization}=?"),
                ),
            ] {
                let plan = Plan::of(&statement(&ProjectWalk { direction, ..asked }).0);
                plan.has(&expected);
                plan.page_is_walked();
            }
        }
    }

    #[test]
    fn scans_are_looked_up_by_project() {
        let by_last_scan = ProjectWalk { order: ProjectOrder::LastScan, ..walk() };
        for (sql, _) in [statement(&by_last_scan), keys(&by_last_scan)] {
            let plan = Plan::of(&sql);
            plan.has("SEARCH s USING INDEX scan_project (project=?)");
            plan.scans_no_table();
        }
    }
}
