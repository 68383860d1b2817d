//! The routes that prove, with a client that verifies.

use crate::harness::{Answer, Api, Client, NOBODY};
use axum::Extension;
use reqwest::Method;
use scanledger::proofs::{ProofDeps, Proofs};
use scanledger_api::limit::{Limits, Settings};
use scanledger_domain::identity::Role;
use scanledger_domain::log::Position;
use scanledger_domain::proof::{
    SignedCheckpoint, TreeHash, VerifierKey, leaf_hash, verify_consistency, verify_inclusion,
};
use scanledger_state::{ServerKey, State};
use serde_json::Value;
use std::sync::Arc;

/// A server, and beside it one more listener with proofs that this test signs when it wants to.
struct Proven {
    api: Api,
    proofs: Proofs,
    base: String,
    _folder: tempfile::TempDir,
}

impl Proven {
    async fn start() -> Self {
        let api = Api::without_workers().await;
        let folder = tempfile::tempdir().unwrap();
        let key = ServerKey::create(&folder.path().join("server.key")).unwrap();
        let state = State::open(&folder.path().join("state.db"), &key).unwrap();
        let deps = ProofDeps {
            log: api.server.engine.event_log(),
            checkpoints: Arc::clone(&state.checkpoints) as _,
            blobs: Arc::clone(&api.server.engine.blobs),
            publish: Arc::new(|_| ()),
        };
        let seed = || Ok(*state.vault.signing_seed()?);
        let proofs = Proofs::open(folder.path(), deps, seed).await.unwrap();
        let limits = Arc::new(Limits::new(&Settings::default()));
        let router =
            scanledger_api::router(Arc::clone(&api.server.app), limits).layer(Extension(proofs.reads()));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let service = router.into_make_service_with_connect_info::<std::net::SocketAddr>();
        tokio::spawn(async move { axum::serve(listener, service).await });
        Self { api, proofs, base, _folder: folder }
    }

    async fn get_as(&self, client: &Client, path: &str) -> Answer {
        let request = reqwest::Client::new().request(Method::GET, format!("{}{path}", self.base));
        self.api.send(request.bearer_auth(client.key())).await
    }

    async fn get(&self, path: &str) -> Answer {
        self.get_as(&self.api, path).await
    }

    async fn event(&self, position: u64) -> scanledger_domain::log::Recorded {
        let log = self.api.server.engine.event_log();
        log.read_all(Position(position - 1), 1).await.unwrap().remove(0)
    }
}

fn hashes(value: &Value) -> Vec<TreeHash> {
    value.as_array().unwrap().iter().map(hash).collect()
}

