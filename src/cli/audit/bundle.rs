//! `scanledger audit bundle`.

use super::super::options::DataOptions;
use super::super::output::{Exit, line};
use super::Signed;
use anyhow::{Context, Result, bail};
use scanledger_domain::id::ProjectId;
use scanledger_domain::log::{Position, Recorded};
use scanledger_domain::proof::leaf_hash;
use scanledger_domain::proof::{BUNDLE_FORMAT, BundleEvent, BundleHeader, Checkpoint, verify_inclusion};
use scanledger_projections::tree::{TREE_FILE, Tree, positions_of_project};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use uuid::Uuid;

/// Events read at once.
const READ_EVENTS: usize = 1_000;

pub(super) async fn run(
    data: &DataOptions,
    (from, to): (u64, Option<u64>),
    project: Option<Uuid>,
    out: &Path,
) -> Result<Exit> {
    let signed = Signed::open(data).await?;
    let Some(latest) = signed.checkpoints.latest()? else {
        bail!("no checkpoint was signed yet: run `scanledger audit checkpoint --now`, or let a server run");
    };
    let checkpoint = latest.signed.checkpoint;
    let tree = Tree::open_read_only(&signed.folder.root().join(TREE_FILE))?
        .filter(|tree| tree.reached().size >= checkpoint.size)
        .context(
            "the tree over the log is not there: run `scanledger audit checkpoint --now`, or start a server",
        )?;
    if tree.root(checkpoint.size)? != checkpoint.root {
        bail!("the tree over the log does not lead to the signed checkpoint: run `scanledger verify`");
    }
    let end = tree.position_of(checkpoint.size - 1)?.context("the checkpoint is of an empty log")?;
    let to = Position(to.unwrap_or(end.0));
    let from = Position(from.max(1));
    if to > end {
        bail!("the newest checkpoint ends with position {end}, and no proof of {to} can be given yet");
    }
    let project = project.map(ProjectId);
    let wanted = match project {
        None => None,
        Some(project) => Some(
            positions_of_project(signed.folder.root(), project, from, to)?
                .context("the read models of this version are not there or behind: start the server once")?,
        ),
    };
    let events = match &wanted {
        None => count(&tree, from, to)?,
        Some(positions) => positions.len() as u64,
    };
    let header = BundleHeader {
        format: BUNDLE_FORMAT.to_owned(),
        checkpoint: latest.signed.note.to_string(),
        verifier_key: signed.key().await?.to_string(),
        from,
        to,
        project,
        events,
    };
    let file = File::create_new(out).with_context(|| format!("while making {}", out.display()))?;
    let written = Bundle { file: BufWriter::new(file), tree: &tree, checkpoint }
        .write(&signed, &header, wanted.as_deref())
        .await;
    if let Err(error) = written {
        // Half a bundle proves nothing.
        drop(std::fs::remove_file(out));
        return Err(error);
    }
    line(&format!("wrote {events} events, proven under the checkpoint of {} events", checkpoint.size));
    Ok(Exit::Done)
}

/// Leaves of the events from one position to another.
fn count(tree: &Tree, from: Position, to: Position) -> Result<u64> {
    if from > to {
        return Ok(0);
    }
    // Positions may have holes, so that the ends of the range need not be events.
    Ok(leaves_up_to(tree, to)? - leaves_up_to(tree, Position(from.0 - 1))?)
}

/// How many leaves are at or before a position.
fn leaves_up_to(tree: &Tree, position: Position) -> Result<u64> {
    let (mut low, mut high) = (0, tree.reached().size);
    while low < high {
        let middle = low + (high - low) / 2;
        match tree.position_of(middle)? {
            Some(at) if at <= position => low = middle + 1,
            Some(_) | None => high = middle,
        }
    }
    Ok(low)
}

struct Bundle<'a> {
    file: BufWriter<File>,
    tree: &'a Tree,
    checkpoint: Checkpoint,
}

impl Bundle<'_> {
    async fn write(
        mut self,
        signed: &Signed,
        header: &BundleHeader,
        wanted: Option<&[Position]>,
    ) -> Result<()> {
        self.line(header)?;
        let mut written = 0;
        let mut after = Position(header.from.0 - 1);
        while after < header.to {
            let batch = signed.log.read_all(after, READ_EVENTS).await.context("while reading the log")?;
            let Some(last) = batch.last() else { break };
            after = last.position;
            for event in batch.iter().filter(|event| event.position <= header.to) {
                if wanted.is_none_or(|wanted| wanted.binary_search(&event.position).is_ok()) {
                    self.event(event)?;
                    written += 1;
                }
            }
        }
        if written != header.events {
            bail!("the log has {written} of {} events: run `scanledger verify`", header.events);
        }
        let file = self.file.into_inner().context("while writing the bundle")?;
        file.sync_all().context("while writing the bundle")
    }

    fn event(&mut self, event: &Recorded) -> Result<()> {
        let Checkpoint { size, root, .. } = self.checkpoint;
        let leaf = self.tree.leaf_at(event.position)?.context("the tree does not have every event")?;
        let proof = self.tree.inclusion(leaf, size)?;
        verify_inclusion(leaf_hash(event), leaf, size, root, &proof).with_context(|| {
            format!("the event at {} is not what was signed: run `scanledger verify`", event.position)
        })?;
        self.line(&BundleEvent::new(event, leaf, proof)?)
    }

    fn line(&mut self, value: &impl serde::Serialize) -> Result<()> {
        serde_json::to_writer(&mut self.file, value).context("while writing the bundle")?;
        self.file.write_all(b"\n").context("while writing the bundle")
    }
}
