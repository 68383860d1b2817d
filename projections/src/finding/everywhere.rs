//! Findings of all projects and branches of an organization, those that came last first.
//!
//! There is a row for each finding and branch: as it is on the branch or, where it is gone, as it was last.

mod sql;
#[cfg(test)]
mod tests;

use super::row::{COLUMN_COUNT, FindingRow, read};
use crate::at::{At, Moment, resolve};
use crate::project::visible;
use crate::store::column::to_json;
use crate::store::{ReadError, Views};
use rusqlite::{CachedStatement, Connection, OptionalExtension, Row, named_params};
use scanledger_domain::finding::{Confidence, Transitivity, TriageState, Validation};
use scanledger_domain::id::OrganizationId;
use scanledger_domain::identity::{Teamless, Visible};
use scanledger_domain::log::Position;
use scanledger_domain::scanning::ScannerKind;
use scanledger_domain::severity::Severity;
use scanledger_domain::time::Timestamp;
use sql::{Bounds, Place, Start, Statement};

/// Projects whose findings are merged, for each has its own in order; with more, those of the organization are gone
/// through. SQLite merges up to 500 lists, and there is one for each scanner of each project.
const MERGED_PROJECTS: usize = 4;

/// Whether a finding is on its branch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stay {
    /// It is.
    There,
    /// It was.
    Gone,
}

/// Which findings. Empty lists and `None` mean all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EverywhereFilter {
    /// With one of these numbers: positions of their first `finding.detected`.
    pub numbers: Option<Vec<u64>>,
    /// Whether they are on their branch.
    pub stay: Option<Stay>,
    /// Of these scanners.
    pub scanners: Vec<ScannerKind>,
    /// In these triage states.
    pub states: Vec<TriageState>,
    /// Of these severities.
    pub severities: Vec<Severity>,
    /// That came onto their branch at this instant or later.
    pub since: Option<Timestamp>,
    /// In the projects with these names.
    pub project_names: Vec<String>,
    /// In the projects with these numbers: positions of their `project.created`.
    pub projects: Vec<u64>,
    /// On the branches of this name.
    pub branch: Option<String>,
    /// Of these rules.
    pub rules: Option<Vec<String>>,
    /// Whose rules are so sure.
    pub confidences: Vec<Confidence>,
    /// Of rules of these categories; rules that name none are about security.
    pub categories: Vec<String>,
    /// Whose package is used by the source, is not, or nobody knows.
    pub uses: Vec<Option<bool>>,
    /// Whose package came in like this.
    pub transitivities: Vec<Transitivity>,
    /// Of these packages.
    pub packages: Vec<String>,
    /// With one of these results of trying out the secret.
    pub validations: Vec<Validation>,
}

/// Where a row stands in the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EverywhereMark {
    /// Since when it is on the branch.
    pub since: Position,
    /// The finding.
    pub number: Position,
}

/// A question about the findings of an organization.
#[derive(Debug, Clone)]
pub struct EverywhereQuery {
    /// Whose.
    pub organization: OrganizationId,
    /// In which of its projects.
    pub visible: Visible,
    /// When.
    pub at: At,
    /// Which.
    pub filter: EverywhereFilter,
    /// Whether each finding is shown once: on a branch where it is, if possible the default branch.
    pub once: bool,
    /// The row that the page follows; the page begins the list without.
    pub after: Option<EverywhereMark>,
    /// Rows left out before the page.
    pub skip: u64,
    /// Rows on the page.
    pub limit: u32,
}

/// A finding on a branch, with what is around it.
#[derive(Debug, Clone, PartialEq)]
pub struct FindingEverywhere {
    /// The finding as it is or was on the branch, with the triage of the moment.
    pub finding: FindingRow,
    /// Its number: the position of its first `finding.detected`.
    pub number: Position,
    /// The number of its project: the position of `project.created`.
    pub project_number: u64,
    /// The name of its project.
    pub project_name: String,
    /// The repository of its project.
    pub repo_url: Option<String>,
    /// The name of the branch.
    pub branch: String,
    /// Where the branch began.
    pub branch_opened: Position,
    /// Whether it is on the branch.
    pub stay: Stay,
    /// When it came onto the branch or last came back.
    pub came_at: Timestamp,
    /// When it went.
    pub gone_at: Option<Timestamp>,
    /// The number of the scan that saw it on the branch first, unless it was deleted: the position of `scan.queued`.
    pub first_scan: Option<u64>,
    /// Whether the project asks for the package itself, as its lockfile says.
    pub is_direct: Option<bool>,
}

