//! Lists of incidents.

use super::order::{IncidentMark, IncidentOrder};
use super::row::{IncidentRow, bound_at, holding, mask, places, read, status, tags};
use super::walk::{Start, statement};
use crate::at::{At, FOREVER, Moment, resolve};
use crate::conditions::Conditions;
use crate::project::batch::hex_ids;
use crate::project::visible;
use crate::store::{ReadError, Views};
use rusqlite::Connection;
use scanledger_domain::id::{OrganizationId, ProjectId, TeamId, UserId};
use scanledger_domain::identity::Visible;
use scanledger_domain::incident::{IncidentStatus, IncidentTag};
use scanledger_domain::log::Actor;
use scanledger_domain::severity::Severity;
use scanledger_domain::time::Timestamp;

/// A span of time; open at an end without an instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Span {
    /// Not before this instant.
    pub from: Option<Timestamp>,
    /// Before this instant.
    pub before: Option<Timestamp>,
}

/// Which tags.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TagFilter {
    /// With at least one of these; all without any.
    pub any_of: Vec<IncidentTag>,
    /// Or without any tag at all.
    pub or_untagged: bool,
    /// With none of these.
    pub none_of: Vec<IncidentTag>,
}

/// Which incidents. Empty lists mean all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct IncidentFilter {
    /// Opened or last come back in this span.
    pub triggered: Span,
    /// Opened in this span.
    pub opened: Span,
    /// With these statuses.
    pub statuses: Vec<IncidentStatus>,
    /// Of these severities.
    pub severities: Vec<Severity>,
    /// Of these detectors.
    pub rules: Vec<String>,
    /// That these people are to work at.
    pub assignees: Vec<UserId>,
    /// Ignored, by one of these.
    pub ignorers: Vec<Actor>,
    /// Resolved, by one of these.
    pub resolvers: Vec<Actor>,
    /// Whose secret stands or stood in these projects, as far as the caller sees them.
    pub projects: Vec<ProjectId>,
    /// Whose secret stands or stood in a project of this team, as far as the caller sees it.
    pub team: Option<TeamId>,
    /// With or without tags.
    pub tags: TagFilter,
}

/// A question about incidents.
#[derive(Debug, Clone)]
pub struct IncidentQuery {
    /// Whose.
    pub organization: OrganizationId,
    /// Who sees only some projects sees incidents whose secret stands or stood in one of those.
    pub visible: Visible,
    /// When.
    pub at: At,
    /// Which.
    pub filter: IncidentFilter,
    /// In which order.
    pub order: IncidentOrder,
    /// The row that the page follows; the page begins the list without.
    pub from: Option<IncidentMark>,
    /// The row that ends what is paged through: neither it nor what is behind it, or before it going backward, is there.
    pub to: Option<IncidentMark>,
    /// Whether the page precedes `from` instead, or ends the list; it is in order all the same.
    pub is_backward: bool,
    /// Rows on it.
    pub limit: u32,
}

/// A page of incidents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IncidentPage {
    /// What is on it.
    pub rows: Vec<IncidentRow>,
    /// Whether there are more rows, behind the last one or, going backward, before the first.
    pub has_more: bool,
}

impl Conditions {
    /// `expression` is within `span`.
    pub(super) fn within(
        &mut self,
        expression: &str,
        (from, before): (&'static str, &'static str),
        span: Span,
    ) {
        if let Some(instant) = span.from {
            self.and(&format!("{expression} >= {from}"));
            self.bind(from, instant.0);
        }
        if let Some(instant) = span.before {
            self.and(&format!("{expression} < {before}"));
            self.bind(before, instant.0);
        }
    }

    /// The bits `expression` pass a filter.
    pub(super) fn tagged(&mut self, expression: &str, filter: &TagFilter) {
        if !filter.any_of.is_empty() || filter.or_untagged {
            let untagged = if filter.or_untagged { format!(" OR {expression} = 0") } else { String::new() };
            self.and(&format!("({expression} & :any_of{untagged})"));
            self.bind(":any_of", mask(&filter.any_of));
        }
        if !filter.none_of.is_empty() {
            self.and(&format!("NOT {expression} & :none_of"));
            self.bind(":none_of", mask(&filter.none_of));
        }
    }
}

impl Views {
    /// Incidents on a page.
    ///
    /// # Errors
    /// As [`Views::resolve`].
    pub async fn incidents(&self, query: IncidentQuery) -> Result<IncidentPage, ReadError> {
        let head = self.position();
        self.read(move |connection| {
            let moment = resolve(connection, query.organization, query.at, head)?;
            Ok(page(connection, moment, &query)?)
        })
        .await
    }

