//! The rules that come with the server.

use scanledger_commands::ports::StarterRules;
use serde_json::Value;

/// The starter set.
#[derive(Debug, Clone, Copy)]
pub struct OwnRules;

impl StarterRules for OwnRules {
    fn definitions(&self) -> Vec<Value> {
        scanledger_rules::starter_rules().iter().map(|rule| rule.definition.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::OwnRules;
    use scanledger_commands::ports::StarterRules as _;
    use scanledger_domain::policy::{Mode, Rule};
    use std::collections::HashSet;

    #[test]
    fn every_rule_passes_the_checks_that_those_of_others_have_to_pass() {
        let rules =
            OwnRules.definitions().into_iter().map(Rule::try_new).collect::<Result<Vec<_>, _>>().unwrap();
        let ids: HashSet<_> = rules.iter().map(|rule| &rule.id).collect();
        assert!(rules.len() >= 40 && ids.len() == rules.len());
        assert!(rules.iter().any(|rule| rule.default_mode() == Mode::Block));
        assert!(rules.iter().any(|rule| rule.default_mode() == Mode::Monitor));
    }
}
