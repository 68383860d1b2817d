//! The events of a policy, as stored.

use super::{Mode, Product, RuleId};
use crate::id::{OrganizationId, PolicyId};
use crate::stored_events;
use serde::{Deserialize, Serialize};

/// Where a rule came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum RuleOrigin {
    /// It came with the server. Never stored: nobody adds such rules.
    #[serde(rename = "starter")]
    Starter,
    /// Somebody in the organization added it.
    #[serde(rename = "custom")]
    Custom,
}

/// `policy.rule_added`: a rule is there, or another definition of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleAdded {
    /// The policy.
    #[serde(rename = "policy")]
    pub policy: PolicyId,
    /// Whose it is.
    #[serde(rename = "organization")]
    pub organization: OrganizationId,
    /// What it is for.
    #[serde(rename = "product")]
    pub product: Product,
    /// The rule.
    #[serde(rename = "rule")]
    pub rule: RuleId,
    /// Where it came from.
    #[serde(rename = "origin")]
    pub origin: RuleOrigin,
    /// The rule as JSON, at most [`crate::limits::RULE_BYTES`].
    #[serde(rename = "definition")]
    pub definition: String,
}

/// `policy.rule_removed`: a rule is gone, with what was decided about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleRemoved {
    /// The policy.
    #[serde(rename = "policy")]
    pub policy: PolicyId,
    /// Whose it is.
    #[serde(rename = "organization")]
    pub organization: OrganizationId,
    /// What it is for.
    #[serde(rename = "product")]
    pub product: Product,
    /// The rule.
    #[serde(rename = "rule")]
    pub rule: RuleId,
}

/// `policy.rule_mode_set`: somebody decided what a rule may do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModeSet {
    /// The policy.
    #[serde(rename = "policy")]
    pub policy: PolicyId,
    /// Whose it is.
    #[serde(rename = "organization")]
    pub organization: OrganizationId,
    /// What it is for.
    #[serde(rename = "product")]
    pub product: Product,
    /// The rule.
    #[serde(rename = "rule")]
    pub rule: RuleId,
    /// What it may do from now on.
    #[serde(rename = "mode")]
    pub mode: Mode,
}

stored_events! {
    /// What happened to a policy.
    pub enum PolicyEvent {
        /// A rule is there.
        RuleAdded(RuleAdded) = ("policy.rule_added", 1),
        /// A rule is gone.
        RuleRemoved(RuleRemoved) = ("policy.rule_removed", 1),
        /// A rule may do something else.
        ModeSet(ModeSet) = ("policy.rule_mode_set", 1),
    }
}

impl PolicyEvent {
    /// The policy that it happened to.
    pub const fn policy(&self) -> PolicyId {
        match self {
            Self::RuleAdded(added) => added.policy,
            Self::RuleRemoved(removed) => removed.policy,
            Self::ModeSet(set) => set.policy,
        }
    }
}
