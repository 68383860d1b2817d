//! Proofs that the log is what it was: signed checkpoints of its Merkle tree, and the way to them from an event or
//! from an older checkpoint. What they say and how they are verified is in [`scanledger_domain::proof`].

use crate::app::App;
use crate::auth::Caller;
use crate::extract::Query;
use crate::problem::Problem;
use axum::Json;
use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use scanledger_commands::Fault;
use scanledger_commands::proof::CheckpointStore;
use scanledger_domain::id::EventId;
use scanledger_domain::log::Position;
use scanledger_domain::proof::{Origin, Signer, TreeHash, verify_inclusion};
use scanledger_projections::event::EventQuery;
use scanledger_projections::tree::{Tree, TreeError};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// What proofs are read from; handed to the router as an extension by the server that keeps them.
#[derive(Clone)]
pub struct Proofs {
    /// The tree over the log.
    pub tree: Tree,
    /// What was signed.
    pub checkpoints: CheckpointStore,
    /// Whose key it is.
    pub signer: Arc<dyn Signer>,
}

impl FromRequestParts<App> for Proofs {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Problem> {
        let proofs = parts.extensions.get::<Self>().cloned();
        proofs.ok_or_else(|| Problem::unavailable("this server keeps no proofs of its log"))
    }
}

/// Which checkpoint.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct CheckpointIn {
    /// How many events it is of; the newest one if absent.
    #[param(minimum = 1)]
    size: Option<u64>,
}

/// What is to be proven.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct InclusionIn {
    /// The id of an event.
    #[param(value_type = Uuid)]
    event: EventId,
    /// The size of the tree to prove it in; that of the newest checkpoint if absent.
    #[param(minimum = 1)]
    size: Option<u64>,
}

/// Between which trees.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ConsistencyIn {
    /// The size of the older tree.
    #[param(minimum = 1)]
    from: u64,
    /// The size of the newer tree; that of the newest checkpoint if absent.
    #[param(minimum = 1)]
    to: Option<u64>,
}

/// That an event is in the log. Hashes are base64 of 32 bytes.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct InclusionOut {
    event: Uuid,
    position: u64,
    /// The number of its leaf, from 0.
    leaf: u64,
    /// The hash of its leaf, over all its columns as they are stored.
    #[schema(value_type = String)]
    leaf_hash: TreeHash,
    /// How many leaves the tree has.
    size: u64,
    #[schema(value_type = String)]
    root: TreeHash,
    /// From the leaf up (RFC 9162 §2.1.3).
    #[schema(value_type = Vec<String>)]
    hashes: Vec<TreeHash>,
    /// The signed checkpoint of this tree; none if none was signed at this size.
    checkpoint: Option<String>,
}

/// That one tree goes on where another ended. Hashes are base64 of 32 bytes.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConsistencyOut {
    from: u64,
    to: u64,
    #[schema(value_type = String)]
    from_root: TreeHash,
    #[schema(value_type = String)]
    to_root: TreeHash,
    /// As in RFC 9162 §2.1.4; none if the trees are the same.
    #[schema(value_type = Vec<String>)]
    hashes: Vec<TreeHash>,
    /// The signed checkpoint of the newer tree; none if none was signed at this size.
    checkpoint: Option<String>,
}

/// A signed checkpoint of the log
///
/// A C2SP `tlog-checkpoint`: origin, size and root of the Merkle tree over the log, and an Ed25519 signature. Keep
/// it somewhere else: `scanledger verify --checkpoint` and `/api/audit-log/consistency` hold the log against it.
#[utoipa::path(
    get, path = "/api/audit-log/checkpoint", tag = "Audit", params(CheckpointIn),
    responses(
        (status = 200, body = String, content_type = "text/plain"),
        (status = 404, body = crate::problem::ProblemBody)
    )
)]
pub async fn checkpoint(
    _: Caller,
    proofs: Proofs,
    Query(wanted): Query<CheckpointIn>,
) -> Result<Response, Problem> {
    let found = proofs.ask(move |proofs| match wanted.size {
        None => Ok(proofs.checkpoints.latest()?),
        Some(size) => Ok(proofs.checkpoints.find(size)?),
    });
    let kept = found.await?.ok_or_else(|| Problem::missing("checkpoint"))?;
    Ok(text(kept.signed.note.to_string()))
}

/// The key that checkpoints are signed with
///
/// A C2SP verifier key: name, key id and Ed25519 public key, with `+` between them. Whoever verifies has to have it
/// from somewhere else than the server whose log is in question.
#[utoipa::path(
    get, path = "/api/audit-log/key", tag = "Audit",
    responses((status = 200, body = String, content_type = "text/plain"))
)]
pub async fn key(State(app): State<App>, _: Caller, proofs: Proofs) -> Result<Response, Problem> {
    let first = app.ledger.log().read_all(Position::START, 1).await.map_err(Fault::from)?;
    let first = first.first().ok_or_else(|| Problem::missing("key: the log has no events yet"))?;
    Ok(text(format!("{}\n", proofs.signer.verifier_key(&Origin(first.id)))))
}

