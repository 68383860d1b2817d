//! What the clients of an organization run.

use crate::app::App;
use crate::problem::Problem;
use scanledger_domain::id::OrganizationId;
use scanledger_domain::policy::{Decided, EffectiveRules, Product, Rule, effective};
use scanledger_projections::At;
use std::collections::BTreeSet;
use std::sync::Arc;

/// All rules of an organization with what they may do, sorted by id; those that are disabled too.
///
/// # Errors
/// When the views fail.
pub(super) async fn effective_rules(
    app: &App,
    organization: OrganizationId,
) -> Result<EffectiveRules, Problem> {
    let rows = app.views.policy(organization, At::Now).await?;
    let decided: Decided = rows.modes.into_iter().map(|row| ((row.product, row.rule), row.mode)).collect();
    let custom = rows.rules.into_iter().filter_map(|row| {
        let definition = serde_json::from_str(&row.definition).ok()?;
        match Rule::try_new(definition) {
            Ok(rule) => Some(Arc::new(rule)),
            Err(error) => {
                // It was checked when it was added, by the rules of that time.
                tracing::warn!(rule.id = %row.rule, "a rule is not served any more: {error}");
                None
            }
        }
    });
    Ok(effective(app.policies.starter().iter().cloned(), custom, &decided))
}

/// What a client looks for: what it asks for, or what there are rules for. Never nothing, because then it would stop.
pub(super) fn enabled(requested: &[Product], rules: &EffectiveRules) -> Vec<Product> {
    if !requested.is_empty() {
        let requested: BTreeSet<Product> = requested.iter().copied().collect();
        return requested.into_iter().collect();
    }
    let mut enabled: BTreeSet<Product> = rules.iter().map(|rule| rule.rule.product).collect();
    enabled.insert(Product::Code);
    enabled.into_iter().collect()
}
