//! In which order incidents come, and where in it a row stands.

use super::row::IncidentRow;
use scanledger_domain::log::Position;

/// What incidents are ordered by; rows that are equal in it, by their number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum IncidentSort {
    /// The number, which is the order in which they were opened.
    #[default]
    Number,
    /// When they were opened or last came back.
    Triggered,
    /// When they were resolved; those that are not come last.
    Resolved,
    /// When they were ignored; those that are not come last.
    Ignored,
    /// How bad they are, the worst first.
    Severity,
}

/// In which direction a list goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Direction {
    /// The smallest first.
    #[default]
    Ascending,
    /// The other way round.
    Descending,
}

/// In which order incidents come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct IncidentOrder {
    /// What they are ordered by.
    pub by: IncidentSort,
    /// In which direction.
    pub direction: Direction,
}

/// Where an incident stands in an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct IncidentMark {
    /// What the order is by, in microseconds since 1970 or as the rank of a severity; `None` for rows that have none, and
    /// in an order by number.
    pub value: Option<i64>,
    /// The incident's number.
    pub number: Position,
}

impl IncidentOrder {
    /// Where `row` stands.
    pub fn mark(self, row: &IncidentRow) -> IncidentMark {
        let value = match self.by {
            IncidentSort::Number => None,
            IncidentSort::Triggered => Some(row.triggered_at.0),
            IncidentSort::Resolved => row.resolved().map(|closing| closing.at.0),
            IncidentSort::Ignored => row.ignored().map(|closing| closing.at.0),
            IncidentSort::Severity => Some(row.severity.rank().into()),
        };
        IncidentMark { value, number: row.number }
    }
}

impl IncidentSort {
    /// The column that is compared before the number.
    pub(super) const fn column(self) -> Option<&'static str> {
        match self {
            Self::Number => None,
            Self::Triggered => Some("s.triggered_at"),
            Self::Resolved => Some("s.resolved_at"),
            Self::Ignored => Some("s.ignored_at"),
            Self::Severity => Some("s.severity"),
        }
    }

    /// The index of rows that hold, in this order. Those by when incidents were closed have none that are open.
    pub(super) const fn index(self) -> &'static str {
        match self {
            Self::Number => "incident_state_live",
            Self::Triggered => "incident_state_triggered",
            Self::Resolved => "incident_state_resolved",
            Self::Ignored => "incident_state_ignored",
            Self::Severity => "incident_state_severity",
        }
    }
}

impl Direction {
    /// As SQL says it.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Ascending => "ASC",
            Self::Descending => "DESC",
        }
    }

    /// What rows further on are, compared with a row.
    pub(crate) const fn further(self) -> &'static str {
        match self {
            Self::Ascending => ">",
            Self::Descending => "<",
        }
    }

    /// This direction, or the other one when the way is back.
    #[must_use]
    pub const fn or_back(self, is_backward: bool) -> Self {
        match (self, is_backward) {
            (direction, false) => direction,
            (Self::Ascending, true) => Self::Descending,
            (Self::Descending, true) => Self::Ascending,
        }
    }
}
