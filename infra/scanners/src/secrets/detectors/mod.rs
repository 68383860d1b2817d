//! The list of detectors, specific ones before generic ones: where several match, the first one counts.

mod cloud;
mod code;
mod generic;
mod keys;
mod services;

use scanledger_domain::severity::Severity;

/// What one kind of secret looks like.
#[derive(Debug, Clone, Copy)]
pub(super) struct Detector {
    /// Stable; it is the rule of a finding (Pepper reference §13 for those it knows).
    pub id: &'static str,
    /// What it is, as in "GitHub token".
    pub title: &'static str,
    pub severity: Severity,
    /// What whoever has it can do, as in "gives access to …".
    pub grants: &'static str,
    /// Text without which it cannot match, in any case. Only lines with one of them are looked at.
    pub keywords: &'static [&'static str],
    /// The secret is the group `secret`. If there is a group `body` in it, that part alone has to look random.
    pub pattern: &'static str,
    /// Bits per character that the secret has at least (Shannon).
    pub min_entropy: f32,
    /// 0 to 1.
    pub confidence: f32,
    /// How far from a keyword a match may lie.
    pub reach: Reach,
    /// What a pattern cannot say.
    pub check: fn(&[u8]) -> bool,
}

/// How far from a keyword a match may lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// On its line.
    Line,
    /// On its line and those that follow.
    Block,
}

impl Detector {
    /// A token with a shape of its own: matching it is nearly proof.
    const fn token(
        id: &'static str,
        title: &'static str,
        severity: Severity,
        grants: &'static str,
        keywords: &'static [&'static str],
        pattern: &'static str,
    ) -> Self {
        Self {
            id,
            title,
            severity,
            grants,
            keywords,
            pattern,
            min_entropy: 3.0,
            confidence: 0.95,
            reach: Reach::Line,
            check: |_| true,
        }
    }

    const fn entropy(mut self, bits: f32) -> Self {
        self.min_entropy = bits;
        self
    }

    const fn confidence(mut self, confidence: f32) -> Self {
        self.confidence = confidence;
        self
    }

    const fn block(mut self) -> Self {
        self.reach = Reach::Block;
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
            self.title, self.grants
        )
    }
}

/// All detectors, in the order in which they count.
pub(super) fn all() -> impl Iterator<Item = &'static Detector> {
    [keys::LIST, cloud::LIST, code::LIST, services::LIST, generic::LIST].into_iter().flatten()
}
