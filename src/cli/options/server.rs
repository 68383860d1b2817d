//! Options of what runs and manages a server.

use super::{BusArgs, CodeHostArgs, EntranceArgs, Json, StoreOptions};
use crate::nodes::VIEWS_EVENTS;
use clap::builder::FalseyValueParser;
use clap::{Args, Subcommand, ValueEnum};
use scanledger_api::limit::{QuotaChange, TrustedProxy};
use scanledger_api::origins::AllowedOrigin;
use scanledger_domain::limits::DOCUMENT_CALLS;
use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroU64;
use std::path::PathBuf;

/// Options of `serve`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  scanledger serve
  scanledger serve --data /var/lib/scanledger --listen 0.0.0.0:8080 --workers 4
  AWS_REGION=eu-central-1 scanledger serve --blobs s3://my-bucket/scanledger
  docker run -p 127.0.0.1:8080:8080 -v scanledger:/data scanledger serve --data /data --listen 0.0.0.0:8080

People sign in with their account at GitHub, behind a proxy that has TLS:
  export SCANLEDGER_GITHUB_CLIENT_ID=… SCANLEDGER_GITHUB_CLIENT_SECRET_FILE=/run/secrets/github
  scanledger serve --public-url https://scan.example.org --trusted-proxy 10.0.0.7 --registration closed

Several nodes, each with a data folder of its own and all with the same server.key:
  export SCANLEDGER_LOG=postgres://scanledger:secret@db/scanledger SCANLEDGER_KEY_FILE=/keys/server.key
  scanledger serve --data node1 --role api --listen 0.0.0.0:8080 --nats nats://bus:4222
  scanledger serve --data node2 --role worker --listen 127.0.0.1:8081 --nats nats://bus:4222 --workers 4

SIGTERM and Ctrl-C let requests and batches in hand finish and put running scans back into the queue;
a second one ends at once, which loses nothing that was acknowledged.")]
pub struct ServeOptions {
    /// Where the data is.
    #[command(flatten)]
    pub store: StoreOptions,
    /// Where to listen: an address with its port, or a port for this machine alone [also: PORT]. Port 0 takes a free
    /// one. There is no TLS: beyond this machine, put a proxy in front.
    #[arg(long, env = "SCANLEDGER_LISTEN", value_name = "ADDR", default_value = "127.0.0.1:8080",
          value_parser = listen)]
    pub listen: SocketAddr,
    /// How many seconds to wait at the start for the database of a log that several nodes share; 0 for not at all.
    #[arg(long, env = "SCANLEDGER_WAIT", value_name = "SECONDS", default_value_t = 60)]
    pub wait: u16,
    /// After how many events nodes that share a log put another copy of the read models into the blob store; a node
    /// that joins starts from the newest.
    #[arg(long, env = "SCANLEDGER_SHARE_VIEWS", value_name = "EVENTS", default_value_t = VIEWS_EVENTS)]
    pub share_views: NonZeroU64,
    /// A proxy in front, by address or network (`10.0.0.7`, `10.0.0.0/8`, `fd00::/8`), which may say for whom it asks:
    /// in `X-Forwarded-For` or `Forwarded`. Without one, the clients of a proxy share its limits.
    #[arg(long, env = "SCANLEDGER_TRUSTED_PROXIES", value_name = "CIDR", value_delimiter = ',')]
    pub trusted_proxy: Vec<TrustedProxy>,
    /// An origin, such as `https://portal.example.org`, whose pages may ask this server with a browser; as often as
    /// needed. They send a key or a token themselves: cookies of this server are not let through.
    #[arg(long, env = "SCANLEDGER_ALLOW_ORIGIN", value_name = "ORIGIN", value_delimiter = ',')]
    pub allow_origin: Vec<AllowedOrigin>,
    /// How much a client may ask, in place of the default: CLASS=LIMIT/WINDOW[/BURST] (`login=5/60s`,
    /// `general=6000/1m/1000`), CLASS=off, or `off` for no limits at all. Classes are login, register, reset, oauth,
    /// refresh, upload, checks, fixes, documents, export, search, general, decoy, and failure for credentials that are not valid.
    #[arg(long, env = "SCANLEDGER_RATE_LIMITS", value_name = "LIMIT", value_delimiter = ',')]
    pub rate_limit: Vec<QuotaChange>,
    /// How many requests to search documents for secrets an organization may make in 30 days (`ggshield` sends up to
    /// 20 documents in one).
    #[arg(long, env = "SCANLEDGER_SCAN_QUOTA", value_name = "N", default_value_t = DOCUMENT_CALLS)]
    pub scan_quota: u64,
    /// What this process does.
    #[arg(long, env = "SCANLEDGER_ROLE", value_enum, default_value_t = Role::All)]
    pub role: Role,
    /// How many scans run at the same time [also: WORKER_CONCURRENCY].
    #[arg(long, env = "SCANLEDGER_WORKERS", value_name = "N", alias = "worker-concurrency", default_value_t = 2,
          value_parser = clap::value_parser!(u8).range(1..=64))]
    pub workers: u8,
    /// The program of the open-source Semgrep engine. With it, rules that people publish are read before clients are
    /// given them; without it, only what is around their patterns is checked.
    #[arg(long, env = "SCANLEDGER_SEMGREP", value_name = "PATH")]
    pub semgrep: Option<PathBuf>,
    /// The bus between nodes.
    #[command(flatten)]
    pub bus: BusArgs,
    /// How people come in.
    #[command(flatten)]
    pub entrance: EntranceArgs,
    /// The GitHub App through which repositories are scanned.
    #[command(flatten)]
    pub code_host: CodeHostArgs,
}

/// A port alone opens nothing to other machines, because `PORT` may be meant for another program.
fn listen(text: &str) -> Result<SocketAddr, String> {
    match text.parse::<u16>() {
        Ok(port) => Ok(SocketAddr::from((Ipv4Addr::LOCALHOST, port))),
        Err(_) => text.parse().map_err(|_| "expected an address with its port, or a port".to_owned()),
    }
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
