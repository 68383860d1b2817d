//! Pepper's words for what happened (reference §9), and the types of events that they stand for.

use super::word::{FindingStatus, ScanType, SourceType};
use crate::problem::Problem;
use scanledger_domain::audit::{AuditResource, disclosed};
use scanledger_domain::event::Event;
use scanledger_domain::finding::TriageState;
use scanledger_domain::scan::{self, SourceKind};
use scanledger_projections::audit::AuditEntry;
use serde::Deserialize as _;
use serde_json::{Map, Value, json};

/// Which events of a type a word stands for.
#[derive(Debug, Clone, Copy)]
enum Which {
    /// All of them.
    All,
    /// Those whose data contains this.
    With(&'static str),
    /// Those whose data does not contain this.
    Without(&'static str),
}

impl Which {
    fn covers(self, data: &str) -> bool {
        match self {
            Self::All => true,
            Self::With(text) => data.contains(text),
            Self::Without(text) => !data.contains(text),
        }
    }
}

/// What the data of a rescan has.
const RESCAN: &str = "\"rescanOf\":";

/// Pepper's word, the type of event, and which of its events are meant. Words that Pepper does not have are made like
/// its own.
const WORDS: [(&str, &str, Which); 21] = [
    ("scan.queued", "scan.queued", Which::Without(RESCAN)),
    ("scan.rescanned", "scan.queued", Which::With(RESCAN)),
    ("scan.resumed", "scan.resumed", Which::All),
    ("scan.resumed", "scan.requeued", Which::All),
    ("finding.status_changed", "finding.triaged", Which::All),
    // A decision about a secret is taken once for all its findings.
    ("finding.status_changed", "incident.triaged", Which::All),
    ("buildgate.updated", "project.gate_updated", Which::All),
    ("policy.created", "policy.rule_added", Which::All),
    ("policy.updated", "policy.rule_mode_set", Which::All),
    ("policy.deleted", "policy.rule_removed", Which::All),
    ("user.created", "user.registered", Which::All),
    ("user.login", "session.started", Which::All),
    ("user.logout", "session.ended", Which::All),
    ("user.login_failed", "access.sign_in_failed", Which::All),
    ("user.invited", "organization.invited", Which::All),
    // Whoever comes in gets a first role.
    ("user.role_changed", "organization.member_added", Which::All),
    ("user.role_changed", "user.rank_changed", Which::All),
    ("user.removed", "organization.member_removed", Which::All),
    ("audit.exported", "access.granted", Which::With("\"action\":\"export_audit\"")),
    ("audit.viewed", "access.granted", Which::With("\"action\":\"read_audit\"")),
    ("finding.exported", "access.granted", Which::With("\"action\":\"export\"")),
];

/// Words of Pepper's for what does not happen here yet: valid, and never found.
const SILENT: [&str; 11] = [
    "finding.suggest_fix",
    "finding.open_pr",
    "integration.created",
    "integration.updated",
    "integration.deleted",
    "integration.tested",
    "settings.updated",
    "settings.llm.updated",
    "settings.dast.updated",
    "settings.signing.updated",
    "settings.webhooks.updated",
];

/// Kinds of things of Pepper's that there are not here yet.
const SILENT_RESOURCES: [&str; 2] = ["integration", "settings"];

/// Words that were asked for.
pub struct Asked(Vec<String>);

/// Checks words; `None` if there are none, which means all.
///
/// # Errors
/// 400 for a word that is neither Pepper's nor the type of an event.
pub fn asked_for(words: &[String]) -> Result<Option<Asked>, Problem> {
    for word in words {
        let is_known = SILENT.contains(&word.as_str())
            || WORDS.iter().any(|(known, ..)| known == word)
            || Event::types().iter().any(|(kind, _)| kind == word);
        if !is_known {
            return Err(Problem::invalid("action", format!("`{word}` is no action")));
        }
    }
    Ok((!words.is_empty()).then(|| Asked(words.to_vec())))
}

impl Asked {
    /// The types of events that the words stand for; `None` if they stand for none.
    pub fn types(&self) -> Option<Vec<String>> {
        let mut types: Vec<String> = self.0.iter().flat_map(|word| types_of(word)).collect();
        types.sort_unstable();
        types.dedup();
        (!types.is_empty()).then_some(types)
    }

    /// Whether an entry of one of these types is meant.
    pub fn covers(&self, entry: &AuditEntry) -> bool {
        let shown = word_of(entry);
        // A type of events means all of them, unless it is a word of Pepper's with a narrower meaning.
        self.0.iter().any(|word| *word == shown || (!is_word(word) && *word == entry.action))
    }
}

fn is_word(word: &str) -> bool {
    WORDS.iter().any(|(known, ..)| *known == word)
}

fn types_of(word: &str) -> Vec<String> {
    if is_word(word) {
        let of_word = WORDS.iter().filter(|(known, ..)| *known == word);
        return of_word.map(|(_, kind, _)| (*kind).to_owned()).collect();
    }
    if SILENT.contains(&word) { vec![] } else { vec![word.to_owned()] }
}

/// Pepper's word for an entry, or the event's type if there is none.
pub fn word_of(entry: &AuditEntry) -> String {
    let word = WORDS.iter().find(|(_, kind, which)| *kind == entry.action && which.covers(&entry.details));
    word.map_or(entry.action.as_str(), |(word, ..)| word).to_owned()
}

/// Pepper's word for a kind of thing.
pub fn resource_word(resource: &str) -> &str {
    if resource == AuditResource::Gate.as_str() { "buildgate" } else { resource }
}

/// The kind of thing that a word stands for; `None` for one that there is not here.
///
/// # Errors
/// 400 for a word that is none.
pub fn resource_asked_for(word: &str) -> Result<Option<AuditResource>, Problem> {
    let found = AuditResource::ALL.into_iter().find(|resource| resource_word(resource.as_str()) == word);
    if found.is_none() && !SILENT_RESOURCES.contains(&word) {
        return Err(Problem::invalid("resource", format!("`{word}` is no kind of thing")));
    }
    Ok(found)
}

/// What an event says, in Pepper's words where it has some, without what is sealed or a hash of a secret.
pub fn details(entry: &AuditEntry) -> Map<String, Value> {
    let mut details = disclosed(&entry.action, &entry.details);
    match entry.action.as_str() {
        "scan.queued" => {
            translate(&mut details, "scanType", |word: scan::ScanType| json!(ScanType::from(word)));
            let kind =
                details.get("source").and_then(|source| SourceKind::deserialize(source.get("kind")?).ok());
            if let Some(kind) = kind {
                details.insert("sourceType".to_owned(), json!(SourceType::from(kind)));
            }
        }
        "finding.triaged" | "incident.triaged" => {
            let status = |state: TriageState| json!(FindingStatus::from(state));
            if let Some(to) = details.get("to").cloned() {
                details.insert("status".to_owned(), to);
                translate(&mut details, "status", status);
            }
            if let Some(from) = details.get("from").cloned() {
                details.insert("previousStatus".to_owned(), from);
                translate(&mut details, "previousStatus", status);
            }
        }
        _ => (),
    }
    details
}

fn translate<T: std::str::FromStr>(details: &mut Map<String, Value>, field: &str, word: impl Fn(T) -> Value) {
    let value = details.get(field).and_then(Value::as_str).and_then(|text| text.parse().ok()).map(word);
    if let Some(value) = value {
        details.insert(field.to_owned(), value);
    }
}

#[cfg(test)]
mod tests {
    use super::{asked_for, details, resource_asked_for, resource_word, word_of};
    use scanledger_domain::audit::AuditResource;
    use scanledger_domain::log::{Actor, Position};
    use scanledger_domain::time::Timestamp;
    use scanledger_projections::audit::AuditEntry;
    use serde_json::{Value, json};
    use uuid::Uuid;

    fn entry(action: &str, details: &Value) -> AuditEntry {
        AuditEntry {
            position: Position(1),
            action: action.to_owned(),
            resource: "scan".to_owned(),
            resource_id: Uuid::nil(),
            actor: Actor::System,
            details: details.to_string(),
            at: Timestamp(0),
            address: None,
            user_agent: None,
            key: None,
        }
    }

    fn words(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn events_have_peppers_words_or_keep_their_own() {
        for (kind, word) in [
            ("scan.queued", "scan.queued"),
            ("scan.cancelled", "scan.cancelled"),
            ("scan.requeued", "scan.resumed"),
            ("finding.triaged", "finding.status_changed"),
            ("project.gate_updated", "buildgate.updated"),
            ("user.registered", "user.created"),
            ("apikey.revoked", "apikey.revoked"),
            ("scan.completed", "scan.completed"),
            ("team.member_added", "team.member_added"),
            ("session.started", "user.login"),
            ("session.ended", "user.logout"),
            ("access.sign_in_failed", "user.login_failed"),
            ("access.denied", "access.denied"),
            ("organization.invited", "user.invited"),
            ("organization.member_added", "user.role_changed"),
            ("organization.member_removed", "user.removed"),
        ] {
            assert_eq!(word_of(&entry(kind, &json!({}))), word);
        }
        for (action, word) in [
            ("export_audit", "audit.exported"),
            ("read_audit", "audit.viewed"),
            ("export", "finding.exported"),
            ("delete", "access.granted"),
        ] {
            assert_eq!(word_of(&entry("access.granted", &json!({ "action": action }))), word);
        }
        assert_eq!(word_of(&entry("scan.queued", &json!({ "rescanOf": "x" }))), "scan.rescanned");
    }

    #[test]
    fn a_word_covers_what_is_shown_with_it() {
        let first = entry("scan.queued", &json!({}));
        let again = entry("scan.queued", &json!({ "rescanOf": "x" }));
        for (word, covers_first, covers_again) in
            [("scan.queued", true, false), ("scan.rescanned", false, true), ("scan.failed", false, false)]
        {
            let asked = asked_for(&words(&[word])).unwrap().unwrap();
            assert_eq!((asked.covers(&first), asked.covers(&again)), (covers_first, covers_again), "{word}");
        }
        let asked = asked_for(&words(&["scan.queued", "scan.rescanned"])).unwrap().unwrap();
        assert_eq!(asked.types(), Some(words(&["scan.queued"])));
        assert!(asked.covers(&first) && asked.covers(&again));
    }

    #[test]
    fn types_of_events_are_words_too() {
        let asked = asked_for(&words(&["finding.triaged"])).unwrap().unwrap();
        assert_eq!(asked.types(), Some(words(&["finding.triaged"])));
        assert!(asked.covers(&entry("finding.triaged", &json!({}))));
    }

    #[test]
    fn words_for_what_never_happens_find_nothing_and_others_are_refused() {
        assert_eq!(asked_for(&words(&["integration.created"])).unwrap().unwrap().types(), None);
        assert!(asked_for(&[]).unwrap().is_none());
        assert_eq!(asked_for(&words(&["scan.exploded"])).err().unwrap().status().as_u16(), 400);
    }

    #[test]
    fn kinds_of_things_lead_back() {
        for resource in AuditResource::ALL {
            assert_eq!(resource_asked_for(resource_word(resource.as_str())).unwrap(), Some(resource));
        }
        assert_eq!(resource_asked_for("integration").unwrap(), None);
        assert!(resource_asked_for("spaceship").is_err());
    }

    #[test]
    fn details_have_peppers_words_and_nothing_sealed() {
        let triaged = json!({ "from": "untriaged", "to": "not_affected", "note": "x" });
        let shown = details(&entry("finding.triaged", &triaged));
        assert_eq!((&shown["previousStatus"], &shown["status"]), (&json!("OPEN"), &json!("FALSE_POSITIVE")));
        assert_eq!(shown["note"], "x");
        for (kind, source) in [("upload", "UPLOAD"), ("client", "UPLOAD"), ("repository", "GIT_CLONE")] {
            let data = json!({ "scanType": "sca", "source": { "kind": kind, "name": "shop.zip" } });
            let queued = details(&entry("scan.queued", &data));
            assert_eq!((&queued["scanType"], &queued["sourceType"]), (&json!("SCA_ONLY"), &json!(source)));
        }
        let user = json!({ "user": "u", "name": "v1.x", "email": "v1.y", "password": "v1.z" });
        assert_eq!(Value::Object(details(&entry("user.registered", &user))), json!({ "user": "u" }));
    }
}
