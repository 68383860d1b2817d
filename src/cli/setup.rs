//! `scanledger setup`.

use super::operate::{Missing, operate, unexpected};
use super::options::SetupOptions;
use super::output::{Exit, json, written};
use crate::operations::{Operation, Outcome, Password};
use anyhow::{Context, Result};
use std::io::Read;

/// Bytes of a password that are read at most.
const PASSWORD_BYTES: u64 = 1_024;

pub(super) async fn run(options: SetupOptions) -> Result<Exit> {
    let password = if options.password_stdin { Some(read_password()?) } else { None };
    let name = options.name.unwrap_or_else(|| {
        options.email.split_once('@').map_or(options.email.as_str(), |(name, _)| name).to_owned()
    });
    let operation =
        Operation::SetUp { organization: options.organization, name, email: options.email, password };
    match operate(&options.store, Missing::Make, operation).await? {
        Outcome::SetUp(made) => {
            json(&made);
            written().with_context(|| {
                format!(
                    "all is set up, but the API key, which is shown once, could not be written: make another one with \
                     `scanledger key create --data {} --name NAME --role admin`",
                    options.store.data.data.display()
                )
            })?;
            Ok(Exit::Done)
        }
        _ => unexpected(),
    }
}

/// A password from standard input, without the line break at its end.
pub(super) fn read_password() -> Result<Password> {
    let mut text = String::new();
    std::io::stdin()
        .take(PASSWORD_BYTES)
        .read_to_string(&mut text)
        .context("while reading the password from standard input")?;
    Ok(Password(text.trim_end_matches(['\r', '\n']).to_owned()))
}
