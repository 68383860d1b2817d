//! `scanledger keys …`.

use super::operate::{Missing, operate, unexpected};
use super::options::{DataOptions, KeysCommand};
use super::output::{Exit, json, line};
use crate::operations::{Operation, Outcome};
use anyhow::{Context, Result};
use std::path::Path;

pub(super) async fn run(command: KeysCommand) -> Result<Exit> {
    match command {
        KeysCommand::Backup { data, out } => backup(&data, &out).await,
        KeysCommand::Rotate { store, json: wanted } => {
            let outcome = operate(&store, Missing::Refuse, Operation::RotateKey).await?;
            let Outcome::KeyRotated { file, is_shared } = outcome else { return unexpected() };
            if wanted.wanted {
                json(&serde_json::json!({ "keyFile": file, "isShared": is_shared }));
                return Ok(Exit::Done);
            }
            let file = file.display();
            line(&format!("the server has a new key, in {file}: copy it to where you keep it"));
            if is_shared {
                line(
                    "nodes that share this file go on by themselves; copy it to every other one: until then those are not ready",
                );
            }
            line("backups of the keys that were made before open with the old key only: make a new one");
            Ok(Exit::Done)
        }
    }
}

/// Beside whoever has the data.
async fn backup(data: &DataOptions, out: &Path) -> Result<Exit> {
    let folder = data.folder();
    folder.require(&data.log)?;
    let state = folder.state_of(&data.log, false).await?;
    let path = out.to_owned();
    tokio::task::spawn_blocking(move || state.vault.export_keys(&path))
        .await?
        .with_context(|| format!("while backing up the keys to {}", out.display()))?;
    line(&format!("all keys are in {}; they open with the server's key, which is not in it", out.display()));
    Ok(Exit::Done)
}
