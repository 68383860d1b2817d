//! The rules of an organization, and what it decided.

use crate::at::{At, Moment, holds, resolve};
use crate::store::column::actor;
use crate::store::{ReadError, Views};
use rusqlite::{Row, named_params};
use scanledger_domain::id::OrganizationId;
use scanledger_domain::log::{Actor, Position};
use scanledger_domain::policy::{Mode, Product, RuleId};
use scanledger_domain::time::Timestamp;

/// A rule that an organization added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleRow {
    /// What it looks for.
    pub product: Product,
    /// Its id.
    pub rule: RuleId,
    /// The rule as JSON.
    pub definition: String,
    /// Position of the event that gave it this definition.
    pub added: Position,
    /// When that was.
    pub added_at: Timestamp,
}

/// What an organization decided about a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModeRow {
    /// What the rule looks for.
    pub product: Product,
    /// The rule.
    pub rule: RuleId,
    /// What it may do.
    pub mode: Mode,
    /// Who decided.
    pub by: Actor,
    /// When.
    pub changed_at: Timestamp,
}

/// The policy of an organization, over all products.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PolicyRows {
    /// Rules that it added, by id.
    pub rules: Vec<RuleRow>,
    /// What it decided, by id.
    pub modes: Vec<ModeRow>,
}

fn bad(column: usize) -> rusqlite::Error {
    rusqlite::Error::InvalidColumnType(column, "policy".to_owned(), rusqlite::types::Type::Text)
}

fn key(row: &Row<'_>) -> rusqlite::Result<(Product, RuleId)> {
    let product = row.get_ref(0)?.as_str()?.parse().map_err(|_| bad(0))?;
    Ok((product, row.get_ref(1)?.as_str()?.parse().map_err(|_| bad(1))?))
}

impl Views {
    /// What an organization added to the rules that come with the server, and what it decided about all of them. Two
    /// queries.
    ///
    /// # Errors
    /// As [`Views::resolve`].
    pub async fn policy(&self, organization: OrganizationId, at: At) -> Result<PolicyRows, ReadError> {
        let head = self.position();
        self.read(move |connection| {
            let moment = resolve(connection, organization, at, head)?;
            let holds = match moment {
                Moment::Live => holds!("p", live),
                Moment::Past(_) => holds!("p", past),
            };
            let of = named_params! { ":organization": organization.as_bytes(), ":at": moment.position() };
            let mut statement = connection.prepare_cached(&format!(
                "SELECT p.product, p.rule, p.definition, p.added, p.added_at FROM policy_rule p
                 WHERE p.organization = (SELECT key FROM organization WHERE id = :organization) AND {holds}
                   AND :at >= 0 ORDER BY p.rule, p.product"
            ))?;
            let rows = statement.query_map(of, |row| {
                let (product, rule) = key(row)?;
                Ok(RuleRow {
                    product,
                    rule,
                    definition: row.get(2)?,
                    added: Position(row.get::<_, i64>(3)?.cast_unsigned()),
                    added_at: Timestamp(row.get(4)?),
                })
            })?;
            let rules = rows.collect::<Result<_, _>>()?;
            let mut statement = connection.prepare_cached(&format!(
                "SELECT p.product, p.rule, p.mode, p.actor_kind, p.actor_id, p.changed_at FROM policy_mode p
                 WHERE p.organization = (SELECT key FROM organization WHERE id = :organization) AND {holds}
                   AND :at >= 0 ORDER BY p.rule, p.product"
            ))?;
            let rows = statement.query_map(of, |row| {
                let (product, rule) = key(row)?;
                Ok(ModeRow {
                    product,
                    rule,
                    mode: row.get_ref(2)?.as_str()?.parse().map_err(|_| bad(2))?,
                    by: actor(row.get(3)?, row, 4)?,
                    changed_at: Timestamp(row.get(5)?),
                })
            })?;
            Ok(PolicyRows { rules, modes: rows.collect::<Result<_, _>>()? })
        })
        .await
    }
}
