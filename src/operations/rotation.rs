//! A new server key.

use super::Outcome;
use crate::log::OpenLog;
use crate::server::Engine;
use anyhow::{Context, Result};
use scanledger_state::KeyFile;
use std::sync::Arc;

pub(super) async fn rotate(engine: &Engine) -> Result<Outcome> {
    let file = engine.folder.server_key();
    let (state, key_file) = (Arc::clone(&engine.state), KeyFile::new(&file));
    tokio::task::spawn_blocking(move || state.rotate(&key_file))
        .await?
        .context("while replacing the server's key")?;
    Ok(Outcome::KeyRotated { file, is_shared: matches!(engine.log, OpenLog::Postgres(_)) })
}
