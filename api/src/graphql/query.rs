//! The root of queries.

use super::audit::{AuditEntry, AuditFilter};
use super::component::{Component, ComponentFilter};
use super::diff::{DIFF_ROWS, Diff, cost_of_diff};
use super::finding::{Finding, FindingFilter, check_search};
use super::incident::{Incident, IncidentFilter};
use super::paging::{Asked, List, cost, page, size};
use super::problem::{bad_input, not_found};
use super::project::{Project, ProjectFilter};
use super::scalar::Place;
use super::scan::{Scan, ScanFilter};
use super::scope::{Scope, id};
use super::walk::Walk;
use super::word::{AuditSort, ComponentSort, FindingSort, IncidentSort, ProjectSort, ScanSort};
use async_graphql::{Context, ID, Object, Result};
use scanledger_domain::id::ProjectId;
use scanledger_domain::identity::Action;
use scanledger_domain::limits::{AUDIT_PAGE_ROWS, PAGE_ROWS};
use scanledger_domain::log::Position;
use scanledger_projections::Paging;
use scanledger_projections::audit::AuditQuery;
use scanledger_projections::component::ComponentQuery;
use scanledger_projections::diff::DiffQuery;
use scanledger_projections::finding::{FindingQuery, ListScope};
use scanledger_projections::incident::{Direction, IncidentMark, IncidentOrder, IncidentQuery, IncidentRef};
use scanledger_projections::project::ProjectQuery;
use scanledger_projections::scan::ScanQuery;

/// The root of queries.
pub(super) struct Query;

/// Everything there is, at any point in time.
///
/// `asOf` takes a position of the log, an instant in RFC 3339, or the id of a scan; `asOfScan` takes a scan, and
/// means where its results were complete. Everything below a field is shown as of the same moment. Without either,
/// the whole operation is answered at `head`.
#[Object]
impl Query {
    /// The position of the log that this operation is answered at.
    async fn head(&self, ctx: &Context<'_>) -> Place {
        Place(Scope::of(ctx).head())
    }

    /// One project.
    async fn project(
        &self,
        ctx: &Context<'_>,
        id: ID,
        as_of: Option<String>,
        as_of_scan: Option<ID>,
    ) -> Result<Option<Project>> {
        let scope = Scope::of(ctx);
        let project = own_project(scope, &id).await?;
        let pin = scope.pin(as_of, as_of_scan).await?;
        let row = scope.views().projects_by_id(scope.organization(), vec![project], pin.at()).await;
        let row = row.map_err(|error| scope.failed(&error))?.remove(&project);
        Ok(Some(Project { row: row.ok_or_else(|| not_found("project"))?, pin }))
    }

    /// Projects.
    #[graphql(complexity = "cost(first, last, child_complexity)")]
    async fn projects(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
        #[graphql(default)] filter: ProjectFilter,
        #[graphql(default)] sort: ProjectSort,
        as_of: Option<String>,
        as_of_scan: Option<ID>,
    ) -> Result<List<Project>> {
        let scope = Scope::of(ctx);
        scope.authorize(Action::Read)?;
        check_search("nameContains", filter.name_contains.as_deref())?;
        let asked = Asked::new(first, after.as_deref(), last, before.as_deref())?;
        let pin = scope.pin(as_of, as_of_scan).await?;
        let read = |paging| {
            scope.views().projects(ProjectQuery {
                organization: scope.organization(),
                visible: scope.visible_to(Action::Read),
                at: pin.at(),
                name_contains: filter.name_contains.clone(),
                has_repository: filter.has_repository,
                sort: sort.into(),
                paging: Some(paging),
            })
        };
        page(scope, &asked, read, |row| Project { row, pin }).await
    }

    /// One scan.
    async fn scan(
        &self,
        ctx: &Context<'_>,
        id: ID,
        as_of: Option<String>,
        as_of_scan: Option<ID>,
    ) -> Result<Option<Scan>> {
        let scope = Scope::of(ctx);
        scope.authorize(Action::Read)?;
        let scan = self::id(&id, "id")?;
        scope.may_read_scan(scan).await?;
        let pin = scope.pin(as_of, as_of_scan).await?;
        let row = scope.views().scan(scope.organization(), scan, pin.at()).await;
        let row = row.map_err(|error| scope.failed(&error))?;
        Ok(Some(Scan { row, pin }))
    }

