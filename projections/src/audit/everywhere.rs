//! Reading the audit log of all organizations, or of some teams: with paging by number, as administrators read it.

use super::AuditEntry;
use crate::finding::match_expression;
use crate::page::{Page, Paging};
use crate::project::batch::hex_ids;
use crate::store::column::{actor, id, optional_id, to_json};
use crate::store::{ReadError, Views};
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, Row, ToSql};
use scanledger_domain::id::{ApiKeyId, OrganizationId, TeamId, UserId};
use scanledger_domain::log::Position;
use scanledger_domain::time::Timestamp;
use scanledger_domain::vault::Sealed;
use std::collections::BTreeSet;

/// An entry of the audit log, with the team that it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditRow {
    /// The entry.
    pub entry: AuditEntry,
    /// The team that it is about, or that its project or key belongs to now.
    pub team: Option<TeamId>,
    /// The id of the request.
    pub request: Option<String>,
}

/// Whose entries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuditReach {
    /// Everybody's, and those that belong to no organization.
    All,
    /// Those about teams; entries about none are left out.
    Teams {
        /// All teams of these organizations.
        organizations: BTreeSet<OrganizationId>,
        /// These teams.
        teams: BTreeSet<TeamId>,
    },
}

/// A question about the audit log of more than one organization. Every field narrows.
#[derive(Debug, Clone)]
pub struct AuditSearch {
    /// Whose entries.
    pub reach: AuditReach,
    /// Only these event types.
    pub actions: Option<Vec<String>>,
    /// Only what this person did.
    pub user: Option<UserId>,
    /// Only with all of these words.
    pub text: Option<String>,
    /// Only at or after this instant.
    pub from: Option<Timestamp>,
    /// Only at or before this instant.
    pub to: Option<Timestamp>,
    /// Only before this position.
    pub before: Option<Position>,
}

impl Views {
    /// Audit entries on a page, newest first, and how many there are without paging.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn audit_page(&self, search: AuditSearch, paging: Paging) -> Result<Page<AuditRow>, ReadError> {
        self.read(move |connection| page(connection, &search, paging)).await
    }
}

fn page(connection: &Connection, search: &AuditSearch, paging: Paging) -> Result<Page<AuditRow>, ReadError> {
    let plan = Plan::of(connection, search)?;
    let total: i64 =
        connection.prepare_cached(&plan.count())?.query_row(&*plan.bound(&[]), |row| row.get(0))?;
    let limits = [
        (":limit", Value::Integer(paging.limit.into())),
        (":offset", Value::Integer(i64::try_from(paging.offset).unwrap_or(i64::MAX))),
    ];
    let mut statement = connection.prepare_cached(&plan.rows())?;
    let rows = statement.query_map(&*plan.bound(&limits), read)?;
    Ok(Page { rows: rows.collect::<Result<_, _>>()?, total: total.cast_unsigned() })
}

/// The team that an entry is about.
const TEAM: &str = "CASE WHEN a.project IS NOT NULL THEN (SELECT p.team FROM project p WHERE p.key = a.project)
         WHEN a.resource = 'team' THEN a.resource_id
         WHEN a.resource = 'apikey' THEN (SELECT coalesce(k.team, (SELECT p.team FROM project p WHERE p.id = k.project))
                                          FROM api_key k WHERE k.id = a.resource_id) END";

/// Keys of all organizations; 0 stands for none.
const EVERYWHERE: &str = "(SELECT key FROM organization UNION ALL SELECT 0)";

/// Keys of the organizations that a reach is about.
const SOMEWHERE: &str =
    "(SELECT key FROM organization WHERE id IN (SELECT unhex(value) FROM json_each(:organizations))
      UNION SELECT organization FROM team WHERE id IN (SELECT unhex(value) FROM json_each(:teams)))";

/// How a question is answered: where the positions come from, what narrows them, and what is bound.
struct Plan {
    from: String,
    conditions: Vec<String>,
    values: Vec<(&'static str, Value)>,
}

impl Plan {
    fn of(connection: &Connection, search: &AuditSearch) -> rusqlite::Result<Self> {
        let mut plan = Self { from: String::new(), conditions: vec![], values: vec![] };
        let organizations = plan.reach(&search.reach);
        let has_words = plan.words(search);
        // CROSS JOIN keeps the order: the most selective index first. Without words, entries of some types or some
        // organizations are ranges of an index, and all of them are a walk over the primary key.
        plan.from = match (has_words, &search.actions, &search.reach) {
            (true, ..) => "audit_text w CROSS JOIN audit a ON a.position = w.rowid".to_owned(),
            (false, Some(_), _) => format!(
                "{organizations} o CROSS JOIN json_each(:actions) t CROSS JOIN audit a INDEXED BY audit_action
                 ON a.organization = o.key AND a.action = t.value"
            ),
            (false, None, AuditReach::Teams { .. }) => format!(
                "{organizations} o CROSS JOIN audit a INDEXED BY audit_organization ON a.organization = o.key"
            ),
            (false, None, AuditReach::All) => "audit a".to_owned(),
        };
        if let Some(actions) = &search.actions {
            plan.bind(":actions", Value::Text(to_json(actions)));
            if has_words {
                plan.conditions.push("a.action IN (SELECT value FROM json_each(:actions))".to_owned());
            }
        }
        plan.bounds(connection, search)?;
        Ok(plan)
    }

