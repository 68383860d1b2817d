//! A small world: two organizations, projects, scans decided by the real deciders, a real log and real views.

use super::super::Engine;
use super::super::problem::too_many;
use super::super::scope::{Scope, Sources};
use async_graphql::{Request, Response};
use futures::StreamExt as _;
use futures::stream::BoxStream;
use scanledger_domain::branch::{Branch, RecordScan, branch_id, branch_stream, observe};
use scanledger_domain::component::{Component, Ecosystem, Package, Scope as ComponentScope};
use scanledger_domain::decider::{Decider, StoredEvent};
use scanledger_domain::finding::{
    FindingEvent, Triage, TriageCommand, TriageState, TriageStatus, finding_stream,
};
use scanledger_domain::id::{
    ApiKeyId, CommandId, FindingId, OrganizationId, ProjectId, ScanId, SessionId, SubjectId, TeamId, UserId,
};
use scanledger_domain::identity::{
    AddressProof, ApiKeyCreated, ApiKeyEvent, Authority, Belonging, Breadth, Credential, KeyForm, KeyHash,
    KeyKind, Limit, OrganizationCreated, OrganizationEvent, OrganizationRole, Principal, Rank, Role,
    Standing, TeamRole, UserEvent, UserRegistered, apikey_stream, organization_stream, user_stream,
};
use scanledger_domain::log::{Actor, Append, EventLog, Metadata, NewEvent, Position, StreamName, Version};
use scanledger_domain::project::{Created, Gate, GateInput, ProjectDetails, ProjectEvent, project_stream};
use scanledger_domain::scan::{
    Completed, Queued, ScanEvent, ScanOutcome, ScanType, Source, SourceKind, scan_stream,
};
use scanledger_domain::scanning::{Detection, Identity, Place, ScannerKind};
use scanledger_domain::severity::{Severity, SeverityCounts};
use scanledger_domain::time::{Clock, Timestamp};
use scanledger_domain::vault::Vault as _;
use scanledger_log_sqlite::SqliteLog;
use scanledger_projections::Projector;
use scanledger_state::{ServerKey, State};
use serde_json::Value;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use uuid::Uuid;

pub(super) const HOME: OrganizationId = OrganizationId(Uuid::from_u128(1));
pub(super) const ELSEWHERE: OrganizationId = OrganizationId(Uuid::from_u128(2));
pub(super) const ANA: UserId = UserId(Uuid::from_u128(3));
pub(super) const ROBOT: ApiKeyId = ApiKeyId(Uuid::from_u128(4));
pub(super) const CORE: TeamId = TeamId(Uuid::from_u128(5));
pub(super) const EDGE: TeamId = TeamId(Uuid::from_u128(6));

/// The project with this number.
pub(super) const fn project(number: u128) -> ProjectId {
    ProjectId(Uuid::from_u128(100 + number))
}

/// A clock that is one second later each time it is asked.
#[derive(Default)]
struct Ticking(AtomicI64);

impl Clock for Ticking {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.fetch_add(1_000_000, Ordering::Relaxed))
    }
}

pub(super) struct World {
    folder: tempfile::TempDir,
    log: Arc<dyn EventLog>,
    state: State,
    projector: Projector,
    versions: HashMap<StreamName, u64>,
    triage: HashMap<FindingId, TriageStatus>,
    owners: HashMap<ProjectId, OrganizationId>,
    commands: u128,
}

