//! What code is looked at with: rules that clients run, those that everybody starts with and those that an
//! organization adds, and what each may do to a build (Semgrep reference §7, §12).
//!
//! A policy is one stream for each organization and product. Rules that everybody starts with are no events: they
//! come with the server, and only what an organization decides about them is in its policy.

mod check;
mod decider;
mod effective;
mod rule;
mod stored;

pub use check::check;
pub use decider::{Policy, PolicyCommand, PolicyRefusal, PolicyState};
pub use effective::{Decided, EffectiveRule, EffectiveRules, effective};
pub use rule::{
    Mode, NotAMode, NotAProduct, NotARuleId, Product, Rule, RuleId, RuleRefusal, RuleSeverity, default_mode,
};
pub use stored::{ModeSet, PolicyEvent, RuleAdded, RuleOrigin, RuleRemoved};

use crate::id::{OrganizationId, PolicyId};
use crate::log::StreamName;
use uuid::Uuid;

/// The id of an organization's policy for a product: `UUIDv5(organization, product)`.
pub fn policy_id(organization: OrganizationId, product: Product) -> PolicyId {
    PolicyId(Uuid::new_v5(&organization.0, product.as_str().as_bytes()))
}

/// The stream of a policy.
pub fn policy_stream(id: PolicyId) -> StreamName {
    StreamName::new("policy", id)
}

#[cfg(test)]
mod samples;
