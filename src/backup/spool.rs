//! The log on its way into a backup: its lines in a file, and what it says about blobs and API keys.

use super::line;
use crate::operations::{Progress, Tell};
use anyhow::{Context, Result, bail};
use scanledger_domain::blob::BlobHash;
use scanledger_domain::id::ApiKeyId;
use scanledger_domain::identity::ApiKeyCreated;
use scanledger_domain::log::{EventLog, Position, Recorded};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

/// Events read at once.
const READ_EVENTS: usize = 2_000;

/// What was read of a log.
pub(super) struct Spool {
    pub(super) path: PathBuf,
    pub(super) position: Position,
    pub(super) events: u64,
    /// Blobs that it names, with their sizes where it says them.
    pub(super) blobs: BTreeMap<BlobHash, Option<u64>>,
    /// API keys that there are or were.
    pub(super) keys: Vec<ApiKeyId>,
}

/// Writes the log up to its present end to a new file.
pub(super) async fn spool(log: &dyn EventLog, path: &Path, tell: &Tell) -> Result<Spool> {
    if !log.is_contiguous() {
        bail!(
            "no other log could take these events over, because their positions have holes: back up the database"
        );
    }
    let head = log.head().await.context("while asking for the end of the log")?;
    let mut out = BufWriter::new(File::create_new(path).context("while making a file for the log")?);
    let mut spool = Spool {
        path: path.to_owned(),
        position: Position::START,
        events: 0,
        blobs: BTreeMap::new(),
        keys: Vec::new(),
    };
    while spool.position < head {
        let batch = log.read_all(spool.position, READ_EVENTS).await.context("while reading the log")?;
        if batch.is_empty() {
            bail!("the log ends at position {}, before its head at {head}", spool.position);
        }
        (out, spool) = tokio::task::spawn_blocking(move || -> Result<_> {
            let mut lines = Vec::new();
            for event in batch.iter().take_while(|event| event.position <= head) {
                line::write(&mut lines, event)
                    .with_context(|| format!("while writing the event at position {}", event.position))?;
                spool.note(event)?;
            }
            out.write_all(&lines).context("while writing the log")?;
            Ok((out, spool))
        })
        .await??;
        tell(Progress { what: "events".to_owned(), done: spool.position.0, total: Some(head.0) });
    }
    out.flush().context("while writing the log")?;
    Ok(spool)
}

impl Spool {
    fn note(&mut self, event: &Recorded) -> Result<()> {
        if event.position.0 != self.position.0 + 1 {
            bail!("position {} follows {}: run `scanledger verify`", event.position, self.position);
        }
        self.position = event.position;
        self.events += 1;
        if &*event.kind == "apikey.created"
            && let Ok(created) = serde_json::from_slice::<ApiKeyCreated>(&event.data)
        {
            self.keys.push(created.key);
        }
        if event.data.windows(BLOB_FIELD.len()).any(|part| part == BLOB_FIELD)
            && let Ok(data) = serde_json::from_slice(&event.data)
        {
            note_blobs(&data, &mut self.blobs);
        }
        Ok(())
    }
}

/// Under which name every event names a blob.
const BLOB_FIELD: &[u8] = b"\"blob\"";

fn note_blobs(value: &Value, blobs: &mut BTreeMap<BlobHash, Option<u64>>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| note_blobs(item, blobs)),
        Value::Object(fields) => {
            if let Some(hash) = fields.get("blob").and_then(Value::as_str).and_then(|text| text.parse().ok())
            {
                let size = fields.get("size").and_then(Value::as_u64);
                let known = blobs.entry(hash).or_default();
                *known = known.or(size);
            }
            fields.values().for_each(|field| note_blobs(field, blobs));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => (),
    }
}

#[cfg(test)]
mod tests {
    use super::note_blobs;
    use scanledger_domain::blob::BlobHash;
    use serde_json::json;
    use std::collections::BTreeMap;

    #[test]
    fn blobs_are_found_wherever_an_event_names_them_and_once() {
        let [source, report, excerpt] = [b"1", b"2", b"3"].map(|bytes| BlobHash::of(bytes));
        let mut blobs = BTreeMap::new();
        note_blobs(
            &json!({ "source": { "kind": "upload", "blob": source, "size": 5 }, "hash": report }),
            &mut blobs,
        );
        note_blobs(&json!({ "artifacts": [{ "blob": report, "size": 7 }, { "blob": source }] }), &mut blobs);
        note_blobs(
            &json!([{ "excerpt": { "blob": excerpt, "start": 0 } }, { "blob": "no hash" }]),
            &mut blobs,
        );
        assert_eq!(blobs, [(source, Some(5)), (report, Some(7)), (excerpt, None)].into());
    }
}
