//! Rules that come with the server, and an engine that can tell whether others are any good.

use scanledger_domain::{BoxFuture, Cause};
use serde_json::Value;

/// The rules that everybody starts with.
pub trait StarterRules: Send + Sync {
    /// All of them, as clients run them; each has an id of its own.
    fn definitions(&self) -> Vec<Value>;
}

/// Tells whether clients can run rules.
pub trait RuleChecker: Send + Sync {
    /// Reads all of `rules` the way clients do; answers what is wrong with them, if something is, fit for whoever wrote
    /// them. May take seconds.
    ///
    /// # Errors
    /// When the engine cannot be run.
    fn check(&self, rules: Vec<Value>) -> BoxFuture<'_, Result<Option<String>, Cause>>;
}
