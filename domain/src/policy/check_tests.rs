//! Which rules are let through, and what is said about the others.

use super::{LANGUAGES, check};
use crate::limits::{RULE_BYTES, RULE_DEPTH, RULE_MESSAGE_CHARS};
use crate::policy::samples::rule;
use proptest::prelude::{Strategy, any, prop_oneof, proptest};
use serde_json::{Value, json};

fn with(field: &str, value: Value) -> Value {
    let mut rule = rule("r");
    rule[field] = value;
    rule
}

/// A rule that looks for something else.
fn looking(patterns: Value) -> Value {
    let mut rule = rule("r");
    let fields = rule.as_object_mut().unwrap();
    fields.remove("pattern");
    fields.extend(patterns.as_object().unwrap().clone());
    rule
}

#[track_caller]
fn refused(rule: &Value, place: &str) {
    assert_eq!(check(rule).unwrap_err().place, place, "{rule}");
}

#[test]
fn rules_of_every_kind_are_let_through() {
    let depends = json!({ "namespace": "pypi", "package": "requests", "version": "< 2.20.0" });
    for good in [
        rule("r"),
        looking(json!({ "pattern-regex": "a+" })),
        looking(json!({ "pattern-either": [{ "pattern": "a" }, { "patterns": [{ "pattern": "b" }] }] })),
        looking(json!({ "patterns": [
            { "pattern-inside": "def $F(...): ..." },
            { "pattern-not": "eval(1)" },
            { "metavariable-regex": { "metavariable": "$X", "regex": "a" } },
            { "focus-metavariable": ["$X"] },
        ] })),
        looking(json!({ "mode": "taint",
            "pattern-sources": [{ "pattern": "input()", "label": "A" }],
            "pattern-sinks": [{ "patterns": [{ "pattern": "eval($X)" }, { "focus-metavariable": "$X" }], "requires": "A" }],
            "pattern-sanitizers": [{ "pattern": "int(...)", "by-side-effect": true }],
            "pattern-propagators": [{ "pattern": "$A.add($B)", "from": "$B", "to": "$A" }],
        })),
        looking(json!({ "r2c-internal-project-depends-on": depends })),
        with("paths", json!({ "include": ["*.py"], "exclude": [] })),
        with("fix", json!("safe($X)")),
    ] {
        assert_eq!(check(&good), Ok(()), "{good}");
    }
    for language in LANGUAGES {
        assert_eq!(check(&with("languages", json!([language]))), Ok(()));
    }
}

#[test]
fn what_every_rule_says_must_be_there_and_be_right() {
    for bad in [json!(null), json!([]), json!("x")] {
        refused(&bad, "");
    }
    for field in ["id", "message", "severity", "languages"] {
        let mut rule = rule("r");
        rule.as_object_mut().unwrap().remove(field);
        refused(&rule, field);
        for bad in [json!(1), json!({}), json!(null)] {
            refused(&with(field, bad), field);
        }
    }
    refused(&with("id", json!("a b")), "id");
    refused(&with("severity", json!("BAD")), "severity");
    refused(&with("languages", json!([])), "languages");
    refused(&with("languages", json!(["python", "klingon"])), "languages.1");
    refused(&with("surprise", json!(1)), "surprise");
    refused(&with("metadata", json!([])), "metadata");
    refused(&with("metadata", json!({ "dev.semgrep.actions": "block" })), "metadata.dev.semgrep.actions");
    refused(&with("paths", json!({ "only": [] })), "paths.only");
    refused(&with("paths", json!({ "include": [1] })), "paths.include");
}

#[test]
fn a_rule_looks_for_exactly_one_thing() {
    refused(&looking(json!({})), "");
    refused(&with("pattern-regex", json!("a")), "");
    refused(&with("mode", json!("join")), "mode");
    refused(&with("mode", json!("taint")), "mode");
    refused(&with("pattern-sinks", json!([])), "mode");
    refused(&looking(json!({ "mode": "taint", "pattern-sources": [{ "pattern": "a" }] })), "pattern-sinks");
}

#[test]
fn patterns_are_named_with_their_place() {
    refused(&with("pattern", json!(" ")), "pattern");
    refused(&looking(json!({ "patterns": [] })), "patterns");
    refused(&looking(json!({ "patterns": [{ "pattern-not": "a" }] })), "patterns");
    refused(&looking(json!({ "patterns": [{ "pattern": "a" }, 1] })), "patterns.1");
    refused(&looking(json!({ "patterns": [{ "pattern": "a", "pattern-not": "b" }] })), "patterns.0");
    refused(&looking(json!({ "patterns": [{ "pattern": "a" }, { "where": "x" }] })), "patterns.1.where");
    refused(&looking(json!({ "pattern-either": [{ "pattern-not": "a" }] })), "pattern-either.0");
    let taint = |sinks| {
        looking(json!({ "mode": "taint", "pattern-sources": [{ "pattern": "a" }], "pattern-sinks": sinks }))
    };
    refused(&taint(json!([{ "label": "A" }])), "pattern-sinks.0");
    refused(&taint(json!([{ "pattern": 1 }])), "pattern-sinks.0.pattern");
    let mut spread = taint(json!([{ "pattern": "b" }]));
    spread["pattern-propagators"] = json!([{ "pattern": "a", "from": "$A" }]);
    refused(&spread, "pattern-propagators.0");
}

#[test]
fn rules_have_limits() {
    assert_eq!(check(&with("message", json!("é".repeat(RULE_MESSAGE_CHARS)))), Ok(()));
    refused(&with("message", json!("é".repeat(RULE_MESSAGE_CHARS + 1))), "message");
    let room = RULE_BYTES - with("fix", json!("")).to_string().len();
    assert_eq!(check(&with("fix", json!("x".repeat(room)))), Ok(()));
    refused(&with("fix", json!("x".repeat(room + 1))), "");
    let nested = |levels: usize| (0..levels).fold(json!(1), |inner, _| json!([inner]));
    // The metadata itself and its field are two levels.
    assert_eq!(check(&with("metadata", json!({ "x": nested(RULE_DEPTH - 2) }))), Ok(()));
    refused(&with("metadata", json!({ "x": nested(RULE_DEPTH - 1) })), "");
}

/// Any JSON, often with names that mean something.
fn any_json() -> impl Strategy<Value = Value> {
    let names = ["patterns", "pattern", "pattern-either", "mode", "id", "languages", "metadata", "x"];
    let leaf = prop_oneof![
        proptest::strategy::Just(Value::Null),
        any::<i32>().prop_map(Value::from),
        "[a-z$( )]{0,5}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, move |inner| {
        let name = (0..names.len()).prop_map(move |n| names[n].to_owned());
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            proptest::collection::vec((name, inner), 0..4)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn whatever_is_sent_is_judged(field in any_json(), which in 0..6_usize) {
        let name = ["patterns", "pattern", "pattern-either", "mode", "metadata", "paths"][which];
        drop(check(&with(name, field.clone())));
        drop(check(&field));
    }
}
