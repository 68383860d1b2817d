//! What can be typed.

mod audit;
mod bus;
mod code_host;
mod entrance;
mod keeping;
mod key;
mod moving;
mod people;
mod server;
mod tools;

pub use audit::AuditCommand;
pub use bus::BusArgs;
pub use code_host::CodeHostArgs;
pub use entrance::{AddressArgs, EntranceArgs, MailArgs, OidcArgs, PeopleArgs, RegistrationArg};
pub use keeping::{BackupOptions, KeysCommand, RestoreOptions};
pub use key::{CreateKeyOptions, KeyCommand, KeyRole, Kind};
#[cfg(feature = "parquet")]
pub use moving::ParquetOptions;
pub use moving::{AsOf, ImportCommand, ReplayOptions};
pub use people::{EraseOptions, PeopleCommand, PersonOptions};
pub use server::{AdvisoriesCommand, DemoOptions, Role, ServeOptions, SetupOptions};
pub use tools::{ExportCommand, RebuildOptions, ScanFormat, ScanOptions, VerifyOptions};

use crate::data::DataFolder;
use crate::place::LogPlace;
use clap::builder::FalseyValueParser;
use clap::parser::ValueSource;
use clap::{ArgMatches, Args, CommandFactory, Parser, Subcommand, ValueEnum};
use std::ffi::{OsStr, OsString};
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
  3  done in part: dependencies were not matched for want of advisories, or a file of advisories had none,
     or blobs that belong into a backup are lost
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
    /// that several nodes share [also: DATABASE_URL if it is such a URL and the data folder has no log, but not for
    /// `scan`, `import` and `restore`].
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

/// Before which commands the name of another tool counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reach {
    /// All of them.
    All,
    /// `serve`.
    Serve,
}

/// Names under which other tools keep the same settings: where they count, for which argument, the name of our own, and
/// theirs. They count when ours is not set, neither on the command line nor in the environment, and theirs is not empty.
const ALIASES: [(Reach, &str, &str, &str); 7] = [
    (Reach::All, "log_level", "SCANLEDGER_LOG_LEVEL", "RUST_LOG"),
    (Reach::Serve, "workers", "SCANLEDGER_WORKERS", "WORKER_CONCURRENCY"),
    // dpendx reference §8.
    (Reach::Serve, "github_app_id", "SCANLEDGER_GITHUB_APP_ID", "GITHUB_APP_ID"),
    (Reach::Serve, "github_private_key", "SCANLEDGER_GITHUB_PRIVATE_KEY", "GITHUB_PRIVATE_KEY"),
    (Reach::Serve, "github_webhook_secret", "SCANLEDGER_GITHUB_WEBHOOK_SECRET", "GITHUB_WEBHOOK_SECRET"),
    (Reach::Serve, "scan_base_url", "SCANLEDGER_SCAN_BASE_URL", "SCAN_BASE_URL"),
    (Reach::Serve, "listen", "SCANLEDGER_LISTEN", "PORT"),
];

/// Another name for `--log` (dpendx reference §8). Many programs have a database of their own there, so that it counts
/// only if it names one in which there can be a log, and only where no log is there yet.
const DATABASE_URL: &str = "DATABASE_URL";

/// The commands before which it never counts: `scan` runs in projects that have a database of their own, and the others
/// fill a log, which nobody should do to one that they have not named.
const NEVER_ON_DATABASE: [&str; 3] = ["scan", "import", "restore"];

fn can_be_log(url: &OsStr) -> bool {
    let text = url.to_string_lossy();
    ["postgres://", "postgresql://"].iter().any(|scheme| text.starts_with(scheme))
}

impl Cli {
    /// Reads a command line, the program's name first, with the aliases that count in `environment` (name → value).
    ///
    /// # Errors
    /// What is wrong with it, or the help that it asks for.
    pub fn matches(
        line: impl IntoIterator<Item = OsString>,
        environment: impl Fn(&str) -> Option<OsString>,
    ) -> Result<ArgMatches, clap::Error> {
        let line: Vec<OsString> = line.into_iter().collect();
        let definition = Self::definition(&environment);
        let matches = definition.clone().try_get_matches_from(&line)?;
        // Where the data folder is has to be known before it is known whether there is a log in it.
        let is_on_database =
            environment(DATABASE_URL).is_some_and(|url| can_be_log(&url)) && needs_place(&matches);
        if !is_on_database {
            return Ok(matches);
        }
        with_alias(definition, "log", DATABASE_URL).try_get_matches_from(line)
    }

