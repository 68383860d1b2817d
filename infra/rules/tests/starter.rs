//! The starter set is complete: every rule says what it is about and has an example of what it finds and what not.
//! Whether it does find that is what `tests/clients/rules.sh` asks the engine.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use scanledger_rules::{StarterRule, starter_rules};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

const LANGUAGES: [&str; 4] = ["go", "java", "javascript", "python"];

const CLASSES: [&str; 9] = [
    "crypto",
    "debug",
    "deserialization",
    "injection",
    "jwt",
    "path-traversal",
    "redirect",
    "secrets",
    "ssrf",
];

/// The language, the class and the name in a rule's id.
fn words(rule: &StarterRule) -> [&str; 3] {
    let words: Vec<_> = rule.id.as_str().split('.').collect();
    words.try_into().unwrap_or_else(|_| panic!("{} is not three words", rule.id))
}

fn folder(language: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("rules").join(language)
}

/// Names of the files in a language's folder, without what comes after the dot.
fn stems(language: &str, is_rule: bool) -> Vec<String> {
    let files = fs::read_dir(folder(language)).unwrap().map(|entry| entry.unwrap().path());
    let wanted = files.filter(|path| (path.extension().unwrap() == "yaml") == is_rule);
    let mut stems: Vec<_> =
        wanted.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect();
    stems.sort();
    stems
}

/// The example of a rule: the file of its name that is not the rule.
fn example(rule: &StarterRule) -> String {
    let [language, _, name] = words(rule);
    let files = fs::read_dir(folder(language)).unwrap().map(|entry| entry.unwrap().path());
    let mut examples =
        files.filter(|path| path.file_stem().unwrap() == name && path.extension().unwrap() != "yaml");
    let path = examples.next().unwrap_or_else(|| panic!("{} has no example", rule.id));
    assert_eq!(examples.next(), None, "{} has two examples", rule.id);
    fs::read_to_string(path).unwrap()
}

fn texts<'a>(value: &'a Value, what: &str) -> Vec<&'a str> {
    let list = value.as_array().unwrap_or_else(|| panic!("{what} is no list"));
    assert!(!list.is_empty(), "{what} is empty");
    list.iter().map(|text| text.as_str().unwrap_or_else(|| panic!("{what} holds no text"))).collect()
}

#[test]
fn there_are_rules_for_every_class_in_every_language() {
    let rules = starter_rules();
    assert!(rules.len() >= 40, "only {} rules", rules.len());
    let ids: BTreeSet<_> = rules.iter().map(|rule| &rule.id).collect();
    assert_eq!(ids.len(), rules.len(), "two rules have one id");
    let found: BTreeSet<_> = rules
        .iter()
        .map(|rule| {
            let [language, class, _] = words(rule);
            (language, class)
        })
        .collect();
    let wanted: BTreeSet<_> =
        LANGUAGES.iter().flat_map(|language| CLASSES.iter().map(|class| (*language, *class))).collect();
    assert_eq!(found, wanted);
}

#[test]
fn a_rule_lies_where_its_id_says() {
    for language in LANGUAGES {
        let of_language = starter_rules().iter().map(words).filter(|words| words[0] == language);
        let mut names: Vec<_> = of_language.map(|[_, _, name]| name.to_owned()).collect();
        names.sort();
        assert_eq!(names, stems(language, true), "rules of {language}");
        assert_eq!(names, stems(language, false), "examples of {language}");
    }
}

#[test]
fn ids_are_lower_case_words() {
    for rule in starter_rules() {
        assert_eq!(rule.definition["id"], rule.id.as_str());
        for word in words(rule) {
            let is_plain = word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
            assert!(is_plain && !word.is_empty(), "{}", rule.id);
        }
    }
}

#[test]
fn every_example_shows_what_is_found_and_what_is_not() {
    for rule in starter_rules() {
        let example = example(rule);
        for word in ["ruleid", "ok"] {
            let comment = format!("{word}: {}", rule.id);
            assert!(example.lines().any(|line| line.ends_with(&comment)), "{comment}: not in the example");
        }
    }
}

#[test]
fn a_rule_says_what_is_wrong_and_how_bad_it_is() {
    for StarterRule { id, definition } in starter_rules() {
        let languages = texts(&definition["languages"], "languages");
        assert!(languages.contains(&id.as_str().split('.').next().unwrap()), "{id}: {languages:?}");
        let severity = definition["severity"].as_str().unwrap();
        assert!(["ERROR", "WARNING", "INFO"].contains(&severity), "{id}: {severity}");
        let message = definition["message"].as_str().unwrap();
        assert!(message.ends_with('.') && message.matches(". ").count() >= 1, "{id}: {message}");
        assert!((80..500).contains(&message.len()), "{id}: {message}");

        let metadata = &definition["metadata"];
        assert_eq!(metadata["category"], "security", "{id}");
        for level in ["confidence", "likelihood", "impact"] {
            let word = metadata[level].as_str().unwrap_or_else(|| panic!("{id} has no {level}"));
            assert!(["HIGH", "MEDIUM", "LOW"].contains(&word), "{id}: {level} {word}");
        }
        for cwe in texts(&metadata["cwe"], "cwe") {
            let number = cwe.strip_prefix("CWE-").and_then(|rest| rest.split_once(": "));
            let (number, name) = number.unwrap_or_else(|| panic!("{id}: {cwe}"));
            assert!(number.parse::<u16>().is_ok() && !name.is_empty(), "{id}: {cwe}");
        }
        for owasp in texts(&metadata["owasp"], "owasp") {
            let is_category =
                owasp.starts_with('A') && owasp[3..].starts_with(":20") && owasp.contains(" - ");
            assert!(is_category, "{id}: {owasp}");
        }
        for subcategory in texts(&metadata["subcategory"], "subcategory") {
            assert!(["audit", "vuln"].contains(&subcategory), "{id}: {subcategory}");
        }
        texts(&metadata["technology"], "technology");
        texts(&metadata["vulnerability_class"], "vulnerability_class");
        for reference in texts(&metadata["references"], "references") {
            assert!(reference.starts_with("https://"), "{id}: {reference}");
        }
    }
}

#[test]
fn a_rule_has_the_patterns_of_its_mode() {
    for StarterRule { id, definition } in starter_rules() {
        let has = |key: &str| definition.get(key).is_some();
        let matches = ["pattern", "patterns", "pattern-either"].into_iter().filter(|key| has(key)).count();
        match definition["mode"].as_str() {
            Some("taint") => {
                patterns(&definition["pattern-sources"], id.as_str());
                patterns(&definition["pattern-sinks"], id.as_str());
                assert_eq!(matches, 0, "{id}");
            }
            mode => assert!(mode.is_none() && matches == 1, "{id}: {mode:?}, {matches}"),
        }
    }
}

fn patterns(value: &Value, id: &str) {
    let list = value.as_array().unwrap_or_else(|| panic!("{id} has no sources or sinks"));
    assert!(!list.is_empty() && list.iter().all(Value::is_object), "{id}");
}
