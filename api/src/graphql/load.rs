//! Batched loading: what all objects of one level need is read with one statement.

use super::scope::{Pin, Scope};
use super::word::{
    BranchSort, BranchState, ComponentSort, Ecosystem, FindingSort, ScanSort, ScanStatus, Scanner, Severity,
    TriageState,
};
use async_graphql::dataloader::{DataLoader, Loader};
use async_graphql::{Context, Error, Result};
use scanledger_domain::id::{ApiKeyId, IncidentId, ProjectId, ScanId, UserId};
use scanledger_domain::identity::Action;
use scanledger_domain::log::Actor;
use scanledger_domain::vault::{ERASED_PERSON, Sealed};
use scanledger_projections::branch::{BranchFilter, BranchQuery, BranchRow};
use scanledger_projections::component::{ComponentRow, ComponentsOfProjects};
use scanledger_projections::finding::{FindingFilter, FindingRow, FindingsOfScopes, ListScope};
use scanledger_projections::incident::IncidentRow;
use scanledger_projections::project::ProjectRow;
use scanledger_projections::scan::{ScanRow, ScansOfProjects};
use scanledger_projections::{Page, Paging};
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

/// Loads for one operation.
pub(super) struct Batches {
    scope: Arc<Scope>,
}

impl Batches {
    /// Loads for an operation.
    pub(super) const fn new(scope: Arc<Scope>) -> Self {
        Self { scope }
    }

    /// The loader of the operation that a resolver belongs to.
    pub(super) fn of<'a>(context: &Context<'a>) -> &'a DataLoader<Self> {
        context.data_unchecked::<DataLoader<Self>>()
    }
}

/// Rows of a page, in a form that can be compared: `(rows before it, rows on it)`.
pub(super) type Window = (u64, u32);

const fn paging((offset, limit): Window) -> Paging {
    Paging { offset, limit }
}

/// A project at a position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct ProjectKey(pub(super) Pin, pub(super) ProjectId);

/// A scan at a position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct ScanKey(pub(super) Pin, pub(super) ScanId);

/// An incident at a position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct IncidentKey(pub(super) Pin, pub(super) IncidentId);

/// Which scans of a project.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct ScansAsked {
    pub(super) pin: Pin,
    pub(super) statuses: Vec<ScanStatus>,
    pub(super) branch: Option<String>,
    pub(super) sort: ScanSort,
    pub(super) window: Window,
}

/// Whose findings.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum FindingsOf {
    /// Of a branch of a project.
    Branch(ProjectId, Option<String>),
    /// Of a scan.
    Scan(ScanId),
}

impl From<FindingsOf> for ListScope {
    fn from(of: FindingsOf) -> Self {
        match of {
            FindingsOf::Branch(project, branch) => Self::Branch(project, branch),
            FindingsOf::Scan(scan) => Self::Scan(scan),
        }
    }
}

/// Which findings, in a form that can be compared.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(super) struct Filter {
    pub(super) severities: Vec<Severity>,
    pub(super) states: Vec<TriageState>,
    pub(super) scanners: Vec<Scanner>,
    pub(super) path_contains: Option<String>,
    pub(super) text: Option<String>,
}

impl From<Filter> for FindingFilter {
    fn from(filter: Filter) -> Self {
        Self {
            severities: filter.severities.into_iter().map(Into::into).collect(),
            states: filter.states.into_iter().map(Into::into).collect(),
            scanners: filter.scanners.into_iter().map(Into::into).collect(),
            path_contains: filter.path_contains,
            text: filter.text,
        }
    }
}

/// Which findings of a scope.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct FindingsAsked {
    pub(super) pin: Pin,
    pub(super) filter: Filter,
    pub(super) sort: FindingSort,
    pub(super) window: Window,
}

/// Which components of a project.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct ComponentsAsked {
    pub(super) pin: Pin,
    pub(super) branch: Option<String>,
    pub(super) name_contains: Option<String>,
    pub(super) ecosystem: Option<Ecosystem>,
    pub(super) sort: ComponentSort,
    pub(super) window: Window,
}

/// Which branches of a project.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct BranchesAsked {
    pub(super) pin: Pin,
    pub(super) state: Option<BranchState>,
    pub(super) name_contains: Option<String>,
    pub(super) sort: BranchSort,
    pub(super) window: Window,
}

