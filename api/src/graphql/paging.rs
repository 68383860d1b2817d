//! Relay connections: which rows are asked for, and how they are answered.

use super::problem::bad_input;
use super::scalar::Cursor;
use super::scope::Scope;
use async_graphql::connection::{Connection, CursorType as _, Edge};
use async_graphql::{OutputType, Result, SimpleObject};
use scanledger_domain::limits::{GRAPHQL_COMPLEXITY, PAGE_ROWS};
use scanledger_projections::{Page, Paging, ReadError};

/// Rows on a page if nobody says how many.
const DEFAULT_ROWS: u32 = 20;

/// What a connection knows besides its edges.
#[derive(Debug, Clone, Copy, SimpleObject)]
pub(super) struct Totals {
    /// How many rows there are in all; exact.
    pub(super) total_count: u64,
}

/// A page of a list.
pub(super) type List<T> = Connection<Cursor, T, Totals>;

/// Which rows of a list are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Asked {
    /// The first row that may be on the page.
    start: u64,
    /// The first row that may not be on it any more.
    end: Option<u64>,
    /// Rows wanted.
    size: u32,
    /// Which of them.
    wanted: Wanted,
}

/// Which of the rows between two cursors are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Wanted {
    /// The first: `first` was given.
    First,
    /// The last: `last` was given.
    Last,
    /// Nobody said, and the first are given.
    Any,
}

impl Asked {
    /// Reads `first`, `after`, `last` and `before` (Relay cursor connections, "Pagination algorithm").
    ///
    /// # Errors
    /// For sizes below 0 or above [`PAGE_ROWS`], for `first` beside `last`, and for foreign cursors.
    pub(super) fn new(
        first: Option<i32>,
        after: Option<&str>,
        last: Option<i32>,
        before: Option<&str>,
    ) -> Result<Self> {
        let (size, wanted) = wanted(first, last, PAGE_ROWS)?;
        let start = cursor("after", after)?.map_or(0, |row| row.saturating_add(1));
        let end = cursor("before", before)?;
        Ok(Self { start, end, size, wanted })
    }

    /// A page that begins with row `start` and has `size` rows.
    pub(super) const fn forward((start, size): (u64, u32)) -> Self {
        Self { start, end: None, size, wanted: Wanted::First }
    }

    /// The rows before anybody knows how many there are; `None` if that has to be known first.
    pub(super) fn window(&self) -> Option<Paging> {
        match (self.wanted, self.end) {
            (Wanted::First | Wanted::Any, None) => Some(Paging { offset: self.start, limit: self.size }),
            (_, Some(end)) => Some(self.up_to(end)),
            (Wanted::Last, None) => None,
        }
    }

    /// The rows of a list that has `total`.
    pub(super) fn window_of(&self, total: u64) -> Paging {
        self.up_to(self.end.map_or(total, |end| end.min(total)))
    }

    fn up_to(&self, end: u64) -> Paging {
        let there = end.saturating_sub(self.start);
        let limit = u32::try_from(there).unwrap_or(u32::MAX).min(self.size);
        let offset = match self.wanted {
            Wanted::Last => end.saturating_sub(limit.into()),
            Wanted::First | Wanted::Any => self.start,
        };
        Paging { offset, limit }
    }

    /// Whether there are rows before the page and behind it, in a list that has `total` (Relay cursor connections,
    /// `HasPreviousPage` and `HasNextPage`): in the direction of the page, as far as the cursors allow.
    fn further(&self, total: u64) -> (bool, bool) {
        let end = self.end.map_or(total, |end| end.min(total));
        let is_cut = end.saturating_sub(self.start) > self.size.into();
        let (is_preceded, is_followed) = (self.start.min(total) > 0, end < total);
        match self.wanted {
            Wanted::First => (is_preceded, is_cut),
            Wanted::Last => (is_cut, is_followed),
            Wanted::Any => (is_preceded, is_cut || is_followed),
        }
    }

