//! `scanledger audit verify`.

use super::super::options::Json;
use super::super::output::{Exit, complain, json, line};
use anyhow::{Context, Result};
use scanledger_domain::proof::{BundleError, BundleSummary, BundleVerifier, VerifierKey};
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

/// Bytes of one line; an event has at most 512 KiB, of which every byte may be escaped, and its proof.
const LINE_BYTES: u64 = 4 * 1024 * 1024;

pub(super) fn run(file: &Path, key: &str, as_json: Json) -> Result<Exit> {
    let key: VerifierKey = key.trim().parse().context("while reading the key")?;
    let opened = File::open(file).with_context(|| format!("while opening {}", file.display()))?;
    match check(&mut BufReader::new(opened), &key)? {
        Ok(summary) => {
            if as_json.wanted {
                json(&serde_json::json!({
                    "valid": true,
                    "events": summary.header.events,
                    "first": summary.range.map(|(first, _)| first),
                    "last": summary.range.map(|(_, last)| last),
                    "complete": summary.header.project.is_none(),
                    "project": summary.header.project,
                    "origin": summary.checkpoint.origin.to_string(),
                    "size": summary.checkpoint.size,
                }));
            } else {
                show(&summary);
            }
            Ok(Exit::Done)
        }
        Err(error) => {
            let error = anyhow::Error::from(error);
            if as_json.wanted {
                json(&serde_json::json!({ "valid": false, "error": format!("{error:#}") }));
            } else {
                complain(&error);
            }
            Ok(Exit::No)
        }
    }
}

/// What the bundle proves, or why it does not; an error if the file cannot be read.
fn check(file: &mut impl BufRead, key: &VerifierKey) -> Result<Result<BundleSummary, BundleError>> {
    let mut text = String::new();
    next(file, &mut text)?;
    let mut verifier = match BundleVerifier::begin(&text, key) {
        Ok(verifier) => verifier,
        Err(error) => return Ok(Err(error)),
    };
    while next(file, &mut text)? {
        if let Err(error) = verifier.event(&text) {
            return Ok(Err(error));
        }
    }
    Ok(verifier.finish())
}

/// Reads a line; `false` at the end.
fn next(file: &mut impl BufRead, text: &mut String) -> Result<bool> {
    text.clear();
    let read = file.by_ref().take(LINE_BYTES).read_line(text).context("while reading the bundle")?;
    Ok(read > 0)
}

fn show(summary: &BundleSummary) {
    let BundleSummary { header, checkpoint, range } = summary;
    let of = header.project.map(|project| format!(" of project {project}")).unwrap_or_default();
    match range {
        Some((first, last)) => {
            line(&format!("valid: {} events{of}, from position {first} to {last}", header.events));
        }
        None => line(&format!("valid, and without events{of}")),
    }
    line(&format!("log    {}", checkpoint.origin));
    line(&format!("under  the checkpoint of {} events", checkpoint.size));
    match header.project {
        None => line("none is missing between the first and the last"),
        Some(_) => line("each is in the log; that none is missing is not proven"),
    }
}
