//! How a page of incidents is come to: along an index in the order of the list, or from the places of a few projects.

use super::list::{IncidentFilter, IncidentQuery};
use super::order::{Direction, IncidentMark, IncidentOrder, IncidentSort};
use super::row::{SHARE, bound_at, columns, holding, states};
use crate::at::{FOREVER, Moment};
use crate::conditions::Conditions;
use crate::project::batch::hex_ids;
use crate::project::visible;
use rusqlite::Connection;
use scanledger_domain::identity::Visible;

/// Places up to which a list about some projects begins with these, and is sorted. With more, incidents are gone through
/// in their order, and the page is full soon.
const FEW_PLACES: i64 = 1_000;

/// Where a list begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Start {
    /// At its first incident, whichever those are that are meant.
    Order,
    /// At the places in the projects that are asked for.
    Places,
}

impl Start {
    /// Where the list of a filter begins best.
    pub(super) fn of(
        connection: &Connection,
        moment: Moment,
        query: &IncidentQuery,
    ) -> rusqlite::Result<Self> {
        let Some(projects) = projects(&query.filter, &query.visible) else { return Ok(Self::Order) };
        let mut conditions = Conditions::default();
        conditions.bind(":at", bound_at(moment));
        conditions.bind(":visible", visible::bound(&query.visible));
        conditions.bind(":few", FEW_PLACES);
        bind_projects(&mut conditions, &query.filter);
        let sql = format!(
            "SELECT count(*) <= :few FROM (
                SELECT 1 FROM incident_occurrence z INDEXED BY incident_occurrence_project
                WHERE z.project IN ({projects}) AND z.key <= :at LIMIT :few + 1)"
        );
        let few: bool =
            connection.prepare_cached(&sql)?.query_row(conditions.params().as_slice(), |row| row.get(0))?;
        Ok(if few { Self::Places } else { Self::Order })
    }

    /// Where the incidents `i` in the state `s` come from, with the index in whose order they do.
    pub(super) fn from(self, index: &str, moment: Moment, query: &IncidentQuery) -> String {
        let order =
            format!("incident_state s INDEXED BY {index} CROSS JOIN incident i ON i.key = s.incident");
        match (self, projects(&query.filter, &query.visible)) {
            (Self::Order, _) | (Self::Places, None) => order,
            (Self::Places, Some(projects)) => format!(
                "(SELECT DISTINCT z.incident AS id FROM incident_occurrence z INDEXED BY incident_occurrence_project
                  WHERE z.project IN ({projects}) AND z.key <= :at) w
                 CROSS JOIN incident i ON i.id = w.id
                 CROSS JOIN {states} ON s.incident = i.key",
                states = states(moment)
            ),
        }
    }

    /// Narrows to the projects that are asked for, unless the list begins there.
    pub(super) fn narrow(self, conditions: &mut Conditions, query: &IncidentQuery) {
        let IncidentFilter { team, projects: named, .. } = &query.filter;
        let Some(projects) = projects(&query.filter, &query.visible) else { return };
        bind_projects(conditions, &query.filter);
        if self == Self::Order && (team.is_some() || !named.is_empty()) {
            conditions.and(&format!(
                "EXISTS (SELECT 1 FROM incident_occurrence z INDEXED BY incident_occurrence_incident
                         WHERE z.incident = i.id AND z.key <= :at AND z.project IN ({projects}))"
            ));
        }
    }
}

/// The keys of the projects that a filter asks for, of those that the caller sees; none if that may be any.
fn projects(filter: &IncidentFilter, visible: &Visible) -> Option<String> {
    let named = match (filter.team, filter.projects.is_empty()) {
        (None, true) => match visible {
            Visible::All | Visible::Teams(..) => return None,
            Visible::Project(_) => "1",
        },
        (Some(_), true) => "p.team = :team",
        (None, false) => "p.id IN (SELECT unhex(value) FROM json_each(:projects))",
        (Some(_), false) => "p.team = :team AND p.id IN (SELECT unhex(value) FROM json_each(:projects))",
    };
    let seen = visible::of_project(visible);
    Some(format!("SELECT p.key FROM project p WHERE p.deleted IS NULL AND {named} AND {seen}"))
}

fn bind_projects(conditions: &mut Conditions, filter: &IncidentFilter) {
    if let Some(team) = filter.team {
        conditions.bind(":team", team.as_bytes().to_vec());
    }
    if !filter.projects.is_empty() {
        conditions.bind(":projects", hex_ids(filter.projects.iter().map(|project| project.0)));
    }
}

