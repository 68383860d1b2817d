//! What one operation works with: who asks, what it may read, and the one position it is answered at.

use super::{load::Batches, problem};
use crate::extract::parse_at;
use async_graphql::dataloader::DataLoader;
use async_graphql::{Context, ID, Request, Result};
use scanledger_domain::id::{OrganizationId, ProjectId, ScanId};
use scanledger_domain::identity::{Action, Denied, Principal, ProjectScope, Resource, Visible, authorize};
use scanledger_domain::log::{EventLog, Position};
use scanledger_domain::vault::Vault;
use scanledger_projections::{At, Moment, ReadError, Views};
use std::str::FromStr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

/// Where answers come from. Cheap to clone.
#[derive(Clone)]
pub(super) struct Sources {
    /// The read models.
    pub(super) views: Views,
    /// The log behind the events.
    pub(super) log: Arc<dyn EventLog>,
    /// Personal data.
    pub(super) vault: Arc<dyn Vault>,
}

/// One operation. Everything it reads is read as of one position: its own, or the one asked for.
pub(super) struct Scope {
    principal: Principal,
    sources: Sources,
    request: String,
    head: Position,
    queries: AtomicUsize,
    audited: OnceLock<Result<(), Denied>>,
}

/// The position that an object and everything below it are shown at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Pin(Position);

impl Pin {
    /// For queries.
    pub(super) const fn at(self) -> At {
        At::Position(self.0)
    }

    /// The position.
    pub(super) const fn position(self) -> Position {
        self.0
    }
}

impl Scope {
    /// An operation that begins now.
    pub(super) fn new(principal: Principal, sources: Sources, request: String) -> Arc<Self> {
        let head = sources.views.position();
        Arc::new(Self {
            principal,
            sources,
            request,
            head,
            queries: AtomicUsize::new(0),
            audited: OnceLock::new(),
        })
    }

    /// The operation that a resolver belongs to.
    pub(super) fn of<'a>(context: &Context<'a>) -> &'a Arc<Self> {
        context.data_unchecked::<Arc<Self>>()
    }

    /// Attaches the operation and its loaders to a request.
    pub(super) fn attach(self: Arc<Self>, request: Request) -> Request {
        let loader = DataLoader::new(Batches::new(Arc::clone(&self)), tokio::spawn);
        request.data(self).data(loader)
    }

    /// The read models; every call is counted.
    pub(super) fn views(&self) -> &Views {
        self.queries.fetch_add(1, Ordering::Relaxed);
        &self.sources.views
    }

    /// How many times the read models were asked.
    pub(super) fn queries(&self) -> usize {
        self.queries.load(Ordering::Relaxed)
    }

    /// Whether it might look at the audit log; `None` if it did not ask to.
    pub(super) fn audited(&self) -> Option<Result<(), Denied>> {
        self.audited.get().copied()
    }

    /// Where answers come from.
    pub(super) const fn sources(&self) -> &Sources {
        &self.sources
    }

    /// The organization that the caller works in.
    pub(super) const fn organization(&self) -> OrganizationId {
        self.principal.organization
    }

    /// In which of its projects the caller may do this.
    pub(super) fn visible_to(&self, action: Action) -> Visible {
        self.principal.visible_to(action)
    }

    /// Where the read model was when the operation began.
    pub(super) const fn head(&self) -> Position {
        self.head
    }

    /// Checks that the caller may do this to the organization as a whole.
    pub(super) fn authorize(&self, action: Action) -> Result<()> {
        let may = authorize(&self.principal, action, Resource::Organization(self.organization()));
        if action == Action::ReadAudit {
            // It is the same however often one operation asks.
            self.audited.get_or_init(|| may);
        }
        may.map_err(|denied| problem::denied(denied, "organization"))
    }

    /// Checks that the caller may read what belongs to a project; `what` is what they asked for.
    pub(super) fn may_read(&self, scope: ProjectScope, what: &str) -> Result<()> {
        authorize(&self.principal, Action::Read, Resource::Project(scope))
            .map_err(|denied| problem::denied(denied, what))
    }

    /// Checks that the caller may read a project.
    pub(super) async fn may_read_project(&self, project: ProjectId) -> Result<()> {
        let scope = self.views().scope_of_project(project).await.map_err(|error| self.failed(&error))?;
        self.may_read(scope, "project")
    }

    /// Checks that the caller may read a scan.
    pub(super) async fn may_read_scan(&self, scan: ScanId) -> Result<()> {
        let scope = self.views().scope_of_scan(scan).await.map_err(|error| self.failed(&error))?;
        self.may_read(scope, "scan")
    }

    /// The error for a failed read.
    pub(super) fn failed(&self, error: &ReadError) -> async_graphql::Error {
        problem::read(error, &self.request)
    }

    /// The error for anything else that failed.
    pub(super) fn internal(&self, error: &(dyn std::error::Error + 'static)) -> async_graphql::Error {
        problem::internal(error, &self.request)
    }

    /// The position that `asOf` and `asOfScan` come to; the operation's own without them.
    pub(super) async fn pin(&self, as_of: Option<String>, as_of_scan: Option<ID>) -> Result<Pin> {
        let at = match (as_of, as_of_scan) {
            (None, None) => return Ok(Pin(self.head)),
            (Some(_), Some(_)) => return Err(problem::bad_input("asOf and asOfScan exclude each other")),
            (Some(text), None) => {
                let expected = "asOf must be a position, an instant in RFC 3339, or the id of a scan";
                parse_at(&text).ok_or_else(|| problem::bad_input(expected))?
            }
            (None, Some(scan)) => At::Scan(id(&scan, "asOfScan")?),
        };
        if let At::Scan(scan) = at {
            self.may_read_scan(scan).await?;
        }
        match at {
            At::Position(position) if position > self.head => {
                let error = ReadError::BeyondHead { asked: position, head: self.head };
                Err(self.failed(&error))
            }
            At::Position(position) => Ok(Pin(position)),
            at => {
                let moment = self.views().resolve(self.organization(), at).await;
                match moment.map_err(|error| self.failed(&error))? {
                    Moment::Live => Ok(Pin(self.head)),
                    Moment::Past(position) => Ok(Pin(Position(position.cast_unsigned()).min(self.head))),
                }
            }
        }
    }
}

/// A typed id.
pub(super) fn id<T: FromStr>(id: &ID, argument: &str) -> Result<T> {
    id.parse().map_err(|_| problem::bad_input(format!("{argument} is not a valid id")))
}
