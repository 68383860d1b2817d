//! Reading the audit log.

use crate::finding::match_expression;
use crate::incident::Direction;
use crate::project::visible;
use crate::store::column::{actor, id, optional_id};
use crate::store::{ReadError, Views};
use rusqlite::named_params;
use scanledger_domain::id::{ApiKeyId, OrganizationId, UserId};
use scanledger_domain::identity::Visible;
use scanledger_domain::log::{Actor, Position};
use scanledger_domain::time::Timestamp;
use scanledger_domain::vault::Sealed;
use uuid::Uuid;

/// An entry of the audit log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEntry {
    /// Where it is in the log; also its cursor.
    pub position: Position,
    /// The event's type, such as `finding.triaged`.
    pub action: String,
    /// What kind of thing it is about ([`scanledger_domain::audit::AuditResource::as_str`]).
    pub resource: String,
    /// Which.
    pub resource_id: Uuid,
    /// Who did it.
    pub actor: Actor,
    /// The event's data, JSON as stored.
    pub details: String,
    /// When.
    pub at: Timestamp,
    /// The caller's address, sealed.
    pub address: Option<Sealed>,
    /// The caller's user agent, sealed.
    pub user_agent: Option<Sealed>,
    /// The API key that it was done with, whether a person used it or it acted by itself.
    pub key: Option<ApiKeyId>,
}

/// A question about the audit log.
#[derive(Debug, Clone)]
pub struct AuditQuery {
    /// Whose.
    pub organization: OrganizationId,
    /// The projects that the caller sees; entries about none are for those who see all.
    pub visible: Visible,
    /// Only these event types; empty for all.
    pub actions: Vec<String>,
    /// Only about this kind of thing.
    pub resource: Option<String>,
    /// Only what this person did.
    pub user: Option<UserId>,
    /// Only with all of these words.
    pub text: Option<String>,
    /// Only before this position.
    pub before: Option<Position>,
    /// Only after this position.
    pub after: Option<Position>,
    /// Only up to this position: the audit log as of then.
    pub until: Option<Position>,
    /// The last entry first, if descending.
    pub direction: Direction,
    /// Entries wanted.
    pub limit: u32,
}

impl Views {
    /// The entries of one action above a position, eldest first, with what they say as JSON: a walk over an index,
    /// however long the audit log is.
    ///
    /// # Errors
    /// When the store fails.
    pub fn entries_after(
        &self,
        organization: OrganizationId,
        action: &str,
        after: Position,
    ) -> Result<Vec<(Position, String)>, ReadError> {
        self.look_up(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT a.position, a.details FROM audit a INDEXED BY audit_action
                 WHERE a.organization = (SELECT key FROM organization WHERE id = :organization)
                   AND a.action = :action AND a.position > :after ORDER BY a.position",
            )?;
            let of = named_params! {
                ":organization": organization.as_bytes(),
                ":action": action,
                ":after": after.0.cast_signed(),
            };
            let rows = statement
                .query_map(of, |row| Ok((Position(row.get::<_, i64>(0)?.cast_unsigned()), row.get(1)?)))?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }

    /// Audit entries, and whether there are more further on.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn audit(&self, query: AuditQuery) -> Result<(Vec<AuditEntry>, bool), ReadError> {
        self.read(move |connection| {
            let words = words(&query);
            let before = query.before.map_or(i64::MAX, |before| before.0.cast_signed());
            let until = query.until.map_or(i64::MAX, |until| until.0.cast_signed().saturating_add(1));
            let mut statement = connection.prepare_cached(&text(&query, words.is_some()))?;
            let rows = statement.query_map(
                named_params! {
                    ":organization": query.organization.as_bytes(),
                    ":visible": visible::bound(&query.visible),
                    ":resource": query.resource,
                    ":user": query.user.map(|user| *user.as_bytes()),
                    ":actions": crate::store::column::to_json(&query.actions),
                    ":words": words,
                    ":before": before.min(until),
                    ":after": query.after.map_or(-1, |after| after.0.cast_signed()),
                    ":limit": i64::from(query.limit) + 1,
                },
                |row| {
                    Ok(AuditEntry {
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
                    })
                },
            )?;
            let mut entries: Vec<AuditEntry> = rows.collect::<Result<_, _>>()?;
            let has_more = entries.len() > query.limit as usize;
            entries.truncate(query.limit as usize);
            Ok((entries, has_more))
        })
        .await
    }
}