impl World {
    /// Two organizations, a person and a key, and nothing else.
    pub(super) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let log = SqliteLog::open(&folder.path().join("log.db"), Arc::new(Ticking::default())).unwrap();
        let log: Arc<dyn EventLog> = Arc::new(log);
        let key = ServerKey::create(&folder.path().join("server.key")).unwrap();
        let state = State::open(&folder.path().join("state.db"), &key).unwrap();
        let projector = Projector::open(folder.path(), Arc::clone(&log)).await.unwrap();
        let mut world = Self {
            folder,
            log,
            state,
            projector,
            versions: HashMap::new(),
            triage: HashMap::new(),
            owners: HashMap::new(),
            commands: 10_000,
        };
        for (organization, name) in [(HOME, "Acme"), (ELSEWHERE, "Other")] {
            let created = OrganizationCreated { organization, name: name.to_owned() };
            let events = [OrganizationEvent::from(created)];
            world.append(organization, organization_stream(organization), &events).await;
        }
        let seal = |text| world.state.vault.seal(SubjectId(ANA.0), text).unwrap();
        let ana = UserRegistered {
            user: ANA,
            name: seal("Ana"),
            email: seal("ana@example.org"),
            password: None,
            address: AddressProof::Known,
        };
        world.append(HOME, user_stream(ANA), &[UserEvent::from(ana)]).await;
        let robot = ApiKeyCreated {
            key: ROBOT,
            organization: HOME,
            name: "robot".to_owned(),
            form: KeyForm::Pepper,
            prefix: "ppr_robot1".to_owned(),
            hash: KeyHash::of("ppr_robot"),
            role: Role::Developer,
            project: None,
            by: None,
            expires_at: None,
            team: None,
            kind: KeyKind::Service,
            scopes: None,
            breadth: Breadth::ReadWrite,
        };
        world.append(HOME, apikey_stream(ROBOT), &[ApiKeyEvent::from(robot)]).await;
        world
    }

    /// Appends events to a stream at the version this world knows, as done by Ana, and projects them.
    pub(super) async fn append<E: StoredEvent>(
        &mut self,
        organization: OrganizationId,
        stream: StreamName,
        events: &[E],
    ) -> Position {
        self.append_as(Actor::User(ANA), organization, stream, events).await
    }

    async fn append_as<E: StoredEvent>(
        &mut self,
        actor: Actor,
        organization: OrganizationId,
        stream: StreamName,
        events: &[E],
    ) -> Position {
        self.commands += 1;
        let command = CommandId(Uuid::from_u128(self.commands));
        let metadata = Metadata {
            organization: Some(organization),
            actor,
            correlation: command.0,
            causation: None,
            address: Some(self.state.vault.seal(SubjectId(ANA.0), "203.0.113.7").unwrap()),
            user_agent: None,
            request: None,
            key: None,
        };
        let metadata: Arc<[u8]> = metadata.encode().into();
        let version = self.versions.entry(stream.clone()).or_default();
        let new = events.iter().zip(0..).map(|(event, ordinal)| NewEvent {
            id: command.event(ordinal),
            kind: event.kind(),
            schema: event.schema(),
            data: event.encode(),
            metadata: Arc::clone(&metadata),
        });
        let append = Append { stream, expected: Version(*version), events: new.collect() };
        *version += events.len() as u64;
        let position = self.log.append(vec![append]).await.unwrap().last;
        self.projector.catch_up().await.unwrap();
        position
    }

    /// A project of an organization and no team.
    pub(super) async fn create(&mut self, organization: OrganizationId, number: u128) -> ProjectId {
        self.create_for(organization, None, number).await
    }

    /// A project of an organization and one of its teams.
    pub(super) async fn create_for(
        &mut self,
        organization: OrganizationId,
        team: Option<TeamId>,
        number: u128,
    ) -> ProjectId {
        let project = project(number);
        self.owners.insert(project, organization);
        let details = ProjectDetails {
            name: format!("project {number}"),
            description: None,
            repo_url: None,
            default_branch: "main".to_owned(),
            dast_target_url: None,
        };
        let created = Created { project, organization, team, details, gate: Gate::default() };
        self.append(organization, project_stream(project), &[ProjectEvent::from(created)]).await;
        project
    }

    /// A scan of a branch that saw secrets with these numbers, and as many components; answers where it was completed.
    pub(super) async fn scan(
        &mut self,
        project: ProjectId,
        branch: &str,
        secrets: std::ops::Range<u32>,
    ) -> (ScanId, Position) {
        self.commands += 1;
        let scan = ScanId(Uuid::from_u128(self.commands));
        let organization = self.owners[&project];
        let queued = Queued {
            scan,
            organization,
            project,
            branch: branch.to_owned(),
            scan_type: ScanType::Full,
            source: Source {
                kind: SourceKind::Upload,
                blob: scanledger_domain::blob::BlobHash::of(b"source"),
                name: "source.tar.gz".to_owned(),
                size: 6,
            },
            commit: None,
            base: None,
            by: Actor::Key(ROBOT),
            rescan_of: None,
            client: None,
        };
        self.append(organization, scan_stream(scan), &[ScanEvent::from(queued)]).await;
        let views = self.projector.views();
        let snapshot = views.inventory(project, branch).await.unwrap();
        let mut counts = SeverityCounts::default();
        secrets.clone().map(secret).for_each(|found| counts.add(found.severity, 1));
        let command = RecordScan {
            branch: branch_id(project, branch),
            organization,
            project,
            name: branch.to_owned(),
            base: snapshot.base,
            scan,
            run: 1,
            coverage: vec![ScannerKind::Sca, ScannerKind::Secrets].into(),
            observed: observe(project, secrets.clone().map(secret).collect(), &HashMap::new()),
            components: Some(secrets.map(component).collect()),
            generation: None,
        };
        let events = Branch::decide(&snapshot.inventory, command).unwrap();
        let stream = branch_stream(branch_id(project, branch));
        self.append(organization, stream, &events).await;
        let verdict = Gate::default().verdict(&GateInput::default(), self.projector.views().position());
        let outcome = ScanOutcome { counts, files: 1, ..ScanOutcome::default() };
        let completed = ScanEvent::from(Completed { scan, outcome, verdict });
        (scan, self.append(organization, scan_stream(scan), &[completed]).await)
    }

    /// A decision by the key `robot`.
    pub(super) async fn triage(
        &mut self,
        project: ProjectId,
        finding: FindingId,
        to: TriageState,
    ) -> Position {
        let views = self.projector.views();
        let scope = views.finding_scopes(vec![finding]).await.unwrap().remove(0);
        let note = Some(format!("because {to}"));
        let command = TriageCommand { finding, project, fingerprint: scope.fingerprint, to, note };
        let status = self.triage.entry(finding).or_default();
        let events: Vec<FindingEvent> = Triage::decide(status, command).unwrap();
        *status = events.iter().fold(std::mem::take(status), Triage::evolve);
        let organization = self.owners[&project];
        self.append_as(Actor::Key(ROBOT), organization, finding_stream(finding), &events).await
    }

    pub(super) fn sources(&self) -> Sources {
        Sources {
            views: self.projector.views(),
            log: Arc::clone(&self.log),
            vault: Arc::clone(&self.state.vault) as _,
        }
    }

    fn engine(&self) -> Engine {
        assert!(self.folder.path().exists());
        Engine::new(self.sources(), "request-7".to_owned())
    }

    /// Runs a query.
    pub(super) async fn run(&self, principal: Principal, query: &str) -> Response {
        self.engine().run(principal, Request::new(query)).await.0
    }

    /// The data of a query that has to work.
    pub(super) async fn data(&self, principal: Principal, query: &str) -> Value {
        let response = self.run(principal, query).await;
        assert_eq!(response.errors, [], "{query}");
        response.data.into_json().unwrap()
    }

    /// The codes of the errors of a query that has to fail.
    pub(super) async fn codes(&self, principal: Principal, query: &str) -> Vec<String> {
        let response = self.run(principal, query).await;
        assert!(!response.errors.is_empty(), "{query} should fail, and gave {:?}", response.data);
        let code = |error: &async_graphql::ServerError| {
            let code = error.extensions.as_ref().and_then(|extensions| extensions.get("code")).cloned();
            code.unwrap().into_json().unwrap().as_str().unwrap().to_owned()
        };
        response.errors.iter().map(code).collect()
    }

    /// How often the read models are asked for a query that has to work.
    pub(super) async fn questions(&self, principal: Principal, query: &str) -> usize {
        let scope = Scope::new(principal, self.sources(), String::new());
        let request = Arc::clone(&scope).attach(Request::new(query));
        let response = super::super::SCHEMA.execute(request).await;
        assert_eq!(response.errors, [], "{query}");
        scope.queries()
    }

    /// Subscribes.
    pub(super) fn subscribe(&self, principal: Principal, query: &str) -> BoxStream<'static, Response> {
        self.socket(principal)(query)
    }

    /// A socket, on which any number of subscriptions can be asked for.
    pub(super) fn socket(&self, principal: Principal) -> impl Fn(&str) -> BoxStream<'static, Response> {
        let engine = self.engine();
        move |query| match engine.stream(principal.clone(), Request::new(query)) {
            Some(running) => running.answers,
            None => futures::stream::iter([too_many()]).boxed(),
        }
    }
}

