//! The dialect's words for what happened (reference §12.1), and the types of events that they stand for.

use scanledger_domain::audit::mask;
use scanledger_domain::blob::BlobHash;
use scanledger_domain::vault::{Sealed, Vault, VaultError};
use scanledger_projections::audit::AuditEntry;
use serde_json::{Map, Value, json};

/// Type of event, action, and the table that it is about. Where no plain verb says it, the action is a dotted name.
const WORDS: [(&str, &str, &str); 66] = [
    ("organization.created", "create", "organizations"),
    ("organization.member_added", "organization.member_added", "organizations"),
    ("organization.member_removed", "organization.member_removed", "organizations"),
    ("organization.invited", "organization.invited", "organizations"),
    ("organization.invitation_revoked", "organization.invitation_revoked", "organizations"),
    ("organization.invitation_accepted", "organization.invitation_accepted", "organizations"),
    ("user.registered", "create", "users"),
    ("user.erased", "delete", "users"),
    ("user.deactivated", "update", "users"),
    ("user.activated", "update", "users"),
    ("user.rank_changed", "update", "users"),
    ("user.password_set", "update", "users"),
    ("user.channels_set", "update", "users"),
    ("user.identity_linked", "oauth.identity.linked", "users"),
    ("user.identity_unlinked", "oauth.identity.unlinked", "users"),
    ("user.reset_requested", "create", "password_reset_tokens"),
    ("user.sessions_ended", "delete", "refresh_tokens"),
    ("session.started", "create", "refresh_tokens"),
    ("session.ended", "delete", "refresh_tokens"),
    ("team.created", "create", "teams"),
    ("team.updated", "update", "teams"),
    ("team.deleted", "delete", "teams"),
    ("team.member_added", "create", "memberships"),
    ("team.member_removed", "delete", "memberships"),
    ("apikey.created", "create", "api_keys"),
    ("apikey.narrowed", "update", "api_keys"),
    ("apikey.revoked", "update", "api_keys"),
    ("access.sign_in_failed", "access.sign_in_failed", "access"),
    ("access.denied", "access.denied", "access"),
    ("access.granted", "access.granted", "access"),
    ("project.created", "create", "projects"),
    ("project.updated", "update", "projects"),
    ("project.gate_updated", "update", "projects"),
    ("project.deleted", "delete", "projects"),
    ("policy.rule_added", "create", "policy_rules"),
    ("policy.rule_removed", "delete", "policy_rules"),
    ("policy.rule_mode_set", "update", "policy_rules"),
    ("scan.queued", "create", "scans"),
    ("scan.requeued", "update", "scans"),
    ("scan.paused", "update", "scans"),
    ("scan.resumed", "update", "scans"),
    ("scan.completed", "update", "scans"),
    ("scan.failed", "update", "scans"),
    ("scan.stopped", "update", "scans"),
    ("scan.cancelled", "update", "scans"),
    ("scan.deleted", "delete", "scans"),
    ("finding.triaged", "update", "vulnerability_findings"),
    ("finding.merged", "update", "vulnerability_findings"),
    ("incident.triaged", "update", "vulnerability_findings"),
    ("incident.regressed", "update", "secret_incidents"),
    ("incident.severity_set", "update", "secret_incidents"),
    ("incident.assigned", "update", "secret_incidents"),
    ("incident.unassigned", "update", "secret_incidents"),
    ("incident.note_added", "create", "secret_incident_notes"),
    ("incident.note_edited", "update", "secret_incident_notes"),
    ("incident.note_removed", "delete", "secret_incident_notes"),
    ("incident.shared", "update", "secret_incidents"),
    ("incident.unshared", "update", "secret_incidents"),
    ("honeytoken.created", "create", "honeytokens"),
    ("honeytoken.changed", "update", "honeytokens"),
    ("honeytoken.reset", "update", "honeytokens"),
    ("honeytoken.revoked", "update", "honeytokens"),
    ("honeytoken.triggered", "honeytoken.triggered", "honeytokens"),
    ("honeytoken.note_added", "create", "honeytoken_notes"),
    ("honeytoken.note_edited", "update", "honeytoken_notes"),
    ("honeytoken.note_removed", "delete", "honeytoken_notes"),
];