/// The statement of a page: one entry more than is on it.
fn text(query: &AuditQuery, has_words: bool) -> String {
    let mut conditions = vec![
        "a.organization = (SELECT key FROM organization WHERE id = :organization)".to_owned(),
        visible::of_key(&query.visible, "a.project"),
        "(:resource IS NULL OR a.resource = :resource)".to_owned(),
        "(:user IS NULL OR (a.actor_kind = 0 AND a.actor_id = :user))".to_owned(),
    ];
    if !query.actions.is_empty() {
        // One bound list for all actions keeps the statement the same for any number of them.
        conditions.push("a.action IN (SELECT value FROM json_each(:actions))".to_owned());
    } else {
        conditions.push(":actions = :actions".to_owned());
    }
    // CROSS JOIN: the index of words comes first; by itself SQLite would try every entry against it.
    let (from, key) = if has_words {
        conditions.push("w.audit_text MATCH :words".to_owned());
        ("audit_text w CROSS JOIN audit a ON a.position = w.rowid", "w.rowid")
    } else {
        conditions.push(":words IS NULL".to_owned());
        ("audit a", "a.position")
    };
    format!(
        "SELECT a.position, a.action, a.resource, a.resource_id, a.actor_kind, a.actor_id, a.details,
                a.recorded_at, a.address, a.user_agent, a.api_key
         FROM {from} WHERE {} AND {key} < :before AND {key} > :after ORDER BY {key} {} LIMIT :limit",
        conditions.join(" AND "),
        query.direction.word()
    )
}

/// The full-text expression: what was searched for, and the person, whose id is a word of every entry.
fn words(query: &AuditQuery) -> Option<String> {
    let typed = query.text.as_deref().map(|text| match_expression(text).unwrap_or_else(|| "\"\"".to_owned()));
    let user = query.user.and_then(|user| match_expression(&user.to_string()));
    match (typed, user) {
        (None, None) => None,
        (Some(words), None) | (None, Some(words)) => Some(words),
        (Some(words), Some(user)) => Some(format!("{words} {user}")),
    }
}

#[cfg(test)]
mod tests {
    use super::{AuditQuery, text};
    use crate::incident::Direction;
    use crate::plan::Plan;
    use scanledger_domain::id::{OrganizationId, ProjectId, TeamId};
    use scanledger_domain::identity::{Teamless, Visible};
    use std::collections::BTreeSet;
    use uuid::Uuid;

    #[test]
    fn entries_are_read_in_both_directions_from_where_a_page_begins_and_never_sorted() {
        let team = Visible::Teams(BTreeSet::from([TeamId(Uuid::nil())]), Teamless::Too);
        for visible in [Visible::All, team, Visible::Project(ProjectId(Uuid::nil()))] {
            for direction in [Direction::Ascending, Direction::Descending] {
                for actions in [vec![], vec!["finding.triaged".to_owned()]] {
                    let query = AuditQuery {
                        organization: OrganizationId(Uuid::nil()),
                        visible: visible.clone(),
                        actions,
                        resource: None,
                        user: None,
                        text: None,
                        before: None,
                        after: None,
                        until: None,
                        direction,
                        limit: 20,
                    };
                    let plan = Plan::of(&text(&query, false));
                    plan.has("audit_organization (organization=? AND position>? AND position<?)");
                    plan.scans_no_table();
                    plan.sorts_nothing();
                    let plan = Plan::of(&text(&query, true));
                    plan.has("SCAN w VIRTUAL TABLE");
                    plan.scans_no_table();
                    plan.sorts_nothing();
                }
            }
        }
    }
}
