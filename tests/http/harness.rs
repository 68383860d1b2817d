//! A server and clients of it.

use crate::archive::Files;
use reqwest::header::HeaderMap;
use reqwest::multipart::{Form, Part};
use reqwest::{Method, RequestBuilder};
use scanledger::operations::{KeyWanted, Operation, Outcome, perform};
use scanledger::server::{Duty, RunningServer, ServerOptions, start};
use scanledger_api::limit::Settings;
use scanledger_commands::Context;
use scanledger_commands::identity::NewKey;
use scanledger_domain::id::{CommandId, OrganizationId, ProjectId};
use scanledger_domain::identity::{
    Breadth, KeyForm, KeyKind, Organization, OrganizationCommand, OrganizationCreated, Role, Scopes,
    organization_stream,
};
use scanledger_domain::log::Actor;
use scanledger_domain::time::Timestamp;
use serde_json::Value;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;

/// How long anything may take before a test has failed.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a client got.
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub bytes: Vec<u8>,
}

impl Answer {
    /// The body as JSON; null if it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or_default()
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8(self.bytes.clone()).unwrap()
    }

    /// A header; empty if it is not there.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The body of an answer with this status.
    #[track_caller]
    pub fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", String::from_utf8_lossy(&self.bytes));
        self.json()
    }

    /// Checks that it is a refusal with this status, in Pepper's shape.
    #[track_caller]
    pub fn refused(&self, status: u16) -> Value {
        let body = self.expect(status);
        assert!(body["error"].as_str().is_some_and(|text| !text.is_empty()), "{body}");
        body
    }

    /// Checks that it is a refusal with this code.
    #[track_caller]
    pub fn refused_as(&self, status: u16, code: &str) {
        assert_eq!(self.refused(status)["code"], code);
    }

    /// Checks that it is a 400 about this part of the request.
    #[track_caller]
    pub fn refused_for(&self, path: &str) {
        let body = self.refused(400);
        assert_eq!(body["details"][0]["path"], path, "{body}");
        assert!(body["details"][0]["message"].as_str().is_some_and(|text| !text.is_empty()), "{body}");
    }
}

/// Somebody who asks.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    base: String,
    key: Option<String>,
}

impl Client {
    /// The same client with another key, or none.
    pub fn with_key(&self, key: Option<&str>) -> Self {
        Self { key: key.map(str::to_owned), ..self.clone() }
    }

    /// The key.
    pub fn key(&self) -> &str {
        self.key.as_deref().unwrap()
    }

    /// A request that is still to be sent.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.base));
        match &self.key {
            Some(key) => request.bearer_auth(key),
            None => request,
        }
    }

    pub async fn send(&self, request: RequestBuilder) -> Answer {
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Answer { status, headers, bytes: response.bytes().await.unwrap().to_vec() }
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path)).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.send(self.request(Method::DELETE, path)).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(self.request(Method::POST, path).json(body)).await
    }

    pub async fn patch(&self, path: &str, body: &Value) -> Answer {
        self.send(self.request(Method::PATCH, path).json(body)).await
    }

    pub async fn put(&self, path: &str, body: &Value) -> Answer {
        self.send(self.request(Method::PUT, path).json(body)).await
    }

    /// Sends a multipart form to `POST /api/scans`.
    pub async fn upload_form(&self, form: Form) -> Answer {
        self.send(self.request(Method::POST, "/api/scans").multipart(form)).await
    }

    /// Uploads as the documents say: `source` and a text part per field.
    pub async fn upload(&self, files: &Files, fields: &[(&str, &str)]) -> Answer {
        self.upload_form(form(files, fields)).await
    }
}

/// An upload as the documents say.
pub fn form(files: &Files, fields: &[(&str, &str)]) -> Form {
    let archive = Part::bytes(files.tar_gz()).file_name("shop.tar.gz");
    let archive = archive.mime_str("application/gzip").unwrap();
    fields.iter().fold(Form::new().part("source", archive), |form, (name, value)| {
        form.text((*name).to_owned(), (*value).to_owned())
    })
}

/// A server with its administrator.
pub struct Api {
    admin: Client,
    pub server: RunningServer,
    pub organization: String,
    pub user: String,
    _folder: tempfile::TempDir,
}

impl Deref for Api {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.admin
    }
}

impl Api {
    /// A server that scans.
    pub async fn start() -> Self {
        Self::with(|options| options.duty = Duty::Everything { workers: 1 }).await
    }

    /// A server on which scans stay in the queue.
    pub async fn without_workers() -> Self {
        Self::with(|_| ()).await
    }

    /// As [`Self::without_workers`], with limits of its own.
    pub async fn with_limits(limits: Settings) -> Self {
        Self::with(|options| options.limits = limits).await
    }

    /// As [`Self::without_workers`], with other options.
    pub async fn with(change: impl FnOnce(&mut ServerOptions)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut options =
            ServerOptions { duty: Duty::Answers, ..ServerOptions::new(folder.path().join("data")) };
        change(&mut options);
        let server = start(options).await.unwrap();
        let set_up = Operation::SetUp {
            organization: "Acme".to_owned(),
            name: "Ana".to_owned(),
            email: "ana@example.org".to_owned(),
            password: None,
        };
        let Outcome::SetUp(made) = perform(&server.engine, set_up, Arc::new(|_| ())).await.unwrap() else {
            panic!("set-up answers what it made");
        };
        let admin = Client { http: reqwest::Client::new(), base: server.url(), key: Some(made.api_key) };
        let api =
            Self { admin, server, organization: made.organization_id, user: made.user_id, _folder: folder };
        api.shown().await;
        api
    }