/// A list that belongs to something: whose, and which of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Of<K, A>(pub(super) K, pub(super) A);

/// What may be told about somebody who did something.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Known {
    /// The name of a person or key, `erased person` for one who was; none if unknown.
    pub(super) name: Option<String>,
    /// The address of a person.
    pub(super) email: Option<String>,
}

/// Keys that ask the same question, so that it is asked once for all of them.
fn groups<Q: Hash + Eq + Clone, K: Clone>(keys: impl Iterator<Item = (Q, K)>) -> HashMap<Q, Vec<K>> {
    let mut groups: HashMap<Q, Vec<K>> = HashMap::new();
    for (question, key) in keys {
        groups.entry(question).or_default().push(key);
    }
    groups
}

impl Loader<ProjectKey> for Batches {
    type Value = ProjectRow;
    type Error = Error;

    async fn load(&self, keys: &[ProjectKey]) -> Result<HashMap<ProjectKey, ProjectRow>> {
        let mut found = HashMap::with_capacity(keys.len());
        for (pin, ids) in groups(keys.iter().map(|key| (key.0, key.1))) {
            let scope = &self.scope;
            let rows = scope.views().projects_by_id(scope.organization(), ids, pin.at()).await;
            let rows = rows.map_err(|error| scope.failed(&error))?;
            found.extend(rows.into_iter().map(|(id, row)| (ProjectKey(pin, id), row)));
        }
        Ok(found)
    }
}

impl Loader<ScanKey> for Batches {
    type Value = ScanRow;
    type Error = Error;

    async fn load(&self, keys: &[ScanKey]) -> Result<HashMap<ScanKey, ScanRow>> {
        let mut found = HashMap::with_capacity(keys.len());
        for (pin, ids) in groups(keys.iter().map(|key| (key.0, key.1))) {
            let scope = &self.scope;
            let rows = scope.views().scans_by_id(scope.organization(), ids, pin.at()).await;
            let rows = rows.map_err(|error| scope.failed(&error))?;
            found.extend(rows.into_iter().map(|(id, row)| (ScanKey(pin, id), row)));
        }
        Ok(found)
    }
}

impl Loader<IncidentKey> for Batches {
    type Value = IncidentRow;
    type Error = Error;

    async fn load(&self, keys: &[IncidentKey]) -> Result<HashMap<IncidentKey, IncidentRow>> {
        let mut found = HashMap::with_capacity(keys.len());
        for (pin, ids) in groups(keys.iter().map(|key| (key.0, key.1))) {
            let scope = &self.scope;
            let visible = scope.visible_to(Action::Read);
            let rows = scope.views().incidents_by_id(scope.organization(), visible, ids, pin.at()).await;
            let rows = rows.map_err(|error| scope.failed(&error))?;
            found.extend(rows.into_iter().map(|(id, row)| (IncidentKey(pin, id), row)));
        }
        Ok(found)
    }
}

type ScansKey = Of<ProjectId, ScansAsked>;

impl Loader<ScansKey> for Batches {
    type Value = Page<ScanRow>;
    type Error = Error;

    async fn load(&self, keys: &[ScansKey]) -> Result<HashMap<ScansKey, Page<ScanRow>>> {
        let mut found = HashMap::with_capacity(keys.len());
        for (asked, projects) in groups(keys.iter().map(|key| (key.1.clone(), key.0))) {
            let query = ScansOfProjects {
                organization: self.scope.organization(),
                projects,
                statuses: asked.statuses.iter().copied().map(Into::into).collect(),
                branch: asked.branch.clone(),
                at: asked.pin.at(),
                direction: asked.sort.into(),
                paging: paging(asked.window),
            };
            let pages = self.scope.views().scans_of_projects(query).await;
            let pages = pages.map_err(|error| self.scope.failed(&error))?;
            found.extend(pages.into_iter().map(|(project, page)| (Of(project, asked.clone()), page)));
        }
        Ok(found)
    }
}

type FindingsKey = Of<FindingsOf, FindingsAsked>;

impl Loader<FindingsKey> for Batches {
    type Value = Page<FindingRow>;
    type Error = Error;

