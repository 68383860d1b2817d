//! The starter set: our own rules for the open-source Semgrep engine, so that a new installation finds something
//! before anybody has written a rule.
//!
//! A rule is `rules/<language>/<name>.yaml`. Beside it lies an example with the same name, whose comments say on which
//! line the rule has to find something (`ruleid: <id>` before it) and on which it must not (`ok: <id>`);
//! `tests/clients/rules.sh` holds the real engine against them. Its id is `<language>.<class>.<name>` and stays as it
//! is, because findings are told apart by it.
//!
//! Rules use nothing that engines since 1.93 do not know: one rule that an engine cannot read fails its whole scan.
//! Syntax of rules: <https://semgrep.dev/docs/writing-rules/rule-syntax>.

use rust_embed::RustEmbed;
use serde_json::Value;
use std::fmt;
use std::sync::LazyLock;

/// The files of the rules, without their examples.
#[derive(RustEmbed)]
#[folder = "rules"]
#[include = "*.yaml"]
struct Files;

/// What a rule is called, for ever: `python.injection.sql-string`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RuleId(String);

impl RuleId {
    /// Three words with dots between them: the language, the class of weakness and the name of the rule, each of lower
    /// case letters, digits and `-`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RuleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A rule of the starter set.
#[derive(Debug, Clone, PartialEq)]
pub struct StarterRule {
    /// The rule's id; the definition has the same under `id`.
    pub id: RuleId,
    /// The rule as the engine takes it, an element of `rules`: an object with `id`, `languages`, `severity` (`ERROR`,
    /// `WARNING` or `INFO`), `message`, `metadata` and the patterns.
    pub definition: Value,
}

/// All rules of the starter set, in the order of their ids. They are read once, when first asked for.
pub fn starter_rules() -> &'static [StarterRule] {
    static RULES: LazyLock<Vec<StarterRule>> = LazyLock::new(|| {
        let mut rules: Vec<_> = Files::iter().flat_map(|path| read(&path)).collect();
        rules.sort_by(|one, other| one.id.cmp(&other.id));
        rules
    });
    &RULES
}

/// The rules in one of our files. What they hold is fixed when the crate is built, and a test reads them all.
fn read(path: &str) -> Vec<StarterRule> {
    let file = Files::get(path).expect("the path was listed");
    let text = std::str::from_utf8(&file.data).expect("rules are UTF-8");
    let mut document: Value = serde_saphyr::from_str(text).expect("rules are YAML");
    let Value::Array(rules) = document["rules"].take() else {
        panic!("{path} has no list of rules");
    };
    let with_id = |definition: Value| {
        let id = definition["id"].as_str().expect("a rule has an id");
        StarterRule { id: RuleId(id.to_owned()), definition }
    };
    rules.into_iter().map(with_id).collect()
}
