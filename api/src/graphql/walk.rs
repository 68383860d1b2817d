//! Lists that are gone through along an index: a cursor is the number of a row, and a page begins at one, however far
//! down it is.

use super::paging::{List, Totals, Wanted, cursor, wanted};
use super::scalar::Cursor;
use async_graphql::connection::{Connection, Edge};
use async_graphql::{OutputType, Result};
use scanledger_projections::incident::Direction;

/// Which rows of such a list are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Walk {
    /// The row before the first one that may be on the page.
    after: Option<u64>,
    /// The row behind the last one that may be on it.
    before: Option<u64>,
    size: u32,
    /// Which of the rows between the two.
    wanted: Wanted,
    /// In which direction the numbers of the list go.
    direction: Direction,
}

impl Walk {
    /// Reads `first`, `after`, `last` and `before` (Relay cursor connections, "Pagination algorithm").
    ///
    /// # Errors
    /// For sizes below 0 or above `limit`, for `first` beside `last`, and for foreign cursors.
    pub(super) fn new(
        (first, after): (Option<i32>, Option<&str>),
        (last, before): (Option<i32>, Option<&str>),
        limit: u32,
        direction: Direction,
    ) -> Result<Self> {
        let (size, wanted) = wanted(first, last, limit)?;
        let (after, before) = (cursor("after", after)?, cursor("before", before)?);
        Ok(Self { after, before, size, wanted, direction })
    }

    /// The row that the page follows or, going backward, precedes; none at an end of the list.
    pub(super) const fn start(&self) -> Option<u64> {
        if self.is_backward() { self.before } else { self.after }
    }

    /// The row that ends what is read from [`Self::start`] on: it is not on the page, and neither is anything behind it.
    pub(super) const fn end(&self) -> Option<u64> {
        if self.is_backward() { self.after } else { self.before }
    }

    /// Rows wanted.
    pub(super) const fn size(&self) -> u32 {
        self.size
    }

    /// Whether they are wanted from the end.
    pub(super) const fn is_backward(&self) -> bool {
        matches!(self.wanted, Wanted::Last)
    }

    /// In which direction the rows are read.
    pub(super) const fn way(&self) -> Direction {
        self.direction.or_back(self.is_backward())
    }

    /// The page of what was read from [`Self::start`] to [`Self::end`], in the order of the list; `has_more` says
    /// whether there was more to read between the two.
    pub(super) fn list<T: OutputType>(&self, rows: Vec<(u64, T)>, has_more: bool, total: u64) -> List<T> {
        let (is_preceded, is_followed) = (self.after.is_some(), self.before.is_some());
        let (has_previous, has_next) = match self.wanted {
            Wanted::First => (is_preceded, has_more),
            Wanted::Last => (has_more, is_followed),
            Wanted::Any => (is_preceded, has_more || is_followed),
        };
        let mut list =
            Connection::with_additional_fields(has_previous, has_next, Totals { total_count: total });
        list.edges.extend(rows.into_iter().map(|(number, node)| Edge::new(Cursor(number), node)));
        list
    }
}

#[cfg(test)]
mod tests {
    use super::{Cursor, Direction, Walk};
    use async_graphql::connection::CursorType as _;

    const LIMIT: u32 = 5;

    fn row(number: u64) -> String {
        Cursor(number).encode_cursor()
    }

    fn walk(
        (first, after): (Option<i32>, Option<u64>),
        (last, before): (Option<i32>, Option<u64>),
        direction: Direction,
    ) -> Walk {
        let (after, before) = (after.map(row), before.map(row));
        Walk::new((first, after.as_deref()), (last, before.as_deref()), LIMIT, direction).unwrap()
    }

    /// The rows of a page of the list from 1 to 9, and whether there is something before and behind it.
    fn page(walk: Walk) -> (Vec<u64>, bool, bool) {
        let mut all: Vec<u64> = (1..=9).collect();
        if walk.way() == Direction::Descending {
            all.reverse();
        }
        let place = |number| all.iter().position(|row| *row == number).unwrap();
        let from = walk.start().map_or(0, |start| place(start) + 1);
        let there = &all[from..walk.end().map_or(all.len(), place).max(from)];
        let size = walk.size() as usize;
        let mut rows: Vec<(u64, i32)> = there.iter().take(size).map(|row| (*row, 0)).collect();
        if walk.is_backward() {
            rows.reverse();
        }
        let list = walk.list(rows, there.len() > size, 9);
        let numbers = list.edges.iter().map(|edge| edge.cursor.0).collect();
        (numbers, list.has_previous_page, list.has_next_page)
    }

