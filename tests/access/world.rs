//! Two organizations with teams, people, projects, scans and findings, on a server that only answers.

use crate::archive::leaky;
use crate::place::{Place, Things};
use reqwest::multipart::{Form, Part};
use scanledger::operations::{Operation, Outcome, Password, perform};
use scanledger::server::{Duty, RunningServer, ServerOptions, start};
use scanledger_api::limit::{Quotas, Settings};
use scanledger_commands::Context;
use scanledger_commands::honeytoken::HoneytokenWanted;
use scanledger_commands::identity::{NewKey, NewPerson, NewTeam};
use scanledger_commands::project::NewProject;
use scanledger_domain::id::{ApiKeyId, CommandId, HoneytokenId, OrganizationId, TeamId, UserId};
use scanledger_domain::identity::{
    Belonging, Breadth, Changer, KeyForm, KeyKind, OrganizationRole, ProjectScope, Rank, Role, Scopes,
    Standing, TeamDetails, TeamRole,
};
use scanledger_domain::log::Actor;
use scanledger_domain::project::{Gate, ProjectDetails};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// How long anything may take before a test has failed.
pub const PATIENCE: Duration = Duration::from_secs(60);
/// Everybody's password.
pub const PASSWORD: &str = "correct horse battery staple";

/// A person and what they are, as the test made them: not as the server sees them.
#[derive(Debug, Clone)]
pub struct Person {
    /// What the test calls them.
    pub name: &'static str,
    /// Their id.
    pub user: UserId,
    /// What they are everywhere.
    pub standing: Standing,
}

impl Person {
    /// Their address.
    pub fn email(&self) -> String {
        format!("{}@example.org", self.name)
    }
}

/// The home organization, the other one, and everything in both.
pub struct World {
    /// What runs them.
    pub server: RunningServer,
    /// What asks it.
    pub http: reqwest::Client,
    /// The organization that most callers belong to.
    pub home: OrganizationId,
    /// One of its teams.
    pub core: TeamId,
    /// The other.
    pub edge: TeamId,
    /// The other organization.
    pub elsewhere: OrganizationId,
    things: BTreeMap<Place, Things>,
    people: Vec<Person>,
    tokens: BTreeMap<OrganizationId, String>,
    _folder: tempfile::TempDir,
}

