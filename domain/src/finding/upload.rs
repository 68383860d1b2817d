//! What a client says about a finding that it found and named itself.

use serde::{Deserialize, Serialize};

/// Where a match begins and ends on its lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Columns {
    /// From 1.
    #[serde(rename = "start")]
    pub start: u32,
    /// From 1; the column behind the last character.
    #[serde(rename = "end")]
    pub end: u32,
}

/// How sure a rule is of what it finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Confidence {
    /// Often wrong.
    #[serde(rename = "low")]
    Low,
    /// Sometimes wrong.
    #[serde(rename = "medium")]
    Medium,
    /// Seldom wrong.
    #[serde(rename = "high")]
    High,
}

impl Confidence {
    /// The number that findings carry, 0 to 1; lists show it, and nothing is decided by it.
    pub const fn as_number(self) -> f32 {
        match self {
            Self::Low => 0.3,
            Self::Medium => 0.6,
            Self::High => 0.9,
        }
    }

    /// The least number of findings whose rules are so sure, halfway between those of [`Self::as_number`].
    pub const fn least_number(self) -> f32 {
        match self {
            Self::Low => 0.0,
            Self::Medium => 0.45,
            Self::High => 0.75,
        }
    }

    /// How sure a rule is whose findings carry this number.
    pub const fn of_number(number: f32) -> Self {
        if number >= Self::High.least_number() {
            Self::High
        } else if number >= Self::Medium.least_number() {
            Self::Medium
        } else {
            Self::Low
        }
    }
}

/// What came of trying out a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Validation {
    /// It works.
    #[serde(rename = "confirmed_valid")]
    Valid,
    /// It does not.
    #[serde(rename = "confirmed_invalid")]
    Invalid,
    /// That could not be seen.
    #[serde(rename = "validation_error")]
    Error,
    /// Nothing tries it out.
    #[serde(rename = "no_validator")]
    None,
}

/// How a vulnerable package came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Transitivity {
    /// The project asks for it.
    #[serde(rename = "direct")]
    Direct,
    /// Something else does.
    #[serde(rename = "transitive")]
    Transitive,
    /// Nobody knows.
    #[serde(rename = "unknown")]
    Unknown,
}

/// What a client says about a vulnerable package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UploadedPackage {
    /// The ecosystem as the client calls it.
    #[serde(rename = "ecosystem")]
    pub ecosystem: String,
    /// The package.
    #[serde(rename = "name")]
    pub name: String,
    /// Its version.
    #[serde(rename = "version")]
    pub version: String,
    /// How it came in.
    #[serde(rename = "transitivity")]
    pub transitivity: Transitivity,
    /// The lockfile that names it.
    #[serde(rename = "lockfile", skip_serializing_if = "Option::is_none", default)]
    pub lockfile: Option<String>,
    /// Whether the source uses what is vulnerable in it.
    #[serde(rename = "reachable")]
    pub reachable: bool,
}

/// What a rule says about itself besides its patterns: what lists filter by and show.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RuleTags {
    /// `security`.
    #[serde(rename = "category", skip_serializing_if = "Option::is_none", default)]
    pub category: Option<String>,
    /// How sure it is.
    #[serde(rename = "confidence", skip_serializing_if = "Option::is_none", default)]
    pub confidence: Option<Confidence>,
    /// `vuln`, `audit`.
    #[serde(rename = "subcategory", skip_serializing_if = "Vec::is_empty", default)]
    pub subcategories: Vec<String>,
    /// `Cross-Site-Scripting (XSS)`.
    #[serde(rename = "vulnerabilityClass", skip_serializing_if = "Vec::is_empty", default)]
    pub vulnerability_classes: Vec<String>,
    /// `CWE-79: Improper Neutralization of Input …`.
    #[serde(rename = "cwe", skip_serializing_if = "Vec::is_empty", default)]
    pub cwes: Vec<String>,
    /// `A03:2021 - Injection`.
    #[serde(rename = "owasp", skip_serializing_if = "Vec::is_empty", default)]
    pub owasps: Vec<String>,
    /// `express`.
    #[serde(rename = "technology", skip_serializing_if = "Vec::is_empty", default)]
    pub technologies: Vec<String>,
}

/// What is kept of a finding that a client named itself, besides what every finding has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UploadFacts {
    /// The client's name of it, by what was matched: 128 or 64 hex digits and a number (Semgrep reference §11.4).
    #[serde(rename = "matchBasedId")]
    pub match_based_id: String,
    /// The client's older name of it, by the lines around it.
    #[serde(rename = "syntacticId", skip_serializing_if = "Option::is_none", default)]
    pub syntactic_id: Option<String>,
    /// The file. It is part of the client's name, so it never changes.
    #[serde(rename = "path")]
    pub path: String,
    /// What its rule says about itself.
    #[serde(rename = "tags")]
    pub tags: RuleTags,
    /// What came of trying it out, for secrets.
    #[serde(rename = "validation", skip_serializing_if = "Option::is_none", default)]
    pub validation: Option<Validation>,
    /// The package, for vulnerable dependencies.
    #[serde(rename = "package", skip_serializing_if = "Option::is_none", default)]
    pub package: Option<UploadedPackage>,
}

#[cfg(test)]
mod tests {
    use super::Confidence::{High, Low, Medium};
    use super::*;

    #[test]
    fn a_number_leads_back_to_how_sure_a_rule_is() {
        for (weaker, stronger) in [(Low, Medium), (Medium, High)] {
            assert!(weaker.as_number() < stronger.least_number());
            assert!(stronger.least_number() < stronger.as_number());
        }
        for sure in [Low, Medium, High] {
            assert_eq!(Confidence::of_number(sure.as_number()), sure);
            assert_eq!(Confidence::of_number(sure.least_number()), sure);
        }
        assert_eq!(Confidence::of_number(0.5), Medium, "where a rule does not say");
    }
}
