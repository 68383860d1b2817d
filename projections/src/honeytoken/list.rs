//! Lists of honeytokens.

use super::row::{COLUMNS, HoneytokenRow, read};
use crate::conditions::Conditions;
use crate::incident::Direction;
use crate::store::column::actor_columns;
use crate::store::{ReadError, Views};
use rusqlite::types::Value;
use scanledger_domain::honeytoken::HoneytokenStatus;
use scanledger_domain::id::OrganizationId;
use scanledger_domain::log::{Actor, Position};

/// By what honeytokens are ordered; rows that are equal in it, by their number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum HoneytokenSort {
    /// When they were made.
    #[default]
    Created,
    /// What people call them, whatever the case.
    Name,
    /// When they were triggered; those that are not come last.
    Triggered,
    /// When they were revoked; those that are not come last.
    Revoked,
}

impl HoneytokenSort {
    const fn column(self) -> &'static str {
        match self {
            Self::Created => "key",
            Self::Name => "name_key",
            Self::Triggered => "triggered_at",
            Self::Revoked => "revoked_at",
        }
    }
}

/// Which honeytokens. Empty lists mean all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HoneytokenFilter {
    /// With these statuses.
    pub statuses: Vec<HoneytokenStatus>,
    /// With this text in name or description, whatever the case.
    pub search: Option<String>,
    /// Made by this one.
    pub creator: Option<Actor>,
    /// Revoked by this one.
    pub revoker: Option<Actor>,
}

/// A question about honeytokens.
#[derive(Debug, Clone)]
pub struct HoneytokenQuery {
    /// Whose.
    pub organization: OrganizationId,
    /// Which.
    pub filter: HoneytokenFilter,
    /// By what they are ordered.
    pub by: HoneytokenSort,
    /// In which direction.
    pub direction: Direction,
    /// The number of the row that the page follows; the page begins the list without.
    pub from: Option<Position>,
    /// Whether the page precedes `from` instead; it is in order all the same.
    pub is_backward: bool,
    /// Rows on it.
    pub limit: u32,
}

/// A page of honeytokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HoneytokenPage {
    /// What is on it.
    pub rows: Vec<HoneytokenRow>,
    /// Whether there are more rows, behind the last one or, going backward, before the first.
    pub has_more: bool,
}

impl Views {
    /// Honeytokens on a page.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn honeytokens(&self, query: HoneytokenQuery) -> Result<HoneytokenPage, ReadError> {
        self.read(move |connection| {
            let way = query.direction.or_back(query.is_backward);
            let (column, word) = (query.by.column(), way.word());
            let conditions = conditions(&query, way);
            let sql = format!(
                "SELECT {COLUMNS} FROM honeytoken h
                 WHERE h.organization = (SELECT key FROM organization WHERE id = :organization){}
                 ORDER BY h.{column} {word}, h.key {word} LIMIT :limit",
                conditions.sql
            );
            let mut statement = connection.prepare_cached(&sql)?;
            let rows = statement.query_map(conditions.params().as_slice(), read)?;
            let mut rows: Vec<HoneytokenRow> = rows.collect::<Result<_, _>>()?;
            let has_more = rows.len() > query.limit as usize;
            rows.truncate(query.limit as usize);
            if query.is_backward {
                rows.reverse();
            }
            Ok(HoneytokenPage { rows, has_more })
        })
        .await
    }
}

fn conditions(query: &HoneytokenQuery, way: Direction) -> Conditions {
    let HoneytokenQuery { organization, filter, by, from, limit, .. } = query;
    let mut conditions = Conditions::default();
    conditions.bind(":organization", organization.as_bytes().to_vec());
    conditions.bind(":limit", i64::from(*limit) + 1);
    let statuses: Vec<&str> = filter.statuses.iter().map(|status| status.as_str()).collect();
    conditions.one_of("h.status", ":statuses", &statuses);
    if let Some(text) = &filter.search {
        conditions.and("instr(h.text, :search) > 0");
        conditions.bind(":search", text.to_lowercase());
    }
    by_whom(&mut conditions, "h.creator", (":creator_kind", ":creator_id"), filter.creator);
    by_whom(&mut conditions, "h.revoker", (":revoker_kind", ":revoker_id"), filter.revoker);
    if let Some(from) = from {
        let (column, further) = (by.column(), way.further());
        // The row is asked where it stands now: names and instants change, and a name is no part of a cursor.
        conditions.and(&format!(
            "(h.{column}, h.key) {further} (SELECT f.{column}, f.key FROM honeytoken f
                 WHERE f.key = :from AND f.organization = (SELECT key FROM organization WHERE id = :organization))"
        ));
        conditions.bind(":from", from.0.cast_signed());
    }
    conditions
}

fn by_whom(
    conditions: &mut Conditions,
    columns: &str,
    (kind_name, id_name): (&'static str, &'static str),
    actor: Option<Actor>,
) {
    let Some(actor) = actor else { return };
    let (kind, id) = actor_columns(actor);
    conditions.and(&format!("{columns}_kind = {kind_name} AND {columns}_id IS {id_name}"));
    conditions.bind(kind_name, i64::from(kind));
    conditions.bind(id_name, id.map_or(Value::Null, |id| Value::Blob(id.to_vec())));
}