    /// The command line as it is defined, with the aliases that count in `environment` wherever the data are.
    fn definition(environment: impl Fn(&str) -> Option<OsString>) -> clap::Command {
        let counts = |name: &str, alias: &str| {
            environment(name).is_none() && environment(alias).is_some_and(|value| !value.is_empty())
        };
        ALIASES.into_iter().filter(|(_, _, name, alias)| counts(name, alias)).fold(
            Self::command(),
            |command, (reach, argument, _, alias)| match reach {
                Reach::All => command.mut_arg(argument, |argument| argument.env(alias)),
                Reach::Serve => command
                    .mut_subcommand("serve", |serve| serve.mut_arg(argument, |argument| argument.env(alias))),
            },
        )
    }
}

/// Whether a command needs a log that nobody has named, and none is in its data folder.
fn needs_place(matches: &ArgMatches) -> bool {
    if matches.subcommand_name().is_none_or(|name| NEVER_ON_DATABASE.contains(&name)) {
        return false;
    }
    let mut command = matches;
    while let Some((_, below)) = command.subcommand() {
        command = below;
    }
    let has_log = matches!(command.try_get_one::<LogPlace>("log"), Ok(Some(_)));
    let Ok(Some(folder)) = command.try_get_one::<PathBuf>("data") else { return false };
    has_log
        && command.value_source("log") == Some(ValueSource::DefaultValue)
        // One that cannot be looked for may be there.
        && matches!(DataFolder::new(folder).log().try_exists(), Ok(false))
}

/// A command and those below it, with another name for an argument where they have it.
fn with_alias(command: clap::Command, argument: &'static str, alias: &'static str) -> clap::Command {
    let has_it = command.get_arguments().any(|known| known.get_id() == argument);
    let command = match has_it {
        true => command.mut_arg(argument, |argument| argument.env(alias)),
        false => command,
    };
    command.mut_subcommands(|command| with_alias(command, argument, alias))
}

#[cfg(test)]
mod tests {
    use super::{Cli, Command, DATABASE_URL, can_be_log, needs_place, with_alias};
    use clap::{CommandFactory, FromArgMatches};
    use std::ffi::{OsStr, OsString};
    use tempfile::TempDir;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
        let definition = Cli::definition(|_| Some("postgres://db/x".into()));
        definition.clone().debug_assert();
        with_alias(definition, "log", DATABASE_URL).debug_assert();
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

    /// Which variable of the environment an argument takes, where these are set.
    fn variable(environment: &[(&str, &str)], path: &[&str], argument: &str) -> String {
        let value =
            |name: &str| environment.iter().find(|(set, _)| *set == name).map(|(_, value)| value.into());
        let mut command = Cli::definition(value);
        let command =
            path.iter().fold(&mut command, |command, name| command.find_subcommand_mut(name).unwrap());
        let argument = command.get_arguments().find(|known| known.get_id() == argument).unwrap();
        argument.get_env().unwrap().to_str().unwrap().to_owned()
    }

    #[test]
    fn names_of_other_tools_count_when_ours_are_not_set() {
        let workers = |environment: &[(&str, &str)]| variable(environment, &["serve"], "workers");
        assert_eq!(workers(&[]), "SCANLEDGER_WORKERS");
        assert_eq!(workers(&[("WORKER_CONCURRENCY", "3")]), "WORKER_CONCURRENCY");
        assert_eq!(workers(&[("WORKER_CONCURRENCY", "")]), "SCANLEDGER_WORKERS");
        let both = [("WORKER_CONCURRENCY", "3"), ("SCANLEDGER_WORKERS", "4")];
        assert_eq!(workers(&both), "SCANLEDGER_WORKERS");
    }

    #[test]
    fn a_database_of_others_is_the_log_where_none_is_named_or_there() {
        let (empty, full) = (TempDir::new().unwrap(), TempDir::new().unwrap());
        std::fs::write(full.path().join("log.db"), "").unwrap();
        let needs = |command: &str, folder: &TempDir| {
            let line = format!("scanledger {command} --data");
            let line = line.split(' ').map(OsString::from).chain([folder.path().into()]);
            needs_place(&Cli::command().try_get_matches_from(line).unwrap())
        };
        let setup = "setup --organization x --email x@y.z";
        for command in ["serve", setup, "export events", "advisories import a.zip"] {
            assert!(needs(command, &empty) && !needs(command, &full), "{command}");
            assert!(!needs(&format!("{command} --log sqlite"), &empty), "{command}");
        }
        for command in ["scan .", "import events a.ndjson", "restore a.tar --keys a.keys"] {
            assert!(!needs(command, &empty), "{command}");
        }
        for url in ["postgres://db/x", "postgresql://db/x"] {
            assert!(can_be_log(OsStr::new(url)), "{url}");
        }
        for url in ["mysql://db/x", "sqlite:///x.db", "file:x.db", ""] {
            assert!(!can_be_log(OsStr::new(url)), "{url}");
        }
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
