//! Scanners: what finds vulnerable dependencies and secrets in a source tree.
//!
//! # Adding to it
//!
//! * **A secret detector**: add one entry to the list in `secrets/detectors/` that its provider belongs to, and
//!   what its pattern cannot say to `secrets/checks/`. The tests ask for an example of every detector, so add
//!   one to `secrets/samples/`.
//! * **A lockfile**: write `lockfile/<format>.rs` with `fn parse(&str) -> Result<Parsed, LockfileError>`, and
//!   name the file in `LockfileKind::of`.
//! * **A scanner**: implement [`Scanner`] in a module of its own and add it to [`all`], the one place that
//!   lists scanners. Whatever kind it has is run by every scan that covers this kind.

mod lockfile;
mod sca;
mod secrets;
mod text;
mod tree;

pub use sca::ScaScanner;
pub use secrets::{Patterns, SecretScanner};

use scanledger_domain::advisory::AdvisoryIndex;
use scanledger_domain::scanning::Scanner;
use scanledger_domain::vault::Vault;
use std::sync::Arc;

/// Every scanner there is, at most one of a kind.
pub fn all(advisories: Arc<dyn AdvisoryIndex>, vault: Arc<dyn Vault>) -> Vec<Arc<dyn Scanner>> {
    vec![Arc::new(ScaScanner::new(advisories)), Arc::new(SecretScanner::new(vault))]
}
