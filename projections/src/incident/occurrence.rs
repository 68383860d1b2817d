//! Where secrets stand.

use super::list::{Span, TagFilter};
use super::order::Direction;
use super::row::{IS_ON_DEFAULT_BRANCH, STANDS, bound_at, holding, mask, states, status, tags_of};
use crate::at::{At, Moment, resolve};
use crate::conditions::Conditions;
use crate::project::visible;
use crate::store::column::{id, optional_id};
use crate::store::{ReadError, Views};
use rusqlite::{Connection, Row};
use scanledger_domain::id::{BranchId, FindingId, IncidentId, OrganizationId, ProjectId, ScanId, UserId};
use scanledger_domain::identity::Visible;
use scanledger_domain::incident::{IncidentStatus, IncidentTag};
use scanledger_domain::log::Position;
use scanledger_domain::severity::Severity;
use scanledger_domain::time::Timestamp;

/// Whether a secret still stands where it was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Presence {
    /// It does; at places that are on no branch as far as anybody said.
    Present,
    /// It does not.
    Removed,
}

/// The branch that an occurrence is on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OccurrenceBranch {
    /// Which.
    pub branch: BranchId,
    /// Its name.
    pub name: String,
    /// The finding that it is there.
    pub finding: FindingId,
    /// The scan that saw it come, once its results were complete, unless it was deleted.
    pub scan: Option<ScanId>,
    /// The commit that the scan looked at.
    pub commit: Option<String>,
}

/// A place that a secret came to stand at. What a branch began with is no place of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OccurrenceRow {
    /// Its number: the position of its `finding.detected`, `finding.reopened` or `incident.occurred`.
    pub number: Position,
    /// The incident.
    pub incident: IncidentId,
    /// The incident's number.
    pub incident_number: Position,
    /// What kind of secret: the detector's id.
    pub rule: String,
    /// In which project.
    pub project: ProjectId,
    /// On which branch; none for what is on no branch.
    pub branch: Option<OccurrenceBranch>,
    /// Relative to the root of the source, or what whoever saw it calls the place.
    pub path: String,
    /// Where people can look at it, if somebody said so.
    pub url: Option<String>,
    /// From 1.
    pub line: Option<u32>,
    /// From 1, inclusive.
    pub end_line: Option<u32>,
    /// Whether it was there before anybody looked.
    pub is_historical: bool,
    /// Whether it still stands there.
    pub presence: Presence,
    /// When it came.
    pub seen_at: Timestamp,
    /// What is worth knowing about it; never [`IncidentTag::Regression`].
    pub tags: Vec<IncidentTag>,
}

/// Which occurrences. Empty lists mean all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OccurrenceFilter {
    /// Of the incidents with these numbers.
    pub incidents: Vec<Position>,
    /// Of incidents with these statuses.
    pub statuses: Vec<IncidentStatus>,
    /// Of incidents of these severities.
    pub severities: Vec<Severity>,
    /// Of incidents that these people are to work at.
    pub assignees: Vec<UserId>,
    /// In these projects.
    pub projects: Vec<ProjectId>,
    /// In exactly these files.
    pub paths: Vec<String>,
    /// Seen by scans of exactly these commits.
    pub commits: Vec<String>,
    /// Still there or not.
    pub presence: Option<Presence>,
    /// Come in this span.
    pub seen: Span,
    /// With or without tags.
    pub tags: TagFilter,
}

/// A question about occurrences.
#[derive(Debug, Clone)]
pub struct OccurrenceQuery {
    /// Whose.
    pub organization: OrganizationId,
    /// In which projects.
    pub visible: Visible,
    /// When.
    pub at: At,
    /// Which.
    pub filter: OccurrenceFilter,
    /// In which direction, by number, which is the order in which they came.
    pub direction: Direction,
    /// The number of the row that the page follows; the page begins the list without.
    pub from: Option<Position>,
    /// Whether the page precedes `from` instead, or ends the list; it is in order all the same.
    pub is_backward: bool,
    /// Rows on it.
    pub limit: u32,
}

