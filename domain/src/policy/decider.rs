//! What can happen to a policy.

use super::stored::{ModeSet, PolicyEvent, RuleAdded, RuleOrigin, RuleRemoved};
use super::{Mode, Product, RuleId, policy_id};
use crate::decider::Decider;
use crate::id::OrganizationId;
use crate::limits::{POLICY_BYTES, POLICY_RULES};
use sha2::{Digest, Sha256};
use std::collections::HashMap;

/// What can be asked of a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PolicyCommand {
    /// Add a rule that was checked, or give it another definition.
    Add {
        /// Whose policy it is.
        organization: OrganizationId,
        /// What it is for.
        product: Product,
        /// The rule.
        rule: RuleId,
        /// The rule as JSON.
        definition: String,
        /// Whether a rule that everybody starts with has the id.
        is_starter: bool,
    },
    /// Take a rule away.
    Remove {
        /// Whose policy it is.
        organization: OrganizationId,
        /// What it is for.
        product: Product,
        /// The rule.
        rule: RuleId,
    },
    /// Decide what a rule may do.
    SetMode {
        /// Whose policy it is.
        organization: OrganizationId,
        /// What it is for.
        product: Product,
        /// The rule.
        rule: RuleId,
        /// What it may do.
        mode: Mode,
        /// Whether a rule that everybody starts with has the id.
        is_starter: bool,
    },
}

/// Where a policy stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PolicyState {
    /// Rules that the organization added: SHA-256 and bytes of each definition.
    pub rules: HashMap<RuleId, ([u8; 32], usize)>,
    /// What was decided about rules.
    pub modes: HashMap<RuleId, Mode>,
    /// Bytes of all definitions.
    pub bytes: usize,
}

/// Why something is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyRefusal {
    /// There is no such rule.
    #[error("there is no rule {0}")]
    NotFound(RuleId),
    /// A rule that comes with the server has the id; such rules are switched off, not replaced.
    #[error("the rule {0} comes with the server and cannot be replaced")]
    Starter(RuleId),
    /// There are as many rules as there may be.
    #[error("a policy has at most {POLICY_RULES} rules of its own")]
    TooMany,
    /// The rules are as large as they may be.
    #[error("the rules of a policy have at most {POLICY_BYTES} bytes together")]
    TooLarge,
}

/// The rules of policies.
#[derive(Debug)]
pub struct Policy;

fn digest(definition: &str) -> [u8; 32] {
    Sha256::digest(definition).into()
}

impl PolicyState {
    fn take(&mut self, rule: &RuleId) {
        if let Some((_, bytes)) = self.rules.remove(rule) {
            self.bytes -= bytes;
        }
    }

    fn add(
        &self,
        organization: OrganizationId,
        product: Product,
        rule: RuleId,
        definition: String,
    ) -> Result<Vec<PolicyEvent>, PolicyRefusal> {
        let before = self.rules.get(&rule);
        if before.is_some_and(|(before, _)| *before == digest(&definition)) {
            return Ok(vec![]);
        }
        if before.is_none() && self.rules.len() >= POLICY_RULES {
            return Err(PolicyRefusal::TooMany);
        }
        let freed = before.map_or(0, |(_, bytes)| *bytes);
        if self.bytes - freed + definition.len() > POLICY_BYTES {
            return Err(PolicyRefusal::TooLarge);
        }
        let (policy, origin) = (policy_id(organization, product), RuleOrigin::Custom);
        Ok(vec![RuleAdded { policy, organization, product, rule, origin, definition }.into()])
    }
}

impl Decider for Policy {
    type State = PolicyState;
    type Command = PolicyCommand;
    type Event = PolicyEvent;
    type Refusal = PolicyRefusal;

    fn initial() -> PolicyState {
        PolicyState::default()
    }

    fn evolve(mut state: PolicyState, event: &PolicyEvent) -> PolicyState {
        match event {
            PolicyEvent::RuleAdded(added) => {
                state.take(&added.rule);
                state.bytes += added.definition.len();
                let facts = (digest(&added.definition), added.definition.len());
                state.rules.insert(added.rule.clone(), facts);
            }
            PolicyEvent::RuleRemoved(removed) => {
                state.take(&removed.rule);
                state.modes.remove(&removed.rule);
            }
            PolicyEvent::ModeSet(set) => {
                state.modes.insert(set.rule.clone(), set.mode);
            }
        }
        state
    }

    fn decide(state: &PolicyState, command: PolicyCommand) -> Result<Vec<PolicyEvent>, PolicyRefusal> {
        match command {
            PolicyCommand::Add { rule, is_starter: true, .. } => Err(PolicyRefusal::Starter(rule)),
            PolicyCommand::Add { organization, product, rule, definition, is_starter: false } => {
                state.add(organization, product, rule, definition)
            }
            PolicyCommand::Remove { rule, .. } if !state.rules.contains_key(&rule) => {
                Err(PolicyRefusal::NotFound(rule))
            }
            PolicyCommand::Remove { organization, product, rule } => {
                let policy = policy_id(organization, product);
                Ok(vec![RuleRemoved { policy, organization, product, rule }.into()])
            }
            PolicyCommand::SetMode { rule, is_starter: false, .. } if !state.rules.contains_key(&rule) => {
                Err(PolicyRefusal::NotFound(rule))
            }
            PolicyCommand::SetMode { rule, mode, .. } if state.modes.get(&rule) == Some(&mode) => Ok(vec![]),
            PolicyCommand::SetMode { organization, product, rule, mode, is_starter: _ } => {
                let policy = policy_id(organization, product);
                Ok(vec![ModeSet { policy, organization, product, rule, mode }.into()])
            }
        }
    }
}

#[cfg(test)]
#[path = "decider_tests.rs"]
mod tests;