/// A caller with a key of an organization.
pub(super) fn caller(organization: OrganizationId, role: Role, project: Option<ProjectId>) -> Principal {
    Principal {
        actor: Actor::Key(ROBOT),
        credential: Credential::Key { key: ROBOT, form: KeyForm::Pepper },
        organization,
        authority: Authority::Service { role },
        limit: Limit { project, ..Limit::NONE },
    }
}

/// Ana, signed in, as a member of the home organization and of some of its teams.
pub(super) fn member(teams: &[(TeamId, TeamRole)]) -> Principal {
    let teams = teams.iter().copied().collect();
    let belonging = Belonging { organization: HOME, role: OrganizationRole::Member, teams };
    let standing = Standing { user: ANA, rank: Rank::Ordinary, organizations: vec![belonging] };
    Principal {
        actor: Actor::User(ANA),
        credential: Credential::Session(SessionId(Uuid::from_u128(7))),
        organization: HOME,
        authority: Authority::Person(Arc::new(standing)),
        limit: Limit::NONE,
    }
}

/// A caller of the home organization who sees everything.
pub(super) fn admin() -> Principal {
    caller(HOME, Role::Admin, None)
}

fn secret(number: u32) -> Detection {
    let path = format!("src/file-{:02}.env", 50 - number % 50);
    Detection {
        identity: Identity::Secret {
            path: path.clone(),
            hash: number.to_be_bytes().to_vec(),
            leak_hash: number.to_be_bytes().to_vec(),
            masked: "ghp_…".to_owned(),
        },
        rule: "GITHUB_TOKEN".to_owned(),
        title: format!("Token number{number} in a file"),
        description: String::new(),
        severity: Severity::ALL[number as usize % 3],
        cwe: None,
        cve: None,
        confidence: 1.0,
        places: vec![Place { path, line: Some(number + 1), end_line: None, version: None }],
        fixed_version: None,
        excerpt: None,
        references: vec![],
    }
}

fn component(number: u32) -> Component {
    Component {
        package: Package::new(Ecosystem::Npm, &format!("package-{number}")),
        version: "1.0.0".to_owned(),
        path: "package-lock.json".to_owned(),
        scope: ComponentScope::Runtime,
        direct: Some(true),
    }
}