/// Tables that can be asked for (reference §3.3), also those about which nothing happens here; the last six are ours.
const TABLES: [&str; 25] = [
    "users",
    "teams",
    "memberships",
    "organizations",
    "projects",
    "scans",
    "scan_artifacts",
    "components",
    "component_versions",
    "scan_components",
    "vulnerabilities",
    "vulnerability_findings",
    "licenses",
    "license_findings",
    "obligations",
    "refresh_tokens",
    "password_reset_tokens",
    "license_fetch_cache",
    "api_keys",
    "access",
    "secret_incidents",
    "secret_incident_notes",
    "policy_rules",
    "honeytokens",
    "honeytoken_notes",
];

/// Status of a finding by its state (reference §5.2).
const FINDING_STATUS: [(&str, &str); 7] = [
    ("untriaged", "new"),
    ("investigating", "analyzing"),
    ("confirmed", "exploitable"),
    ("false_positive", "false_positive"),
    ("not_affected", "not_affected"),
    ("accepted", "suppressed"),
    ("fixed", "fixed"),
];

/// Status of a scan after an event (reference §5.4).
const SCAN_STATUS: [(&str, &str); 7] = [
    ("scan.queued", "queued"),
    ("scan.requeued", "queued"),
    ("scan.resumed", "running"),
    ("scan.completed", "succeeded"),
    ("scan.failed", "failed"),
    ("scan.stopped", "cancelled"),
    ("scan.cancelled", "cancelled"),
];

/// Sealed fields of which the hash of the clear text is shown, by the type of their event, and what they are called.
const PERSONAL: [(&str, &str, &str); 4] = [
    ("user.registered", "name", "full_name"),
    ("user.registered", "email", "email"),
    ("user.identity_linked", "email", "email"),
    ("organization.invited", "email", "email"),
];

/// What stands where a secret stood.
const HIDDEN: &str = "***";

/// Whether a table can be asked for.
pub fn is_table(word: &str) -> bool {
    TABLES.contains(&word)
}

/// The action and the table of an event; types of events that have no words yet keep their own.
pub fn words_of(event: &str) -> (&str, &str) {
    match WORDS.iter().find(|(kind, ..)| *kind == event) {
        Some((_, action, table)) => (action, table),
        None => (event, event.split('.').next().unwrap_or(event)),
    }
}

/// The types of events about a table whose action contains some text, whatever the case; all that have words without
/// either.
pub fn types_of(table: Option<&str>, action: Option<&str>) -> Vec<String> {
    let part = action.unwrap_or_default().to_lowercase();
    let fits = |(_, action, of): &&(&str, &str, &str)| {
        table.is_none_or(|table| table == *of) && action.contains(&part)
    };
    WORDS.iter().filter(fits).map(|(kind, ..)| (*kind).to_owned()).collect()
}

/// The id of what an entry is about: a session's for refresh tokens, else the resource's.
pub fn target_of(entry: &AuditEntry) -> String {
    let session = entry.action.starts_with("session.").then(|| {
        let details: Map<String, Value> = serde_json::from_str(&entry.details).ok()?;
        Some(details.get("session")?.as_str()?.to_owned())
    });
    session.flatten().unwrap_or_else(|| entry.resource_id.to_string())
}

/// What an event says, with snake-case names: secrets are masked, and of names and addresses of people only the
/// SHA-256 is shown (reference §12.1). `api_key_id` is the key that it was done with, if it was one.
///
/// # Errors
/// When the key store cannot be read.
pub fn diff(vault: &dyn Vault, entry: &AuditEntry) -> Result<Map<String, Value>, VaultError> {
    let personal = |field: &str| {
        PERSONAL
            .iter()
            .find(|(kind, name, _)| *kind == entry.action && *name == field)
            .map(|(.., shown)| *shown)
    };
    let masked = mask(&entry.action, &entry.details, |field, value| match value {
        Value::String(sealed) if personal(field).is_some() => {
            let text = vault.open(&Sealed(sealed))?;
            // Of who was erased nothing is left to hash.
            let hash = text.map(|text| BlobHash::of(text.as_bytes()).to_string());
            Ok(Some(json!({ "sha256": hash })))
        }
        _ => Ok(Some(json!(HIDDEN))),
    })?;
    let named = |field: &str| personal(field).map_or_else(|| snake_case(field), str::to_owned);
    let mut diff: Map<String, Value> =
        masked.into_iter().map(|(field, value)| (named(&field), shown(value))).collect();
    add_status(&entry.action, &mut diff);
    if let Some(key) = entry.key {
        diff.insert("api_key_id".to_owned(), json!(key.0));
    }
    Ok(diff)
}