    /// Scans.
    #[graphql(complexity = "cost(first, last, child_complexity)")]
    async fn scans(
        &self,
        ctx: &Context<'_>,
        project: Option<ID>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
        #[graphql(default)] filter: ScanFilter,
        #[graphql(default)] sort: ScanSort,
        as_of: Option<String>,
        as_of_scan: Option<ID>,
    ) -> Result<List<Scan>> {
        let scope = Scope::of(ctx);
        scope.authorize(Action::Read)?;
        let project = match project {
            Some(project) => Some(own_project(scope, &project).await?),
            None => None,
        };
        let asked = Asked::new(first, after.as_deref(), last, before.as_deref())?;
        let pin = scope.pin(as_of, as_of_scan).await?;
        let read = |paging| {
            scope.views().scans(ScanQuery {
                organization: scope.organization(),
                visible: scope.visible_to(Action::Read),
                project,
                statuses: filter.statuses.iter().copied().map(Into::into).collect(),
                branch: filter.branch.clone(),
                at: pin.at(),
                direction: sort.into(),
                paging,
            })
        };
        page(scope, &asked, read, |row| Scan { row, pin }).await
    }

    /// One finding: on the default branch if it is there, else where it is, else where it was.
    async fn finding(
        &self,
        ctx: &Context<'_>,
        id: ID,
        as_of: Option<String>,
        as_of_scan: Option<ID>,
    ) -> Result<Option<Finding>> {
        let scope = Scope::of(ctx);
        scope.authorize(Action::Read)?;
        let finding = self::id(&id, "id")?;
        let owners =
            scope.views().finding_scopes(vec![finding]).await.map_err(|error| scope.failed(&error))?;
        let owner = owners.first().ok_or_else(|| not_found("finding"))?;
        scope.may_read(owner.scope, "finding")?;
        let pin = scope.pin(as_of, as_of_scan).await?;
        let row = scope.views().finding(scope.organization(), finding, pin.at()).map(|found| found.finding);
        let row = row.map_err(|error| scope.failed(&error))?;
        Ok(Some(Finding { row, pin }))
    }

    /// Findings: on a branch of a project (the default branch without a name), or of a scan.
    #[graphql(complexity = "cost(first, last, child_complexity)")]
    async fn findings(
        &self,
        ctx: &Context<'_>,
        project: Option<ID>,
        branch: Option<String>,
        scan: Option<ID>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
        #[graphql(default)] filter: FindingFilter,
        #[graphql(default)] sort: FindingSort,
        as_of: Option<String>,
        as_of_scan: Option<ID>,
    ) -> Result<List<Finding>> {
        let scope = Scope::of(ctx);
        scope.authorize(Action::Read)?;
        let of = match (project, scan) {
            (Some(project), None) => ListScope::Branch(own_project(scope, &project).await?, branch),
            (None, Some(_)) if branch.is_some() => {
                return Err(bad_input("branch goes with project: a scan has its own"));
            }
            (None, Some(scan)) => {
                let scan = id(&scan, "scan")?;
                scope.may_read_scan(scan).await?;
                ListScope::Scan(scan)
            }
            (Some(_), Some(_)) | (None, None) => {
                return Err(bad_input("findings are of a project or of a scan: give one of them"));
            }
        };
        let asked = Asked::new(first, after.as_deref(), last, before.as_deref())?;
        let filter = filter.checked()?;
        let pin = scope.pin(as_of, as_of_scan).await?;
        let read = |paging| {
            scope.views().findings(FindingQuery {
                organization: scope.organization(),
                scope: of.clone(),
                at: pin.at(),
                filter: filter.clone().into(),
                sort: sort.into(),
                paging,
            })
        };
        page(scope, &asked, read, |row| Finding { row, pin }).await
    }

    /// One incident, by its id or its number.
    async fn incident(
        &self,
        ctx: &Context<'_>,
        id: ID,
        as_of: Option<String>,
        as_of_scan: Option<ID>,
    ) -> Result<Option<Incident>> {
        let scope = Scope::of(ctx);
        scope.authorize(Action::Read)?;
        let incident = match id.parse() {
            Ok(number) => IncidentRef::Number(Position(number)),
            Err(_) => IncidentRef::Id(self::id(&id, "id")?),
        };
        let pin = scope.pin(as_of, as_of_scan).await?;
        let visible = scope.visible_to(Action::Read);
        let row = scope.views().incident(scope.organization(), visible, incident, pin.at()).await;
        let row = row.map_err(|error| scope.failed(&error))?;
        Ok(Some(Incident { row: row.ok_or_else(|| not_found("incident"))? }))
    }

    /// Incidents: one for each secret, wherever it stands.
    #[graphql(complexity = "cost(first, last, child_complexity)")]
    async fn incidents(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
        #[graphql(default)] filter: IncidentFilter,
        #[graphql(default)] sort: IncidentSort,
        as_of: Option<String>,
        as_of_scan: Option<ID>,
    ) -> Result<List<Incident>> {
        let scope = Scope::of(ctx);
        scope.authorize(Action::Read)?;
        let walk = Walk::new((first, after.as_deref()), (last, before.as_deref()), PAGE_ROWS, sort.into())?;
        let pin = scope.pin(as_of, as_of_scan).await?;
        let mark = |number| IncidentMark { value: None, number: Position(number) };
        let query = IncidentQuery {
            organization: scope.organization(),
            visible: scope.visible_to(Action::Read),
            at: pin.at(),
            filter: filter.checked()?,
            order: IncidentOrder { direction: sort.into(), ..IncidentOrder::default() },
            from: walk.start().map(mark),
            to: walk.end().map(mark),
            is_backward: walk.is_backward(),
            limit: walk.size(),
        };
        let total = scope.views().incident_total(query.clone()).await;
        let total = total.map_err(|error| scope.failed(&error))?;
        let page = scope.views().incidents(query).await.map_err(|error| scope.failed(&error))?;
        let rows = page.rows.into_iter().map(|row| (row.number.0, Incident { row })).collect();
        Ok(walk.list(rows, page.has_more, total))
    }

