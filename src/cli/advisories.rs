//! `scanledger advisories …`.

use super::operate::{Missing, operate, unexpected};
use super::options::AdvisoriesCommand;
use super::output::{Exit, json, line};
use crate::operations::{ImportSummary, Operation, Outcome};
use anyhow::{Context, Result};

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
    Ok(Exit::Done)
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