    /// The same server once more, with other options, which may be about its organization.
    pub async fn again(self, change: impl FnOnce(&mut ServerOptions, &str)) -> Self {
        let Self { admin, server, organization, user, _folder: folder } = self;
        server.shutdown().await.unwrap();
        let mut options =
            ServerOptions { duty: Duty::Answers, ..ServerOptions::new(folder.path().join("data")) };
        change(&mut options, &organization);
        let server = start(options).await.unwrap();
        let admin = Client { base: server.url(), ..admin };
        let api = Self { admin, server, organization, user, _folder: folder };
        api.shown().await;
        api
    }

    /// The id of the key that set-up made: who does what the tests do, because nobody is behind that key.
    pub async fn key_id(&self) -> String {
        let keys = self.get("/api/apikeys").await.expect(200);
        let keys = keys["keys"].as_array().unwrap();
        keys.iter().find(|key| self.key().starts_with(key["prefix"].as_str().unwrap())).map(id).unwrap()
    }

    /// Waits until reads show everything that was written.
    pub async fn shown(&self) {
        let head = self.server.engine.event_log().head().await.unwrap();
        self.server.app.views.wait_for(head, PATIENCE).await.unwrap();
    }

    /// A client of the same organization without a person behind it.
    pub async fn with_role(&self, role: Role, project: Option<&str>) -> Client {
        self.with_key_until(role, project, None).await
    }

    /// As [`Self::with_role`], with a key that ends.
    pub async fn with_key_until(
        &self,
        role: Role,
        project: Option<&str>,
        until: Option<Timestamp>,
    ) -> Client {
        let operation = Operation::CreateKey(KeyWanted {
            project: project.map(|id| id.parse::<ProjectId>().unwrap()),
            organization: Some(self.organization.parse().unwrap()),
            expires_at: until,
            ..KeyWanted::new(format!("{role:?}"), role)
        });
        let outcome = perform(&self.server.engine, operation, Arc::new(|_| ())).await.unwrap();
        let Outcome::KeyCreated { token, .. } = outcome else { panic!("a key was asked for") };
        self.shown().await;
        self.with_key(Some(&token))
    }

    /// An administrator of another organization.
    pub async fn foreigner(&self) -> Client {
        let organization = OrganizationId(Uuid::from_u128(0xf0e1));
        let context = |n| Context::new(CommandId(Uuid::from_u128(n)), Actor::Operator, Some(organization));
        let created = OrganizationCreated { organization, name: "Other".to_owned() };
        let engine = &self.server.engine;
        let stream = organization_stream(organization);
        let create = OrganizationCommand::Create(created);
        engine.ledger.execute::<Organization>(&context(0xf0e2), &stream, None, create).await.unwrap();
        let key = NewKey {
            organization,
            name: "Other".to_owned(),
            form: KeyForm::Pepper,
            kind: KeyKind::Service,
            role: Role::Admin,
            team: None,
            project: None,
            scopes: Scopes::ALL,
            breadth: Breadth::ReadWrite,
            by: None,
            expires_at: None,
        };
        let issued = engine.identities.create_key(&context(0xf0e3), key).await.unwrap();
        self.shown().await;
        self.with_key(Some(issued.token.reveal()))
    }

    /// Imports the advisories of the demo.
    pub async fn import_advisories(&self) {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("samples/advisories");
        let zips = ["npm", "PyPI", "crates.io", "Go"].map(|name| folder.join(format!("{name}.zip")));
        let operation = Operation::ImportAdvisories { sources: zips.to_vec() };
        perform(&self.server.engine, operation, Arc::new(|_| ())).await.unwrap();
        self.shown().await;
    }

    /// Waits until a scan has ended, and answers it.
    pub async fn ended(&self, scan: &str) -> Value {
        let mut positions = self.server.app.views.watch();
        let ended = async {
            loop {
                positions.borrow_and_update();
                let scan = self.get(&format!("/api/scans/{scan}")).await.expect(200);
                if !matches!(scan["status"].as_str().unwrap(), "QUEUED" | "RUNNING" | "PAUSED") {
                    return scan;
                }
                positions.changed().await.unwrap();
            }
        };
        tokio::time::timeout(PATIENCE, ended).await.expect("the scan should have ended")
    }

    /// Uploads and waits until the scan is completed; answers it.
    pub async fn scanned(&self, files: &Files, fields: &[(&str, &str)]) -> Value {
        let queued = self.upload(files, fields).await.expect(201);
        let scan = self.ended(queued["scanId"].as_str().unwrap()).await;
        assert_eq!(scan["status"], "COMPLETED", "{scan}");
        scan
    }

    /// Makes a project.
    pub async fn project(&self, name: &str) -> String {
        let project = self.post("/api/projects", &serde_json::json!({ "name": name })).await.expect(201);
        id(&project)
    }
}

/// The field `id`.
pub fn id(value: &Value) -> String {
    value["id"].as_str().unwrap().to_owned()
}

/// An id that nothing has.
pub const NOBODY: &str = "00000000-0000-4000-8000-000000000000";

/// The values of a field in a list.
pub fn column<'a>(list: &'a Value, field: &str) -> Vec<&'a str> {
    list.as_array().unwrap().iter().map(|row| row[field].as_str().unwrap()).collect()
}