    /// Components on a branch of a project; the default branch without a name.
    #[graphql(complexity = "cost(first, last, child_complexity)")]
    async fn components(
        &self,
        ctx: &Context<'_>,
        project: ID,
        branch: Option<String>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
        #[graphql(default)] filter: ComponentFilter,
        #[graphql(default)] sort: ComponentSort,
        as_of: Option<String>,
        as_of_scan: Option<ID>,
    ) -> Result<List<Component>> {
        let scope = Scope::of(ctx);
        let project = own_project(scope, &project).await?;
        let asked = Asked::new(first, after.as_deref(), last, before.as_deref())?;
        let filter = filter.checked()?;
        let pin = scope.pin(as_of, as_of_scan).await?;
        let read = |paging| {
            scope.views().components(ComponentQuery {
                organization: scope.organization(),
                project,
                branch: branch.clone(),
                at: pin.at(),
                name_contains: filter.name_contains.clone(),
                ecosystem: filter.ecosystem.map(Into::into),
                sort: sort.into(),
                paging: Some(paging),
            })
        };
        page(scope, &asked, read, Component).await
    }

    /// The audit log; needs the role security.
    #[graphql(complexity = "cost(first, last, child_complexity)")]
    async fn audit_entries(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
        #[graphql(default)] filter: AuditFilter,
        #[graphql(default)] sort: AuditSort,
        as_of: Option<String>,
        as_of_scan: Option<ID>,
    ) -> Result<List<AuditEntry>> {
        let scope = Scope::of(ctx);
        scope.authorize(Action::ReadAudit)?;
        check_search("text", filter.text.as_deref())?;
        let walk =
            Walk::new((first, after.as_deref()), (last, before.as_deref()), AUDIT_PAGE_ROWS, sort.into())?;
        let pin = scope.pin(as_of, as_of_scan).await?;
        let (start, end) = (walk.start().map(Position), walk.end().map(Position));
        let (before, after) = match walk.way() {
            Direction::Descending => (start, end),
            Direction::Ascending => (end, start),
        };
        let query = AuditQuery {
            organization: scope.organization(),
            visible: scope.visible_to(Action::ReadAudit),
            actions: filter.actions,
            resource: filter
                .resource
                .map(|resource| scanledger_domain::audit::AuditResource::from(resource).as_str().to_owned()),
            user: filter.user.map(|user| id(&user, "user")).transpose()?,
            text: filter.text,
            before,
            after,
            until: Some(pin.position()),
            direction: walk.way(),
            limit: walk.size(),
        };
        let total = scope.views().audit_total(query.clone()).await.map_err(|error| scope.failed(&error))?;
        let entries = scope.views().audit(query).await;
        let (mut entries, has_more) = entries.map_err(|error| scope.failed(&error))?;
        if walk.is_backward() {
            entries.reverse();
        }
        let rows = entries.into_iter().map(|entry| (entry.position.0, AuditEntry(entry))).collect();
        Ok(walk.list(rows, has_more, total))
    }

    /// What differs on a branch of a project between two instants, each of which takes what `asOf` takes; the
    /// default branch without a name, and `to` is now without a word.
    #[graphql(complexity = "cost_of_diff(first, child_complexity)")]
    async fn diff(
        &self,
        ctx: &Context<'_>,
        project: ID,
        branch: Option<String>,
        from: String,
        to: Option<String>,
        #[graphql(desc = "Rows listed of each kind; the totals count all.")] first: Option<i32>,
    ) -> Result<Diff> {
        let scope = Scope::of(ctx);
        let project = own_project(scope, &project).await?;
        let limit = size("first", first.unwrap_or(DIFF_ROWS), PAGE_ROWS)?;
        let from = scope.pin(Some(from), None).await?;
        let to = scope.pin(to, None).await?;
        let query = DiffQuery {
            organization: scope.organization(),
            project,
            branch,
            from: from.at(),
            to: to.at(),
            paging: Paging { offset: 0, limit },
        };
        let diff = scope.views().diff(query).await.map_err(|error| scope.failed(&error))?;
        Ok(Diff::new(diff, from, to))
    }
}

/// A project that the caller may read.
async fn own_project(scope: &Scope, text: &ID) -> Result<ProjectId> {
    let project = id(text, "project")?;
    scope.may_read_project(project).await?;
    Ok(project)
}
