//! Reading and writing of columns.

use rusqlite::Row;
use scanledger_domain::id::{ApiKeyId, UserId};
use scanledger_domain::log::Actor;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

/// A 16-byte id.
pub(crate) fn id(row: &Row<'_>, index: usize) -> rusqlite::Result<Uuid> {
    row.get::<_, [u8; 16]>(index).map(Uuid::from_bytes)
}

/// A 16-byte id or null.
pub(crate) fn optional_id(row: &Row<'_>, index: usize) -> rusqlite::Result<Option<Uuid>> {
    Ok(row.get::<_, Option<[u8; 16]>>(index)?.map(Uuid::from_bytes))
}

/// A pattern of `LIKE … ESCAPE '\'` for whatever contains `part`, in which nothing stands for anything else.
pub(crate) fn containing(part: &str) -> String {
    format!("%{}%", part.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_"))
}

/// JSON that this crate wrote, or null.
pub(crate) fn json<'a, T: Deserialize<'a>>(row: &'a Row<'_>, index: usize) -> rusqlite::Result<Option<T>> {
    let Some(text) = row.get_ref(index)?.as_str_or_null()? else { return Ok(None) };
    serde_json::from_str(text).map(Some).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(index, rusqlite::types::Type::Text, Box::new(error))
    })
}

/// A list as JSON; null is empty.
pub(crate) fn json_list<T: DeserializeOwned>(row: &Row<'_>, index: usize) -> rusqlite::Result<Vec<T>> {
    Ok(json(row, index)?.unwrap_or_default())
}

/// JSON text of a value that cannot fail to be written.
pub(crate) fn to_json<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("rows have string keys and no failing serializer")
}

/// JSON text of a list; nothing for an empty one.
pub(crate) fn list_to_json<T: serde::Serialize>(list: &[T]) -> Option<String> {
    (!list.is_empty()).then(|| to_json(&list))
}

/// The number and the id under which an actor is kept.
pub(crate) fn actor_columns(actor: Actor) -> (u8, Option<[u8; 16]>) {
    match actor {
        Actor::User(id) => (0, Some(*id.as_bytes())),
        Actor::Key(id) => (1, Some(*id.as_bytes())),
        Actor::System => (2, None),
        Actor::Operator => (3, None),
    }
}

/// The actor of a kind, with its id in column `index`.
pub(crate) fn actor(kind: u8, row: &Row<'_>, index: usize) -> rusqlite::Result<Actor> {
    Ok(match kind {
        0 => Actor::User(UserId(id(row, index)?)),
        1 => Actor::Key(ApiKeyId(id(row, index)?)),
        2 => Actor::System,
        _ => Actor::Operator,
    })
}