    /// How many incidents there are without paging.
    ///
    /// # Errors
    /// As [`Views::resolve`].
    pub async fn incident_total(&self, query: IncidentQuery) -> Result<u64, ReadError> {
        let head = self.position();
        self.read(move |connection| {
            let moment = resolve(connection, query.organization, query.at, head)?;
            let start = Start::of(connection, moment, &query)?;
            let conditions = conditions(&query, moment, start);
            let index = match moment {
                Moment::Live => "incident_state_live",
                Moment::Past(_) => "incident_state_all",
            };
            let sql = format!(
                "SELECT count(*) FROM {}
                 WHERE s.organization = (SELECT key FROM organization WHERE id = :organization)
                   AND :at = :at AND {}{}",
                start.from(index, moment, &query),
                holding(moment),
                conditions.sql
            );
            let total: i64 = connection
                .prepare_cached(&sql)?
                .query_row(conditions.params().as_slice(), |row| row.get(0))?;
            Ok(total.cast_unsigned())
        })
        .await
    }
}

fn page(connection: &Connection, moment: Moment, query: &IncidentQuery) -> rusqlite::Result<IncidentPage> {
    let start = Start::of(connection, moment, query)?;
    let (sql, conditions) = statement(query, moment, start, conditions(query, moment, start));
    let mut statement = connection.prepare_cached(&sql)?;
    let rows = statement.query_map(conditions.params().as_slice(), read)?;
    let mut rows: Vec<IncidentRow> = rows.collect::<Result<_, _>>()?;
    let has_more = rows.len() > query.limit as usize;
    rows.truncate(query.limit as usize);
    if query.is_backward {
        rows.reverse();
    }
    Ok(IncidentPage { rows, has_more })
}

/// What incidents `i` in the state `s` have to meet; binds organization, instant and what is visible as well.
pub(super) fn conditions(query: &IncidentQuery, moment: Moment, start: Start) -> Conditions {
    let IncidentQuery { organization, visible, filter, .. } = query;
    let mut conditions = Conditions::default();
    conditions.bind(":organization", organization.as_bytes().to_vec());
    conditions.bind(":at", bound_at(moment));
    conditions.bind(":visible", visible::bound(visible));
    match visible {
        Visible::All => conditions.and(visible::of_project(visible)),
        Visible::Teams(..) | Visible::Project(_) => {
            conditions.and(&format!("EXISTS (SELECT 1 {})", places(visible)));
        }
    }
    conditions.within("s.triggered_at", (":triggered_from", ":triggered_before"), filter.triggered);
    conditions.within("i.opened_at", (":opened_from", ":opened_before"), filter.opened);
    let statuses = IncidentStatus::ALL.iter().enumerate();
    let statuses: Vec<usize> =
        statuses.filter(|(_, status)| filter.statuses.contains(status)).map(|(place, _)| place).collect();
    conditions.one_of(&status(), ":statuses", &statuses);
    let severities: Vec<u8> = filter.severities.iter().map(|severity| severity.rank()).collect();
    conditions.one_of("s.severity", ":severities", &severities);
    conditions.one_of("i.rule", ":rules", &filter.rules);
    conditions.one_of_ids("s.assignee", ":assignees", filter.assignees.iter().map(|user| user.0));
    closed_by(&mut conditions, "s.ignored_at", (":ignoring_people", ":ignoring_keys"), &filter.ignorers);
    closed_by(&mut conditions, "s.resolved_at", (":resolving_people", ":resolving_keys"), &filter.resolvers);
    start.narrow(&mut conditions, query);
    if filter.tags != TagFilter::default() {
        conditions.tagged(&tags(visible), &filter.tags);
    }
    conditions
}

/// Closed at `at`, and by one of `actors`; open and closed ones without any.
fn closed_by(
    conditions: &mut Conditions,
    at: &str,
    (people, keys): (&'static str, &'static str),
    actors: &[Actor],
) {
    if actors.is_empty() {
        return;
    }
    let users = actors.iter().filter_map(|actor| match actor {
        Actor::User(user) => Some(user.0),
        Actor::Key(_) | Actor::System | Actor::Operator => None,
    });
    let with_keys = actors.iter().filter_map(|actor| match actor {
        Actor::Key(key) => Some(key.0),
        Actor::User(_) | Actor::System | Actor::Operator => None,
    });
    conditions.and(&format!(
        "{at} < {FOREVER} AND (
            (s.closer_kind = 0 AND s.closer_id IN (SELECT unhex(value) FROM json_each({people})))
         OR (s.closer_kind = 1 AND s.closer_id IN (SELECT unhex(value) FROM json_each({keys}))))"
    ));
    conditions.bind(people, hex_ids(users));
    conditions.bind(keys, hex_ids(with_keys));
}
