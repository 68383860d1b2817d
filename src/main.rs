//! The `scanledger` command.

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // A second provider in the process would be somebody else's mistake; the first one stays.
    drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
    scanledger::cli::run()
}
