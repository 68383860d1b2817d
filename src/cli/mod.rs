//! The command line.

mod advisories;
mod audit;
mod backup;
mod code_host;
mod demo;
mod entrance;
mod export;
mod import;
mod key;
mod keys;
mod operate;
mod options;
mod output;
mod people;
mod rebuild;
mod replay;
mod restore;
mod scan;
mod screen;
mod serve;
mod setup;
mod verify;

pub use options::{Cli, Command};
pub use output::Exit;

use clap::{CommandFactory, FromArgMatches};
use std::process::ExitCode;

/// Reads the command line and the environment, does what they say, and answers the exit code.
pub fn run() -> ExitCode {
    let matches = Cli::matches(std::env::args_os(), |name| std::env::var_os(name));
    let cli = match matches.and_then(|matches| Cli::from_arg_matches(&matches)) {
        Ok(cli) => cli,
        Err(error) => error.exit(),
    };
    output::init_logging(&cli);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            output::complain(&anyhow::Error::from(error).context("while starting the runtime"));
            return Exit::Failed.into();
        }
    };
    let ended = runtime.block_on(Box::pin(dispatch(cli)));
    // Blocking work that nobody waits for any more, such as a read of standard input, must not hold the end up.
    runtime.shutdown_background();
    match ended.and_then(|exit| output::written().map(|()| exit)) {
        Ok(exit) => exit.into(),
        Err(error) => {
            output::complain(&error);
            Exit::Failed.into()
        }
    }
}

async fn dispatch(cli: Cli) -> anyhow::Result<Exit> {
    match cli.command {
        Command::Serve(options) => serve::run(options).await,
        Command::Demo(options) => demo::run(options).await,
        Command::Setup(options) => setup::run(options).await,
        Command::Scan(options) => scan::run(options).await,
        Command::Advisories(command) => advisories::run(command).await,
        Command::Key(command) => key::run(command).await,
        Command::Keys(command) => keys::run(command).await,
        Command::People(command) => people::run(command).await,
        Command::Export(command) => export::run(command).await,
        Command::Import(command) => import::run(command).await,
        Command::Replay(options) => replay::run(options).await,
        Command::Rebuild(options) => rebuild::run(options).await,
        Command::Verify(options) => verify::run(options).await,
        Command::Audit(command) => audit::run(command).await,
        Command::Backup(options) => backup::run(options).await,
        Command::Restore(options) => restore::run(options).await,
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "scanledger", &mut script);
            output::bytes(&script);
            Ok(Exit::Done)
        }
        Command::Version { json } => {
            let version = env!("CARGO_PKG_VERSION");
            if json.wanted {
                output::json(&serde_json::json!({ "version": version }));
            } else {
                output::line(&format!("scanledger {version}"));
            }
            Ok(Exit::Done)
        }
    }
}
