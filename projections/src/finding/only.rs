//! Parts of what a branch shows, as sets of ranks in an order.

use super::order::Order;
use rusqlite::Connection;

/// What a client's scan is about, of all that is on its branch.
#[derive(Clone, Copy)]
pub(super) enum Only {
    /// What it saw, by key of the scan.
    Seen(i64),
    /// What clients uploaded, by key of the project.
    Uploads(i64),
}

impl Only {
    /// The ranks of it, of those that are chosen already.
    pub(super) fn of(
        self,
        connection: &Connection,
        order: &Order,
        chosen: Option<Bits>,
    ) -> rusqlite::Result<Bits> {
        let (sql, key) = match self {
            Self::Seen(scan) => ("SELECT finding FROM scan_finding WHERE scan = ?1", scan),
            Self::Uploads(project) => {
                ("SELECT key FROM finding WHERE project = ?1 AND upload IS NOT NULL", project)
            }
        };
        let mut bits = Bits::new(order.entries.len());
        let mut statement = connection.prepare_cached(sql)?;
        let mut rows = statement.query([key])?;
        while let Some(row) = rows.next()? {
            if let Some(rank) = order.rank(row.get(0)?) {
                bits.insert(rank);
            }
        }
        if let Some(chosen) = chosen {
            bits.intersect(&chosen);
        }
        Ok(bits)
    }
}

/// A set of ranks.
pub(super) struct Bits(Vec<u64>);

impl Bits {
    pub(super) fn new(length: usize) -> Self {
        Self(vec![0; length.div_ceil(64)])
    }

    pub(super) fn insert(&mut self, rank: u32) {
        self.0[rank as usize / 64] |= 1 << (rank % 64);
    }

    pub(super) fn intersect(&mut self, other: &Self) {
        for (word, other) in self.0.iter_mut().zip(&other.0) {
            *word &= other;
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = usize> {
        self.0.iter().enumerate().flat_map(|(index, &word)| {
            std::iter::successors((word != 0).then_some(word), |word| {
                let rest = word & (word - 1);
                (rest != 0).then_some(rest)
            })
            .map(move |word| index * 64 + word.trailing_zeros() as usize)
        })
    }
}