    #[test]
    fn pages_go_forward_and_backward_in_both_orders() {
        use Direction::{Ascending, Descending};
        for (first, last, direction, expected) in [
            ((Some(3), None), (None, None), Ascending, (vec![1, 2, 3], false, true)),
            ((Some(3), Some(3)), (None, None), Ascending, (vec![4, 5, 6], true, true)),
            ((Some(3), Some(6)), (None, None), Ascending, (vec![7, 8, 9], true, false)),
            ((Some(3), None), (None, None), Descending, (vec![9, 8, 7], false, true)),
            ((Some(3), Some(7)), (None, None), Descending, (vec![6, 5, 4], true, true)),
            ((None, None), (Some(3), None), Ascending, (vec![7, 8, 9], true, false)),
            ((None, None), (Some(3), Some(4)), Ascending, (vec![1, 2, 3], false, true)),
            ((None, None), (Some(3), None), Descending, (vec![3, 2, 1], true, false)),
            ((None, None), (Some(3), Some(6)), Descending, (vec![9, 8, 7], false, true)),
            // Nobody says from which end.
            ((None, None), (None, None), Ascending, (vec![1, 2, 3, 4, 5], false, true)),
            ((None, Some(4)), (None, None), Ascending, (vec![5, 6, 7, 8, 9], true, false)),
            ((None, None), (None, Some(4)), Ascending, (vec![1, 2, 3], false, true)),
            ((None, Some(8)), (None, Some(5)), Descending, (vec![7, 6], true, true)),
            // Both cursors: what is between them, from one end of it.
            ((Some(3), Some(2)), (None, Some(5)), Ascending, (vec![3, 4], true, false)),
            ((Some(3), Some(2)), (None, Some(6)), Ascending, (vec![3, 4, 5], true, false)),
            ((Some(3), Some(2)), (None, Some(7)), Ascending, (vec![3, 4, 5], true, true)),
            ((None, Some(2)), (Some(3), Some(6)), Ascending, (vec![3, 4, 5], false, true)),
            ((None, Some(1)), (Some(3), Some(6)), Ascending, (vec![3, 4, 5], true, true)),
            ((Some(2), Some(8)), (None, Some(5)), Descending, (vec![7, 6], true, false)),
            ((Some(2), Some(9)), (None, Some(6)), Descending, (vec![8, 7], true, false)),
            ((Some(3), Some(8)), (None, Some(5)), Descending, (vec![7, 6], true, false)),
            ((None, Some(8)), (Some(3), Some(5)), Descending, (vec![7, 6], false, true)),
            ((None, Some(2)), (Some(1), Some(5)), Ascending, (vec![4], true, true)),
            ((Some(3), Some(5)), (None, Some(2)), Ascending, (vec![], true, false)),
        ] {
            assert_eq!(page(walk(first, last, direction)), expected, "{first:?} {last:?} {direction:?}");
        }
    }

    #[test]
    fn page_sizes_end_at_the_limit() {
        let asked = |first, last| Walk::new((first, None), (last, None), LIMIT, Direction::Ascending);
        assert_eq!(asked(Some(5), None).unwrap().size(), 5);
        assert_eq!(asked(None, Some(5)).unwrap().size(), 5);
        assert_eq!(asked(None, None).unwrap().size(), 5);
        for bad in [6, i32::MAX, -1, i32::MIN] {
            assert!(asked(Some(bad), None).is_err(), "{bad}");
            assert!(asked(None, Some(bad)).is_err(), "{bad}");
        }
        assert!(asked(Some(1), Some(1)).is_err());
        let foreign = |after, before| Walk::new((None, after), (None, before), LIMIT, Direction::Ascending);
        assert!(foreign(Some("5"), None).is_err() && foreign(None, Some("5")).is_err());
    }
}