/// A page of occurrences.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OccurrencePage {
    /// What is on it.
    pub rows: Vec<OccurrenceRow>,
    /// Whether there are more rows, behind the last one or, going backward, before the first.
    pub has_more: bool,
}

impl Views {
    /// Occurrences on a page.
    ///
    /// # Errors
    /// As [`Views::resolve`].
    pub async fn occurrences(&self, query: OccurrenceQuery) -> Result<OccurrencePage, ReadError> {
        let head = self.position();
        self.read(move |connection| {
            let moment = resolve(connection, query.organization, query.at, head)?;
            Ok(page(connection, moment, &query)?)
        })
        .await
    }
}

/// The tags of the place `o`, a bit for each.
fn tags() -> String {
    let bit = |tag| mask(&[tag]);
    format!(
        "(o.is_historical * {} | o.is_test * {} | o.is_sensitive * {} | {IS_ON_DEFAULT_BRANCH} * {})",
        bit(IncidentTag::FromHistoricalScan),
        bit(IncidentTag::TestFile),
        bit(IncidentTag::SensitiveFile),
        bit(IncidentTag::DefaultBranch),
    )
}

/// The scan whose results the place `o` was among, which may be deleted.
const SCAN: &str = "(SELECT a.scan FROM branch_scan a INDEXED BY branch_scan_branch
                     WHERE a.branch = o.branch AND a.position > o.key AND a.position <= :at ORDER BY a.position LIMIT 1)";

fn page(
    connection: &Connection,
    moment: Moment,
    query: &OccurrenceQuery,
) -> rusqlite::Result<OccurrencePage> {
    let mut conditions = conditions(query, moment);
    let way = query.direction.or_back(query.is_backward);
    if let Some(from) = query.from {
        conditions.and(&format!("o.key {} :from", way.further()));
        conditions.bind(":from", from.0.cast_signed());
    }
    conditions.bind(":limit", i64::from(query.limit) + 1);
    let (index, of) = match query.filter.incidents.is_empty() {
        true => ("incident_occurrence_organization", "o.organization = g.key"),
        false => (
            "incident_occurrence_incident",
            "o.incident IN (SELECT id FROM incident WHERE organization = g.key
                            AND key IN (SELECT value FROM json_each(:incidents)))",
        ),
    };
    let (word, tags) = (way.word(), tags());
    let sql = format!(
        "SELECT o.key, i.id, i.key, i.rule, p.id, b.id, b.name, f.id, n.id, n.commit_id, o.path, o.url,
                CASE WHEN q.key IS NULL THEN o.line ELSE q.line END,
                CASE WHEN q.key IS NULL THEN o.end_line ELSE q.end_line END,
                o.is_historical, o.branch IS NULL OR q.valid_to > :at, o.seen_at, {tags}
         FROM (
            SELECT o.key AS key FROM organization g
            CROSS JOIN incident_occurrence o INDEXED BY {index} ON {of} AND o.key <= :at
            CROSS JOIN project p ON p.key = o.project AND p.deleted IS NULL AND {seen}
            CROSS JOIN incident i ON i.id = o.incident
            CROSS JOIN {states} ON s.organization = i.organization AND s.incident = i.key AND {holding}
            WHERE g.id = :organization{conditions} ORDER BY o.key {word} LIMIT :limit
         ) AS page
         CROSS JOIN incident_occurrence o ON o.key = page.key
         CROSS JOIN project p ON p.key = o.project
         CROSS JOIN incident i ON i.id = o.incident
         LEFT JOIN branch b ON b.key = o.branch
         LEFT JOIN finding f ON f.key = o.finding
         LEFT JOIN scan n ON n.id = {SCAN} AND n.deleted IS NULL
         LEFT JOIN presence q ON q.key = (
            SELECT l.key FROM presence l INDEXED BY presence_finding
            WHERE l.finding = o.finding AND l.branch = o.branch AND l.valid_from <= :at
            ORDER BY l.valid_from DESC LIMIT 1)
         ORDER BY o.key {word}",
        seen = visible::of_project(&query.visible),
        states = states(moment),
        holding = holding(moment),
        conditions = conditions.sql,
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let rows = statement.query_map(conditions.params().as_slice(), read)?;
    let mut rows: Vec<OccurrenceRow> = rows.collect::<Result<_, _>>()?;
    let has_more = rows.len() > query.limit as usize;
    rows.truncate(query.limit as usize);
    if query.is_backward {
        rows.reverse();
    }
    Ok(OccurrencePage { rows, has_more })
}