/// A part of a list that is in order by itself.
struct Part {
    index: &'static str,
    /// What sets it apart, and where the page begins in it.
    condition: String,
}

/// The statement of a page: one row more than is on it.
pub(super) fn statement(
    query: &IncidentQuery,
    moment: Moment,
    start: Start,
    mut conditions: Conditions,
) -> (String, Conditions) {
    let IncidentOrder { by, direction } = query.order;
    let way = direction.or_back(query.is_backward);
    let word = way.word();
    if let Some(from) = query.from {
        conditions.bind(":number", from.number.0.cast_signed());
    }
    let parts = match (moment, start, by.column()) {
        (Moment::Live, Start::Order, Some(column))
            if matches!(by, IncidentSort::Resolved | IncidentSort::Ignored) =>
        {
            let parts = closed_and_rest(by, column, way, query.from);
            if let Some(value) = query.from.and_then(|from| from.value) {
                conditions.bind(":value", value);
            }
            parts
        }
        (_, _, column) => {
            let index = if moment == Moment::Live { by.index() } else { "incident_state_all" };
            let condition = match (query.from, column) {
                (None, _) => String::new(),
                (Some(_), None) => format!(" AND s.incident {} :number", way.further()),
                (Some(from), Some(column)) => {
                    conditions.bind(":value", from.value.unwrap_or(FOREVER));
                    format!(" AND ({column}, s.incident) {} (:value, :number)", way.further())
                }
            };
            vec![Part { index, condition }]
        }
    };
    if let Some(to) = query.to {
        let nearer = way.or_back(true).further();
        conditions.bind(":to_number", to.number.0.cast_signed());
        match by.column() {
            None => conditions.and(&format!("s.incident {nearer} :to_number")),
            Some(column) => {
                conditions.bind(":to_value", to.value.unwrap_or(FOREVER));
                conditions.and(&format!("({column}, s.incident) {nearer} (:to_value, :to_number)"));
            }
        }
    }
    conditions.bind(":limit", i64::from(query.limit) + 1);
    let value = by.column().unwrap_or("NULL");
    let parts: Vec<String> = parts
        .into_iter()
        .map(|Part { index, condition }| {
            format!(
                "SELECT s.rowid AS state, {value} AS value, s.incident AS incident FROM {from}
                 WHERE s.organization = (SELECT key FROM organization WHERE id = :organization)
                   AND {holding}{conditions}{condition}",
                from = start.from(index, moment, query),
                holding = holding(moment),
                conditions = conditions.sql,
            )
        })
        .collect();
    let first = by.column().map_or(String::new(), |_| format!("value {word}, "));
    // Counting places is for the rows of the page alone.
    let sql = format!(
        "WITH page AS ({parts} ORDER BY {first}incident {word} LIMIT :limit)
         SELECT {columns} FROM page
         CROSS JOIN incident_state s ON s.rowid = page.state CROSS JOIN incident i ON i.key = s.incident {SHARE}
         ORDER BY {first}s.incident {word}",
        parts = parts.join(" UNION ALL "),
        columns = columns(&query.visible),
    );
    (sql, conditions)
}

/// In an order by when incidents were closed: those that were, from an index that has no others, and those that were not,
/// which come last. A part that the page cannot begin in is left out.
fn closed_and_rest(
    by: IncidentSort,
    column: &'static str,
    way: Direction,
    from: Option<IncidentMark>,
) -> Vec<Part> {
    let further = way.further();
    let in_closed = format!(" AND ({column}, s.incident) {further} (:value, :number)");
    let in_rest = format!(" AND s.incident {further} :number");
    let (closed, rest) = match (from.map(|from| from.value), way) {
        (None, _) => (Some(String::new()), Some(String::new())),
        (Some(Some(_)), Direction::Ascending) => (Some(in_closed), Some(String::new())),
        (Some(Some(_)), Direction::Descending) => (Some(in_closed), None),
        (Some(None), Direction::Ascending) => (None, Some(in_rest)),
        (Some(None), Direction::Descending) => (Some(String::new()), Some(in_rest)),
    };
    let closed = closed.map(|condition| Part {
        index: by.index(),
        condition: format!(" AND {column} <> {FOREVER}{condition}"),
    });
    let rest = rest.map(|condition| Part {
        index: IncidentSort::Number.index(),
        condition: format!(" AND {column} = {FOREVER}{condition}"),
    });
    closed.into_iter().chain(rest).collect()
}