    /// The page of a list of `total` rows that begins with row `offset`.
    pub(super) fn list<T: OutputType>(&self, offset: u64, rows: Vec<T>, total: u64) -> List<T> {
        let (has_previous, has_next) = self.further(total);
        let mut list =
            Connection::with_additional_fields(has_previous, has_next, Totals { total_count: total });
        list.edges.extend((offset..).zip(rows).map(|(row, node)| Edge::new(Cursor(row), node)));
        list
    }
}

/// The number in a cursor.
///
/// # Errors
/// For foreign cursors.
pub(super) fn cursor(argument: &str, text: Option<&str>) -> Result<Option<u64>> {
    text.map(|text| {
        Cursor::decode_cursor(text)
            .map(|cursor| cursor.0)
            .map_err(|error| bad_input(format!("{argument} is {error}")))
    })
    .transpose()
}

/// A page size of at most `limit` rows.
///
/// # Errors
/// Below 0 or beyond `limit`.
pub(super) fn size(argument: &str, asked: i32, limit: u32) -> Result<u32> {
    u32::try_from(asked)
        .ok()
        .filter(|&asked| asked <= limit)
        .ok_or_else(|| bad_input(format!("{argument} must be from 0 to {limit}")))
}

/// How many rows are wanted, of at most `limit`, and which.
///
/// # Errors
/// For sizes below 0 or beyond `limit`, and for `first` beside `last`.
pub(super) fn wanted(first: Option<i32>, last: Option<i32>, limit: u32) -> Result<(u32, Wanted)> {
    match (first, last) {
        (Some(_), Some(_)) => Err(bad_input("first and last exclude each other")),
        (None, Some(last)) => Ok((size("last", last, limit)?, Wanted::Last)),
        (Some(first), None) => Ok((size("first", first, limit)?, Wanted::First)),
        (None, None) => Ok((DEFAULT_ROWS.min(limit), Wanted::Any)),
    }
}

/// A page of a list; one more question if it is asked for from an end that is not known yet, or from behind it.
///
/// # Errors
/// When the views fail.
pub(super) async fn page<R, T, F>(
    scope: &Scope,
    asked: &Asked,
    read: impl Fn(Paging) -> F,
    object: impl Fn(R) -> T,
) -> Result<List<T>>
where
    T: OutputType,
    F: Future<Output = Result<Page<R>, ReadError>>,
{
    let failed = |error: ReadError| scope.failed(&error);
    let mut paging = match asked.window() {
        Some(paging) => paging,
        None => {
            let none = read(Paging { offset: 0, limit: 0 }).await.map_err(failed)?;
            asked.window_of(none.total)
        }
    };
    let mut page = read(paging).await.map_err(failed)?;
    // A cursor behind the end, going backward, means the end.
    if paging.offset.saturating_add(paging.limit.into()) > page.total && asked.wanted == Wanted::Last {
        paging = asked.window_of(page.total);
        page = read(paging).await.map_err(failed)?;
    }
    Ok(asked.list(paging.offset, page.rows.into_iter().map(object).collect(), page.total))
}

/// What a connection costs: its fields, once for each row it may have.
pub(super) fn cost(first: Option<i32>, last: Option<i32>, fields: usize) -> usize {
    let rows = first.or(last).map_or(DEFAULT_ROWS, |rows| u32::try_from(rows).unwrap_or(0));
    // Costs are added up by the engine, which does not look for overflow; what is beyond the limit may be cut.
    fields.max(1).saturating_mul(rows.max(1) as usize).saturating_add(1).min(GRAPHQL_COMPLEXITY * 1_000)
}

#[cfg(test)]
mod tests {
    use super::{Asked, Cursor, DEFAULT_ROWS, cost};
    use async_graphql::connection::CursorType as _;
    use scanledger_domain::limits::{GRAPHQL_COMPLEXITY, PAGE_ROWS};
    use scanledger_projections::Paging;

    fn row(number: u64) -> String {
        Cursor(number).encode_cursor()
    }

    fn window(
        first: Option<i32>,
        after: Option<u64>,
        last: Option<i32>,
        before: Option<u64>,
        total: u64,
    ) -> (u64, u32) {
        let (after, before) = (after.map(row), before.map(row));
        let asked = Asked::new(first, after.as_deref(), last, before.as_deref()).unwrap();
        let Paging { offset, limit } = asked.window().unwrap_or_else(|| asked.window_of(total));
        (offset, limit)
    }

