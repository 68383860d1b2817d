//! From events of policies to rows.

use crate::at::FOREVER;
use crate::projector::{ApplyError, Decoded, Scratch};
use crate::store::column::actor_columns;
use rusqlite::{Connection, params};
use scanledger_domain::id::OrganizationId;
use scanledger_domain::policy::{PolicyEvent, Product, RuleId};

/// Applies an event of a policy.
pub(crate) fn apply(
    tx: &Connection,
    scratch: &mut Scratch,
    decoded: &Decoded,
    event: &PolicyEvent,
) -> Result<(), ApplyError> {
    let mut key = |organization: OrganizationId| scratch.keys.organization(tx, Some(organization));
    match event {
        PolicyEvent::RuleAdded(added) => {
            let organization = key(added.organization)?;
            close(tx, "policy_rule", decoded, organization, added.product, &added.rule)?;
            tx.prepare_cached(
                "INSERT INTO policy_rule (organization, product, rule, definition, added, added_at, valid_from, valid_to)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?5, ?7)",
            )?
            .execute(params![
                organization,
                added.product.as_str(),
                added.rule.as_str(),
                added.definition,
                decoded.position(),
                decoded.at(),
                FOREVER,
            ])?;
        }
        PolicyEvent::RuleRemoved(removed) => {
            let organization = key(removed.organization)?;
            close(tx, "policy_rule", decoded, organization, removed.product, &removed.rule)?;
            close(tx, "policy_mode", decoded, organization, removed.product, &removed.rule)?;
        }
        PolicyEvent::ModeSet(set) => {
            let organization = key(set.organization)?;
            close(tx, "policy_mode", decoded, organization, set.product, &set.rule)?;
            let (actor_kind, actor_id) = actor_columns(decoded.metadata.actor);
            tx.prepare_cached(
                "INSERT INTO policy_mode (organization, product, rule, mode, actor_kind, actor_id, changed_at,
                                          valid_from, valid_to)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            )?
            .execute(params![
                organization,
                set.product.as_str(),
                set.rule.as_str(),
                set.mode.as_str(),
                actor_kind,
                actor_id,
                decoded.at(),
                decoded.position(),
                FOREVER,
            ])?;
        }
    }
    Ok(())
}

/// Ends the row that held until now; `table` is one of the two of this file.
fn close(
    tx: &Connection,
    table: &'static str,
    decoded: &Decoded,
    organization: i64,
    product: Product,
    rule: &RuleId,
) -> rusqlite::Result<()> {
    tx.prepare_cached(&format!(
        "UPDATE {table} SET valid_to = ?4
         WHERE organization = ?1 AND product = ?2 AND rule = ?3 AND valid_to = 9223372036854775807"
    ))?
    .execute(params![organization, product.as_str(), rule.as_str(), decoded.position()])?;
    Ok(())
}
