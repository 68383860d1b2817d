//! Options of what keeps data safe.

use super::{DataOptions, Json, StoreOptions};
use clap::builder::FalseyValueParser;
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// What to do with the keys of the installation.
#[derive(Debug, Subcommand)]
pub enum KeysCommand {
    /// Put everything under a new server key. Works while a server runs; nothing has to be sealed or signed anew.
    #[command(after_help = "\
The new key takes the place of the old one in its file. Interrupted, it is finished by whoever opens the data next.
Copy the file to where you keep the server's key, and make a new `keys backup`: older ones open with the old key only.
With a log that several nodes share, nodes that share the file go on by themselves. Copy it to every other one, which is
not ready until then, and needs no restart.

Example:
  scanledger keys rotate && scanledger keys backup --out keys.json")]
    Rotate {
        /// Where the data is.
        #[command(flatten)]
        store: StoreOptions,
        /// What is printed.
        #[command(flatten)]
        json: Json,
    },
    /// Write all keys to a file that only its owner may read, as they are: under the server's key, which is not in it.
    /// Works while a server runs.
    #[command(after_help = "\
Keep it, the server's key and backups of the data in three places. With the newest one, older backups of the data are
restored without anybody who was erased since. Destroy those that are older than an erasure.

Example:
  scanledger keys backup --out /mnt/keys/2026-11-21.json")]
    Backup {
        /// Where the data is.
        #[command(flatten)]
        data: DataOptions,
        /// The file to write, which must not be there yet.
        #[arg(long, env = "SCANLEDGER_OUT", value_name = "FILE")]
        out: PathBuf,
    },
}

/// Options of `backup`.
#[derive(Debug, Args)]
#[command(after_help = "\
One tar file: the log, signed checkpoints, and blobs, of one moment, with SHA-256 sums (`sha256sum -c SHA256SUMS`
checks an unpacked one). Personal data in it is sealed. Not in it are the server's key, which belongs elsewhere, and
what is built again: read models, proofs, advisories (from the blobs of what was imported; those that came from
folders are imported again).

Examples:
  scanledger backup --out /mnt/backup/2026-11-21.tar --keys-out /mnt/keys/2026-11-21.json
  scanledger backup --out log.tar --without-blobs        when blobs are in a bucket that is backed up by itself")]
pub struct BackupOptions {
    /// Where the data is.
    #[command(flatten)]
    pub store: StoreOptions,
    /// The file to write, which must not be there yet.
    #[arg(long, env = "SCANLEDGER_OUT", value_name = "FILE")]
    pub out: PathBuf,
    /// The file to write the keys to, as `keys backup` does. Without it, they are not backed up.
    #[arg(long, env = "SCANLEDGER_KEYS_OUT", value_name = "FILE")]
    pub keys_out: Option<PathBuf>,
    /// Only list blobs by hash, without their bytes.
    #[arg(long, env = "SCANLEDGER_WITHOUT_BLOBS", value_parser = FalseyValueParser::new())]
    pub without_blobs: bool,
    /// What is printed.
    #[command(flatten)]
    pub json: Json,
}

/// Options of `restore`.
#[derive(Debug, Args)]
#[command(after_help = "\
The data folder must be empty but for the server's key, and so must be the database, if there is one; events of the
backup that were imported into it are compared. All of the backup is read and checked before anything is written. What
was restored in part is not served: after a crash, the same command goes on where it ended, or begins anew in a folder,
and says so if that has to be emptied first.
Nobody gets a key back who was erased when the keys were backed up, or whom the backup's log says to forget, the list in
the blob store that --blobs names, or --erased. So take the newest backup of the keys, whatever the age of the data, and
destroy those that are older than an erasure: together with the server's key they open what was erased.

Example:
  mkdir -m 700 new && cp /mnt/secret/server.key new/
  scanledger restore 2026-11-21.tar --keys 2026-11-21.json --data new && scanledger verify --data new")]
pub struct RestoreOptions {
    /// Where the data goes.
    #[command(flatten)]
    pub store: StoreOptions,
    /// The backup.
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// The backup of the keys.
    #[arg(long, env = "SCANLEDGER_KEYS", value_name = "FILE")]
    pub keys: PathBuf,
    /// Ids of who was erased since, one a line: the names in the folder `erased` of the old installation's blobs. Where
    /// --blobs names the bucket of the old installation, they are read there.
    #[arg(long, env = "SCANLEDGER_ERASED", value_name = "FILE")]
    pub erased: Option<PathBuf>,
    /// What is printed.
    #[command(flatten)]
    pub json: Json,
}
