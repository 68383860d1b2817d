//! The one writer: adds leaves, and completes the subtrees above them.

use super::file::{self, HASH, TILE};
use super::reader::subtree;
use super::{Reached, TreeError};
use rusqlite::{Connection, OptionalExtension, Transaction, params};
use scanledger_domain::log::{LogError, Position, Recorded};
use scanledger_domain::proof::leaf_hash;
use std::path::Path;
use uuid::Uuid;

/// The file, and the tiles at its right edge.
pub(super) struct Writer {
    connection: Connection,
    log: Uuid,
    edge: Edge,
}

/// How far the tree is, and one tile that is not full yet for each level, from the leaves up.
#[derive(Clone, Default)]
struct Edge {
    reached: Reached,
    last_event: Option<Uuid>,
    tiles: Vec<Tile>,
}

#[derive(Clone, Default)]
struct Tile {
    number: u64,
    hashes: Vec<u8>,
}

impl Writer {
    /// Opens or makes the file; one of another log is emptied.
    pub(super) fn open(path: &Path, log: Uuid) -> Result<Self, TreeError> {
        let connection = file::open_writer(path)?;
        let mut writer = Self { connection, log, edge: Edge::default() };
        let found: Option<Uuid> =
            writer.connection.query_row("SELECT log FROM tree", [], |row| row.get(0)).optional()?;
        if found == Some(log) {
            writer.edge = Edge::load(&writer.connection)?;
        } else {
            writer.clear()?;
        }
        Ok(writer)
    }

    pub(super) fn reached(&self) -> Reached {
        self.edge.reached
    }

    /// The id of the last event in it.
    pub(super) fn last_event(&self) -> Option<Uuid> {
        self.edge.last_event
    }

    pub(super) fn clear(&mut self) -> Result<(), TreeError> {
        let tx = self.connection.transaction()?;
        tx.execute_batch("DELETE FROM tree; DELETE FROM tile; DELETE FROM run;")?;
        tx.execute("INSERT INTO tree (one, log, size, position) VALUES (1, ?1, 0, 0)", params![self.log])?;
        tx.commit()?;
        self.edge = Edge::default();
        Ok(())
    }

    pub(super) fn append(&mut self, after: Position, events: &[Recorded]) -> Result<bool, TreeError> {
        let known = self.edge.reached.position;
        if known < after {
            return Ok(false);
        }
        let there = events.iter().find(|event| event.position == known);
        if there.is_some_and(|there| Some(there.id.0) != self.edge.last_event) {
            return Err(LogError::Diverged { position: known }.into());
        }
        let mut news = events.iter().filter(|event| event.position > known).peekable();
        if news.peek().is_none() {
            return Ok(true);
        }
        // The edge in memory moves only when the file has.
        let mut edge = self.edge.clone();
        let tx = self.connection.transaction()?;
        for event in news {
            edge.push(&tx, event)?;
        }
        edge.save(&tx)?;
        tx.commit()?;
        self.edge = edge;
        Ok(true)
    }

    /// Moves everything into the file.
    pub(super) fn close(&mut self) -> Result<(), TreeError> {
        self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
        Ok(())
    }
}

impl Edge {
    fn load(connection: &Connection) -> Result<Self, TreeError> {
        let reached = file::reached(connection)?;
        let last_event = connection.query_row("SELECT last_event FROM tree", [], |row| row.get(0))?;
        let mut tiles = Vec::new();
        let mut below = reached.size;
        let mut select = connection.prepare("SELECT hashes FROM tile WHERE level = ?1 AND number = ?2")?;
        while below > 0 {
            let (number, count) = (below / TILE, usize::try_from(below % TILE).expect("less than a tile"));
            let mut hashes = Vec::new();
            if count > 0 {
                let key = params![tiles.len().cast_signed(), number.cast_signed()];
                hashes = select.query_row(key, |row| row.get(0)).optional()?.ok_or(TreeError::Damaged)?;
                if hashes.len() != count * HASH {
                    return Err(TreeError::Damaged);
                }
            }
            tiles.push(Tile { number, hashes });
            below = number;
        }
        drop(select);
        Ok(Self { reached, last_event, tiles })
    }

    fn push(&mut self, tx: &Transaction<'_>, event: &Recorded) -> Result<(), TreeError> {
        let Reached { size, position } = self.reached;
        if size == 0 || event.position.0 != position.0 + 1 {
            tx.prepare_cached("INSERT INTO run (leaf, position) VALUES (?1, ?2)")?
                .execute(params![size.cast_signed(), event.position.0.cast_signed()])?;
        }
        self.reached = Reached { size: size + 1, position: event.position };
        self.last_event = Some(event.id.0);
        let mut hash = leaf_hash(event);
        for level in 0.. {
            if level == self.tiles.len() {
                self.tiles.push(Tile::default());
            }
            let tile = &mut self.tiles[level];
            tile.hashes.extend(hash.0);
            if tile.hashes.len() < HASH * TILE as usize {
                break;
            }
            hash = subtree(&tile.hashes)?;
            put(tx, level, tile)?;
            *tile = Tile { number: tile.number + 1, hashes: Vec::new() };
        }
        Ok(())
    }

    fn save(&self, tx: &Transaction<'_>) -> Result<(), TreeError> {
        for (level, tile) in self.tiles.iter().enumerate().filter(|(_, tile)| !tile.hashes.is_empty()) {
            put(tx, level, tile)?;
        }
        let Reached { size, position: Position(position) } = self.reached;
        tx.prepare_cached("UPDATE tree SET size = ?1, position = ?2, last_event = ?3")?.execute(params![
            size.cast_signed(),
            position.cast_signed(),
            self.last_event
        ])?;
        Ok(())
    }
}

fn put(tx: &Transaction<'_>, level: usize, tile: &Tile) -> Result<(), TreeError> {
    tx.prepare_cached(
        "INSERT INTO tile (level, number, hashes) VALUES (?1, ?2, ?3) \
         ON CONFLICT (level, number) DO UPDATE SET hashes = excluded.hashes",
    )?
    .execute(params![level.cast_signed(), tile.number.cast_signed(), tile.hashes])?;
    Ok(())
}
