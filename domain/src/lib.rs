//! What can happen in Scanledger: events, deciders, value objects, authorization, and the traits
//! ("ports") through which the rest of the world is reached.
//!
//! This crate does no IO, has no async runtime, no clock and no source of randomness: everything it
//! needs comes in as an argument, so every rule can be tested as given / when / then.

pub mod address;
pub mod advisory;
pub mod audit;
pub mod blob;
pub mod branch;
pub mod check;
pub mod claim;
pub mod code_host;
pub mod component;
pub mod decider;
pub mod event;
pub mod finding;
pub mod honeytoken;
pub mod id;
pub mod identity;
pub mod incident;
pub mod limits;
pub mod log;
pub mod note;
pub mod policy;
pub mod project;
pub mod proof;
pub mod reachability;
pub mod report;
pub mod scan;
pub mod scanning;
pub mod secret;
pub mod severity;
pub mod source;
pub mod time;
pub mod vault;

use std::future::Future;
use std::pin::Pin;

/// A boxed future, so that ports stay object safe and need no runtime.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The cause of a failed port call, kept for the log and never shown to a client.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

/// A store cannot be reached, or did not answer in time: the same may work later. Adapters put it into the chain of
/// causes, so that whoever asked can be told to come back instead of that something broke.
#[derive(Debug, thiserror::Error)]
#[error("a store is out of reach")]
pub struct OutOfReach(#[source] pub Cause);

impl OutOfReach {
    /// Whether this is why `error` came to be.
    pub fn is_behind(error: &(dyn std::error::Error + 'static)) -> bool {
        let mut cause = Some(error);
        while let Some(error) = cause {
            if error.is::<Self>() {
                return true;
            }
            cause = error.source();
        }
        false
    }
}
