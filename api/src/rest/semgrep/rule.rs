//! Rules as clients run them (Semgrep reference §12).

use scanledger_domain::policy::{EffectiveRule, Mode, Product, RuleOrigin};
use serde_json::{Map, Value, json};

/// The key without which a rule blocks.
const ACTIONS: &str = "dev.semgrep.actions";
/// What the server says about a rule.
const ABOUT: &str = "semgrep.dev";

/// A rule with what the client acts on: whether it blocks, and where it comes from. What its author wrote under the same
/// keys does not count.
pub(super) fn served(rule: &EffectiveRule, base_url: &str) -> Value {
    let mut definition = rule.rule.definition.clone();
    let mut metadata = match definition["metadata"].take() {
        Value::Object(metadata) => metadata,
        _ => Map::new(),
    };
    let actions: &[&str] = match rule.mode {
        Mode::Block => &["block"],
        Mode::Monitor | Mode::Comment | Mode::Disabled => &[],
    };
    let id = rule.rule.id.as_str();
    let origin = match rule.origin {
        RuleOrigin::Starter => "community",
        RuleOrigin::Custom => "custom",
    };
    let url = format!("{base_url}/c/r/{id}");
    metadata.insert(ACTIONS.to_owned(), json!(actions));
    let about = json!({ "rule_id": id, "rule_name": id, "url": url, "origin": origin });
    metadata.insert(ABOUT.to_owned(), json!({ "rule": about, "src": "unchanged" }));
    definition["metadata"] = Value::Object(metadata);
    definition
}

/// The rules of some products that are not disabled.
pub(super) fn all_served<'a>(
    rules: impl IntoIterator<Item = &'a EffectiveRule>,
    products: &[Product],
    base_url: &str,
) -> Vec<Value> {
    let run = |rule: &&EffectiveRule| rule.mode != Mode::Disabled && products.contains(&rule.rule.product);
    rules.into_iter().filter(run).map(|rule| served(rule, base_url)).collect()
}

#[cfg(test)]
mod tests {
    use super::{all_served, served};
    use scanledger_domain::policy::{EffectiveRule, Mode, Product, Rule, RuleOrigin};
    use serde_json::{Value, json};
    use std::sync::Arc;

    fn rule(mode: Mode, metadata: Value) -> EffectiveRule {
        let definition = json!({
            "id": "acme.no-eval", "message": "No eval.", "severity": "ERROR", "languages": ["python"],
            "pattern": "eval($X)", "metadata": metadata,
        });
        let rule = Arc::new(Rule::try_new(definition).unwrap());
        EffectiveRule { rule, origin: RuleOrigin::Custom, mode }
    }

    #[test]
    fn only_a_rule_that_may_block_blocks_whatever_its_author_wrote() {
        for (mode, actions) in
            [(Mode::Block, json!(["block"])), (Mode::Monitor, json!([])), (Mode::Comment, json!([]))]
        {
            for written in
                [json!({}), json!({ "dev.semgrep.actions": [] }), json!({ "dev.semgrep.actions": ["block"] })]
            {
                let metadata = served(&rule(mode, written), "http://here")["metadata"].clone();
                assert_eq!(metadata["dev.semgrep.actions"], actions, "{mode}");
            }
        }
    }

    #[test]
    fn a_rule_says_who_serves_it_and_keeps_what_it_says_about_itself() {
        let served = served(&rule(Mode::Monitor, json!({ "cwe": "CWE-95" })), "http://here");
        assert_eq!(served["metadata"]["cwe"], "CWE-95");
        let about = &served["metadata"]["semgrep.dev"]["rule"];
        assert_eq!(about["url"], "http://here/c/r/acme.no-eval");
        assert_eq!((&about["rule_id"], &about["origin"]), (&json!("acme.no-eval"), &json!("custom")));
    }

    #[test]
    fn what_is_disabled_or_not_asked_for_is_not_served() {
        let rules = [rule(Mode::Disabled, json!({})), rule(Mode::Monitor, json!({ "product": "secrets" }))];
        assert_eq!(all_served(&rules, &[Product::Code], ""), Vec::<Value>::new());
        assert_eq!(all_served(&rules, &[Product::Code, Product::Secrets], "").len(), 1);
    }
}
