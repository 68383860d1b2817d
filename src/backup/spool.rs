//! The log on its way into a backup: its lines in a file, and what it says about blobs and API keys.

use super::line;
use crate::operations::{Progress, Tell};
use anyhow::{Context, Result, bail};
use scanledger_domain::blob::BlobHash;
use scanledger_domain::decider::DecodeError;
use scanledger_domain::event::{Event, NamedBlob};
use scanledger_domain::id::ApiKeyId;
use scanledger_domain::identity::ApiKeyEvent;
use scanledger_domain::log::{EventLog, Position, Recorded};
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
        match Event::of(event) {
            Ok(Event::ApiKey(ApiKeyEvent::Created(created))) => self.keys.push(created.key),
            Ok(event) => {
                for NamedBlob { blob, size } in event.blobs() {
                    let known = self.blobs.entry(blob).or_default();
                    *known = known.or(size);
                }
            }
            Err(DecodeError::Unknown { .. }) => {
                bail!(
                    "a newer version of this program wrote the event at position {}, and this one does not know which \
                     blobs it names: back up with that version",
                    event.position
                );
            }
            // Nobody can ask for what it names.
            Err(DecodeError::Data { .. }) => (),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Spool;
    use scanledger_domain::blob::BlobHash;
    use scanledger_domain::id::EventId;
    use scanledger_domain::log::{Position, Recorded, StreamName, Version};
    use scanledger_domain::time::Timestamp;
    use std::collections::BTreeMap;
    use std::path::PathBuf;
    use uuid::Uuid;

    fn empty() -> Spool {
        Spool {
            path: PathBuf::new(),
            position: Position::START,
            events: 0,
            blobs: BTreeMap::new(),
            keys: Vec::new(),
        }
    }

    fn recorded(position: u64, kind: &str, data: &str) -> Recorded {
        Recorded {
            position: Position(position),
            id: EventId(Uuid::from_u128(position.into())),
            stream: StreamName::stored("scan-1"),
            version: Version(position),
            kind: kind.into(),
            schema: 1,
            data: data.as_bytes().to_vec(),
            metadata: vec![],
            recorded_at: Timestamp(1),
        }
    }

    #[test]
    fn what_a_client_left_is_in_a_backup_as_every_other_blob_is() {
        let golden = [
            ("scan.queued", include_str!("../../domain/tests/golden/scan.queued.1.json")),
            ("scan.results_received", include_str!("../../domain/tests/golden/scan.results_received.1.json")),
            ("scan.completed", include_str!("../../domain/tests/golden/scan.completed.1.another.json")),
            ("scan.failed", include_str!("../../domain/tests/golden/scan.failed.1.further.json")),
            // Nobody can read it.
            ("scan.started", "{}"),
        ];
        let mut spool = empty();
        for (position, (kind, data)) in (1..).zip(golden) {
            spool.note(&recorded(position, kind, data)).unwrap();
        }
        let blobs =
            [(&b"archive"[..], Some(1_048_576)), (b"seen", None), (b"blocking", None), (b"log", Some(512))];
        assert_eq!(spool.blobs, blobs.map(|(bytes, size)| (BlobHash::of(bytes), size)).into());
        assert_eq!((spool.events, spool.position), (5, Position(5)));
    }

    #[test]
    fn a_log_that_this_version_does_not_know_whole_is_not_backed_up() {
        let why = empty().note(&recorded(1, "scan.exploded", "{}")).unwrap_err().to_string();
        assert!(why.contains("position 1") && why.contains("newer version"), "{why}");
    }
}
