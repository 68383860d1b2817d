//! Rules: adding them, taking them away, and deciding what they may do.

use crate::context::Context;
use crate::error::{CommandError, Fault};
use crate::ledger::{Executed, Ledger};
use crate::ports::{RuleChecker, StarterRules};
use scanledger_domain::id::OrganizationId;
use scanledger_domain::log::Position;
use scanledger_domain::policy::{
    Mode, Policy, PolicyCommand, PolicyRefusal, Product, Rule, RuleId, RuleRefusal, policy_id, policy_stream,
};
use serde_json::Value;
use std::sync::Arc;

/// A rule that was added.
#[derive(Debug, Clone, PartialEq)]
pub struct Published {
    /// The rule.
    pub rule: Rule,
    /// Whether an engine has read its patterns; without one, only what is around them was checked.
    pub is_parsed: bool,
    /// Position of the event; `None` if it was so already.
    pub position: Option<Position>,
}

/// Why a policy stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyProblem {
    /// It is no rule that clients understand.
    #[error(transparent)]
    Rule(#[from] RuleRefusal),
    /// The engine cannot read it.
    #[error("the engine cannot read the rule: {0}")]
    Unreadable(String),
    /// The rules of policies.
    #[error(transparent)]
    Policy(#[from] PolicyRefusal),
}

type Result<T> = std::result::Result<T, CommandError<PolicyProblem>>;

/// Changes what clients run.
#[derive(Clone)]
pub struct Policies {
    ledger: Ledger,
    starter: Arc<[Arc<Rule>]>,
    engine: Option<Arc<dyn RuleChecker>>,
}

impl Policies {
    /// The service, with the rules that everybody starts with and, if there is one, an engine that reads others before
    /// anybody runs them.
    pub fn new(ledger: Ledger, starter: &dyn StarterRules, engine: Option<Arc<dyn RuleChecker>>) -> Self {
        let rules =
            starter.definitions().into_iter().filter_map(|definition| match Rule::try_new(definition) {
                Ok(rule) => Some(Arc::new(rule)),
                Err(error) => {
                    tracing::error!("a rule that comes with the server is not run: {error}");
                    None
                }
            });
        Self { ledger, starter: rules.collect(), engine }
    }

    /// The rules that everybody starts with.
    pub fn starter(&self) -> &[Arc<Rule>] {
        &self.starter
    }

    fn is_starter(&self, product: Product, rule: &RuleId) -> bool {
        self.starter.iter().any(|starter| starter.product == product && starter.id == *rule)
    }

    /// Adds a rule to what an organization's clients run, or gives it another definition.
    ///
    /// # Errors
    /// A [`PolicyProblem`], or a fault.
    pub async fn publish(
        &self,
        context: &Context,
        organization: OrganizationId,
        definition: Value,
    ) -> Result<Published> {
        let rule = Rule::try_new(definition).map_err(|error| CommandError::Refused(error.into()))?;
        if let Some(engine) = &self.engine {
            let said = engine.check(vec![rule.definition.clone()]).await;
            let said =
                said.map_err(|source| Fault::Other { doing: "read a rule with the engine", source })?;
            if let Some(problem) = said {
                return Err(CommandError::Refused(PolicyProblem::Unreadable(problem)));
            }
        } else {
            tracing::warn!(rule.id = %rule.id, "a rule is served without an engine having read its patterns");
        }
        let command = PolicyCommand::Add {
            organization,
            product: rule.product,
            rule: rule.id.clone(),
            definition: rule.definition.to_string(),
            // Clients know rules by id alone, whatever they look for.
            is_starter: self.starter.iter().any(|starter| starter.id == rule.id),
        };
        let done = self.execute(context, organization, rule.product, command).await?;
        Ok(Published { rule, is_parsed: self.engine.is_some(), position: done.position })
    }

    /// Takes a rule away that the organization added; answers the position, `None` if it was so already.
    ///
    /// # Errors
    /// A [`PolicyProblem`], or a fault.
    pub async fn remove(
        &self,
        context: &Context,
        organization: OrganizationId,
        product: Product,
        rule: RuleId,
    ) -> Result<Option<Position>> {
        let command = PolicyCommand::Remove { organization, product, rule };
        Ok(self.execute(context, organization, product, command).await?.position)
    }

    /// Decides what a rule may do; answers the position, `None` if it was so already.
    ///
    /// # Errors
    /// A [`PolicyProblem`], or a fault.
    pub async fn set_mode(
        &self,
        context: &Context,
        organization: OrganizationId,
        product: Product,
        rule: RuleId,
        mode: Mode,
    ) -> Result<Option<Position>> {
        let is_starter = self.is_starter(product, &rule);
        let command = PolicyCommand::SetMode { organization, product, rule, mode, is_starter };
        Ok(self.execute(context, organization, product, command).await?.position)
    }

    async fn execute(
        &self,
        context: &Context,
        organization: OrganizationId,
        product: Product,
        command: PolicyCommand,
    ) -> Result<Executed<Policy>> {
        let stream = policy_stream(policy_id(organization, product));
        let done = self.ledger.execute::<Policy>(context, &stream, None, command).await;
        done.map_err(|error| error.map_refused(PolicyProblem::from))
    }
}