    async fn load(&self, keys: &[FindingsKey]) -> Result<HashMap<FindingsKey, Page<FindingRow>>> {
        let mut found = HashMap::with_capacity(keys.len());
        for (asked, scopes) in groups(keys.iter().map(|key| (key.1.clone(), key.0.clone()))) {
            let query = FindingsOfScopes {
                organization: self.scope.organization(),
                scopes: scopes.iter().cloned().map(Into::into).collect(),
                at: asked.pin.at(),
                filter: asked.filter.clone().into(),
                sort: asked.sort.into(),
                paging: paging(asked.window),
            };
            let pages = self.scope.views().findings_of_scopes(query).await;
            let pages = pages.map_err(|error| self.scope.failed(&error))?;
            found.extend(scopes.into_iter().zip(pages).map(|(of, page)| (Of(of, asked.clone()), page)));
        }
        Ok(found)
    }
}

type ComponentsKey = Of<ProjectId, ComponentsAsked>;

impl Loader<ComponentsKey> for Batches {
    type Value = Page<ComponentRow>;
    type Error = Error;

    async fn load(&self, keys: &[ComponentsKey]) -> Result<HashMap<ComponentsKey, Page<ComponentRow>>> {
        let mut found = HashMap::with_capacity(keys.len());
        for (asked, projects) in groups(keys.iter().map(|key| (key.1.clone(), key.0))) {
            let query = ComponentsOfProjects {
                organization: self.scope.organization(),
                projects,
                branch: asked.branch.clone(),
                at: asked.pin.at(),
                name_contains: asked.name_contains.clone(),
                ecosystem: asked.ecosystem.map(Into::into),
                sort: asked.sort.into(),
                paging: paging(asked.window),
            };
            let pages = self.scope.views().components_of_projects(query).await;
            let pages = pages.map_err(|error| self.scope.failed(&error))?;
            found.extend(pages.into_iter().map(|(project, page)| (Of(project, asked.clone()), page)));
        }
        Ok(found)
    }
}

type BranchesKey = Of<ProjectId, BranchesAsked>;

impl Loader<BranchesKey> for Batches {
    type Value = Page<BranchRow>;
    type Error = Error;

    async fn load(&self, keys: &[BranchesKey]) -> Result<HashMap<BranchesKey, Page<BranchRow>>> {
        let mut found = HashMap::with_capacity(keys.len());
        for (asked, projects) in groups(keys.iter().map(|key| (key.1.clone(), key.0))) {
            let query = BranchQuery {
                organization: self.scope.organization(),
                at: asked.pin.at(),
                filter: BranchFilter {
                    state: asked.state.map(Into::into),
                    name_contains: asked.name_contains.clone(),
                },
                sort: asked.sort.into(),
                paging: paging(asked.window),
            };
            let pages = self.scope.views().branches_of_projects(projects, query).await;
            let pages = pages.map_err(|error| self.scope.failed(&error))?;
            found.extend(pages.into_iter().map(|(project, page)| (Of(project, asked.clone()), page)));
        }
        Ok(found)
    }
}

impl Loader<Actor> for Batches {
    type Value = Known;
    type Error = Error;

    async fn load(&self, keys: &[Actor]) -> Result<HashMap<Actor, Known>> {
        let scope = &self.scope;
        let mut people: Vec<UserId> = vec![];
        let mut api_keys: Vec<ApiKeyId> = vec![];
        for key in keys {
            match key {
                Actor::User(user) => people.push(*user),
                Actor::Key(key) => api_keys.push(*key),
                Actor::System | Actor::Operator => (),
            }
        }
        let actors = scope.views().actors(scope.organization(), people, api_keys).await;
        let actors = actors.map_err(|error| scope.failed(&error))?;
        let mut found = HashMap::with_capacity(keys.len());
        for (id, person) in actors.people {
            let name = self.open(&person.name)?.unwrap_or_else(|| ERASED_PERSON.to_owned());
            let known = Known { name: Some(name), email: self.open(&person.email)? };
            found.insert(Actor::User(id), known);
        }
        for (id, name) in actors.keys {
            found.insert(Actor::Key(id), Known { name: Some(name), email: None });
        }
        Ok(found)
    }
}

impl Batches {
    fn open(&self, sealed: &Sealed) -> Result<Option<String>> {
        self.scope.sources().vault.open(sealed).map_err(|error| self.scope.internal(&error))
    }
}
