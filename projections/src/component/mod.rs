//! Components on branches, and the advisories they are matched with.

mod batch;
mod everywhere;
pub(crate) mod query;

pub use batch::ComponentsOfProjects;
pub use everywhere::{
    ComponentOfProject, ComponentsQuery, EverywhereComponents, LockfileTotal, ProjectTotal, Wanted,
    WantedPackage,
};
pub use query::{ComponentQuery, ComponentRow, ComponentSort};

use crate::at::FOREVER;
use crate::blob;
use crate::branch::apply::{BranchKeys, Effect};
use crate::projector::{ApplyError, Decoded};
use rusqlite::{Connection, OptionalExtension, params};
use scanledger_domain::advisory::AdvisoryEvent;
use scanledger_domain::branch::{ComponentKey, ComponentsChanged, InventoryDigest};
use scanledger_domain::component::{Component, Scope};

/// The word under which a scope is kept.
pub(crate) const fn scope_word(scope: Scope) -> &'static str {
    match scope {
        Scope::Runtime => "runtime",
        Scope::Development => "development",
        Scope::Optional => "optional",
    }
}

/// Components came, changed or went.
pub(crate) fn apply_changed(
    tx: &Connection,
    decoded: &Decoded,
    keys: BranchKeys,
    changed: &ComponentsChanged,
) -> Result<Effect, ApplyError> {
    let mut effect = Effect::default();
    for key in &changed.removed {
        effect.removed = effect.removed.plus(close(tx, decoded.position(), keys.branch, key)?);
    }
    for component in &changed.set {
        let key = ComponentKey::from(component);
        effect.removed = effect.removed.plus(close(tx, decoded.position(), keys.branch, &key)?);
        effect.added = effect.added.plus(insert(tx, decoded.position(), keys.branch, component)?);
    }
    Ok(effect)
}

fn close(
    tx: &Connection,
    position: i64,
    branch: i64,
    key: &ComponentKey,
) -> Result<InventoryDigest, ApplyError> {
    let digest: Option<[u8; 16]> = tx
        .prepare_cached(
            "UPDATE component SET valid_to = ?6
             WHERE branch = ?1 AND ecosystem = ?2 AND name = ?3 AND version = ?4 AND path = ?5
               AND valid_to = 9223372036854775807
             RETURNING digest",
        )?
        .query_row(
            params![
                branch,
                key.package.ecosystem.as_str(),
                key.package.name,
                key.version,
                key.path,
                position
            ],
            |row| row.get(0),
        )
        .optional()?;
    Ok(digest.map(InventoryDigest::from_bytes).unwrap_or_default())
}

fn insert(
    tx: &Connection,
    position: i64,
    branch: i64,
    component: &Component,
) -> Result<InventoryDigest, ApplyError> {
    let digest = InventoryDigest::of_component(component);
    tx.prepare_cached(
        "INSERT INTO component (branch, ecosystem, name, version, path, scope, direct, digest, valid_from, valid_to)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
    )?
    .execute(params![
        branch,
        component.package.ecosystem.as_str(),
        component.package.name,
        component.version,
        component.path,
        scope_word(component.scope),
        component.direct,
        digest.to_bytes(),
        position,
        FOREVER,
    ])?;
    Ok(digest)
}

/// Another generation of advisories is in force.
pub(crate) fn apply_advisory(
    tx: &Connection,
    decoded: &Decoded,
    event: &AdvisoryEvent,
) -> Result<(), ApplyError> {
    let AdvisoryEvent::Imported(imported) = event;
    blob::note_advisories(tx, event)?;
    tx.prepare_cached(
        "INSERT OR REPLACE INTO advisory_generation (generation, position, imported_at, changed) VALUES (?1, ?2, ?3, ?4)",
    )?
    .execute(params![
        imported.generation.0.cast_signed(),
        decoded.position(),
        decoded.at(),
        imported.changed.cast_signed()
    ])?;
    Ok(())
}
