//! Reading a backup: every entry in its order and with its sum, or a sentence that says what is wrong.

use super::line;
use super::write::Hashing;
use super::{
    BLOB_FOLDER, BLOBS, BlobLine, Contents, FORMAT, KeptState, LOG, MANIFEST, Manifest, STATE, SUMS, VERSION,
    WHOLE_BYTES,
};
use anyhow::{Context, Result, bail};
use scanledger_domain::blob::BlobHash;
use scanledger_domain::event::Event;
use scanledger_domain::id::{EventId, SubjectId};
use scanledger_domain::identity::UserEvent;
use scanledger_domain::log::Recorded;
use scanledger_domain::vault::Sealed;
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Name {
    Manifest,
    Log,
    State,
    Blob(BlobHash),
    Blobs,
    Sums,
}

impl Name {
    fn of(text: &str) -> Option<Self> {
        Some(match text {
            MANIFEST => Self::Manifest,
            LOG => Self::Log,
            STATE => Self::State,
            BLOBS => Self::Blobs,
            SUMS => Self::Sums,
            _ => Self::Blob(text.strip_prefix(BLOB_FOLDER)?.parse().ok()?),
        })
    }

    /// Whether it may come after `before`.
    const fn follows(self, before: Option<Self>) -> bool {
        matches!(
            (before, self),
            (None, Self::Manifest)
                | (Some(Self::Manifest), Self::Log)
                | (Some(Self::Log), Self::State)
                | (Some(Self::State | Self::Blob(_)), Self::Blob(_) | Self::Blobs)
                | (Some(Self::Blobs), Self::Sums)
        )
    }
}

/// Shows each entry to `visit`, which may leave some of it unread, and makes sure that all of them are there and are
/// what was written.
pub(super) fn walk(path: &Path, mut visit: impl FnMut(Name, &mut dyn BufRead) -> Result<()>) -> Result<()> {
    let file = File::open(path).with_context(|| format!("while opening {}", path.display()))?;
    let mut tar = tar::Archive::new(BufReader::new(file));
    let (mut sums, mut before) = (String::new(), None);
    for entry in tar.entries().with_context(|| foreign(path))? {
        let entry = entry.with_context(|| if before.is_none() { foreign(path) } else { damaged(path) })?;
        let text = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let name =
            Name::of(&text).filter(|name| name.follows(before) && entry.header().entry_type().is_file());
        let Some(name) = name else {
            if before.is_none() {
                bail!(foreign(path));
            }
            bail!("{}: there is an entry where none, or another one, has to be", damaged(path));
        };
        before = Some(name);
        let size = entry.size();
        let mut counted = Hashing { inner: Counting { inner: entry, read: 0 }, hash: Sha256::new() };
        if name == Name::Sums {
            let mut written = String::new();
            let most = sums.len() as u64 + 1;
            (&mut counted).take(most).read_to_string(&mut written).with_context(|| damaged(path))?;
            if written != sums {
                bail!("{}: its content is not what was written", damaged(path));
            }
            continue;
        }
        let mut reader = BufReader::new(&mut counted);
        visit(name, &mut reader)?;
        io::copy(&mut reader, &mut io::sink()).with_context(|| damaged(path))?;
        drop(reader);
        if counted.inner.read != size {
            bail!("{}: it is cut off", damaged(path));
        }
        let sum = BlobHash(counted.hash.finalize().into());
        if let Name::Blob(hash) = name
            && hash != sum
        {
            bail!("{}: blob {hash} is not what was written", damaged(path));
        }
        sums.push_str(&format!("{sum}  {text}\n"));
    }
    match before {
        None => bail!(foreign(path)),
        Some(Name::Sums) => Ok(()),
        Some(_) => bail!("{}: it is cut off", damaged(path)),
    }
}

fn foreign(path: &Path) -> String {
    format!("{} is no backup of Scanledger", path.display())
}

fn damaged(path: &Path) -> String {
    format!("the backup {} is damaged", path.display())
}

/// Counts what passes.
struct Counting<R> {
    inner: R,
    read: u64,
}

impl<R: Read> Read for Counting<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.read += read as u64;
        Ok(read)
    }
}