/// A value with snake-case names; what stands before the `@` of an address is masked.
fn shown(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            fields.into_iter().map(|(name, value)| (snake_case(&name), shown(value))).collect()
        }
        Value::Array(items) => items.into_iter().map(shown).collect(),
        Value::String(text) => json!(without_user(&text)),
        plain => plain,
    }
}

/// An address of the web without the user and password in it.
fn without_user(text: &str) -> String {
    let parts = text.split_once("://").and_then(|(scheme, rest)| {
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (_, host) = rest[..end].rsplit_once('@')?;
        Some(format!("{scheme}://{HIDDEN}@{host}{}", &rest[end..]))
    });
    parts.unwrap_or_else(|| text.to_owned())
}

fn add_status(event: &str, diff: &mut Map<String, Value>) {
    let status = |words: &[(&str, &'static str)], from: &str| {
        words.iter().find(|(word, _)| *word == from).map(|(_, status)| json!(status))
    };
    if matches!(event, "finding.triaged" | "incident.triaged") {
        for (field, shown) in [("from", "previous_status"), ("to", "new_status")] {
            let state = diff.get(field).and_then(Value::as_str).unwrap_or_default();
            if let Some(status) = status(&FINDING_STATUS, state) {
                diff.remove(field);
                diff.insert(shown.to_owned(), status);
            }
        }
    } else if let Some(status) = status(&SCAN_STATUS, event) {
        diff.insert("new_status".to_owned(), status);
    }
}

fn snake_case(name: &str) -> String {
    let mut snake = String::with_capacity(name.len() + 4);
    for c in name.chars() {
        if c.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(c.to_ascii_lowercase());
    }
    snake
}

#[cfg(test)]
mod tests {
    use super::{TABLES, WORDS, diff, target_of, types_of, words_of};
    use scanledger_domain::event::Event;
    use scanledger_domain::id::{ApiKeyId, SubjectId};
    use scanledger_domain::log::{Actor, Position};
    use scanledger_domain::time::Timestamp;
    use scanledger_domain::vault::{HashPurpose, Sealed, Vault, VaultError};
    use scanledger_projections::audit::AuditEntry;
    use serde_json::{Value, json};
    use std::collections::HashSet;
    use uuid::Uuid;

    /// Sealed text is the text behind a mark; what begins with `v1.gone` is of an erased person.
    struct Open;

    impl Vault for Open {
        fn seal(&self, _: SubjectId, text: &str) -> Result<Sealed, VaultError> {
            Ok(Sealed(format!("v1.{text}")))
        }

        fn open(&self, sealed: &Sealed) -> Result<Option<String>, VaultError> {
            Ok(sealed.0.strip_prefix("v1.").filter(|text| *text != "gone").map(str::to_owned))
        }

        fn hash(&self, _: HashPurpose, bytes: &[u8]) -> Vec<u8> {
            bytes.to_vec()
        }
    }

    fn entry(action: &str, details: &Value) -> AuditEntry {
        AuditEntry {
            position: Position(1),
            action: action.to_owned(),
            resource: "user".to_owned(),
            resource_id: Uuid::from_u128(1),
            actor: Actor::System,
            details: details.to_string(),
            at: Timestamp(0),
            address: None,
            user_agent: None,
            key: None,
        }
    }

    #[track_caller]
    fn check(action: &str, details: &Value, expected: Value) {
        assert_eq!(Value::Object(diff(&Open, &entry(action, details)).unwrap()), expected);
    }

    #[test]
    fn every_type_that_people_read_about_has_words() {
        // As in the domain's table of what is an audit entry.
        let silent = [
            "branch.",
            "check.",
            "claim.",
            "advisories.",
            "installation.",
            "finding.detected",
            "finding.reopened",
            "finding.resolved",
            "incident.opened",
            "incident.occurred",
            "session.continued",
            "scan.started",
            "scan.settling",
            "scan.partial_kept",
            "scan.results_received",
        ];
        let known: HashSet<&str> = WORDS.iter().map(|(kind, ..)| *kind).collect();
        assert_eq!(known.len(), WORDS.len());
        for (kind, _) in Event::types() {
            let is_silent = silent.iter().any(|start| kind.starts_with(start));
            assert_eq!(known.contains(kind), !is_silent, "{kind}");
        }
        for (.., table) in WORDS {
            assert!(TABLES.contains(&table), "{table}");
        }
        assert_eq!(words_of("team.member_added"), ("create", "memberships"));
        assert_eq!(words_of("policy.changed"), ("policy.changed", "policy"));
    }

    #[test]
    fn words_lead_back_to_types() {
        assert_eq!(types_of(Some("memberships"), None), ["team.member_added", "team.member_removed"]);
        assert_eq!(types_of(Some("teams"), Some("DEL")), ["team.deleted"]);
        assert_eq!(types_of(None, Some("oauth")), ["user.identity_linked", "user.identity_unlinked"]);
        assert_eq!(types_of(Some("licenses"), None), [""; 0]);
        assert_eq!(types_of(None, Some("%")), [""; 0]);
        assert_eq!(types_of(None, None).len(), WORDS.len());
    }

    #[test]
    fn people_are_shown_as_hashes_and_secrets_not_at_all() {
        let hash = "c73880466f02c8bb928a92dbe6a517103f9b6ab93395509769850be8bebeb91b";
        let registered =
            json!({ "user": "u", "name": "v1.gone", "email": "v1.ana@x.org", "password": "v1.z" });
        let shown = diff(&Open, &entry("user.registered", &registered)).unwrap();
        assert_eq!(shown["email"], json!({ "sha256": hash }));
        assert_eq!(shown["full_name"], json!({ "sha256": null }));
        assert_eq!((&shown["password"], &shown["user"]), (&json!("***"), &json!("u")));
        assert!(!Value::Object(shown).to_string().contains("ana"));
        check(
            "apikey.created",
            &json!({ "hash": "00", "name": "CI" }),
            json!({ "hash": "***", "name": "CI" }),
        );
        check("user.identity_linked", &json!({ "subject": "v1.7" }), json!({ "subject": "***" }));
        check("session.started", &json!({ "token": "00" }), json!({ "token": "***" }));
        let decoy = json!({ "name": "wiki", "leakHashes": ["0f"], "accessId": "v1.a" });
        let shown = json!({ "name": "wiki", "leak_hashes": "***", "access_id": "***" });
        check("honeytoken.created", &decoy, shown);
        // What only looks as if it were sealed.
        check("project.deleted", &json!({ "a": "v1.2" }), json!({ "a": "v1.2" }));
    }

    #[test]
    fn fields_are_in_snake_case_and_addresses_without_a_user() {
        for (address, shown) in [
            ("svn+ssh://ana:pw@git.example.org/a@b", "svn+ssh://***@git.example.org/a@b"),
            ("https://ana:pw@git.example.org/a@b?token=pw", "https://git.example.org/a@b"),
        ] {
            let details = json!({ "details": { "repoUrl": address, "note": "a@b" } });
            check("project.created", &details, json!({ "details": { "repo_url": shown, "note": "a@b" } }));
        }
    }

    #[test]
    fn a_change_of_status_says_from_what_to_what() {
        let triaged = json!({ "from": "untriaged", "to": "accepted" });
        check("finding.triaged", &triaged, json!({ "previous_status": "new", "new_status": "suppressed" }));
        check("scan.completed", &json!({}), json!({ "new_status": "succeeded" }));
        check("scan.deleted", &json!({}), json!({}));
    }

    #[test]
    fn the_key_that_it_was_done_with_stands_beside_what_was_done() {
        let key = ApiKeyId(Uuid::from_u128(2));
        let with_key = AuditEntry { key: Some(key), ..entry("scan.deleted", &json!({ "scan": "s" })) };
        let shown = Value::Object(diff(&Open, &with_key).unwrap());
        assert_eq!(shown, json!({ "scan": "s", "api_key_id": key.0 }));
    }

    #[test]
    fn a_refresh_token_is_the_one_of_a_session() {
        assert_eq!(target_of(&entry("session.ended", &json!({ "session": "s" }))), "s");
        assert_eq!(
            target_of(&entry("user.activated", &json!({ "session": "s" }))),
            Uuid::from_u128(1).to_string()
        );
    }
}