fn conditions(query: &OccurrenceQuery, moment: Moment) -> Conditions {
    let OccurrenceQuery { organization, visible, filter, .. } = query;
    let mut conditions = Conditions::default();
    conditions.bind(":organization", organization.as_bytes().to_vec());
    conditions.bind(":at", bound_at(moment));
    conditions.bind(":visible", visible::bound(visible));
    if !filter.incidents.is_empty() {
        let numbers: Vec<u64> = filter.incidents.iter().map(|number| number.0).collect();
        conditions.bind(":incidents", crate::store::column::to_json(&numbers));
    }
    let statuses = IncidentStatus::ALL.iter().enumerate();
    let statuses: Vec<usize> =
        statuses.filter(|(_, status)| filter.statuses.contains(status)).map(|(place, _)| place).collect();
    conditions.one_of(&status(), ":statuses", &statuses);
    let severities: Vec<u8> = filter.severities.iter().map(|severity| severity.rank()).collect();
    conditions.one_of("s.severity", ":severities", &severities);
    conditions.one_of_ids("s.assignee", ":assignees", filter.assignees.iter().map(|user| user.0));
    conditions.one_of_ids("p.id", ":projects", filter.projects.iter().map(|project| project.0));
    conditions.one_of("o.path", ":paths", &filter.paths);
    conditions.one_of(
        &format!("(SELECT c.commit_id FROM scan c WHERE c.id = {SCAN} AND c.deleted IS NULL)"),
        ":commits",
        &filter.commits,
    );
    match filter.presence {
        Some(Presence::Present) => conditions.and(STANDS),
        Some(Presence::Removed) => conditions.and(&format!("NOT {STANDS}")),
        None => (),
    }
    conditions.within("o.seen_at", (":seen_from", ":seen_before"), filter.seen);
    if filter.tags != TagFilter::default() {
        conditions.tagged(&tags(), &filter.tags);
    }
    conditions
}

fn read(row: &Row<'_>) -> rusqlite::Result<OccurrenceRow> {
    let position = |index| row.get::<_, i64>(index).map(|position| Position(position.cast_unsigned()));
    let branch = match (optional_id(row, 5)?, optional_id(row, 7)?) {
        (Some(branch), Some(finding)) => Some(OccurrenceBranch {
            branch: BranchId(branch),
            name: row.get(6)?,
            finding: FindingId(finding),
            scan: optional_id(row, 8)?.map(ScanId),
            commit: row.get(9)?,
        }),
        _ => None,
    };
    Ok(OccurrenceRow {
        number: position(0)?,
        incident: IncidentId(id(row, 1)?),
        incident_number: position(2)?,
        rule: row.get(3)?,
        project: ProjectId(id(row, 4)?),
        branch,
        path: row.get(10)?,
        url: row.get(11)?,
        line: row.get(12)?,
        end_line: row.get(13)?,
        is_historical: row.get(14)?,
        presence: if row.get(15)? { Presence::Present } else { Presence::Removed },
        seen_at: Timestamp(row.get(16)?),
        tags: tags_of(row.get(17)?),
    })
}