/// The proof that an event is in the log
#[utoipa::path(
    get, path = "/api/audit-log/proof", tag = "Audit", params(InclusionIn),
    responses(
        (status = 200, body = InclusionOut), (status = 404, body = crate::problem::ProblemBody),
        (status = 409, description = "No checkpoint covers the event yet.", body = crate::problem::ProblemBody)
    )
)]
pub async fn inclusion(
    State(app): State<App>,
    caller: Caller,
    proofs: Proofs,
    Query(wanted): Query<InclusionIn>,
) -> Result<Json<InclusionOut>, Problem> {
    let position = position_of(&app, &caller, wanted.event).await?;
    let proof = proofs.ask(move |proofs| proofs.inclusion(wanted, position));
    Ok(Json(proof.await?))
}

/// The proof that the log was only added to
#[utoipa::path(
    get, path = "/api/audit-log/consistency", tag = "Audit", params(ConsistencyIn),
    responses((status = 200, body = ConsistencyOut), (status = 404, body = crate::problem::ProblemBody))
)]
pub async fn consistency(
    _: Caller,
    proofs: Proofs,
    Query(wanted): Query<ConsistencyIn>,
) -> Result<Json<ConsistencyOut>, Problem> {
    Ok(Json(proofs.ask(move |proofs| proofs.consistency(&wanted)).await?))
}

impl Proofs {
    /// Asks beside the runtime: tree and checkpoints are read from disk.
    async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Self) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        let proofs = self.clone();
        let answer = tokio::task::spawn_blocking(move || question(&proofs)).await;
        answer.map_err(|error| Problem::fault(&error))?
    }

    fn inclusion(&self, wanted: InclusionIn, position: Position) -> Result<InclusionOut, Problem> {
        let tree = &self.tree;
        let leaf = tree.leaf_at(position)?.ok_or_else(not_yet)?;
        let size = match wanted.size {
            Some(size) => size,
            None => self.latest_size()?.filter(|size| leaf < *size).ok_or_else(not_yet)?,
        };
        self.must_have("size", size)?;
        if leaf >= size {
            let message = format!("the event is leaf {leaf}, which a tree of {size} leaves does not have");
            return Err(Problem::invalid("size", message));
        }
        let leaf_hash = tree.leaves(leaf, 1)?.pop().ok_or_else(not_yet)?;
        let (root, hashes) = (tree.root(size)?, tree.inclusion(leaf, size)?);
        // A damaged file must not become a wrong proof in somebody's archive.
        verify_inclusion(leaf_hash, leaf, size, root, &hashes).map_err(|error| Problem::fault(&error))?;
        Ok(InclusionOut {
            event: wanted.event.0,
            position: position.0,
            leaf,
            leaf_hash,
            size,
            root,
            hashes,
            checkpoint: self.note(size)?,
        })
    }

    fn consistency(&self, wanted: &ConsistencyIn) -> Result<ConsistencyOut, Problem> {
        let from = wanted.from;
        let to = match wanted.to {
            Some(to) => to,
            None => self.latest_size()?.ok_or_else(|| Problem::missing("checkpoint"))?,
        };
        self.must_have("to", to)?;
        if from == 0 || from > to {
            return Err(Problem::invalid(
                "from",
                format!("must be from 1 to {to}, the size of the newer tree"),
            ));
        }
        Ok(ConsistencyOut {
            from,
            to,
            from_root: self.tree.root(from)?,
            to_root: self.tree.root(to)?,
            hashes: self.tree.consistency(from, to)?,
            checkpoint: self.note(to)?,
        })
    }

    fn latest_size(&self) -> Result<Option<u64>, Problem> {
        Ok(self.checkpoints.latest()?.map(|kept| kept.size()))
    }

    fn must_have(&self, path: &str, size: u64) -> Result<(), Problem> {
        let own = self.tree.reached().size;
        if size > own {
            return Err(Problem::invalid(path, format!("the tree has {own} leaves")).with_code("BEYOND_HEAD"));
        }
        Ok(())
    }

    fn note(&self, size: u64) -> Result<Option<String>, Problem> {
        Ok(self.checkpoints.find(size)?.map(|kept| kept.signed.note.to_string()))
    }
}

/// The position of an event that the caller may read; 404 for every other.
async fn position_of(app: &App, caller: &Caller, event: EventId) -> Result<Position, Problem> {
    let missing = || Problem::missing("event");
    let position = app.ledger.log().find(event).await.map_err(Fault::from)?.ok_or_else(missing)?;
    // A client may ask for the event that it has just caused.
    app.views.wait_for(position, crate::auth::VIEWS_TIMEOUT).await?;
    let query = EventQuery {
        organization: caller.organization(),
        visible: caller.principal.visible_to(caller.action),
        kinds: vec![],
        after: Position(position.0 - 1),
        until: Some(position),
        limit: 1,
    };
    let readable = app.views.event_positions(query).await?.positions;
    if readable == [position] { Ok(position) } else { Err(missing()) }
}

fn not_yet() -> Problem {
    let error = "no checkpoint covers the event yet; one is signed every few minutes";
    Problem::new(StatusCode::CONFLICT, error).with_code("NOT_SIGNED_YET")
}

fn text(body: String) -> Response {
    ([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], body).into_response()
}

impl From<TreeError> for Problem {
    fn from(error: TreeError) -> Self {
        match error {
            TreeError::Outside(outside) => Self::bad_request(outside.to_string()),
            TreeError::Store(_)
            | TreeError::Damaged
            | TreeError::Log(_)
            | TreeError::ReadOnly
            | TreeError::Cancelled => Self::fault(&error),
        }
    }
}
