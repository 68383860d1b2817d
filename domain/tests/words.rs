//! The words that stand in events: renaming a variant in the code must not change what is stored.

use scanledger_domain::component::{Ecosystem, Scope};
use scanledger_domain::finding::{Confidence, Transitivity, TriageState, Validation};
use scanledger_domain::honeytoken::HoneytokenKind;
use scanledger_domain::id::{ApiKeyId, UserId};
use scanledger_domain::identity::{
    self, Action, ActionWord, Breadth, KeyForm, KeyKind, Method, OrganizationRole, PasswordSetter, Provider,
    Rank, Role, Scopes, SessionEnd, SessionKind, SignInFailure, TeamRole, Wanted,
};
use scanledger_domain::incident::IgnoreReason;
use scanledger_domain::log::Actor;
use scanledger_domain::policy::{Mode, Product, RuleOrigin};
use scanledger_domain::project::{GateReason, GateResult, Limit};
use scanledger_domain::report::ArtifactKind;
use scanledger_domain::scan::{Extent, FailureCode, Interruption, ScanStatus, ScanType, SourceKind};
use scanledger_domain::scanning::ScannerKind;
use scanledger_domain::severity::Severity;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt::Debug;
use uuid::Uuid;

/// Each value is stored as the word beside it, and read back from it.
#[track_caller]
fn stored<T: Serialize + DeserializeOwned + PartialEq + Debug>(
    words: impl IntoIterator<Item = (T, &'static str)>,
) {
    for (value, word) in words {
        let json = serde_json::to_string(&value).expect("words can be written");
        let expected = if word.starts_with(['{', '-']) || word.starts_with(|c: char| c.is_ascii_digit()) {
            word.to_owned()
        } else {
            format!("\"{word}\"")
        };
        assert_eq!(json, expected);
        assert_eq!(serde_json::from_str::<T>(&json).expect("words can be read"), value);
    }
}

#[test]
fn words_of_people_and_keys() {
    stored([
        (Role::Viewer, "viewer"),
        (Role::Developer, "developer"),
        (Role::Security, "security"),
        (Role::Admin, "admin"),
    ]);
    stored([
        (OrganizationRole::Owner, "owner"),
        (OrganizationRole::Admin, "admin"),
        (OrganizationRole::Member, "member"),
    ]);
    stored([
        (TeamRole::Admin, "team_admin"),
        (TeamRole::Developer, "developer"),
        (TeamRole::Viewer, "viewer"),
    ]);
    stored([(Rank::Ordinary, "ordinary"), (Rank::SuperAdmin, "super_admin")]);
    stored([(Wanted::Yes, "yes"), (Wanted::No, "no")]);
    stored([
        (PasswordSetter::Reset, "reset"),
        (PasswordSetter::Changed, "changed"),
        (PasswordSetter::Operator, "operator"),
    ]);
    stored(KeyForm::ALL.into_iter().zip(["ppr", "tos", "gitguardian", "semgrep"]));
    stored([(KeyKind::Personal, "personal"), (KeyKind::Service, "service")]);
    stored([(Breadth::ReadWrite, "read_write"), (Breadth::ReadOnly, "read_only")]);
    let id = Uuid::from_u128(1);
    stored([
        (Actor::User(UserId(id)), r#"{"kind":"user","id":"00000000-0000-0000-0000-000000000001"}"#),
        (Actor::Key(ApiKeyId(id)), r#"{"kind":"key","id":"00000000-0000-0000-0000-000000000001"}"#),
        (Actor::System, r#"{"kind":"system"}"#),
        (Actor::Operator, r#"{"kind":"operator"}"#),
    ]);
}

#[test]
fn words_of_sessions() {
    stored(Provider::ALL.into_iter().zip(["github", "google", "oidc"]));
    stored([(SessionKind::Tokens, "tokens"), (SessionKind::Cookie, "cookie")]);
    stored([
        (Method::Password, r#"{"kind":"password"}"#),
        (Method::Provider(Provider::GitHub), r#"{"kind":"provider","provider":"github"}"#),
    ]);
    stored([(SessionEnd::SignedOut, "signed_out"), (SessionEnd::Reuse, "reuse")]);
    stored([
        (SignInFailure::Unknown, "unknown"),
        (SignInFailure::Password, "password"),
        (SignInFailure::Inactive, "inactive"),
        (SignInFailure::Locked, "locked"),
        (SignInFailure::Provider, "provider"),
    ]);
}

#[test]
fn words_of_scopes() {
    let words = [
        "scan",
        "incidents:read",
        "incidents:write",
        "incidents:share",
        "members:read",
        "members:write",
        "teams:read",
        "teams:write",
        "audit_logs:read",
        "honeytokens:read",
        "honeytokens:write",
        "api_tokens:read",
        "api_tokens:write",
        "honeytokens:check",
        "endpoints:send",
        "ai-discover:send",
        "ip_allowlist:read",
        "ip_allowlist:write",
        "sources:read",
        "sources:write",
        "sources:scan",
        "custom_tags:read",
        "custom_tags:write",
        "secrets:read",
        "secrets:write",
        "scan:create-incidents",
        "public-perimeter:read",
        "nhi:send-inventory",
        "nhi:write-vault",
        "nhi:ownership:read",
        "nhi:ownership:write",
        "policies:read",
        "policies:write",
        "organization:write",
    ];
    assert_eq!(identity::Scope::ALL.len(), words.len());
    stored(identity::Scope::ALL.iter().copied().map(Scopes::from).zip(words));
    stored([(Scopes::ALL, "all"), (Scopes::NONE, "")]);
}

#[test]
fn words_of_recorded_actions() {
    let words = [
        "read",
        "export",
        "read_audit",
        "export_audit",
        "scan",
        "triage",
        "share",
        "report",
        "read_sources",
        "read_secrets",
        "read_honeytokens",
        "write_honeytokens",
        "check_honeytokens",
        "write_project",
        "delete",
        "write_gate",
        "write_policy",
        "manage_keys",
        "read_keys",
        "own_keys",
        "own_key",
        "read_members",
        "write_members",
        "read_teams",
        "write_teams",
        "own_account",
        "administer",
    ];
    assert_eq!(Action::ALL.len(), words.len());
    stored(Action::ALL.map(ActionWord::from).into_iter().zip(words));
}

#[test]
fn words_of_scans() {
    stored(ScanType::ALL.into_iter().zip([
        "full",
        "sast",
        "sca",
        "secrets",
        "iac",
        "zero_day",
        "container",
        "dast",
        "incremental",
    ]));
    stored(ScanStatus::ALL.into_iter().zip([
        "queued",
        "running",
        "paused",
        "settling",
        "completed",
        "failed",
        "stopped",
        "cancelled",
    ]));
    stored(ScannerKind::ALL.into_iter().zip([
        "sca",
        "secrets",
        "sast",
        "iac",
        "malicious",
        "zero_day",
        "container",
        "dast",
    ]));
    stored([
        (Interruption::WorkerLost, "worker_lost"),
        (Interruption::Shutdown, "shutdown"),
        (Interruption::Resumed, "resumed"),
    ]);
    stored([
        (FailureCode::SourceRejected, "source_rejected"),
        (FailureCode::SourceMissing, "source_missing"),
        (FailureCode::ScannersFailed, "scanners_failed"),
        (FailureCode::Interrupted, "interrupted"),
        (FailureCode::ClientFailed, "client_failed"),
        (FailureCode::ClientSilent, "client_silent"),
        (FailureCode::Internal, "internal"),
    ]);
    stored([
        (SourceKind::Upload, "upload"),
        (SourceKind::Client, "client"),
        (SourceKind::Repository, "repository"),
    ]);
    stored([(Extent::Full, "full"), (Extent::Changes, "changes")]);
    stored([
        (ArtifactKind::Sarif, "sarif"),
        (ArtifactKind::CycloneDx, "cyclonedx"),
        (ArtifactKind::Spdx, "spdx"),
        (ArtifactKind::ScanLog, "log"),
    ]);
}

#[test]
fn words_of_findings_and_components() {
    stored(Severity::ALL.into_iter().zip(["critical", "high", "medium", "unknown", "low", "info"]));
    stored(IgnoreReason::ALL.into_iter().zip(["test_credential", "false_positive", "low_risk", "invalid"]));
    stored(TriageState::ALL.into_iter().zip([
        "untriaged",
        "investigating",
        "confirmed",
        "false_positive",
        "not_affected",
        "accepted",
        "fixed",
    ]));
    stored(Ecosystem::ALL.into_iter().zip(["crates.io", "Go", "npm", "PyPI"]));
    stored([(Scope::Runtime, "runtime"), (Scope::Development, "development"), (Scope::Optional, "optional")]);
}

#[test]
fn words_of_policies() {
    stored(Mode::ALL.iter().copied().zip(["monitor", "comment", "block", "disabled"]));
    stored(Product::ALL.iter().copied().zip(["sast", "secrets", "sca"]));
    stored([(RuleOrigin::Starter, "starter"), (RuleOrigin::Custom, "custom")]);
}

#[test]
fn words_of_uploads() {
    stored([(Confidence::Low, "low"), (Confidence::Medium, "medium"), (Confidence::High, "high")]);
    stored([
        (Validation::Valid, "confirmed_valid"),
        (Validation::Invalid, "confirmed_invalid"),
        (Validation::Error, "validation_error"),
        (Validation::None, "no_validator"),
    ]);
    stored([
        (Transitivity::Direct, "direct"),
        (Transitivity::Transitive, "transitive"),
        (Transitivity::Unknown, "unknown"),
    ]);
}

#[test]
fn words_of_honeytokens() {
    stored(HoneytokenKind::ALL.into_iter().zip(["aws"]));
}

#[test]
fn words_of_gates() {
    stored([(GateResult::Passed, "passed"), (GateResult::Failed, "failed")]);
    stored([(Limit::Unlimited, "-1"), (Limit::AtMost(0), "0"), (Limit::AtMost(u32::MAX), "4294967295")]);
    stored([
        (
            GateReason::TooMany { severity: Severity::High, count: 6, allowed: 5 },
            r#"{"too_many":{"severity":"high","count":6,"allowed":5}}"#,
        ),
        (GateReason::NewFindings { count: 2 }, r#"{"new_findings":{"count":2}}"#),
    ]);
}

#[test]
fn numbers_under_which_read_models_keep_words_lead_back() {
    for (code, kind) in (0..).zip(ScannerKind::ALL) {
        assert_eq!((kind.code(), ScannerKind::from_code(code)), (code, Some(kind)));
    }
    assert_eq!(ScannerKind::from_code(8), None);
    for (code, state) in (0..).zip(TriageState::ALL) {
        assert_eq!((state.code(), TriageState::from_code(code)), (code, Some(state)));
    }
    assert_eq!(TriageState::from_code(7), None);
}
