//! Options of what proves the log.

use super::{DataOptions, Json, StoreOptions};
use clap::Subcommand;
use clap::builder::FalseyValueParser;
use std::path::PathBuf;
use uuid::Uuid;

/// What to do with proofs of the log.
#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// Print the newest signed checkpoint of the log. Keep it where whoever runs this server cannot change it:
    /// `scanledger verify --checkpoint` holds the log against it.
    #[command(after_help = "\
Examples:
  scanledger audit checkpoint > /mnt/elsewhere/2026-11-21.checkpoint
  scanledger audit checkpoint --now        also before a server has signed the first one by itself")]
    Checkpoint {
        /// Where the data is.
        #[command(flatten)]
        store: StoreOptions,
        /// Sign one now, if there are events since the last one. Reads the whole log first.
        #[arg(long, env = "SCANLEDGER_NOW", value_parser = FalseyValueParser::new())]
        now: bool,
    },
    /// Print the key with which checkpoints and bundles are verified. Give it to whoever is to verify, and let them
    /// keep it.
    Key {
        /// Where the data is.
        #[command(flatten)]
        data: DataOptions,
    },
    /// Write events, with the proof that each is in the log, to a file that verifies without a server. Works beside
    /// a running server.
    #[command(after_help = "\
The file is lines of JSON: first the signed checkpoint, then one event a line with its proof.

Example:
  scanledger audit bundle --from 1 --to 5000 --out audit.ndjson
  scanledger audit verify audit.ndjson --key 'scanledger/…+…+…'")]
    Bundle {
        /// Where the data is.
        #[command(flatten)]
        data: DataOptions,
        /// The first position.
        #[arg(long, env = "SCANLEDGER_FROM", value_name = "P", default_value_t = 1)]
        from: u64,
        /// The last position; the end of the newest checkpoint if left out.
        #[arg(long, env = "SCANLEDGER_TO", value_name = "P")]
        to: Option<u64>,
        /// Only events of this project. It is then not proven that none was left out.
        #[arg(long, env = "SCANLEDGER_PROJECT_ID", value_name = "ID")]
        project: Option<Uuid>,
        /// The file to write, which must not be there yet.
        #[arg(long, env = "SCANLEDGER_OUT", value_name = "FILE")]
        out: PathBuf,
    },
    /// Verify a bundle. Needs no server, no log and no network.
    #[command(after_help = "Exit code 1: the bundle proves nothing, and why.")]
    Verify {
        /// The bundle.
        file: PathBuf,
        /// The key that `scanledger audit key` printed. Take it from somewhere else than the bundle.
        #[arg(long, env = "SCANLEDGER_VERIFIER_KEY", value_name = "KEY")]
        key: String,
        /// What is printed.
        #[command(flatten)]
        json: Json,
    },
}