impl FindingEverywhere {
    /// How sure its rule is: half sure, where it does not say.
    pub const fn confidence(&self) -> Confidence {
        Confidence::of_number(self.finding.confidence)
    }

    /// Where it stands in the list.
    pub const fn mark(&self) -> EverywhereMark {
        EverywhereMark { since: self.finding.since, number: self.number }
    }
}

impl Views {
    /// Findings of an organization on a page, those that came onto their branch last first.
    ///
    /// # Errors
    /// As [`Views::resolve`].
    pub async fn findings_everywhere(
        &self,
        query: EverywhereQuery,
    ) -> Result<Vec<FindingEverywhere>, ReadError> {
        let head = self.position();
        self.read(move |connection| {
            let moment = resolve(connection, query.organization, query.at, head)?;
            let since = match query.filter.since {
                None => None,
                // What was recorded before that instant is at or before a position; nothing is later than "now".
                Some(since) => {
                    let before = At::Instant(Timestamp(since.0.saturating_sub(1)));
                    Some(match resolve(connection, query.organization, before, head)? {
                        Moment::Live => i64::MAX,
                        Moment::Past(position) => position,
                    })
                }
            };
            let Some(bounds) = bounds(connection, &query, moment, since)? else { return Ok(vec![]) };
            let statement = Statement::of(&query, moment, &bounds);
            let mut prepared = connection.prepare_cached(&statement.text)?;
            let rows = prepared.query_map(statement.params().as_slice(), read_row)?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }
}

fn position(row: &Row<'_>, index: usize) -> rusqlite::Result<Position> {
    Ok(Position(row.get::<_, i64>(index)?.cast_unsigned()))
}

fn read_row(row: &Row<'_>) -> rusqlite::Result<FindingEverywhere> {
    let gone_at: Option<i64> = row.get(COLUMN_COUNT + 7)?;
    let is_there: bool = row.get(COLUMN_COUNT + 6)?;
    Ok(FindingEverywhere {
        finding: read(row)?,
        number: position(row, COLUMN_COUNT)?,
        project_number: row.get::<_, i64>(COLUMN_COUNT + 1)?.cast_unsigned(),
        project_name: row.get(COLUMN_COUNT + 2)?,
        repo_url: row.get(COLUMN_COUNT + 3)?,
        branch: row.get(COLUMN_COUNT + 4)?,
        branch_opened: position(row, COLUMN_COUNT + 5)?,
        stay: if is_there { Stay::There } else { Stay::Gone },
        came_at: Timestamp(row.get(COLUMN_COUNT + 8)?),
        gone_at: gone_at.map(Timestamp),
        first_scan: row.get::<_, Option<i64>>(COLUMN_COUNT + 9)?.map(i64::cast_unsigned),
        is_direct: row.get(COLUMN_COUNT + 10)?,
    })
}

/// What narrows a list, looked up; none if nothing can be on it.
fn bounds(
    connection: &Connection,
    query: &EverywhereQuery,
    moment: Moment,
    since: Option<i64>,
) -> rusqlite::Result<Option<Bounds>> {
    let EverywhereFilter { numbers, project_names, projects: project_numbers, .. } = &query.filter;
    let is_narrowed = !(project_names.is_empty() && project_numbers.is_empty());
    let projects = match (&query.visible, numbers) {
        _ if is_narrowed => Some(projects(connection, query, moment, None)?),
        (Visible::All, _) | (_, Some(_)) => None,
        // Of many, only the condition on each row is needed.
        (Visible::Teams(..) | Visible::Project(_), None) => {
            let seen = projects(connection, query, moment, Some(MERGED_PROJECTS + 1))?;
            Some(seen).filter(|seen| seen.len() <= MERGED_PROJECTS)
        }
    };
    let after = match query.after {
        None => None,
        Some(mark) => Some(Place {
            since: mark.since.0.cast_signed(),
            finding: Search::of(connection)?.first_from(mark.number.0.cast_signed())?.key,
        }),
    };
    let (start, projects) = match (numbers, projects) {
        (Some(numbers), projects) => (Start::Keys(keys(connection, numbers)?), projects),
        (None, Some(projects)) if projects.is_empty() => return Ok(None),
        (None, Some(projects)) if projects.len() <= MERGED_PROJECTS => (Start::Projects(projects), None),
        (None, projects) => (Start::Organization, projects),
    };
    Ok(Some(Bounds { start, since, projects, after }))
}

/// The keys of the projects that the caller sees and that have the names and numbers that are asked for; no more than
/// `most`.
fn projects(
    connection: &Connection,
    query: &EverywhereQuery,
    moment: Moment,
    most: Option<usize>,
) -> rusqlite::Result<Vec<i64>> {
    let EverywhereFilter { project_names, projects, .. } = &query.filter;
    let mut statement = connection.prepare_cached(&projects_text(query, moment))?;
    let keys = statement.query_map(
        named_params! {
            ":organization": query.organization.as_bytes(),
            ":visible": visible::bound(&query.visible),
            ":names": to_json(project_names),
            ":projects": to_json(projects),
            ":at": moment.position(),
            ":most": most.map_or(-1, |most| i64::try_from(most).unwrap_or(i64::MAX)),
        },
        |row| row.get(0),
    )?;
    keys.collect()
}

fn projects_text(query: &EverywhereQuery, moment: Moment) -> String {
    let holds = match moment {
        Moment::Live => crate::at::holds!("d", live),
        Moment::Past(_) => crate::at::holds!("d", past),
    };
    // Few numbers are looked up; names are compared with those of all projects.
    let from = match query.filter.projects.is_empty() {
        true => "project p",
        false => "json_each(:projects) w CROSS JOIN project p ON p.created = w.value",
    };
    let seen = visible::of_project(&query.visible);
    // Without statistics, the planner would take the projects of the organization rather than those of the teams.
    let organization = match &query.visible {
        Visible::Teams(_, Teamless::Not) => "+p.organization",
        Visible::Teams(_, Teamless::Too) | Visible::All | Visible::Project(_) => "p.organization",
    };
    format!(
        "SELECT DISTINCT p.key FROM {from} CROSS JOIN project_detail d ON d.project = p.key AND {holds}
         WHERE {organization} = (SELECT key FROM organization WHERE id = :organization) AND p.deleted IS NULL
           AND {seen}
           AND (json_array_length(:names) = 0 OR d.name IN (SELECT value FROM json_each(:names)))
           AND :at = :at AND :projects IS NOT NULL ORDER BY p.key LIMIT :most"
    )
}

/// The keys of the findings with these numbers; numbers of nothing are left out.
fn keys(connection: &Connection, numbers: &[u64]) -> rusqlite::Result<Vec<i64>> {
    let mut numbers: Vec<i64> = numbers.iter().filter_map(|number| i64::try_from(*number).ok()).collect();
    numbers.sort_unstable();
    numbers.dedup();
    let mut search = Search::of(connection)?;
    let mut keys = Vec::with_capacity(numbers.len());
    for number in numbers {
        let found = search.first_from(number)?;
        if found.number == Some(number) {
            keys.push(found.key);
        }
    }
    Ok(keys)
}

/// A search for findings by number, in ascending order.
///
/// Keys are given in the order of the log, so that a number is found by a binary search of about twenty seeks on the
/// primary key.
struct Search<'c> {
    statement: CachedStatement<'c>,
    /// Every finding below this key is before the numbers that are still looked for.
    from: i64,
    /// Behind the last key.
    end: i64,
}

/// A finding that a search came to.
struct Found {
    key: i64,
    /// None behind the last finding.
    number: Option<i64>,
}

impl<'c> Search<'c> {
    fn of(connection: &'c Connection) -> rusqlite::Result<Self> {
        let last: Option<i64> = connection.query_row("SELECT max(key) FROM finding", [], |row| row.get(0))?;
        let statement = connection
            .prepare_cached("SELECT key, detected FROM finding WHERE key >= ?1 ORDER BY key LIMIT 1")?;
        Ok(Self { statement, from: 1, end: last.unwrap_or_default() + 1 })
    }

    /// The first finding with this number or a greater one; numbers may only grow from call to call.
    fn first_from(&mut self, number: i64) -> rusqlite::Result<Found> {
        // Invariant: every finding below `low` is before the number, and one at `high` or above is at or after it.
        let (mut low, mut high) = (self.from, self.end);
        while low < high {
            let middle = low + (high - low) / 2;
            match self.probe(middle)? {
                Some((key, detected)) if detected < number => low = key + 1,
                Some(_) | None => high = middle,
            }
        }
        self.from = low;
        Ok(match self.probe(low)? {
            Some((key, detected)) => Found { key, number: Some(detected) },
            None => Found { key: low, number: None },
        })
    }

    /// The first finding at a key or behind it, with its number.
    fn probe(&mut self, key: i64) -> rusqlite::Result<Option<(i64, i64)>> {
        self.statement.query_row([key], |row| Ok((row.get(0)?, row.get(1)?))).optional()
    }
}
