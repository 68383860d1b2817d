//! Servers that speak TLS under an authority of their own, and take users with credentials only.

use crate::server::Server;
use crate::world::{Publishing, World};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use nkeys::KeyPair;
use scanledger_bus_nats::{BusOptions, Link, NatsBus};
use scanledger_domain::log::{EventLog, Position};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

/// How long somebody who is refused may try.
const REFUSED: Duration = Duration::from_secs(1);

/// An authority, and a server's certificate from it.
struct Authority(TempDir);

impl Authority {
    fn new() -> Self {
        let authority = Self(tempfile::tempdir().unwrap());
        let key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
        let run = |arguments: &[&[&str]]| {
            let mut command = Command::new("openssl");
            command.args(arguments.concat()).current_dir(authority.0.path());
            let ran = command.output().expect("there is the program openssl, which makes certificates");
            assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
        };
        std::fs::write(authority.file("names"), "subjectAltName=IP:127.0.0.1").unwrap();
        run(&[
            &["req", "-x509"],
            &key,
            &["-days", "2", "-subj", "/CN=tests", "-keyout", "ca.key", "-out", "ca.pem"],
        ]);
        run(&[&["req", "-new"], &key, &["-subj", "/CN=bus", "-keyout", "bus.key", "-out", "bus.csr"]]);
        run(&[
            &["x509", "-req", "-in", "bus.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial"],
            &["-days", "2", "-extfile", "names", "-out", "bus.pem"],
        ]);
        authority
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Lines for the configuration of a server.
    fn tls(&self) -> String {
        format!("tls {{ cert_file: {:?}, key_file: {:?} }}\n", self.file("bus.pem"), self.file("bus.key"))
    }

    fn trusted(&self) -> BusOptions {
        BusOptions { root_certificates: Some(self.file("ca.pem")), ..BusOptions::default() }
    }
}

/// A token as operators of NATS write it: `claims` about `subject`, signed by `issuer`.
fn token(issuer: &KeyPair, subject: &KeyPair, claims: Value) -> String {
    let head = json!({ "typ": "JWT", "alg": "ed25519-nkey" });
    let body = json!({
        "jti": "one", "iat": 0, "iss": issuer.public_key(), "name": "tests", "sub": subject.public_key(),
        "nats": claims,
    });
    let [head, body] = [head, body].map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
    let signed = format!("{head}.{body}");
    let signature = issuer.sign(signed.as_bytes()).unwrap();
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// An operator with one account for events.
struct Operator {
    settings: String,
    account: KeyPair,
}

impl Operator {
    fn new() -> Self {
        let [operator, account, system] =
            [KeyPair::new_operator(), KeyPair::new_account(), KeyPair::new_account()];
        let mut limits = json!({
            "subs": -1, "data": -1, "payload": -1, "imports": -1, "exports": -1, "wildcards": true, "conn": -1,
            "leaf": -1,
        });
        let plain = token(&operator, &system, json!({ "type": "account", "version": 2, "limits": limits }));
        for unlimited in ["mem_storage", "disk_storage", "streams", "consumer"] {
            limits[unlimited] = json!(-1);
        }
        let keeping =
            token(&operator, &account, json!({ "type": "account", "version": 2, "limits": limits }));
        let settings = format!(
            "operator: {}\nresolver: MEMORY\nsystem_account: {2}\nresolver_preload {{\n{1}: {keeping}\n{2}: {plain}\n}}\n",
            token(&operator, &operator, json!({ "type": "operator", "version": 2 })),
            account.public_key(),
            system.public_key(),
        );
        Self { settings, account }
    }

    /// Writes the credentials of a user that `account` vouches for.
    fn credentials(file: &Path, account: &KeyPair) {
        let user = KeyPair::new_user();
        let claims = json!({ "type": "user", "version": 2, "subs": -1, "data": -1, "payload": -1 });
        let token = token(account, &user, claims);
        let lines = [
            "-----BEGIN NATS USER JWT-----",
            &token,
            "------END NATS USER JWT------",
            "",
            &format!("-----BEGIN {} NKEY SEED-----", "USER"),
            &user.seed().unwrap(),
            &format!("------END {} NKEY SEED------", "USER"),
            "",
        ];
        std::fs::write(file, lines.join("\n")).unwrap();
    }
}

async fn connected(server: &Server, world: &World, options: BusOptions) -> NatsBus {
    NatsBus::connect(&server.url(), world.log.identity(), options).await.unwrap()
}

/// Publishing works with these options.
async fn taken(server: &Server, world: &World, options: BusOptions) {
    let bus = connected(server, world, options).await;
    let publishing = Publishing::start(Arc::new(bus), Arc::clone(&world.log) as _);
    publishing.until(Position(10)).await;
    publishing.stop().await.unwrap();
}

/// With these there is no connection.
async fn refused(server: &Server, world: &World, options: BusOptions) {
    let bus = connected(server, world, options.clone()).await;
    let mut state = bus.state();
    let is_up = tokio::time::timeout(REFUSED, state.wait_for(|state| state.link == Link::Up)).await;
    assert!(!matches!(is_up, Ok(Ok(_))), "{options:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_is_trusted_for_its_authority_and_not_without() {
    let (authority, other, world) = (Authority::new(), Authority::new(), World::new());
    let mut server = Server::stopped(authority.tls());
    server.start();
    world.append(10).await;
    refused(&server, &world, BusOptions::default()).await;
    refused(&server, &world, other.trusted()).await;
    taken(&server, &world, authority.trusted()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_an_authority_nothing_is_said_without_tls() {
    let (authority, world, server) = (Authority::new(), World::new(), Server::started());
    refused(&server, &world, authority.trusted()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_is_known_by_credentials_over_tls() {
    let (authority, operator, world) = (Authority::new(), Operator::new(), World::new());
    let mut server = Server::stopped(authority.tls() + &operator.settings);
    server.start();
    world.append(10).await;
    let with = |name: &str, account: &KeyPair| {
        let file = authority.file(name);
        Operator::credentials(&file, account);
        BusOptions { credentials: Some(file), ..authority.trusted() }
    };
    refused(&server, &world, authority.trusted()).await;
    refused(&server, &world, with("stranger.creds", &KeyPair::new_account())).await;
    taken(&server, &world, with("user.creds", &operator.account)).await;
}