    fn bind(&mut self, name: &'static str, value: Value) {
        self.values.push((name, value));
    }

    /// Narrows to what a reach is about; answers where the keys of its organizations come from.
    fn reach(&mut self, reach: &AuditReach) -> &'static str {
        let AuditReach::Teams { organizations, teams } = reach else { return EVERYWHERE };
        self.conditions.push(format!(
            "(({TEAM}) IN (SELECT unhex(value) FROM json_each(:teams))
              OR (({TEAM}) IS NOT NULL
                  AND a.organization IN (SELECT key FROM organization
                                         WHERE id IN (SELECT unhex(value) FROM json_each(:organizations)))))"
        ));
        self.bind(":organizations", Value::Text(hex_ids(organizations.iter().map(|id| id.0))));
        self.bind(":teams", Value::Text(hex_ids(teams.iter().map(|id| id.0))));
        SOMEWHERE
    }

    /// Narrows to words: what was searched for, and the person, whose id is a word of every entry of theirs.
    fn words(&mut self, search: &AuditSearch) -> bool {
        let typed =
            search.text.as_deref().map(|text| match_expression(text).unwrap_or_else(|| "\"\"".to_owned()));
        let user = search.user.and_then(|user| match_expression(&user.to_string()));
        if let Some(user) = search.user {
            // The id is also a word of what others did to the person.
            self.conditions.push("a.actor_kind = 0 AND a.actor_id = :user".to_owned());
            self.bind(":user", Value::Blob(user.as_bytes().to_vec()));
        }
        let words: Vec<String> = typed.into_iter().chain(user).collect();
        if words.is_empty() {
            return false;
        }
        self.conditions.push("w.audit_text MATCH :words".to_owned());
        self.bind(":words", Value::Text(words.join(" ")));
        true
    }

    /// Narrows to positions. Time grows with position, so instants become positions first.
    fn bounds(&mut self, connection: &Connection, search: &AuditSearch) -> rusqlite::Result<()> {
        let first = search.from.map(|from| first_since(connection, from)).transpose()?.unwrap_or(0);
        let end =
            search.to.map(|to| first_since(connection, Timestamp(to.0.saturating_add(1)))).transpose()?;
        let before = search.before.map_or(i64::MAX, |before| before.0.cast_signed());
        self.conditions.push("a.position >= :first AND a.position < :end".to_owned());
        self.bind(":first", Value::Integer(first));
        self.bind(":end", Value::Integer(end.unwrap_or(i64::MAX).min(before)));
        Ok(())
    }

    fn count(&self) -> String {
        format!("SELECT count(*) FROM {} WHERE {}", self.from, self.conditions.join(" AND "))
    }

    /// Positions are sorted and cut before anything else of an entry is read.
    fn rows(&self) -> String {
        format!(
            "WITH hit AS MATERIALIZED (
                 SELECT a.position AS position FROM {} WHERE {} ORDER BY a.position DESC LIMIT :limit OFFSET :offset
             )
             SELECT a.position, a.action, a.resource, a.resource_id, a.actor_kind, a.actor_id, a.details,
                    a.recorded_at, a.address, a.user_agent, a.api_key, {TEAM}, a.request
             FROM hit h CROSS JOIN audit a ON a.position = h.position ORDER BY h.position DESC",
            self.from,
            self.conditions.join(" AND ")
        )
    }

    fn bound<'a>(&'a self, more: &'a [(&'static str, Value)]) -> Vec<(&'static str, &'a dyn ToSql)> {
        self.values.iter().chain(more).map(|(name, value)| (*name, value as &dyn ToSql)).collect()
    }
}

/// The position of the first entry at or after an instant, or one that no entry has: a binary search by seeks on the
/// primary key, as in [`crate::At`].
fn first_since(connection: &Connection, at: Timestamp) -> rusqlite::Result<i64> {
    let mut probe = connection.prepare_cached(
        "SELECT position, recorded_at FROM audit WHERE position >= ?1 ORDER BY position LIMIT 1",
    )?;
    let last: Option<i64> =
        connection.prepare_cached("SELECT max(position) FROM audit")?.query_row([], |row| row.get(0))?;
    let Some(last) = last else { return Ok(i64::MAX) };
    // Invariant: entries before `low` are too early; the first one at or after `high` is not, if there is any.
    let (mut low, mut high) = (0, last + 1);
    while low < high {
        let middle = low + (high - low) / 2;
        let found: Option<(i64, i64)> =
            probe.query_row([middle], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
        match found {
            Some((position, recorded_at)) if recorded_at < at.0 => low = position + 1,
            Some(_) | None => high = middle,
        }
    }
    Ok(low)
}

fn read(row: &Row<'_>) -> rusqlite::Result<AuditRow> {
    let entry = AuditEntry {
        position: Position(row.get::<_, i64>(0)?.cast_unsigned()),
        action: row.get(1)?,
        resource: row.get(2)?,
        resource_id: id(row, 3)?,
        actor: actor(row.get(4)?, row, 5)?,
        details: row.get(6)?,
        at: Timestamp(row.get(7)?),
        address: row.get::<_, Option<String>>(8)?.map(Sealed),
        user_agent: row.get::<_, Option<String>>(9)?.map(Sealed),
        key: optional_id(row, 10)?.map(ApiKeyId),
    };
    Ok(AuditRow { entry, team: optional_id(row, 11)?.map(TeamId), request: row.get(12)? })
}

#[cfg(test)]
mod tests;
