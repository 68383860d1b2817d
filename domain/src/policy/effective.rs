//! What an organization's clients run: what everybody starts with, what it added, and what it decided about both.

use super::{Mode, Product, Rule, RuleId, RuleOrigin};
use std::collections::HashMap;
use std::sync::Arc;

/// A rule with what it may do.
#[derive(Debug, Clone, PartialEq)]
pub struct EffectiveRule {
    /// The rule.
    pub rule: Arc<Rule>,
    /// Where it came from.
    pub origin: RuleOrigin,
    /// What it may do.
    pub mode: Mode,
}

/// Rules with what they may do, by id.
pub type EffectiveRules = Vec<EffectiveRule>;

/// What an organization decided about rules.
pub type Decided = HashMap<(Product, RuleId), Mode>;

/// All rules of an organization, sorted by id, those that are disabled too. A rule that it added before one that comes
/// with the server got the same id gives way to that.
pub fn effective(
    starter: impl IntoIterator<Item = Arc<Rule>>,
    custom: impl IntoIterator<Item = Arc<Rule>>,
    decided: &Decided,
) -> EffectiveRules {
    let starter = starter.into_iter().map(|rule| (RuleOrigin::Starter, rule));
    let custom = custom.into_iter().map(|rule| (RuleOrigin::Custom, rule));
    let mut rules: EffectiveRules = starter
        .chain(custom)
        .map(|(origin, rule)| {
            let mode = decided.get(&(rule.product, rule.id.clone())).copied();
            EffectiveRule { mode: mode.unwrap_or_else(|| rule.default_mode()), origin, rule }
        })
        .collect();
    // Stable, so that of two with the same id the one that comes with the server is first.
    rules.sort_by(|a, b| a.rule.id.cmp(&b.rule.id));
    rules.dedup_by(|second, first| second.rule.id == first.rule.id);
    rules
}

#[cfg(test)]
mod tests {
    use super::{Decided, effective};
    use crate::policy::samples::rule;
    use crate::policy::{Mode, Product, Rule, RuleOrigin};
    use std::sync::Arc;

    fn checked(id: &str) -> Arc<Rule> {
        Arc::new(Rule::try_new(rule(id)).unwrap())
    }

    #[test]
    fn decisions_take_the_place_of_what_rules_say_about_themselves() {
        let decided = Decided::from([
            ((Product::Code, "b".parse().unwrap()), Mode::Disabled),
            ((Product::Secrets, "a".parse().unwrap()), Mode::Monitor),
        ]);
        let rules = effective([checked("b")], [checked("a")], &decided);
        let found: Vec<_> = rules.iter().map(|r| (r.rule.id.as_str(), r.origin, r.mode)).collect();
        assert_eq!(
            found,
            [("a", RuleOrigin::Custom, Mode::Block), ("b", RuleOrigin::Starter, Mode::Disabled)]
        );
    }

    #[test]
    fn of_two_rules_with_one_id_that_of_the_server_is_run() {
        let rules = effective([checked("a")], [checked("a")], &Decided::new());
        assert_eq!(rules.iter().map(|r| r.origin).collect::<Vec<_>>(), [RuleOrigin::Starter]);
    }
}
