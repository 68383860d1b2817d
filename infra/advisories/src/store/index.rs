//! The store as the index that scanners match against.

use super::AdvisoryStore;
use super::reader::Snapshot;
use crate::group;
use crate::version::Version;
use scanledger_domain::Cause;
use scanledger_domain::advisory::{AdvisoryIndex, Generation, Match};
use scanledger_domain::component::{Ecosystem, Package};
use std::cmp;
use std::sync::Arc;

impl AdvisoryStore {
    fn snapshot(&self) -> Arc<Snapshot> {
        self.reader.latest().unwrap_or_else(|error| {
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            tracing::warn!(%error, cause, "the last known generation of advisories is used");
            self.reader.known()
        })
    }
}

impl AdvisoryIndex for AdvisoryStore {
    fn generation(&self) -> Option<Generation> {
        let generation = self.snapshot().generation;
        (generation > Generation(0)).then_some(generation)
    }

    fn ecosystems(&self) -> Vec<Ecosystem> {
        self.snapshot().ecosystems.clone()
    }

    fn matches(&self, package: &Package, version: &str) -> Result<Vec<Match>, Cause> {
        Ok(match self.reader.statements(package)? {
            Some(statements) => group::matches(package.ecosystem, &statements, version),
            None => vec![],
        })
    }

    fn compare(&self, ecosystem: Ecosystem, a: &str, b: &str) -> Option<cmp::Ordering> {
        Some(Version::parse(ecosystem, a)?.cmp(&Version::parse(ecosystem, b)?))
    }
}
