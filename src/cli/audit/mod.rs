//! `scanledger audit …`.

mod bundle;
mod check;
mod published;
mod sign;
mod verify;

pub(super) use check::check_signed;
pub(super) use published::{StoredReport, check_stored};

use super::options::{AuditCommand, DataOptions};
use super::output::{Exit, bytes, line};
use crate::data::DataFolder;
use crate::log::OpenLog;
use anyhow::{Context, Result, bail};
use scanledger_commands::ports::Checkpoints;
use scanledger_commands::proof::CheckpointStore;
use scanledger_domain::log::{EventLog, Position};
use scanledger_domain::proof::{Ed25519Signer, Origin, Signer, VerifierKey};
use scanledger_state::State;
use std::sync::Arc;

pub(super) async fn run(command: AuditCommand) -> Result<Exit> {
    match command {
        AuditCommand::Checkpoint { store, now: false } => {
            let signed = Signed::open(&store.data).await?;
            let Some(latest) = signed.checkpoints.latest()? else {
                bail!("no checkpoint was signed yet: a server signs one every few minutes, and --now does");
            };
            bytes(latest.signed.note.to_string().as_bytes());
            Ok(Exit::Done)
        }
        AuditCommand::Checkpoint { store, now: true } => sign::run(&store).await,
        AuditCommand::Key { data } => {
            let signed = Signed::open(&data).await?;
            line(&signed.key().await?.to_string());
            Ok(Exit::Done)
        }
        AuditCommand::Bundle { data, from, to, project, out } => {
            bundle::run(&data, (from, to), project, &out).await
        }
        AuditCommand::Verify { file, key, json } => verify::run(&file, &key, json),
    }
}

/// What was signed, and the log, beside whoever has them open.
pub(super) struct Signed {
    pub(super) folder: DataFolder,
    pub(super) log: Arc<dyn EventLog>,
    pub(super) checkpoints: CheckpointStore,
    pub(super) signer: Ed25519Signer,
}

impl Signed {
    pub(super) async fn open(data: &DataOptions) -> Result<Self> {
        let folder = data.folder();
        folder.require(&data.log)?;
        let log = OpenLog::open_read_only(&data.log, &folder).await?.port();
        let state = folder.state_of(&data.log, false).await?;
        let signer = Ed25519Signer::from_seed(seed(&state)?);
        let checkpoints = CheckpointStore::new(Arc::clone(&state.checkpoints) as Arc<dyn Checkpoints>);
        Ok(Self { folder, log, checkpoints, signer })
    }

    /// The key of this log.
    pub(super) async fn key(&self) -> Result<VerifierKey> {
        let first = self.log.read_all(Position::START, 1).await.context("while reading the log")?;
        let Some(first) = first.first() else { bail!("the log has no events yet, and no key before that") };
        Ok(self.signer.verifier_key(&Origin(first.id)))
    }
}

/// The secret that checkpoints are signed with.
pub(super) fn seed(state: &State) -> Result<[u8; 32]> {
    Ok(*state.vault.signing_seed().context("while opening the signing key")?)
}
