//! `scanledger advisories …`.

use super::operate::{Missing, operate, unexpected};
use super::options::AdvisoriesCommand;
use super::output::{Exit, json, line, notice};
use crate::operations::{ImportSummary, Operation, Outcome};
use anyhow::{Context, Result, bail};

pub(super) async fn run(command: AdvisoriesCommand) -> Result<Exit> {
    let AdvisoriesCommand::Import { store, sources, json: as_json } = command;
    let sources = sources
        .iter()
        .map(|source| {
            source.canonicalize().with_context(|| format!("while looking for {}", source.display()))
        })
        .collect::<Result<_>>()?;
    let outcome = operate(&store, Missing::Make, Operation::ImportAdvisories { sources }).await?;
    let Outcome::Imported(summary) = outcome else { return unexpected() };
    if as_json.wanted {
        json(&summary);
    } else {
        show(&summary);
    }
    ended(&summary)
}

/// A source without a record is not what it was taken for: an error page that was saved, another folder.
fn ended(summary: &ImportSummary) -> Result<Exit> {
    let empty = summary.files.iter().filter(|file| file.records == 0);
    let empty: Vec<&str> = empty.map(|file| file.path.as_str()).collect();
    let message = || format!("no record of a known ecosystem was in {}", empty.join(", "));
    match empty.len() {
        0 => Ok(Exit::Done),
        all if all == summary.files.len() => bail!(message()),
        _ => {
            notice(&format!("warning: {}", message()));
            Ok(Exit::Partly)
        }
    }
}

fn show(summary: &ImportSummary) {
    for file in &summary.files {
        line(&format!(
            "{}: {} records of {} ({} added, {} changed, {} withdrawn, {} unchanged)",
            file.path,
            file.records,
            if file.ecosystems.is_empty() {
                "no known ecosystem".to_owned()
            } else {
                file.ecosystems.join(", ")
            },
            file.added,
            file.changed,
            file.withdrawn,
            file.unchanged
        ));
        if file.broken + file.skipped > 0 {
            line(&format!("  left out: {} broken, {} of other ecosystems", file.broken, file.skipped));
        }
        for problem in &file.problems {
            line(&format!("  {problem}"));
        }
    }
    line(&format!("generation {} is in force", summary.generation));
}
