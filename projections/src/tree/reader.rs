//! Roots and proofs from tiles, and which leaf stands where.

use super::file::{self, HASH, TILE};
use super::{Reached, TreeError};
use rusqlite::{Connection, OptionalExtension, params};
use scanledger_domain::log::Position;
use scanledger_domain::proof::{self, Nodes, OutsideTree, TreeHash, node_hash};
use std::collections::HashMap;

/// Levels of the tree that a tile holds the lowest of.
const TILE_LEVELS: u32 = TILE.ilog2();

/// One snapshot of the tree, and the tiles that a question has read of it.
pub(super) struct Reader<'a> {
    connection: &'a Connection,
    reached: Reached,
    tiles: HashMap<(u32, u64), Vec<u8>>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(connection: &'a Connection) -> Result<Self, TreeError> {
        Ok(Self { connection, reached: file::reached(connection)?, tiles: HashMap::new() })
    }

    pub(super) fn root(&mut self, size: u64) -> Result<TreeHash, TreeError> {
        self.must_have(size)?;
        proof::root(self, size)
    }

    pub(super) fn inclusion(&mut self, leaf: u64, size: u64) -> Result<Vec<TreeHash>, TreeError> {
        self.must_have(size)?;
        proof::inclusion(self, leaf, size)
    }

    pub(super) fn consistency(&mut self, from: u64, to: u64) -> Result<Vec<TreeHash>, TreeError> {
        self.must_have(to)?;
        proof::consistency(self, from, to)
    }

    pub(super) fn leaves(&mut self, from: u64, count: u64) -> Result<Vec<TreeHash>, TreeError> {
        let end = from.saturating_add(count).min(self.reached.size);
        let mut leaves = Vec::new();
        let mut at = from;
        while at < end {
            let last = end.min((at / TILE + 1) * TILE);
            let tile = self.tile(0, at / TILE)?;
            leaves.extend(hashes(part(tile, at % TILE, last - at)?));
            at = last;
        }
        Ok(leaves)
    }

    pub(super) fn leaf_at(&self, position: Position) -> Result<Option<u64>, TreeError> {
        if position > self.reached.position {
            return Ok(None);
        }
        let run = "SELECT leaf, position FROM run WHERE position <= ?1 ORDER BY position DESC LIMIT 1";
        let Some((leaf, begin)) = self.run(run, position.0)? else { return Ok(None) };
        let leaf = leaf + (position.0 - begin);
        // In a log with holes the position may lie beyond the end of its run.
        Ok((self.position_of(leaf)? == Some(position)).then_some(leaf))
    }

    pub(super) fn position_of(&self, leaf: u64) -> Result<Option<Position>, TreeError> {
        if leaf >= self.reached.size {
            return Ok(None);
        }
        let run = "SELECT leaf, position FROM run WHERE leaf <= ?1 ORDER BY leaf DESC LIMIT 1";
        let (first, begin) = self.run(run, leaf)?.ok_or(TreeError::Damaged)?;
        Ok(Some(Position(begin + (leaf - first))))
    }

    fn run(&self, sql: &str, key: u64) -> Result<Option<(u64, u64)>, TreeError> {
        let key = i64::try_from(key).unwrap_or(i64::MAX);
        let pair = |row: &rusqlite::Row<'_>| {
            Ok((row.get::<_, i64>(0)?.cast_unsigned(), row.get::<_, i64>(1)?.cast_unsigned()))
        };
        Ok(self.connection.prepare_cached(sql)?.query_row([key], pair).optional()?)
    }

    fn must_have(&self, size: u64) -> Result<(), TreeError> {
        let own = self.reached.size;
        if size > own { Err(OutsideTree { asked: size, size: own }.into()) } else { Ok(()) }
    }

    fn tile(&mut self, level: u32, number: u64) -> Result<&[u8], TreeError> {
        use std::collections::hash_map::Entry;
        match self.tiles.entry((level, number)) {
            Entry::Occupied(tile) => Ok(tile.into_mut()),
            Entry::Vacant(vacant) => {
                let mut select = self
                    .connection
                    .prepare_cached("SELECT hashes FROM tile WHERE level = ?1 AND number = ?2")?;
                let found =
                    select.query_row(params![level, number.cast_signed()], |row| row.get(0)).optional()?;
                Ok(vacant.insert(found.ok_or(TreeError::Damaged)?))
            }
        }
    }
}

impl Nodes for Reader<'_> {
    type Error = TreeError;

    fn node(&mut self, level: u32, index: u64) -> Result<TreeHash, TreeError> {
        let (tile_level, above) = (level / TILE_LEVELS, level % TILE_LEVELS);
        let first = index << above;
        let tile = self.tile(tile_level, first / TILE)?;
        subtree(part(tile, first % TILE, 1 << above)?)
    }
}

/// Some hashes of a tile.
fn part(tile: &[u8], from: u64, count: u64) -> Result<&[u8], TreeError> {
    let index =
        |hashes: u64| usize::try_from(hashes).map(|hashes| hashes * HASH).map_err(|_| TreeError::Damaged);
    tile.get(index(from)?..index(from + count)?).ok_or(TreeError::Damaged)
}

fn hashes(bytes: &[u8]) -> impl Iterator<Item = TreeHash> {
    let (hashes, _) = bytes.as_chunks::<HASH>();
    hashes.iter().copied().map(TreeHash)
}

/// The hash of the complete subtree over some hashes, as many as a power of two.
pub(super) fn subtree(bytes: &[u8]) -> Result<TreeHash, TreeError> {
    let mut level: Vec<TreeHash> = hashes(bytes).collect();
    while level.len() > 1 {
        let (pairs, _) = level.as_chunks::<2>();
        level = pairs.iter().map(|[left, right]| node_hash(*left, *right)).collect();
    }
    level.pop().ok_or(TreeError::Damaged)
}
