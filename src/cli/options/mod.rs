//! What can be typed.

mod audit;
mod code_host;
mod entrance;
mod keeping;
mod key;
mod moving;
mod people;
mod server;
mod tools;

pub use audit::AuditCommand;
pub use code_host::CodeHostArgs;
pub use entrance::{AddressArgs, EntranceArgs, MailArgs, OidcArgs, PeopleArgs, RegistrationArg};
pub use keeping::{BackupOptions, KeysCommand, RestoreOptions};
pub use key::{CreateKeyOptions, KeyCommand, KeyRole, Kind};
#[cfg(feature = "parquet")]
pub use moving::ParquetOptions;
pub use moving::{AsOf, ImportCommand, ReplayOptions};
pub use people::{PeopleCommand, PersonOptions};
pub use server::{AdvisoriesCommand, DemoOptions, Role, ServeOptions, SetupOptions};
pub use tools::{ExportCommand, RebuildOptions, ScanFormat, ScanOptions, VerifyOptions};

use crate::data::DataFolder;
use crate::place::LogPlace;
use clap::builder::FalseyValueParser;
use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;
use tracing_subscriber::EnvFilter;

const AFTER_HELP: &str = "\
First steps:
  scanledger demo                                          everything on a sample project
  scanledger setup --organization Acme --email ana@acme.example
  scanledger advisories import npm.zip PyPI.zip            OSV zips, one per ecosystem
  scanledger serve                                         http://127.0.0.1:8080/docs
  scanledger scan . --fail-on high                         without a server

Exit codes:
  0  done
  1  done, and the answer is no: findings reach --fail-on, or verify found a difference
  2  the command line is wrong
  3  done in part: there are no advisories, so dependencies were not matched
  4  failed; the message says why

Every option can be set in the environment; its help names the variable.";

/// A self-hosted application-security backend whose every change is one event in one log.
#[derive(Debug, Parser)]
#[command(name = "scanledger", version, after_help = AFTER_HELP)]
pub struct Cli {
    /// What log lines look like. They go to standard error.
    #[arg(long, global = true, help_heading = "Logging", env = "SCANLEDGER_LOG_FORMAT", value_enum,
          default_value_t = LogFormat::Text)]
    pub log_format: LogFormat,
    /// Which log lines are written, as `tracing` filters [also: RUST_LOG].
    ///
    /// `info`, `scanledger_api=debug,warn`; by default `info` for `serve`, else `warn`.
    #[arg(long, global = true, help_heading = "Logging", env = "SCANLEDGER_LOG_LEVEL", value_name = "FILTER",
          value_parser = log_filter)]
    pub log_level: Option<String>,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What log lines look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// For programs: one JSON object a line.
    Json,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the server.
    Serve(ServeOptions),
    /// Show everything on a sample project: scan, triage, upgrade, gate, time travel, audit.
    Demo(DemoOptions),
    /// Make the first organization, its administrator and an API key.
    Setup(SetupOptions),
    /// Scan a folder or an archive here and now, without a server.
    Scan(ScanOptions),
    /// Manage advisories.
    #[command(subcommand)]
    Advisories(AdvisoriesCommand),
    /// Manage API keys.
    #[command(subcommand)]
    Key(KeyCommand),
    /// Manage the keys that seal, hash and sign, and the server's key that they are under.
    #[command(subcommand)]
    Keys(KeysCommand),
    /// Show people, let them in or out, and erase them.
    #[command(subcommand)]
    People(PeopleCommand),
    /// Write out what is stored.
    #[command(subcommand)]
    Export(ExportCommand),
    /// Take over what another installation wrote out.
    #[command(subcommand)]
    Import(ImportCommand),
    /// Build the read models as they were at some time, into a file of their own.
    Replay(ReplayOptions),
    /// Build the read models anew beside the live ones and swap.
    Rebuild(RebuildOptions),
    /// Check the log, and that the read models say what the log says. Changes nothing.
    Verify(VerifyOptions),
    /// Prove what is in the log: signed checkpoints, and bundles that verify without a server.
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Write what cannot be built again to one file. Works while a server runs.
    Backup(BackupOptions),
    /// Make an installation from a backup, in an empty place.
    Restore(RestoreOptions),
    /// Write a completion script for a shell.
    #[command(after_help = "Example:\n  scanledger completions bash > /etc/bash_completion.d/scanledger")]
    Completions {
        /// Which shell.
        shell: clap_complete::Shell,
    },
    /// Show the version.
    Version {
        /// Print one JSON object.
        #[command(flatten)]
        json: Json,
    },
}

/// Where the data is.
#[derive(Debug, Clone, Args)]
pub struct DataOptions {
    /// The data folder.
    #[arg(long, env = "SCANLEDGER_DATA", value_name = "DIR", default_value = "scanledger-data")]
    pub data: PathBuf,
    /// The event log: `sqlite` for the one in the data folder, or `postgres://user:password@host/database` for one
    /// that several nodes share.
    #[arg(long, env = "SCANLEDGER_LOG", value_name = "URL", default_value = "sqlite", hide_env_values = true,
          value_parser = LogPlace::parse)]
    pub log: LogPlace,
    /// The server's key, which all nodes of an installation share: `server.key` in the data folder unless given.
    #[arg(long, env = "SCANLEDGER_KEY_FILE", value_name = "FILE")]
    pub key_file: Option<PathBuf>,
}

