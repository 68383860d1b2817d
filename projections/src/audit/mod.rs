//! The audit log: events that people read.

mod batch;
mod everywhere;
mod query;

pub use everywhere::{AuditReach, AuditRow, AuditSearch};
pub use query::{AuditEntry, AuditQuery};

use crate::projector::{ApplyError, Decoded, Scratch};
use crate::store::column::actor_columns;
use rusqlite::{Connection, params};
use scanledger_domain::address::without_credentials;
use scanledger_domain::audit::audit_subject;
use scanledger_domain::log::Actor;
use std::fmt::Write;

/// Takes an event into the audit log, if it is an entry of it.
pub(crate) fn apply(
    tx: &Connection,
    scratch: &mut Scratch,
    decoded: &Decoded,
    organization: i64,
    project: Option<i64>,
) -> Result<(), ApplyError> {
    let Some((resource, id)) = audit_subject(&decoded.event) else { return Ok(()) };
    let metadata = &decoded.metadata;
    let (actor_kind, actor_id) = actor_columns(metadata.actor);
    let recorded = &decoded.recorded;
    let details = std::str::from_utf8(&recorded.data).unwrap_or("{}");
    tx.prepare_cached(
        "INSERT INTO audit (position, organization, project, action, resource, resource_id, actor_kind, actor_id,
                            details, recorded_at, address, user_agent, request, api_key)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
    )?
    .execute(params![
        decoded.position(),
        organization,
        project,
        &*recorded.kind,
        resource.as_str(),
        id.as_bytes(),
        actor_kind,
        actor_id,
        details,
        decoded.at(),
        metadata.address.as_ref().map(|sealed| &sealed.0),
        metadata.user_agent.as_ref().map(|sealed| &sealed.0),
        metadata.request,
        metadata.key_used().map(|key| *key.as_bytes()),
    ])?;
    let text = scratch.texts.audit.text();
    // Writing to a string cannot fail.
    let _ = write!(text, "{} {} {}", recorded.kind, resource.as_str(), id);
    match metadata.actor {
        Actor::User(user) => drop(write!(text, " {}", user.0)),
        Actor::Key(key) => drop(write!(text, " {}", key.0)),
        Actor::System | Actor::Operator => (),
    }
    if let Some(key) = metadata.key {
        let _ = write!(text, " {}", key.0);
    }
    words(&recorded.data, text);
    scratch.texts.audit.end(decoded.position());
    Ok(())
}

/// Adds the string values of a JSON document to `text`; keys, numbers, hashes, ids and sealed text say nothing
/// to a person who searches.
fn words(data: &[u8], text: &mut String) {
    fn walk(value: &serde_json::Value, text: &mut String) {
        match value {
            serde_json::Value::String(word) if is_word(word) => {
                text.push(' ');
                text.push_str(&without_credentials(word));
            }
            serde_json::Value::Array(items) => items.iter().for_each(|item| walk(item, text)),
            serde_json::Value::Object(fields) => fields.values().for_each(|value| walk(value, text)),
            serde_json::Value::String(_)
            | serde_json::Value::Null
            | serde_json::Value::Bool(_)
            | serde_json::Value::Number(_) => (),
        }
    }
    if let Ok(value) = serde_json::from_slice(data) {
        walk(&value, text);
    }
}

fn is_word(word: &str) -> bool {
    let is_opaque = word.len() >= 32 && word.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-');
    !is_opaque && !word.starts_with("v1.")
}
