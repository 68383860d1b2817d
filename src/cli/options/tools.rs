//! Options of what looks at data and source.

use super::{DataOptions, Json, StoreOptions};
use clap::builder::{FalseyValueParser, PossibleValuesParser};
use clap::{Args, Subcommand, ValueEnum};
use scanledger_domain::event::Event;
use scanledger_domain::severity::Severity;
use std::path::PathBuf;

/// Options of `scan`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  scanledger scan .
  scanledger scan . --fail-on high                     exit 1 if anything is high or critical
  scanledger scan . --format sarif --output out.sarif
  scanledger scan shop.tar.gz --format json | jq '.[].rule'

Not looked at, and counted at the end: the folders node_modules, .git, .svn, vendor, dist, build, target, __pycache__,
.tox, venv, .venv, .next, coverage, .nyc_output and .cache, wherever they are; for secrets also lockfiles and files that
end in .min.js, .min.css, .bundle.js, .js.map, .css.map or .svg. Secrets are not looked for in binary files either, nor
in those over 1 MB, which are named.

Exit codes: 0 done, 1 a finding reaches --fail-on, 3 there are no advisories of an ecosystem, so its dependencies were
not matched.")]
pub struct ScanOptions {
    /// A folder, or an archive (.tar, .tar.gz, .tgz, .zip).
    pub path: PathBuf,
    /// Where the advisories are, and the keys by which secrets are recognised as on the server with this log. Only
    /// read, and not made if they are not there.
    #[command(flatten)]
    pub data: DataOptions,
    /// What is written.
    #[arg(long, env = "SCANLEDGER_FORMAT", value_enum, default_value_t = ScanFormat::Table)]
    pub format: ScanFormat,
    /// End with exit code 1 if a finding is as bad as this or worse. Findings without a severity count as medium,
    /// as they do in build gates.
    #[arg(long, env = "SCANLEDGER_FAIL_ON", value_name = "SEVERITY", ignore_case = true,
          value_parser = PossibleValuesParser::new(["critical", "high", "medium", "low", "info"]))]
    pub fail_on: Option<String>,
    /// Write to this file instead of standard output.
    #[arg(long, short, env = "SCANLEDGER_OUTPUT", value_name = "FILE")]
    pub output: Option<PathBuf>,
}

impl ScanOptions {
    /// The severity from which on findings fail the scan.
    pub fn threshold(&self) -> Option<Severity> {
        self.fail_on.as_deref().and_then(|word| word.parse().ok())
    }
}

/// What a local scan writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ScanFormat {
    /// For people.
    Table,
    /// An array of findings.
    Json,
    /// SARIF 2.1.0.
    Sarif,
    /// CycloneDX 1.5 JSON: components and their vulnerabilities.
    #[value(name = "cyclonedx")]
    CycloneDx,
    /// SPDX 2.3 JSON: components.
    Spdx,
}

/// What to write out.
#[derive(Debug, Subcommand)]
pub enum ExportCommand {
    /// The log, one JSON object a line, in order. Works beside a running server, up to where the log is now.
    #[command(after_help = "\
Examples:
  scanledger export events > events.ndjson
  scanledger export events --type finding.triaged --from 1000")]
    Events {
        /// Where the data is.
        #[command(flatten)]
        data: DataOptions,
        /// The first position.
        #[arg(long, env = "SCANLEDGER_FROM", value_name = "P", default_value_t = 1)]
        from: u64,
        /// The last position.
        #[arg(long, env = "SCANLEDGER_TO", value_name = "P")]
        to: Option<u64>,
        /// Only this event type; may be given several times.
        #[arg(long = "type", env = "SCANLEDGER_TYPE", value_name = "T", value_delimiter = ',',
              hide_possible_values = true, value_parser = PossibleValuesParser::new(event_types()))]
        types: Vec<String>,
    },
    /// Events, findings over time and scans over time, as Parquet files.
    #[cfg(feature = "parquet")]
    Parquet(super::ParquetOptions),
}

fn event_types() -> Vec<&'static str> {
    let mut types: Vec<_> = Event::types().into_iter().map(|(kind, _)| kind).collect();
    types.sort_unstable();
    types.dedup();
    types
}

/// Options of `rebuild`.
#[derive(Debug, Args)]
#[command(after_help = "A running server builds and swaps while it answers requests; no request fails.")]
pub struct RebuildOptions {
    /// Where the data is.
    #[command(flatten)]
    pub store: StoreOptions,
    /// Only build the read models that this version needs, beside a running server of another version, so that
    /// the next start is quick.
    #[arg(long, env = "SCANLEDGER_PREPARE", value_parser = FalseyValueParser::new())]
    pub prepare: bool,
    /// What is printed.
    #[command(flatten)]
    pub json: Json,
}

/// Options of `verify`.
#[derive(Debug, Args)]
#[command(after_help = "\
Checks that positions and the versions of every stream have no hole (in KurrentDB, that positions rise), that every
event decodes, that every event is what it was when a checkpoint was signed, and that the read models equal ones
built from the log, table by table. Works beside a running server. Exit code 1: they differ.

With --check-blobs, it is a difference as well if a signed checkpoint is missing in the blob store, cannot be read, is not
signed with this server's key or is not the one that was signed; and if there is one that nothing names and that the log
contradicts. Then somebody cut the list of checkpoints, or an older backup was restored: what it does not know is removed
some days later.")]
pub struct VerifyOptions {
    /// Where the data is.
    #[command(flatten)]
    pub store: StoreOptions,
    /// Look also whether every blob is there that something names which was not deleted, and whether the signed
    /// checkpoints in the blob store are those of the log: one request each, and one for each blob that nothing names.
    #[arg(long, env = "SCANLEDGER_CHECK_BLOBS", value_parser = FalseyValueParser::new())]
    pub check_blobs: bool,
    /// A checkpoint that was kept elsewhere; the log has to begin with what it was signed over. May be given several
    /// times.
    #[arg(long = "checkpoint", env = "SCANLEDGER_CHECKPOINT", value_name = "FILE", value_delimiter = ',')]
    pub checkpoints: Vec<PathBuf>,
    /// What is printed.
    #[command(flatten)]
    pub json: Json,
}
