//! Options of what runs and manages a server.

use super::{Json, StoreOptions};
use crate::nodes::VIEWS_EVENTS;
use clap::builder::FalseyValueParser;
use clap::{Args, Subcommand, ValueEnum};
use scanledger_domain::time::Timestamp;
use std::net::SocketAddr;
use std::num::NonZeroU64;
use std::path::PathBuf;
use uuid::Uuid;

/// Options of `serve`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  scanledger serve
  scanledger serve --data /var/lib/scanledger --listen 0.0.0.0:8080 --workers 4
  AWS_REGION=eu-central-1 scanledger serve --blobs s3://my-bucket/scanledger

SIGTERM and Ctrl-C let requests and batches in hand finish and put running scans back into the queue;
a second one ends at once, which loses nothing that was acknowledged.")]
pub struct ServeOptions {
    /// Where the data is.
    #[command(flatten)]
    pub store: StoreOptions,
    /// Where to listen; port 0 takes a free one. There is no TLS: beyond this machine, put a proxy in front.
    #[arg(long, env = "SCANLEDGER_LISTEN", value_name = "ADDR", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,
    /// The bus between nodes, NATS with JetStream: `nats://host:4222`. Without one, nodes hear of each other through
    /// the log.
    #[arg(long, env = "SCANLEDGER_NATS", value_name = "URL", hide_env_values = true)]
    pub nats: Option<String>,
    /// A file with the credentials of a NATS user, as `nsc` writes it.
    #[arg(long, env = "SCANLEDGER_NATS_CREDS", value_name = "FILE", requires = "nats")]
    pub nats_creds: Option<PathBuf>,
    /// After how many events nodes that share a log put another copy of the read models into the blob store; a node
    /// that joins starts from the newest.
    #[arg(long, env = "SCANLEDGER_SHARE_VIEWS", value_name = "EVENTS", default_value_t = VIEWS_EVENTS)]
    pub share_views: NonZeroU64,
    /// What this process does.
    #[arg(long, env = "SCANLEDGER_ROLE", value_enum, default_value_t = Role::All)]
    pub role: Role,
    /// How many scans run at the same time [also: WORKER_CONCURRENCY].
    #[arg(long, env = "SCANLEDGER_WORKERS", value_name = "N", alias = "worker-concurrency", default_value_t = 2,
          value_parser = clap::value_parser!(u8).range(1..=64))]
    pub workers: u8,
}

/// What a process does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Role {
    /// Answers requests and runs scans.
    All,
    /// Answers requests; scans stay queued.
    Api,
    /// Runs scans. Needs a log that several processes share; a SQLite log belongs to one.
    Worker,
}

/// Options of `demo`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  scanledger demo               then look around, and end it with Ctrl-C
  scanledger demo --exit
  scanledger demo --data ./look --exit && scanledger serve --data ./look")]
pub struct DemoOptions {
    /// Keep the data in this folder, which must not be set up yet. Without it, a temporary one is used and
    /// removed at the end.
    #[arg(long, env = "SCANLEDGER_DEMO_DATA", value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Where to listen; a free port of this machine unless given.
    #[arg(long, env = "SCANLEDGER_DEMO_LISTEN", value_name = "ADDR", default_value = "127.0.0.1:0")]
    pub listen: SocketAddr,
    /// End when everything was shown, instead of staying up.
    #[arg(long, env = "SCANLEDGER_DEMO_EXIT", value_parser = FalseyValueParser::new())]
    pub exit: bool,
}

/// Options of `setup`.
#[derive(Debug, Args)]
#[command(after_help = "\
Prints one JSON object with organizationId, userId and apiKey. The key is shown this once; `scanledger key create`
issues more. Works while a server runs, and once for each data folder.

Examples:
  scanledger setup --organization Acme --email ana@acme.example
  pass show scanledger | scanledger setup --organization Acme --email ana@acme.example --password-stdin")]
pub struct SetupOptions {
    /// Where the data is.
    #[command(flatten)]
    pub store: StoreOptions,
    /// The organization's name.
    #[arg(long, env = "SCANLEDGER_ORGANIZATION", value_name = "NAME")]
    pub organization: String,
    /// The administrator's e-mail address.
    #[arg(long, env = "SCANLEDGER_EMAIL", value_name = "E-MAIL")]
    pub email: String,
    /// The administrator's name; the part of the address before the `@` if left out.
    #[arg(long, env = "SCANLEDGER_ADMIN_NAME", value_name = "NAME")]
    pub name: Option<String>,
    /// Read the administrator's password from standard input. Without it they cannot sign in with one.
    #[arg(long, env = "SCANLEDGER_PASSWORD_STDIN", value_parser = FalseyValueParser::new())]
    pub password_stdin: bool,
}

/// What to do with advisories.
#[derive(Debug, Subcommand)]
pub enum AdvisoriesCommand {
    /// Import OSV records: zips as published for each ecosystem, folders of JSON files, or single files. Works
    /// while a server runs; importing the same again changes nothing.
    #[command(after_help = "\
Example:
  for e in npm PyPI Go crates.io; do
    curl -o $e.zip https://osv-vulnerabilities.storage.googleapis.com/$e/all.zip
  done
  scanledger advisories import npm.zip PyPI.zip Go.zip crates.io.zip")]
    Import {
        /// Where the data is.
        #[command(flatten)]
        store: StoreOptions,
        /// Zips, folders or files.
        #[arg(required = true, value_name = "FILE")]
        sources: Vec<PathBuf>,
        /// What is printed.
        #[command(flatten)]
        json: Json,
    },
}

/// What to do with keys.
#[derive(Debug, Subcommand)]
pub enum KeyCommand {
    /// Issue a key and print it, once. Works while a server runs.
    #[command(after_help = "\
Examples:
  scanledger key create --name ci
  scanledger key create --name dashboard --role viewer --expires-at 2027-01-01T00:00:00Z")]
    Create {
        /// Where the data is.
        #[command(flatten)]
        store: StoreOptions,
        /// What people call it.
        #[arg(long, env = "SCANLEDGER_KEY_NAME")]
        name: String,
        /// What it looks like.
        #[arg(long, env = "SCANLEDGER_KEY_FORM", value_enum, default_value_t = Form::Ppr)]
        form: Form,
        /// What it may do.
        #[arg(long, env = "SCANLEDGER_KEY_ROLE", value_enum, default_value_t = KeyRole::Developer)]
        role: KeyRole,
        /// The only project it sees.
        #[arg(long, env = "SCANLEDGER_PROJECT_ID", value_name = "ID")]
        project: Option<Uuid>,
        /// Whose it is; may be left out if there is one organization.
        #[arg(long, env = "SCANLEDGER_ORGANIZATION_ID", value_name = "ID")]
        organization: Option<Uuid>,
        /// When it ends (RFC 3339); never if left out.
        #[arg(long, env = "SCANLEDGER_KEY_EXPIRES_AT", value_name = "TIME", value_parser = instant)]
        expires_at: Option<Timestamp>,
        /// What is printed.
        #[command(flatten)]
        json: Json,
    },
}

fn instant(text: &str) -> Result<Timestamp, String> {
    Timestamp::parse_rfc3339(text).ok_or_else(|| "expected RFC 3339, such as 2027-01-01T00:00:00Z".to_owned())
}

/// What a key looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Form {
    /// `ppr_…`.
    Ppr,
}

/// What a key may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum KeyRole {
    /// Look.
    Viewer,
    /// Scan and triage too.
    Developer,
    /// Set gates, delete, and read the audit log too.
    Security,
    /// Manage keys too.
    Admin,
}
