//! Options of what moves the log, and of what is built from it for other tools.

use super::{DataOptions, Json};
use clap::{Args, Subcommand};
use scanledger_domain::log::Position;
use scanledger_domain::time::Timestamp;
use std::path::PathBuf;

/// What to take over.
#[derive(Debug, Subcommand)]
pub enum ImportCommand {
    /// Take over the log of another installation, as `export events` writes it.
    #[command(after_help = "\
Events are taken over exactly: positions, ids, versions, times and bytes. They go into a new data folder, or go on
where its log ends; events that are there already are compared and left alone, so an import that was interrupted is
simply run again. No server may run on the data folder.

The log is not everything. The keys that it was sealed with, signed checkpoints and blobs are needed too: into a data
folder copy server.key, state.db and blobs without blobs/owner of the old installation (or name its bucket, and delete
the object `owner` there). In PostgreSQL the keys are in the database: there `scanledger restore` brings everything, the
events included, from a backup of the old installation, and compares those that were imported before. A log is not
served with new keys. Read models are built from the log when the server starts, or by `scanledger rebuild --prepare`.

Examples:
  scanledger import events events.ndjson --data new
  ssh old scanledger export events | scanledger import events - --log postgres://db/scanledger
  scanledger restore old.tar --keys old.keys --data node1 --log postgres://db/scanledger     moves all of it")]
    Events {
        /// Where the data is.
        #[command(flatten)]
        data: DataOptions,
        /// The file; `-` for standard input.
        #[arg(value_name = "FILE")]
        source: PathBuf,
        /// What is printed.
        #[command(flatten)]
        json: Json,
    },
}

/// Options of `replay`.
#[derive(Debug, Args)]
#[command(after_help = "\
The file is an SQLite database of its own with every read model as it was then. Two views in it are for people:

  analyst_findings  the findings on every branch: organization, project, branch, severity, state, scanner, rule,
                    title, cve, cwe, ecosystem, package, fix, path, line, detected_at, triaged_at, triage_note
  analyst_scans     every scan: organization, project, branch, scan_type, commit_id, status, gate, queued_at,
                    started_at, ended_at, critical, high, medium, low, failure

Personal data stays sealed. Works beside a running server.

Examples:
  scanledger replay --as-of 2026-11-01T00:00:00Z --out november.db
  sqlite3 november.db 'SELECT project, severity, count(*) FROM analyst_findings GROUP BY 1, 2'")]
pub struct ReplayOptions {
    /// Where the data is.
    #[command(flatten)]
    pub data: DataOptions,
    /// Up to when: an instant (RFC 3339), a position of the log, or `now`.
    #[arg(long, env = "SCANLEDGER_AS_OF", value_name = "WHEN", value_parser = AsOf::parse)]
    pub as_of: AsOf,
    /// The file to make; there must be none.
    #[arg(long, env = "SCANLEDGER_OUT", value_name = "FILE")]
    pub out: PathBuf,
    /// What is printed.
    #[command(flatten)]
    pub json: Json,
}

/// Options of `export parquet`.
#[cfg(feature = "parquet")]
#[derive(Debug, Args)]
#[command(after_help = "\
Writes events.parquet, findings.parquet and scans.parquet. A finding has a row for each interval between two changes
of its place, severity or triage on a branch, and a scan one for each of its states. A row holds for positions from
valid_from up to, and without, valid_to, recorded at valid_from_at and valid_to_at; one without valid_to still holds.
The file's metadata says under scanledger.position up to which position it goes.

Personal data stays sealed. Works beside a running server.

Example:
  scanledger export parquet --out lake
  duckdb -c \"SELECT severity, count(*) FROM 'lake/findings.parquet' WHERE valid_to IS NULL GROUP BY 1\"")]
pub struct ParquetOptions {
    /// Where the data is.
    #[command(flatten)]
    pub data: DataOptions,
    /// The folder for the files; made if it is not there. None of the files may be.
    #[arg(long, env = "SCANLEDGER_OUT", value_name = "DIR")]
    pub out: PathBuf,
    /// Up to when: an instant (RFC 3339), a position of the log, or `now`.
    #[arg(long, env = "SCANLEDGER_AS_OF", value_name = "WHEN", default_value = "now", value_parser = AsOf::parse)]
    pub as_of: AsOf,
    /// What is printed.
    #[command(flatten)]
    pub json: Json,
}

/// Up to when the log is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AsOf {
    /// Up to its last event.
    Now,
    /// Up to the event at this position.
    Position(Position),
    /// Up to the last event that was recorded by this instant.
    Instant(Timestamp),
}

impl AsOf {
    fn parse(text: &str) -> Result<Self, String> {
        if text == "now" {
            return Ok(Self::Now);
        }
        if let Ok(position) = text.parse() {
            return Ok(Self::Position(Position(position)));
        }
        Timestamp::parse_rfc3339(text).map(Self::Instant).ok_or_else(|| {
            "expected `now`, a position, or an instant such as 2026-11-21T10:00:00Z".to_owned()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::AsOf;
    use scanledger_domain::log::Position;
    use scanledger_domain::time::Timestamp;

    #[test]
    fn when_is_now_or_a_position_or_an_instant() {
        assert_eq!(AsOf::parse("now"), Ok(AsOf::Now));
        assert_eq!(AsOf::parse("0"), Ok(AsOf::Position(Position(0))));
        assert_eq!(AsOf::parse("58"), Ok(AsOf::Position(Position(58))));
        let instant = Timestamp(1_795_255_200_000_001);
        for text in ["2026-11-21T10:00:00.000001Z", "2026-11-21T12:00:00.000001+02:00"] {
            assert_eq!(AsOf::parse(text), Ok(AsOf::Instant(instant)), "{text}");
        }
        for text in ["", "-1", "yesterday", "2026-11-21", "1.5", "18446744073709551616"] {
            assert!(AsOf::parse(text).unwrap_err().contains("a position, or an instant"), "{text}");
        }
    }
}
