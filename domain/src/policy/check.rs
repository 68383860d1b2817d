//! Whether a rule is one that every client understands: a rule that does not parse fails every scan of the organization.
//!
//! Patterns themselves only an engine can parse. Everything around them is checked here, and strictly: what clients
//! before 1.93.0 do not know is refused, because they would refuse the whole set of rules.

use super::{RuleId, RuleRefusal, RuleSeverity};
use crate::limits::{RULE_BYTES, RULE_DEPTH, RULE_MESSAGE_CHARS};
use serde_json::{Map, Value};

/// Languages of the open engine, by all their names.
const LANGUAGES: [&str; 58] = [
    "bash",
    "c",
    "c#",
    "c++",
    "cairo",
    "circom",
    "clojure",
    "cpp",
    "csharp",
    "dart",
    "docker",
    "dockerfile",
    "generic",
    "go",
    "golang",
    "hack",
    "hcl",
    "html",
    "java",
    "javascript",
    "js",
    "json",
    "jsonnet",
    "julia",
    "kotlin",
    "kt",
    "lisp",
    "lua",
    "move_on_aptos",
    "move_on_sui",
    "none",
    "ocaml",
    "php",
    "promql",
    "proto",
    "proto3",
    "protobuf",
    "py",
    "python",
    "python2",
    "python3",
    "r",
    "regex",
    "ruby",
    "rust",
    "scala",
    "scheme",
    "sh",
    "sol",
    "solidity",
    "swift",
    "terraform",
    "tf",
    "ts",
    "typescript",
    "vue",
    "xml",
    "yaml",
];

/// What a rule may hold besides its patterns.
const FIELDS: [&str; 12] = [
    "id",
    "message",
    "severity",
    "languages",
    "mode",
    "metadata",
    "paths",
    "options",
    "fix",
    "fix-regex",
    "min-version",
    "max-version",
];
/// One of these says what a rule that searches looks for.
const SEARCH: [&str; 4] = ["pattern", "patterns", "pattern-either", "pattern-regex"];
/// What a rule that follows data says.
const TAINT: [&str; 4] = ["pattern-sources", "pattern-sinks", "pattern-sanitizers", "pattern-propagators"];
/// What a rule about vulnerable packages says.
const DEPENDS: &str = "r2c-internal-project-depends-on";
/// Conditions of a list of patterns that match something by themselves.
const POSITIVE: [&str; 5] = ["pattern", "patterns", "pattern-either", "pattern-inside", "pattern-regex"];
/// Conditions whose value is the text of a pattern.
const TEXTS: [&str; 6] =
    ["pattern", "pattern-not", "pattern-inside", "pattern-not-inside", "pattern-regex", "pattern-not-regex"];
/// Conditions about metavariables, which hold an object.
const METAVARIABLES: [&str; 5] = [
    "metavariable-regex",
    "metavariable-pattern",
    "metavariable-comparison",
    "metavariable-analysis",
    "metavariable-type",
];
/// What stands beside the pattern of a source, a sink, a sanitizer or a propagator.
const TAINT_OPTIONS: [&str; 9] = [
    "by-side-effect",
    "exact",
    "label",
    "requires",
    "replace-labels",
    "not-conflicting",
    "control",
    "from",
    "to",
];

type Checked = Result<(), RuleRefusal>;

fn refuse<T>(place: &str, problem: impl Into<String>) -> Result<T, RuleRefusal> {
    Err(RuleRefusal { place: place.to_owned(), problem: problem.into() })
}

/// Whether `definition` is a rule that clients understand, as far as that can be told without parsing its patterns.
///
/// # Errors
/// The first thing that is wrong, with its place.
pub fn check(definition: &Value) -> Checked {
    let Value::Object(rule) = definition else { return refuse("", "a rule is an object") };
    if definition.to_string().len() > RULE_BYTES {
        return refuse("", format!("a rule has at most {RULE_BYTES} bytes"));
    }
    depth(definition, 0)?;
    let id = line(rule, "id")?;
    if let Err(error) = id.parse::<RuleId>() {
        return refuse("id", error.to_string());
    }
    let message = text(rule, "message")?;
    if message.trim().is_empty() || message.chars().count() > RULE_MESSAGE_CHARS {
        return refuse("message", format!("must have 1 to {RULE_MESSAGE_CHARS} characters"));
    }
    if RuleSeverity::of_word(line(rule, "severity")?).is_none() {
        return refuse("severity", "must be ERROR, WARNING, INFO, CRITICAL, HIGH, MEDIUM or LOW");
    }
    languages(rule)?;
    objects(rule)?;
    fields(rule)?;
    patterns_of(rule)
}

