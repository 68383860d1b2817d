//! `scanledger audit checkpoint --now`.

use super::super::operate::{Missing, operate, unexpected};
use super::super::options::StoreOptions;
use super::super::output::{Exit, bytes, notice};
use crate::operations::{Operation, Outcome};
use anyhow::Result;

pub(super) async fn run(store: &StoreOptions) -> Result<Exit> {
    match operate(store, Missing::Refuse, Operation::SignCheckpoint).await? {
        Outcome::Checkpoint { note } => {
            bytes(note.as_bytes());
            Ok(Exit::Done)
        }
        Outcome::NotSigned { why } => {
            notice(&format!("error: {why}"));
            Ok(Exit::No)
        }
        _ => unexpected(),
    }
}
