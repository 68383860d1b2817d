//! The command as a version to come, whose read models have another shape: what an upgrade is tried out with.

use scanledger_projections::store::keep_as_next;
use std::process::ExitCode;

/// By this table its files are told from those of this version.
const MORE: &str = "CREATE TABLE next (one INTEGER PRIMARY KEY CHECK (one = 1)) STRICT;";

fn main() -> ExitCode {
    drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
    assert!(keep_as_next(MORE), "nothing has been opened yet");
    scanledger::cli::run()
}