/// How deep the rule is; counted before anything else walks through it.
fn depth(value: &Value, at: usize) -> Checked {
    if at > RULE_DEPTH {
        return refuse("", format!("a rule is at most {RULE_DEPTH} levels deep"));
    }
    match value {
        Value::Array(values) => values.iter().try_for_each(|value| depth(value, at + 1)),
        Value::Object(values) => values.values().try_for_each(|value| depth(value, at + 1)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(()),
    }
}

fn text<'a>(rule: &'a Map<String, Value>, field: &str) -> Result<&'a str, RuleRefusal> {
    match rule.get(field).map(Value::as_str) {
        Some(Some(text)) if !text.contains('\0') => Ok(text),
        Some(_) => refuse(field, "must be text"),
        None => refuse(field, "is missing"),
    }
}

fn line<'a>(rule: &'a Map<String, Value>, field: &str) -> Result<&'a str, RuleRefusal> {
    let line = text(rule, field)?;
    if line.chars().any(char::is_control) { refuse(field, "must be one line") } else { Ok(line) }
}

fn languages(rule: &Map<String, Value>) -> Checked {
    let Some(Value::Array(languages)) = rule.get("languages") else {
        return refuse("languages", "must be a list of languages");
    };
    if languages.is_empty() {
        return refuse("languages", "must name a language");
    }
    for (n, language) in languages.iter().enumerate() {
        if !language.as_str().is_some_and(|language| LANGUAGES.contains(&language)) {
            return refuse(&format!("languages.{n}"), "is no language that all clients know");
        }
    }
    Ok(())
}

/// Fields that hold objects of a known shape.
fn objects(rule: &Map<String, Value>) -> Checked {
    for field in ["metadata", "options", "fix-regex"] {
        if rule.get(field).is_some_and(|value| !value.is_object()) {
            return refuse(field, "must be an object");
        }
    }
    for field in ["fix", "min-version", "max-version"] {
        if rule.get(field).is_some_and(|value| !value.is_string()) {
            return refuse(field, "must be text");
        }
    }
    if let Some(actions) = rule.get("metadata").and_then(|metadata| metadata.get("dev.semgrep.actions"))
        && !actions.is_array()
    {
        return refuse("metadata.dev.semgrep.actions", "must be a list");
    }
    let Some(paths) = rule.get("paths") else { return Ok(()) };
    let Value::Object(paths) = paths else { return refuse("paths", "must be an object") };
    for (field, globs) in paths {
        let place = format!("paths.{field}");
        if !["include", "exclude"].contains(&field.as_str()) {
            return refuse(&place, "is not known");
        }
        if !globs.as_array().is_some_and(|globs| globs.iter().all(Value::is_string)) {
            return refuse(&place, "must be a list of texts");
        }
    }
    Ok(())
}

fn fields(rule: &Map<String, Value>) -> Checked {
    let known = |field: &str| {
        FIELDS.contains(&field) || SEARCH.contains(&field) || TAINT.contains(&field) || field == DEPENDS
    };
    match rule.keys().find(|field| !known(field)) {
        Some(field) => refuse(field, "is not known"),
        None => Ok(()),
    }
}

