//! What commands print, and where.

use super::{Cli, Command};
use crate::cli::options::LogFormat;
use crate::operations::Progress;
use anyhow::{Context, Result};
use indicatif::{ProgressBar, ProgressState, ProgressStyle};
use parking_lot::Mutex;
use serde::Serialize;
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::process::ExitCode;
use tracing_subscriber::EnvFilter;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// It did what was asked.
    Done,
    /// It did, and the answer is no.
    No,
    /// It did a part of it.
    Partly,
    /// It could not.
    Failed,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Done => 0,
            Exit::No => 1,
            Exit::Partly => 3,
            Exit::Failed => 4,
        })
    }
}

/// Log lines go to standard error, so that standard output is what a command was asked for.
pub(super) fn init_logging(cli: &Cli) {
    let default = if matches!(cli.command, Command::Serve(_)) { "info" } else { "warn" };
    let filter = EnvFilter::new(cli.log_level.as_deref().unwrap_or(default));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    match cli.log_format {
        LogFormat::Text => builder.with_ansi(io::stderr().is_terminal()).init(),
        LogFormat::Json => builder.json().init(),
    }
}

/// Why something could not be printed, the first time.
static UNWRITTEN: Mutex<Option<io::Error>> = Mutex::new(None);

/// Prints a line; a reader that went away is no error, and [`written`] tells of others.
pub(crate) fn line(text: &str) {
    bytes(format!("{text}\n").as_bytes());
}

/// Prints a line that is by the way: nothing is lost if nobody can read it.
pub(super) fn announce(text: &str) {
    drop(writeln!(io::stdout().lock(), "{text}"));
}

/// Prints bytes as they are; a reader that went away is no error, and [`written`] tells of others.
pub(super) fn bytes(content: &[u8]) {
    let mut out = io::stdout().lock();
    let printed = out.write_all(content).and_then(|()| out.flush());
    if let Err(error) = printed
        && error.kind() != ErrorKind::BrokenPipe
    {
        UNWRITTEN.lock().get_or_insert(error);
    }
}

/// Makes sure that everything that was printed until now was written.
///
/// # Errors
/// When it was not, such as where the disk is full; says so once.
pub(super) fn written() -> Result<()> {
    match UNWRITTEN.lock().take() {
        None => Ok(()),
        Some(error) => Err(error).context("while writing to standard output"),
    }
}

/// Says something on standard error that is no failure.
pub(crate) fn notice(text: &str) {
    drop(writeln!(io::stderr().lock(), "{text}"));
}

/// Prints one JSON object.
pub(super) fn json(value: &impl Serialize) {
    line(&serde_json::to_string(value).expect("results have string keys and no failing serializer"));
}

/// Says on standard error why a command failed, with its causes.
pub(super) fn complain(error: &anyhow::Error) {
    let mut err = io::stderr().lock();
    drop(writeln!(err, "error: {error:#}"));
}

/// Shows progress: a bar on a terminal, else nothing. Clones are the same bar.
#[derive(Clone)]
pub(crate) struct Bar(ProgressBar);

impl Bar {
    /// A bar on standard error, hidden unless that is a terminal.
    pub(crate) fn new() -> Self {
        let bar = ProgressBar::no_length();
        let style = ProgressStyle::with_template("{msg:24!} {bar:30} {human_pos}/{human_len} {rate}")
            .expect("the template is fixed and valid")
            .with_key("rate", |state: &ProgressState, out: &mut dyn std::fmt::Write| {
                // Writing to a bar cannot fail.
                let _ = write!(out, "{:.0}/s", state.per_sec());
            });
        bar.set_style(style);
        Self(bar)
    }

    /// Shows how far something is.
    pub(crate) fn tell(&self, progress: Progress) {
        self.0.set_message(progress.what);
        // Both at once, or the first file's count is drawn with the second one's length.
        self.0.update(|state| {
            if let Some(total) = progress.total {
                state.set_len(total);
            }
            state.set_pos(progress.done);
        });
    }

    /// Takes the bar away.
    pub(crate) fn finish(&self) {
        self.0.finish_and_clear();
    }
}