/// What has to be known of a backup before any of it is restored.
pub(super) struct Checked {
    pub(super) manifest: Manifest,
    pub(super) state: KeptState,
    /// The first event, after which the log is named in signed checkpoints.
    pub(super) first: Option<EventId>,
    /// Whoever the log says is to be forgotten.
    pub(super) erased: BTreeSet<SubjectId>,
    /// Names of people: what the keys have to open.
    pub(super) names: Vec<Sealed>,
}

/// Reads a whole backup, and makes sure that it can be restored by this version.
pub(super) fn check(path: &Path, read: &dyn Fn(u64)) -> Result<Checked> {
    let (mut manifest, mut state) = (None, KeptState::default());
    let (mut log, mut blobs) = (CheckedLog::default(), BTreeSet::new());
    walk(path, |name, reader| {
        match name {
            Name::Manifest => manifest = Some(read_manifest(reader).with_context(|| damaged(path))?),
            Name::Log => log.read(reader, read).with_context(|| damaged(path))?,
            Name::State => {
                state = serde_json::from_reader(reader.take(WHOLE_BYTES)).with_context(|| damaged(path))?;
            }
            Name::Blob(hash) => drop(blobs.insert(hash)),
            Name::Blobs => {
                let is_whole = manifest.as_ref().is_none_or(|manifest| manifest.blobs == Contents::Bytes);
                let listed = read_list(reader).with_context(|| damaged(path))?;
                if is_whole && listed != blobs {
                    bail!("{}: its blobs are not those of its list", damaged(path));
                }
            }
            Name::Sums => (),
        }
        Ok(())
    })?;
    let manifest = manifest.with_context(|| foreign(path))?;
    if (log.events, log.position) != (manifest.events, manifest.position.0) {
        bail!("{}: its log is not that of its manifest", damaged(path));
    }
    Ok(Checked { manifest, state, first: log.first, erased: log.erased, names: log.names })
}

fn read_manifest(reader: &mut dyn BufRead) -> Result<Manifest> {
    /// Read before the rest, which may look different in other versions.
    #[derive(serde::Deserialize)]
    struct Head {
        format: String,
        version: u32,
    }
    let mut text = Vec::new();
    reader.take(WHOLE_BYTES).read_to_end(&mut text)?;
    let head: Head = serde_json::from_slice(&text).context("its manifest cannot be read")?;
    if head.format != FORMAT {
        bail!("its manifest is of something else");
    }
    if head.version > VERSION {
        bail!("it has version {}, and this program knows version {VERSION}", head.version);
    }
    serde_json::from_slice(&text).context("its manifest cannot be read")
}

fn read_list(reader: &mut dyn BufRead) -> Result<BTreeSet<BlobHash>> {
    let lines = serde_json::Deserializer::from_reader(reader).into_iter::<BlobLine>();
    lines.map(|line| Ok(line.context("its list of blobs cannot be read")?.hash)).collect()
}

#[derive(Default)]
struct CheckedLog {
    events: u64,
    position: u64,
    first: Option<EventId>,
    erased: BTreeSet<SubjectId>,
    names: Vec<Sealed>,
}

impl CheckedLog {
    fn read(&mut self, reader: &mut dyn BufRead, read: &dyn Fn(u64)) -> Result<()> {
        for event in line::read(reader) {
            self.note(&event.context(LOG)?)?;
            if self.events.is_multiple_of(10_000) {
                read(self.events);
            }
        }
        Ok(())
    }

    fn note(&mut self, event: &Recorded) -> Result<()> {
        if event.position.0 != self.position + 1 {
            bail!("position {} follows {}", event.position, self.position);
        }
        self.position = event.position.0;
        self.events += 1;
        self.first.get_or_insert(event.id);
        if let Event::User(event) = Event::of(event)? {
            match event {
                UserEvent::Registered(registered) => self.names.push(registered.name),
                UserEvent::Erased(erased) => self.erased.extend(erased.subjects()),
                UserEvent::Deactivated(_)
                | UserEvent::Activated(_)
                | UserEvent::RankChanged(_)
                | UserEvent::PasswordSet(_)
                | UserEvent::ResetRequested(_)
                | UserEvent::SessionsEnded(_)
                | UserEvent::IdentityLinked(_)
                | UserEvent::IdentityUnlinked(_)
                | UserEvent::ChannelsSet(_) => (),
            }
        }
        Ok(())
    }
}