fn patterns_of(rule: &Map<String, Value>) -> Checked {
    let has = |fields: &[&str]| fields.iter().filter(|field| rule.contains_key(**field)).count();
    if let Some(depends) = rule.get(DEPENDS)
        && !depends.is_object()
    {
        return refuse(DEPENDS, "must be an object");
    }
    match rule.get("mode").map(Value::as_str) {
        None | Some(Some("search")) => {
            if has(&TAINT) > 0 {
                return refuse("mode", "must be taint for a rule with sources and sinks");
            }
            match has(&SEARCH) {
                1 => condition(rule, "", true),
                0 if rule.contains_key(DEPENDS) => Ok(()),
                _ => refuse("", format!("exactly one of {} says what it looks for", SEARCH.join(", "))),
            }
        }
        Some(Some("taint")) => {
            if has(&SEARCH) > 0 {
                return refuse("mode", "must be search for a rule with a pattern of its own");
            }
            for field in ["pattern-sources", "pattern-sinks"] {
                if !rule.contains_key(field) {
                    return refuse(field, "is missing");
                }
            }
            TAINT
                .into_iter()
                .filter(|field| rule.contains_key(*field))
                .try_for_each(|field| taint(rule, field))
        }
        Some(Some(_) | None) => refuse("mode", "must be search or taint"),
    }
}

fn taint(rule: &Map<String, Value>, field: &str) -> Checked {
    let Some(items) = rule[field].as_array().filter(|items| !items.is_empty()) else {
        return refuse(field, "must be a list with something in it");
    };
    for (n, item) in items.iter().enumerate() {
        let place = format!("{field}.{n}");
        let Value::Object(item) = item else { return refuse(&place, "must be an object") };
        let (options, rest): (Map<_, _>, Map<_, _>) =
            item.clone().into_iter().partition(|(name, _)| TAINT_OPTIONS.contains(&name.as_str()));
        let is_propagator = field == "pattern-propagators";
        if is_propagator
            && !["from", "to"].iter().all(|name| options.get(*name).is_some_and(Value::is_string))
        {
            return refuse(&place, "a propagator says from and to where");
        }
        let starts = rest.keys().filter(|name| SEARCH.contains(&name.as_str())).count();
        if starts != 1 {
            return refuse(&place, format!("exactly one of {} says what it is", SEARCH.join(", ")));
        }
        condition(&rest, &place, true)?;
    }
    Ok(())
}

/// One element of a list of patterns, or a rule itself: what it says under names of conditions.
fn condition(item: &Map<String, Value>, place: &str, is_top: bool) -> Checked {
    for (name, value) in item {
        let place = if place.is_empty() { name.clone() } else { format!("{place}.{name}") };
        match name.as_str() {
            name if TEXTS.contains(&name) => match value.as_str() {
                Some(text) if !text.trim().is_empty() && !text.contains('\0') => (),
                Some(_) | None => return refuse(&place, "must be the text of a pattern"),
            },
            "patterns" => list(value, &place, true)?,
            "pattern-either" => list(value, &place, false)?,
            "focus-metavariable" => match value {
                Value::String(_) => (),
                Value::Array(names) if !names.is_empty() && names.iter().all(Value::is_string) => (),
                _ => return refuse(&place, "must be a metavariable or a list of them"),
            },
            name if METAVARIABLES.contains(&name) => {
                if !value.is_object() {
                    return refuse(&place, "must be an object");
                }
            }
            // The fields of the rule around it were looked at.
            _ if is_top => (),
            _ => return refuse(&place, "is not known"),
        }
    }
    Ok(())
}

fn list(value: &Value, place: &str, is_all: bool) -> Checked {
    let Some(items) = value.as_array().filter(|items| !items.is_empty()) else {
        return refuse(place, "must be a list with something in it");
    };
    let mut has_positive = false;
    for (n, item) in items.iter().enumerate() {
        let place = format!("{place}.{n}");
        let Value::Object(item) = item else { return refuse(&place, "must be an object") };
        if item.len() != 1 {
            return refuse(&place, "must hold one condition");
        }
        let is_positive = item.keys().any(|name| POSITIVE.contains(&name.as_str()));
        if !is_all && !is_positive {
            return refuse(&place, "must be something to find");
        }
        has_positive |= is_positive;
        condition(item, &place, false)?;
    }
    if has_positive { Ok(()) } else { refuse(place, "must hold something to find") }
}

#[cfg(test)]
#[path = "check_tests.rs"]
mod tests;