    #[test]
    fn pages_go_forward_from_a_cursor() {
        assert_eq!(window(None, None, None, None, 100), (0, DEFAULT_ROWS));
        assert_eq!(window(Some(10), None, None, None, 100), (0, 10));
        assert_eq!(window(Some(10), Some(9), None, None, 100), (10, 10));
        assert_eq!(window(Some(10), Some(9), None, Some(15), 100), (10, 5));
        assert_eq!(window(Some(10), Some(20), None, Some(15), 100), (21, 0));
    }

    #[test]
    fn pages_go_backward_from_a_cursor_or_the_end() {
        assert_eq!(window(None, None, Some(10), None, 100), (90, 10));
        assert_eq!(window(None, None, Some(10), None, 4), (0, 4));
        assert_eq!(window(None, None, Some(10), Some(90), 100), (80, 10));
        assert_eq!(window(None, Some(84), Some(10), Some(90), 100), (85, 5));
    }

    #[test]
    fn a_page_says_whether_the_list_goes_on() {
        const TOTAL: u64 = 100;
        let further = |first, after: Option<u64>, last, before: Option<u64>| {
            let (after, before) = (after.map(row), before.map(row));
            Asked::new(first, after.as_deref(), last, before.as_deref()).unwrap().further(TOTAL)
        };
        for ((first, after, last, before), expected) in [
            ((Some(10), None, None, None), (false, true)),
            ((Some(10), Some(49), None, None), (true, true)),
            ((Some(10), Some(89), None, None), (true, false)),
            ((Some(10), Some(200), None, None), (true, false)),
            ((None, None, Some(10), None), (true, false)),
            ((None, None, Some(10), Some(50)), (true, true)),
            ((None, None, Some(10), Some(10)), (false, true)),
            ((None, None, Some(10), Some(200)), (true, false)),
            // Between two cursors: whoever goes on in the direction of the page comes to the other cursor.
            ((Some(10), Some(49), None, Some(61)), (true, true)),
            ((Some(10), Some(49), None, Some(60)), (true, false)),
            ((None, Some(49), Some(10), Some(61)), (true, true)),
            ((None, Some(49), Some(10), Some(60)), (false, true)),
            ((Some(10), Some(60), None, Some(50)), (true, false)),
            // Nobody says from which end.
            ((None, None, None, None), (false, true)),
            ((None, Some(89), None, None), (true, false)),
            ((None, None, None, Some(50)), (false, true)),
            ((None, None, None, Some(10)), (false, true)),
            ((None, Some(49), None, Some(55)), (true, true)),
            ((None, Some(79), None, Some(200)), (true, false)),
        ] {
            assert_eq!(
                further(first, after, last, before),
                expected,
                "{first:?} {after:?} {last:?} {before:?}"
            );
        }
    }

    #[test]
    fn page_sizes_end_at_the_limit() {
        let limit = i32::try_from(PAGE_ROWS).unwrap();
        assert!(Asked::new(Some(limit), None, None, None).is_ok());
        assert!(Asked::new(None, None, Some(limit), None).is_ok());
        for bad in [limit + 1, i32::MAX, -1, i32::MIN] {
            assert!(Asked::new(Some(bad), None, None, None).is_err(), "{bad}");
            assert!(Asked::new(None, None, Some(bad), None).is_err(), "{bad}");
        }
        assert!(Asked::new(Some(1), None, Some(1), None).is_err());
        assert!(Asked::new(Some(1), Some("5"), None, None).is_err());
    }

    #[test]
    fn a_connection_costs_its_fields_for_each_row_and_never_overflows() {
        assert_eq!(cost(Some(100), None, 5), 501);
        assert_eq!(cost(None, Some(100), 5), 501);
        assert_eq!(cost(None, None, 5), 5 * DEFAULT_ROWS as usize + 1);
        assert_eq!(cost(Some(-1), None, 5), 6);
        assert!(cost(Some(i32::MAX), None, usize::MAX) <= GRAPHQL_COMPLEXITY * 1_000);
    }
}