impl DataOptions {
    /// The data folder, with its key.
    pub fn folder(&self) -> DataFolder {
        DataFolder::new(&self.data).with_key_file(self.key_file.clone())
    }
}

/// Where the data is, and where blobs are.
#[derive(Debug, Clone, Args)]
pub struct StoreOptions {
    /// Where the data is.
    #[command(flatten)]
    pub data: DataOptions,
    /// Where blobs are: a folder in the data folder unless this names a bucket, such as `s3://bucket/prefix`
    /// (credentials, region and endpoint come from the usual `AWS_…` variables).
    #[arg(long, env = "SCANLEDGER_BLOBS", value_name = "URL")]
    pub blobs: Option<String>,
}

/// Whether a machine reads.
#[derive(Debug, Clone, Copy, Args)]
pub struct Json {
    /// Print one JSON object.
    #[arg(long = "json", env = "SCANLEDGER_JSON", value_parser = FalseyValueParser::new())]
    pub wanted: bool,
}

fn log_filter(text: &str) -> Result<String, String> {
    EnvFilter::try_new(text).map(|_| text.to_owned()).map_err(|error| error.to_string())
}

/// Names under which other tools keep the same settings; they count when the name of our own is not set.
const ALIASES: [(Option<&str>, &str, &str, &str); 6] = [
    (None, "log_level", "SCANLEDGER_LOG_LEVEL", "RUST_LOG"),
    (Some("serve"), "workers", "SCANLEDGER_WORKERS", "WORKER_CONCURRENCY"),
    // dpendx reference §8.
    (Some("serve"), "github_app_id", "SCANLEDGER_GITHUB_APP_ID", "GITHUB_APP_ID"),
    (Some("serve"), "github_private_key", "SCANLEDGER_GITHUB_PRIVATE_KEY", "GITHUB_PRIVATE_KEY"),
    (Some("serve"), "github_webhook_secret", "SCANLEDGER_GITHUB_WEBHOOK_SECRET", "GITHUB_WEBHOOK_SECRET"),
    (Some("serve"), "scan_base_url", "SCANLEDGER_SCAN_BASE_URL", "SCAN_BASE_URL"),
];

impl Cli {
    /// The command line as it is defined, with the aliases of `environment` (name → whether it is set).
    pub fn definition(is_set: impl Fn(&str) -> bool) -> clap::Command {
        ALIASES.into_iter().filter(|(_, _, name, alias)| !is_set(name) && is_set(alias)).fold(
            Self::command(),
            |command, (subcommand, argument, _, alias)| match subcommand {
                None => command.mut_arg(argument, |argument| argument.env(alias)),
                Some(name) => command.mut_subcommand(name, |subcommand| {
                    subcommand.mut_arg(argument, |argument| argument.env(alias))
                }),
            },
        )
    }
}

#[cfg(test)]
mod tests {
    use super::{Cli, Command};
    use clap::{CommandFactory, FromArgMatches};

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
        Cli::definition(|_| true).debug_assert();
    }

    #[test]
    fn every_option_can_be_set_in_the_environment() {
        fn check(command: &clap::Command) {
            for argument in command.get_arguments().filter(|argument| !argument.is_positional()) {
                let is_built_in = ["help", "version"].contains(&argument.get_id().as_str());
                let name = argument.get_env().and_then(|name| name.to_str());
                assert!(
                    is_built_in || name.is_some_and(|name| name.starts_with("SCANLEDGER_")),
                    "{} --{}",
                    command.get_name(),
                    argument.get_id()
                );
            }
            command.get_subcommands().for_each(check);
        }
        check(&Cli::command());
    }

    #[test]
    fn names_of_other_tools_count_when_ours_are_not_set() {
        let environment_of = |set: &'static [&'static str]| {
            let mut command = Cli::definition(|name| set.contains(&name));
            let serve = command.find_subcommand_mut("serve").unwrap();
            let workers = serve.get_arguments().find(|argument| argument.get_id() == "workers").unwrap();
            workers.get_env().unwrap().to_str().unwrap().to_owned()
        };
        assert_eq!(environment_of(&[]), "SCANLEDGER_WORKERS");
        assert_eq!(environment_of(&["WORKER_CONCURRENCY"]), "WORKER_CONCURRENCY");
        assert_eq!(environment_of(&["WORKER_CONCURRENCY", "SCANLEDGER_WORKERS"]), "SCANLEDGER_WORKERS");
    }

    #[test]
    fn a_log_that_no_adapter_is_there_for_is_refused_by_name() {
        let refused = Cli::command().try_get_matches_from(["scanledger", "serve", "--log", "mysql://db/x"]);
        assert!(refused.unwrap_err().to_string().contains("no adapter for `mysql` logs"));
    }

    #[test]
    fn exports_know_every_event_type() {
        let parse = |kind| {
            let line = ["scanledger", "export", "events", "--type", kind];
            let matches = Cli::command().try_get_matches_from(line)?;
            Cli::from_arg_matches(&matches)
        };
        assert!(matches!(parse("finding.triaged").unwrap().command, Command::Export(_)));
        assert_eq!(parse("finding.eaten").unwrap_err().exit_code(), 2);
    }
}