fn hash(value: &Value) -> TreeHash {
    value.as_str().unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_client_verifies_an_event_with_nothing_but_the_key() {
    let proven = Proven::start().await;
    let events = proven.api.get("/api/events").await.expect(200);
    let kept = proven.proofs.sign().await.unwrap().signed.note.to_string();
    let answer = proven.get("/api/audit-log/checkpoint").await;
    assert_eq!((answer.status, answer.text()), (200, kept));
    assert!(answer.header("content-type").starts_with("text/plain"));
    let key: VerifierKey = proven.get("/api/audit-log/key").await.text().trim().parse().unwrap();

    for envelope in events.as_array().unwrap() {
        let id = envelope["id"].as_str().unwrap();
        let proof = proven.get(&format!("/api/audit-log/proof?event={id}")).await.expect(200);
        assert_eq!((&proof["event"], &proof["position"]), (&envelope["id"], &envelope["position"]));
        let signed =
            SignedCheckpoint::verify(proof["checkpoint"].as_str().unwrap(), &key).unwrap().checkpoint;
        let position = proof["position"].as_u64().unwrap();
        let leaf = leaf_hash(&proven.event(position).await);
        assert_eq!(hash(&proof["leafHash"]), leaf);
        let number = proof["leaf"].as_u64().unwrap();
        let verdict = verify_inclusion(leaf, number, signed.size, signed.root, &hashes(&proof["hashes"]));
        assert_eq!(verdict, Ok(()));
    }
}

#[tokio::test]
async fn a_client_verifies_that_the_log_was_only_added_to() {
    let proven = Proven::start().await;
    let old = proven.proofs.sign().await.unwrap().signed.checkpoint;
    proven.api.project("shop").await;
    let new = proven.proofs.sign().await.unwrap().signed.checkpoint;
    let path = format!("/api/audit-log/consistency?from={}", old.size);
    let proof = proven.get(&path).await.expect(200);
    assert_eq!((hash(&proof["fromRoot"]), hash(&proof["toRoot"])), (old.root, new.root));
    let verdict = verify_consistency(old.size, old.root, new.size, new.root, &hashes(&proof["hashes"]));
    assert_eq!(verdict, Ok(()));
    assert!(proof["checkpoint"].as_str().unwrap().contains(&new.root.to_string()));
    let older = proven.get(&format!("/api/audit-log/checkpoint?size={}", old.size)).await;
    assert_eq!(SignedCheckpoint::parse(&older.text()).unwrap().checkpoint, old);
    let between = proven.get(&format!("{path}&to={}", new.size - 1)).await.expect(200);
    assert_eq!(between["checkpoint"], Value::Null);
}

#[tokio::test]
async fn an_event_is_proven_when_a_checkpoint_covers_it() {
    let proven = Proven::start().await;
    proven.get("/api/audit-log/checkpoint").await.refused(404);
    let first = proven.event(1).await.id;
    proven.get(&format!("/api/audit-log/proof?event={first}")).await.refused_as(409, "NOT_SIGNED_YET");
    let project = proven.api.project("shop").await;
    let events = proven.api.get("/api/events?types=project.created").await.expect(200);
    let id = events[0]["id"].as_str().unwrap();
    assert!(events[0]["data"].to_string().contains(&project));
    let path = format!("/api/audit-log/proof?event={id}");
    proven.get(&path).await.refused_as(409, "NOT_SIGNED_YET");
    proven.proofs.sign().await.unwrap();
    let proof = proven.get(&path).await.expect(200);
    let size = proof["size"].as_u64().unwrap();
    let leaf = proof["leaf"].as_u64().unwrap();
    proven.get(&format!("{path}&size={}", leaf + 1)).await.expect(200);
    proven.get(&format!("{path}&size={leaf}")).await.refused_for("size");
    proven.get(&format!("{path}&size={}", size + 1)).await.refused_as(400, "BEYOND_HEAD");
}

#[tokio::test]
async fn what_makes_no_sense_is_refused() {
    let proven = Proven::start().await;
    let size = proven.proofs.sign().await.unwrap().size();
    proven.get("/api/audit-log/proof").await.refused_for("event");
    proven.get("/api/audit-log/proof?event=7").await.refused_for("event");
    proven.get(&format!("/api/audit-log/proof?event={NOBODY}")).await.refused(404);
    proven.get("/api/audit-log/proof?event=7&size=-1").await.refused(400);
    proven.get("/api/audit-log/consistency").await.refused_for("from");
    proven.get("/api/audit-log/consistency?from=0").await.refused_for("from");
    proven.get(&format!("/api/audit-log/consistency?from={}", size + 1)).await.refused_for("from");
    proven.get(&format!("/api/audit-log/consistency?from=1&to={}", size + 1)).await.refused_for("to");
    proven.get("/api/audit-log/checkpoint?size=1").await.refused(404);
    proven.get("/api/audit-log/checkpoint?size=x").await.refused_for("size");
}

#[tokio::test]
async fn who_may_not_read_the_audit_log_gets_no_proof_and_others_events_are_not_there() {
    let proven = Proven::start().await;
    let project = proven.api.project("shop").await;
    let developer = proven.api.with_role(Role::Developer, None).await;
    let auditor = proven.api.with_role(Role::Security, None).await;
    let foreigner = proven.api.foreigner().await;
    let limited = proven.api.with_role(Role::Security, Some(&project)).await;
    proven.proofs.sign().await.unwrap();
    for path in ["checkpoint", "key", "consistency?from=1"] {
        let path = format!("/api/audit-log/{path}");
        assert_eq!(proven.get_as(&developer, &path).await.status, 403, "{path}");
        assert_eq!(proven.get_as(&auditor, &path).await.status, 200, "{path}");
        assert_eq!(proven.get_as(&foreigner, &path).await.status, 200, "{path}");
    }
    let of = |events: Value| events[0]["id"].as_str().unwrap().to_owned();
    let created = of(proven.api.get("/api/events?types=project.created").await.expect(200));
    let key = of(proven.api.get("/api/events?types=apikey.created").await.expect(200));
    let status = async |client: &Client, event: &str| {
        proven.get_as(client, &format!("/api/audit-log/proof?event={event}")).await.status
    };
    assert_eq!(status(&developer, &created).await, 403);
    assert_eq!(status(&auditor, &created).await, 200);
    assert_eq!(status(&foreigner, &created).await, 404);
    assert_eq!(status(&limited, &created).await, 200);
    assert_eq!(status(&limited, &key).await, 404);
}
