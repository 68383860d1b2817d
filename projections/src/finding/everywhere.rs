//! Findings of all projects and branches of an organization, those that came last first.
//!
//! There is a row for each finding and branch: as it is on the branch or, where it is gone, as it was last.

mod sql;

use super::row::{COLUMN_COUNT, FindingRow, read};
use crate::at::{At, Moment, resolve};
use crate::store::{ReadError, Views};
use rusqlite::{Connection, OptionalExtension, Row};
use scanledger_domain::finding::{Confidence, Transitivity, TriageState, Validation};
use scanledger_domain::id::OrganizationId;
use scanledger_domain::identity::Visible;
use scanledger_domain::log::Position;
use scanledger_domain::scanning::ScannerKind;
use scanledger_domain::severity::Severity;
use scanledger_domain::time::Timestamp;

/// The least number of a finding whose rule is sure; between those that [`Confidence::as_number`] gives.
const SURE: f32 = 0.75;
/// The least number of a finding whose rule is half sure.
const HALF_SURE: f32 = 0.45;

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
    /// The branch, by the position of its `branch.opened`.
    pub branch: Position,
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
    /// The number of the scan that saw it on the branch first: the position of `scan.queued`.
    pub first_scan: Option<u64>,
    /// Whether the project asks for the package itself, as its lockfile says.
    pub is_direct: Option<bool>,
}

impl FindingEverywhere {
    /// How sure its rule is: half sure, where it does not say.
    pub fn confidence(&self) -> Confidence {
        match self.finding.confidence {
            number if number >= SURE => Confidence::High,
            number if number >= HALF_SURE => Confidence::Medium,
            _ => Confidence::Low,
        }
    }

    /// Where it stands in the list.
    pub const fn mark(&self) -> EverywhereMark {
        EverywhereMark { since: self.finding.since, number: self.number, branch: self.branch_opened }
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
            let keys = match &query.filter.numbers {
                None => None,
                Some(numbers) => Some(keys(connection, numbers)?),
            };
            let statement = sql::Statement::of(&query, moment, since, keys.as_deref());
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

/// The keys of the findings with these numbers; numbers of nothing are left out.
///
/// Keys are given in the order of the log, so that a number is found by a binary search of about twenty seeks on the
/// primary key.
fn keys(connection: &Connection, numbers: &[u64]) -> rusqlite::Result<Vec<i64>> {
    let mut numbers: Vec<i64> = numbers.iter().filter_map(|number| i64::try_from(*number).ok()).collect();
    numbers.sort_unstable();
    numbers.dedup();
    let last: Option<i64> = connection.query_row("SELECT max(key) FROM finding", [], |row| row.get(0))?;
    let Some(last) = last else { return Ok(vec![]) };
    let mut probe = connection
        .prepare_cached("SELECT key, detected FROM finding WHERE key >= ?1 ORDER BY key LIMIT 1")?;
    let mut keys = Vec::with_capacity(numbers.len());
    let mut from = 1;
    for number in numbers {
        // Invariant: every finding below `low` is before the number, and one at `high` or above is at or after it.
        let (mut low, mut high) = (from, last + 1);
        while low < high {
            let middle = low + (high - low) / 2;
            let found: Option<(i64, i64)> =
                probe.query_row([middle], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
            match found {
                Some((key, detected)) if detected < number => low = key + 1,
                Some(_) | None => high = middle,
            }
        }
        let found: Option<(i64, i64)> =
            probe.query_row([low], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
        keys.extend(found.filter(|(_, detected)| *detected == number).map(|(key, _)| key));
        from = low;
    }
    Ok(keys)
}
