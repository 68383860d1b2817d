//! The list of detectors, specific ones before generic ones: where several match, the first one counts.
//!
//! A format is here because its provider documents it, or issues keys that all have it. A key without a shape
//! of its own counts only beside its provider's name.

mod ai;
mod ci;
mod cloud;
mod code;
mod collaboration;
mod crm;
mod generic;
mod identity;
mod keys;
mod messaging;
mod monitoring;
mod other;
mod payment;
mod storage;

use scanledger_domain::secret::{DetectorFacts, DetectorNature, SecretCategory, SecretFamily};
use scanledger_domain::severity::Severity;

/// What one kind of secret looks like.
#[derive(Debug, Clone, Copy)]
pub(super) struct Detector {
    /// Its id is the rule of a finding (Pepper reference §13 for those it knows).
    pub facts: DetectorFacts,
    pub severity: Severity,
    /// What whoever has it can do, as in "gives access to …".
    pub grants: &'static str,
    /// Text without which it cannot match. Only what is near one of them is looked at.
    pub keywords: &'static [&'static str],
    /// The secret is the group `secret`. If there is a group `body` in it, that part alone has to look random.
    pub pattern: &'static str,
    /// Bits per character that the secret has at least (Shannon).
    pub min_entropy: f32,
    /// 0 to 1.
    pub confidence: f32,
    /// Where a match may lie.
    pub reach: Reach,
    /// What a pattern cannot say.
    pub check: fn(&[u8]) -> bool,
}

/// Where a match may lie, seen from a keyword.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// The keyword, in exactly this case, opens the secret, and no word goes on there.
    Start,
    /// On its line. Case does not matter.
    Line,
    /// On its line and those that follow. Case does not matter.
    Block,
}

impl Detector {
    /// A token that its first characters name: matching it is nearly proof.
    const fn token(
        facts: DetectorFacts,
        severity: Severity,
        grants: &'static str,
        keywords: &'static [&'static str],
        pattern: &'static str,
    ) -> Self {
        Self {
            facts,
            severity,
            grants,
            keywords,
            pattern,
            min_entropy: 3.0,
            confidence: 0.95,
            reach: Reach::Start,
            check: |_| true,
        }
    }

    /// A token whose keyword stands somewhere in it or near it.
    const fn on_line(
        facts: DetectorFacts,
        severity: Severity,
        grants: &'static str,
        keywords: &'static [&'static str],
        pattern: &'static str,
    ) -> Self {
        let mut detector = Self::token(facts, severity, grants, keywords, pattern);
        detector.reach = Reach::Line;
        detector
    }

    /// A key without a shape of its own, that is assigned to something with its provider's name.
    const fn named(
        facts: DetectorFacts,
        severity: Severity,
        grants: &'static str,
        keywords: &'static [&'static str],
        pattern: &'static str,
    ) -> Self {
        Self::on_line(facts, severity, grants, keywords, pattern).confidence(0.8)
    }

    /// A text of several lines.
    const fn block(
        facts: DetectorFacts,
        severity: Severity,
        grants: &'static str,
        keywords: &'static [&'static str],
        pattern: &'static str,
    ) -> Self {
        let mut detector = Self::token(facts, severity, grants, keywords, pattern);
        detector.reach = Reach::Block;
        detector
    }

    const fn entropy(mut self, bits: f32) -> Self {
        self.min_entropy = bits;
        self
    }

    const fn confidence(mut self, confidence: f32) -> Self {
        self.confidence = confidence;
        self
    }

    const fn checked(mut self, check: fn(&[u8]) -> bool) -> Self {
        self.check = check;
        self
    }

    /// A paragraph for whoever has to deal with it.
    pub(super) fn description(&self) -> String {
        format!(
            "{} in the source: it {}. Whoever can read the source or its history can use it. Revoke it where it \
             was issued, then take it from the environment or a secret store instead; removing it from the file \
             alone does not help, because the history keeps it.",
            self.facts.title, self.grants
        )
    }
}

/// The pattern of a token: what it starts with, and what has to look random. Nothing of a word follows it.
macro_rules! token {
    ($start:literal, $body:literal) => {
        concat!(r"\b(?P<secret>", $start, "(?P<body>", $body, r"))(?:[^A-Za-z0-9_-]|$)")
    };
}

/// The pattern of a value that is assigned to a name which has the provider's in it and says that it is secret.
macro_rules! named {
    ($provider:literal, $value:literal) => {
        concat!(
            "(?i)(?:",
            $provider,
            ")[a-z0-9_. -]{0,40}?(?:key|token|secret|auth|pass|pat|api|credential|license)",
            r#"[a-z0-9_]{0,20}["'\]]{0,2}\s*(?:=>|:=|=|:)\s*["'`]?(?-i:(?P<secret>"#,
            $value,
            "))(?:[^A-Za-z0-9_-]|$)"
        )
    };
}

/// The pattern of a UUID.
macro_rules! uuid {
    () => {
        "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
    };
}

use {named, token, uuid};

const fn specific(
    id: &'static str,
    title: &'static str,
    provider: &'static str,
    family: SecretFamily,
    category: SecretCategory,
) -> DetectorFacts {
    DetectorFacts { id, title, provider, nature: DetectorNature::Specific, family, category }
}

/// All detectors, in the order in which they count.
pub(super) fn all() -> impl Iterator<Item = &'static Detector> {
    [
        keys::LIST,
        // Before payments: some have the shape of Stripe's.
        identity::LIST,
        cloud::LIST,
        storage::LIST,
        code::LIST,
        ci::LIST,
        ai::LIST,
        messaging::LIST,
        payment::LIST,
        monitoring::LIST,
        crm::LIST,
        collaboration::LIST,
        other::LIST,
        generic::LIST,
    ]
    .into_iter()
    .flatten()
}
