//! Components.

use super::finding::{Package, check_search};
use super::scalar::Place;
use super::word::{ComponentScope, Ecosystem};
use async_graphql::{InputObject, Object, Result};
use scanledger_projections::component::ComponentRow;

/// A component on a branch.
pub(super) struct Component(pub(super) ComponentRow);

/// Which components.
#[derive(Debug, Clone, Default, InputObject)]
pub(super) struct ComponentFilter {
    /// Whose package name contains this, whatever the case.
    pub(super) name_contains: Option<String>,
    /// Of this ecosystem.
    pub(super) ecosystem: Option<Ecosystem>,
}

impl ComponentFilter {
    /// The filter, if it is within limits.
    ///
    /// # Errors
    /// For searches that are too long.
    pub(super) fn checked(self) -> Result<Self> {
        check_search("nameContains", self.name_contains.as_deref())?;
        Ok(self)
    }
}

/// A package at a version, as a lockfile names it.
#[Object]
impl Component {
    /// The package.
    async fn package(&self) -> Package {
        Package::from(&self.0.component.package)
    }

    /// The package's name.
    async fn name(&self) -> &str {
        &self.0.component.package.name
    }

    /// The version.
    async fn version(&self) -> &str {
        &self.0.component.version
    }

    /// Canonical package URL, with the version.
    async fn purl(&self) -> String {
        self.0.component.purl()
    }

    /// The lockfile.
    async fn path(&self) -> &str {
        &self.0.component.path
    }

    /// What it is needed for.
    async fn scope(&self) -> ComponentScope {
        self.0.component.scope.into()
    }

    /// Whether the project itself asks for it; null where the lockfile does not say.
    async fn direct(&self) -> Option<bool> {
        self.0.component.direct
    }

    /// Since where in the log it has been there as it is.
    async fn since(&self) -> Place {
        Place(self.0.since)
    }
}
