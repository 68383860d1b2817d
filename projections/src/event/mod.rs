//! Which events an organization may read.

use crate::project::visible;
use crate::store::{ReadError, Views};
use rusqlite::named_params;
use scanledger_domain::id::OrganizationId;
use scanledger_domain::identity::Visible;
use scanledger_domain::log::Position;

/// A question about events.
#[derive(Debug, Clone)]
pub struct EventQuery {
    /// Whose.
    pub organization: OrganizationId,
    /// The projects that the caller sees; events about none are for those who see all.
    pub visible: Visible,
    /// Only these types; empty for all.
    pub kinds: Vec<String>,
    /// Only above this position.
    pub after: Position,
    /// Only up to this position; `None` for all.
    pub until: Option<Position>,
    /// Positions wanted.
    pub limit: u32,
}

/// Positions of events that an organization may read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventPositions {
    /// In order.
    pub positions: Vec<Position>,
    /// The last position that was looked at: where the next question begins.
    pub examined: Position,
}

impl Views {
    /// Positions of an organization's events, from its index; the events themselves are in the log.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn event_positions(&self, query: EventQuery) -> Result<EventPositions, ReadError> {
        self.read(move |connection| {
            let head: i64 = connection.query_row("SELECT position FROM checkpoint", [], |row| row.get(0))?;
            let until = query.until.map_or(head, |until| until.0.cast_signed().min(head));
            let kinds = if query.kinds.is_empty() {
                ":kinds = :kinds"
            } else {
                "e.kind IN (SELECT k.key FROM event_kind k JOIN json_each(:kinds) j ON j.value = k.name)"
            };
            let sql = format!(
                "SELECT e.position FROM event_index e
                 WHERE e.organization = (SELECT key FROM organization WHERE id = :organization)
                   AND e.position > :after AND e.position <= :until
                   AND {seen} AND {kinds}
                 ORDER BY e.position LIMIT :limit",
                seen = visible::of_key(&query.visible, "e.project")
            );
            let mut statement = connection.prepare_cached(&sql)?;
            let rows = statement.query_map(
                named_params! {
                    ":organization": query.organization.as_bytes(),
                    ":visible": visible::bound(&query.visible),
                    ":kinds": crate::store::column::to_json(&query.kinds),
                    ":after": query.after.0.cast_signed(),
                    ":until": until,
                    ":limit": query.limit,
                },
                |row| Ok(Position(row.get::<_, i64>(0)?.cast_unsigned())),
            )?;
            let positions: Vec<Position> = rows.collect::<Result<_, _>>()?;
            let is_full = positions.len() == query.limit as usize;
            let examined = match positions.last() {
                Some(&last) if is_full => last,
                _ => Position(until.cast_unsigned()).max(query.after),
            };
            Ok(EventPositions { positions, examined })
        })
        .await
    }
}