impl World {
    /// Makes it, with scans that ran, and then serves it without workers, so that what waits goes on waiting.
    pub async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let server = serve(folder.path(), Duty::Everything { workers: 2 }).await;
        let set_up = Operation::SetUp {
            organization: "Home".to_owned(),
            name: "Ana".to_owned(),
            email: "ana@example.org".to_owned(),
            password: Some(Password(PASSWORD.to_owned())),
        };
        let Outcome::SetUp(made) = perform(&server.engine, set_up, Arc::new(|_| ())).await.unwrap() else {
            panic!("set-up answers what it made");
        };
        let home: OrganizationId = made.organization_id.parse().unwrap();
        let mut world = Self {
            server,
            http: reqwest::Client::new(),
            home,
            core: TeamId(home.0),
            edge: TeamId(home.0),
            elsewhere: home,
            things: BTreeMap::new(),
            people: vec![],
            tokens: BTreeMap::new(),
            _folder: folder,
        };
        world.fill_home(made.user_id.parse().unwrap()).await;
        let other_team = world.fill_elsewhere().await;
        world.fill_places(other_team).await;
        world.server.shutdown().await.unwrap();
        world.server = serve(world._folder.path(), Duty::Answers).await;
        world.shown().await;
        world
    }

    async fn fill_home(&mut self, ana: UserId) {
        (self.core, self.edge) = (self.team(self.home, "core").await, self.team(self.home, "edge").await);
        let belonging =
            Belonging { organization: self.home, role: OrganizationRole::Owner, teams: BTreeMap::new() };
        let standing = Standing { user: ana, rank: Rank::SuperAdmin, organizations: vec![belonging] };
        self.people.push(Person { name: "ana", user: ana, standing });
        let (core, edge) = (self.core, self.edge);
        for (name, role, team) in [
            ("olga", OrganizationRole::Owner, None),
            ("adam", OrganizationRole::Admin, None),
            ("tess", OrganizationRole::Member, Some((core, TeamRole::Admin))),
            ("dave", OrganizationRole::Member, Some((core, TeamRole::Developer))),
            ("vera", OrganizationRole::Member, Some((core, TeamRole::Viewer))),
            ("emil", OrganizationRole::Member, Some((edge, TeamRole::Admin))),
            ("mia", OrganizationRole::Member, None),
            ("ida", OrganizationRole::Member, Some((core, TeamRole::Admin))),
            ("fay", OrganizationRole::Member, Some((core, TeamRole::Admin))),
        ] {
            let user = self.person(name, role, team).await;
            let teams = team.into_iter().collect();
            let belonging = Belonging { organization: self.home, role, teams };
            let standing = Standing { user, rank: Rank::Ordinary, organizations: vec![belonging] };
            self.people.push(Person { name, user, standing });
        }
    }

    async fn fill_elsewhere(&mut self) -> TeamId {
        let context = self.context(None);
        let email = "bob@example.org".to_owned();
        let new = NewPerson { email, name: Some("Bob".to_owned()), password: Some(PASSWORD.to_owned()) };
        let bob = self.server.engine.identities.register(&context, new).await.unwrap().user;
        self.elsewhere = context.made_id("organization");
        let team = context.made_id("team");
        let belonging = Belonging {
            organization: self.elsewhere,
            role: OrganizationRole::Owner,
            teams: BTreeMap::from([(team, TeamRole::Admin)]),
        };
        let standing = Standing { user: bob, rank: Rank::Ordinary, organizations: vec![belonging] };
        self.people.push(Person { name: "bob", user: bob, standing });
        team
    }

    async fn fill_places(&mut self, other_team: TeamId) {
        for organization in [self.home, self.elsewhere] {
            let token = self.key(self.new_key(organization)).await.1;
            self.tokens.insert(organization, token);
        }
        self.shown().await;
        for (number, place) in Place::REAL.into_iter().enumerate() {
            let (organization, team, user) = match place {
                Place::Core => (self.home, Some(self.core), "dave"),
                Place::Edge => (self.home, Some(self.edge), "emil"),
                Place::Free | Place::Nowhere => (self.home, None, "mia"),
                Place::Elsewhere => (self.elsewhere, Some(other_team), "bob"),
            };
            let name = format!("project-{}", ["zebra", "walrus", "otter", "lynx"][number]);
            let scope = self.project(organization, team, &name).await;
            self.shown().await;
            let token = self.token_of(organization);
            let scan = self.scanned(token, &scope, number as u64 * 10).await;
            let findings = self.findings(token, &scan).await;
            let incident = self.incident(token, &scan).await;
            let client_scan = self.begun_by_client(token, &name).await;
            let scans = self.scans_of(token, &scope).await;
            let event = self.made_by(token, &scope).await;
            let limited = NewKey { project: Some(scope.project), ..self.new_key(organization) };
            let key = self.key(limited.clone()).await.0;
            let owned_key = self.key(NewKey { form: KeyForm::Trusca, ..limited }).await.0;
            let invitation = self.invitation(organization, &name).await;
            let honeytoken = self.honeytoken(organization, &name).await;
            let (user, team) = (self.who(user).user, team.unwrap_or(self.core));
            let things = Things {
                scope,
                name,
                scan,
                client_scan,
                scans,
                findings,
                incident,
                event,
                key,
                owned_key,
                user,
                team,
                invitation,
                honeytoken,
            };
            self.things.insert(place, things);
        }
    }

    /// What there is in a place; nothing in [`Place::Nowhere`].
    pub fn things(&self, place: Place) -> Option<&Things> {
        self.things.get(&place)
    }

    /// Somebody.
    pub fn who(&self, name: &str) -> &Person {
        self.people.iter().find(|person| person.name == name).unwrap()
    }

    /// A command of the shell.
    pub fn context(&self, organization: Option<OrganizationId>) -> Context {
        Context::new(CommandId(self.server.app.ids.fresh()), Actor::Operator, organization)
    }

    /// Waits until reads show everything that was written.
    pub async fn shown(&self) {
        let head = self.server.engine.event_log().head().await.unwrap();
        self.server.app.views.wait_for(head, PATIENCE).await.unwrap();
    }

    /// A key of an organization that may do everything; what is to be otherwise is for the caller to say.
    pub fn new_key(&self, organization: OrganizationId) -> NewKey {
        NewKey {
            organization,
            name: "key".to_owned(),
            form: KeyForm::Pepper,
            kind: KeyKind::Service,
            role: Role::Admin,
            team: None,
            project: None,
            scopes: Scopes::ALL,
            breadth: Breadth::ReadWrite,
            by: None,
            expires_at: None,
        }
    }

    /// Makes a key.
    pub async fn key(&self, wanted: NewKey) -> (ApiKeyId, String) {
        let context = self.context(Some(wanted.organization));
        let issued = self.server.engine.identities.create_key(&context, wanted).await.unwrap();
        (issued.created.key, issued.token.reveal().to_owned())
    }

    /// A key of an organization that may do everything.
    pub fn token_of(&self, organization: OrganizationId) -> &str {
        &self.tokens[&organization]
    }

    /// Makes a team.
    pub async fn team(&self, organization: OrganizationId, slug: &str) -> TeamId {
        let details = TeamDetails { name: slug.to_owned(), slug: Some(slug.to_owned()), description: None };
        let new = NewTeam { organization, details };
        let context = self.context(Some(organization));
        self.server.engine.identities.create_team(&context, new).await.unwrap().team
    }

    /// Makes somebody of the home organization.
    pub async fn person(
        &self,
        name: &str,
        role: OrganizationRole,
        team: Option<(TeamId, TeamRole)>,
    ) -> UserId {
        let identities = &self.server.engine.identities;
        let email = format!("{name}@example.org");
        let new = NewPerson { email, name: Some(name.to_owned()), password: Some(PASSWORD.to_owned()) };
        let context = self.context(Some(self.home));
        let user = identities.create_person(&context, new, self.home, team).await.unwrap().user;
        if role != OrganizationRole::Member {
            let context = self.context(Some(self.home));
            identities.set_member_role(&context, Changer::Owner, self.home, user, role).await.unwrap();
        }
        user
    }

    /// Makes a project.
    pub async fn project(
        &self,
        organization: OrganizationId,
        team: Option<TeamId>,
        name: &str,
    ) -> ProjectScope {
        let details = ProjectDetails {
            name: name.to_owned(),
            description: None,
            repo_url: None,
            default_branch: "main".to_owned(),
            dast_target_url: None,
        };
        let new = NewProject { organization, team, details, gate: Gate::default() };
        let context = self.context(Some(organization));
        let written = self.server.app.projects.create(&context, new).await.unwrap();
        ProjectScope { organization, team, project: written.project.project }
    }

    /// Makes a honeytoken.
    async fn honeytoken(&self, organization: OrganizationId, name: &str) -> HoneytokenId {
        let context = self.context(Some(organization));
        let wanted = HoneytokenWanted { organization, name: name.to_owned(), description: None };
        self.server.app.honeytokens.create(&context, wanted).await.unwrap().honeytoken
    }

    /// Uploads; answers the scan, which waits.
    pub async fn queued(&self, token: &str, scope: &ProjectScope, secrets: u64) -> String {
        let request = self.http.post(format!("{}/api/scans", self.server.url())).bearer_auth(token);
        let response = request.multipart(upload(&scope.project.to_string(), secrets)).send().await.unwrap();
        let (status, body) = (response.status(), response.text().await.unwrap());
        assert_eq!(status.as_u16(), 201, "{body}");
        let body: Value = serde_json::from_str(&body).unwrap();
        body["scanId"].as_str().unwrap().to_owned()
    }

    async fn scanned(&self, token: &str, scope: &ProjectScope, secrets: u64) -> String {
        let scan = self.queued(token, scope, secrets).await;
        let mut positions = self.server.app.views.watch();
        let ended = async {
            loop {
                positions.borrow_and_update();
                let body = self.read(token, &format!("/api/scans/{scan}")).await;
                match body["status"].as_str().unwrap() {
                    "QUEUED" | "RUNNING" => positions.changed().await.unwrap(),
                    status => return assert_eq!(status, "COMPLETED", "{body}"),
                }
            }
        };
        tokio::time::timeout(PATIENCE, ended).await.expect("the scan should have ended");
        scan
    }

    /// A scan that a client runs; answers its number.
    async fn begun_by_client(&self, token: &str, repository: &str) -> String {
        let body = json!({
            "project_metadata": { "repository": repository },
            "scan_metadata": { "unique_id": self.server.app.ids.fresh() },
        });
        let url = format!("{}/api/cli/v2/scans", self.server.url());
        let response = self.http.post(url).bearer_auth(token).json(&body).send().await.unwrap();
        assert_eq!(response.status().as_u16(), 200);
        response.json::<Value>().await.unwrap()["info"]["id"].to_string()
    }

    /// The scans of a project.
    async fn scans_of(&self, token: &str, scope: &ProjectScope) -> Vec<String> {
        self.shown().await;
        let listed = self.read(token, &format!("/api/scans?projectId={}&limit=10", scope.project)).await;
        let scans = listed["scans"].as_array().unwrap().iter();
        scans.map(|scan| scan["id"].as_str().unwrap().to_owned()).collect()
    }

    /// What became of a thing's scan.
    pub async fn status_of(&self, things: &Things) -> String {
        let token = self.token_of(things.scope.organization);
        let scan = self.read(token, &format!("/api/scans/{}", things.scan)).await;
        scan["status"].as_str().unwrap().to_owned()
    }

    /// The event of a project's making.
    async fn made_by(&self, token: &str, scope: &ProjectScope) -> String {
        let events = self.read(token, "/api/events?types=project.created&limit=1000").await;
        let project = scope.project.to_string();
        let event = events.as_array().unwrap().iter().find(|event| event["data"]["project"] == project);
        event.unwrap()["id"].as_str().unwrap().to_owned()
    }

    async fn findings(&self, token: &str, scan: &str) -> Vec<String> {
        let body = self.read(token, &format!("/api/scans/{scan}/findings")).await;
        let rows = body["findings"].as_array().unwrap().iter();
        let findings: Vec<String> = rows.map(|row| row["id"].as_str().unwrap().to_owned()).collect();
        let url = format!("{}/api/findings/{}", self.server.url(), findings[0]);
        let triage = self.http.patch(url).bearer_auth(token).json(&json!({ "status": "IN_PROGRESS" }));
        assert_eq!(triage.send().await.unwrap().status().as_u16(), 200);
        findings
    }

    async fn incident(&self, token: &str, scan: &str) -> String {
        let document = format!(
            "{{ findings(scan: \"{scan}\", filter: {{ pathContains: \"{OWN_SECRET}\" }}) {{ nodes {{ incident {{ id }} }} }} }}"
        );
        let url = format!("{}/graphql", self.server.url());
        let asked = self.http.post(url).bearer_auth(token).json(&json!({ "query": document }));
        let body: Value = asked.send().await.unwrap().json().await.unwrap();
        body["data"]["findings"]["nodes"][0]["incident"]["id"].as_str().unwrap().to_owned()
    }

    async fn read(&self, token: &str, path: &str) -> Value {
        let request = self.http.get(format!("{}{path}", self.server.url())).bearer_auth(token);
        let response = request.send().await.unwrap();
        assert_eq!(response.status().as_u16(), 200, "{path}");
        response.json().await.unwrap()
    }
}

async fn serve(folder: &Path, duty: Duty) -> RunningServer {
    let limits = Settings { quotas: Quotas::off(), ..Settings::default() };
    start(ServerOptions { duty, limits, ..ServerOptions::new(folder.join("data")) }).await.unwrap()
}

/// Where an upload has a secret that no other has.
const OWN_SECRET: &str = "src/second.js";

/// An upload into a project; what it holds is different for each number.
pub fn upload(project: &str, number: u64) -> Form {
    let files = leaky(1).with_secret("src/first.js", number + 1).with_secret(OWN_SECRET, number + 2);
    let archive = Part::bytes(files.tar_gz()).file_name("upload.tar.gz");
    Form::new()
        .part("source", archive.mime_str("application/gzip").unwrap())
        .text("projectId", project.to_owned())
}
