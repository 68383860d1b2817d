//! Which types of events are entries of the audit log, and what of them is shown, told by a sample of each.

#[expect(dead_code, reason = "tests use different parts of the same samples")]
mod samples;

use samples::{Sample, events};
use scanledger_domain::audit::{audit_subject, disclosed, is_audited, mask};
use scanledger_domain::event::Event;
use serde_json::Value;
use std::collections::BTreeSet;
use std::convert::Infallible;

#[test]
fn types_are_audited_whose_events_are() {
    // Of steps that are taken again only some are entries, and the sample is none of those.
    let is_entry = |event: &Event| event.kind() == "scan.requeued" || audit_subject(event).is_some();
    let entries: BTreeSet<&str> = events()
        .iter()
        .filter(|Sample { event, .. }| is_entry(event))
        .map(|Sample { event, .. }| event.kind())
        .collect();
    let types: BTreeSet<&str> = Event::types().into_iter().map(|(kind, _)| kind).collect();
    let audited: BTreeSet<&str> = types.into_iter().filter(|kind| is_audited(kind)).collect();
    assert_eq!(audited, entries);
}

/// Fields that name blobs.
const BLOBS: [&str; 2] = ["blob", "blocking"];

/// Texts in a value that are sealed, or as long as a hash and in hexadecimal; names of blobs aside.
fn secrets(value: &Value) -> Vec<&str> {
    let is_hash = |text: &str| text.len() >= 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    match value {
        Value::String(text) if text.starts_with("v1.") || is_hash(text) => vec![text],
        Value::Array(items) => items.iter().flat_map(secrets).collect(),
        Value::Object(fields) => {
            let shown = fields.iter().filter(|(name, _)| !BLOBS.contains(&name.as_str()));
            shown.flat_map(|(_, value)| secrets(value)).collect()
        }
        _ => vec![],
    }
}

#[test]
fn what_is_sealed_or_a_hash_of_a_secret_is_not_shown_and_all_else_is() {
    for Sample { event, .. } in events() {
        if audit_subject(&event).is_none() {
            continue;
        }
        let (kind, data) = (event.kind(), String::from_utf8(event.encode()).expect("events are JSON"));
        let shown = Value::Object(disclosed(kind, &data));
        assert_eq!(secrets(&shown), [""; 0], "{kind}");
        let Ok(all) = mask::<Infallible>(kind, &data, |field, value| {
            assert!(!secrets(&value).is_empty(), "{kind} {field}");
            Ok(Some(value))
        });
        assert_eq!(serde_json::from_str(&data).ok(), Some(Value::Object(all)), "{kind}");
    }
}

#[test]
fn addresses_of_old_events_are_shown_without_credentials() {
    for (kind, data, shown) in [
        (
            "project.updated",
            r#"{"details":{"name":"a","repoUrl":"https://ci:word@example.org/a","dastTargetUrl":"https://example.org?token=word"}}"#,
            r#"{"details":{"name":"a","repoUrl":"https://example.org/a","dastTargetUrl":"https://example.org"}}"#,
        ),
        (
            "scan.queued",
            r#"{"source":{"name":"https://word@example.org/a"},"client":{"repository":"https://word@example.org/a","repositoryUrl":"https://example.org/a?b=c&token=word","people":"v1.x"}}"#,
            r#"{"source":{"name":"https://example.org/a"},"client":{"repository":"https://example.org/a","repositoryUrl":"https://example.org/a?b=c"}}"#,
        ),
        ("project.created", r#"{"project":"p"}"#, r#"{"project":"p"}"#),
    ] {
        assert_eq!(Some(disclosed(kind, data)), serde_json::from_str(shown).ok(), "{kind}");
    }
}
