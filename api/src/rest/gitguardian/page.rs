//! Pages of lists (reference §1.3): a bare array, with cursors to the neighbours in a header.

use crate::app::App;
use crate::extract::Number;
use crate::problem::Problem;
use axum::Json;
use axum::http::{HeaderName, HeaderValue, Uri, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use form_urlencoded::Serializer;
use scanledger_domain::limits::{COUNTED_ROWS, CURSOR_PAGE_ROWS};
use serde::Serialize;
use serde::de::value::StrDeserializer;
use serde::de::{Deserialize, DeserializeOwned, Deserializer, IntoDeserializer};
use utoipa::IntoParams;

/// Rows on a page if nobody says.
const ROWS: u32 = 20;
const X_PER_PAGE: HeaderName = HeaderName::from_static("x-per-page");

/// Which page.
#[derive(Debug, Default, serde::Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PageIn {
    /// From the header `Link` of another page; opaque.
    cursor: Option<String>,
    /// Rows on a page.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100, default = 20)]
    per_page: Option<Number<CURSOR_PAGE_ROWS>>,
    /// From 1; only without a cursor.
    #[param(minimum = 0, default = 1)]
    page: Option<u32>,
}

/// In which order a list is, and by what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ordering<K> {
    /// What is compared.
    pub by: K,
    /// In which direction.
    pub direction: Direction,
}

/// In which direction a list goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Direction {
    /// The smallest first; rows without a value last.
    #[default]
    Ascending,
    /// The other way round.
    Descending,
}

impl<'de, K: DeserializeOwned> Deserialize<'de> for Ordering<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let (direction, word) = match text.strip_prefix('-') {
            Some(word) => (Direction::Descending, word),
            None => (Direction::Ascending, text.as_str()),
        };
        let word: StrDeserializer<'_, D::Error> = word.into_deserializer();
        Ok(Self { by: K::deserialize(word)?, direction })
    }
}

/// Where a row stands in a list: by a value if there is one, then by id, so that no two stand at the same place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// What the list is ordered by.
    pub value: Option<i64>,
    /// The id of the row.
    pub id: u128,
}

impl Mark {
    fn key(self) -> (bool, i64, u128) {
        (self.value.is_none(), self.value.unwrap_or_default(), self.id)
    }
}

/// Where a page begins or ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cursor {
    /// It begins behind this.
    After(Mark),
    /// It ends before this.
    Before(Mark),
}

impl Cursor {
    fn encode(self) -> String {
        let mut text = Serializer::new(String::new());
        let mark = match self {
            Self::After(mark) => mark,
            Self::Before(mark) => {
                text.append_pair("r", "1");
                mark
            }
        };
        let value = mark.value.map(|value| value.to_string()).unwrap_or_default();
        BASE64_STANDARD.encode(text.append_pair("p", &value).append_pair("i", &mark.id.to_string()).finish())
    }

    fn decode(text: &str) -> Option<Self> {
        let bytes = BASE64_STANDARD.decode(text).ok()?;
        let (mut is_reverse, mut value, mut id) = (false, None, None);
        for (name, part) in form_urlencoded::parse(&bytes) {
            match &*name {
                "r" => is_reverse = part == "1",
                "p" if !part.is_empty() => value = Some(part.parse().ok()?),
                "i" => id = Some(part.parse().ok()?),
                _ => (),
            }
        }
        let mark = Mark { value, id: id? };
        Some(if is_reverse { Self::Before(mark) } else { Self::After(mark) })
    }
}

/// Where a page begins in a list that is read page by page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keyset {
    /// The row that the page follows or, backward, precedes.
    pub from: Option<Mark>,
    /// Whether it precedes that row.
    pub is_backward: bool,
    skipped: usize,
    per_page: u32,
}

impl Keyset {
    /// Rows to read.
    pub fn limit(self) -> u32 {
        self.per_page.saturating_add(u32::try_from(self.skipped).unwrap_or(u32::MAX))
    }

    /// The page of the rows that were read, of which there are more or not in the direction of reading.
    pub fn page<T>(self, rows: Vec<T>, has_more: bool, mark: impl Fn(&T) -> Mark) -> Page<T> {
        let rows: Vec<T> = rows.into_iter().skip(self.skipped).collect();
        let (is_first, is_last) = match self.is_backward {
            true => (!has_more, false),
            false => (self.from.is_none() && self.skipped == 0, !has_more),
        };
        let next = rows.last().filter(|_| !is_last).map(|row| Cursor::After(mark(row)));
        let previous = rows.first().filter(|_| !is_first).map(|row| Cursor::Before(mark(row)));
        Page { rows, next, previous, per_page: self.per_page }
    }
}

/// A page of a list, and the way to its neighbours.
pub struct Page<T> {
    /// What is on it.
    pub rows: Vec<T>,
    next: Option<Cursor>,
    previous: Option<Cursor>,
    per_page: u32,
}

impl PageIn {
    /// Where the page begins that is asked for.
    ///
    /// # Errors
    /// 400 for a cursor that is none of ours, and for a page too far in to be counted to.
    pub fn keyset(&self) -> Result<Keyset, Problem> {
        let per_page = self.per_page.map_or(ROWS, |rows| rows.0);
        let begin = |from, is_backward| Keyset { from, is_backward, skipped: 0, per_page };
        match self.cursor()? {
            Some(Cursor::After(last)) => Ok(begin(Some(last), false)),
            Some(Cursor::Before(first)) => Ok(begin(Some(first), true)),
            None => {
                let skipped =
                    (per_page as usize).saturating_mul(self.page.unwrap_or(1).saturating_sub(1) as usize);
                if skipped > COUNTED_ROWS {
                    return Err(Problem::invalid("page", "is too far in; follow the header Link instead"));
                }
                Ok(Keyset { skipped, ..begin(None, false) })
            }
        }
    }

    fn cursor(&self) -> Result<Option<Cursor>, Problem> {
        let wrong = || Problem::invalid("cursor", "must be from the header Link of another page");
        self.cursor.as_deref().map(|text| Cursor::decode(text).ok_or_else(wrong)).transpose()
    }

    /// The page of `rows` that is asked for, in the order of their marks.
    ///
    /// # Errors
    /// 400 for a cursor that is none of ours.
    pub fn of<T>(
        &self,
        mut rows: Vec<T>,
        direction: Direction,
        mark: impl Fn(&T) -> Mark,
    ) -> Result<Page<T>, Problem> {
        let cursor = self.cursor()?;
        let per_page = self.per_page.map_or(ROWS, |rows| rows.0);
        let size = per_page as usize;
        rows.sort_by_key(|row| mark(row).key());
        if direction == Direction::Descending {
            rows.reverse();
        }
        let is_before = |row: &T, other: Mark| match direction {
            Direction::Ascending => mark(row).key() < other.key(),
            Direction::Descending => mark(row).key() > other.key(),
        };
        let (start, end) = match cursor {
            None => {
                let start = size.saturating_mul(self.page.unwrap_or(1).saturating_sub(1) as usize);
                (start, start.saturating_add(size))
            }
            Some(Cursor::After(last)) => {
                let start = rows.partition_point(|row| is_before(row, last) || mark(row) == last);
                (start, start + size)
            }
            Some(Cursor::Before(first)) => {
                let end = rows.partition_point(|row| is_before(row, first));
                (end.saturating_sub(size), end)
            }
        };
        let (start, end) = (start.min(rows.len()), end.min(rows.len()));
        let has_more = end < rows.len();
        let rows: Vec<T> = rows.into_iter().take(end).skip(start).collect();
        let next = rows.last().filter(|_| has_more).map(|row| Cursor::After(mark(row)));
        let previous = rows.first().filter(|_| start > 0).map(|row| Cursor::Before(mark(row)));
        Ok(Page { rows, next, previous, per_page })
    }
}

impl<T> Page<T> {
    /// The same page with its rows as they are shown, in their order.
    pub fn with<U>(self, rows: Vec<U>) -> Page<U> {
        let Self { next, previous, per_page, .. } = self;
        Page { rows, next, previous, per_page }
    }

    /// The same page of a list that is only read forward.
    pub fn without_previous(self) -> Self {
        Self { previous: None, ..self }
    }

    /// The same page with each of its rows as it is shown.
    pub fn map<U>(self, shown: impl Fn(T) -> U) -> Page<U> {
        let Self { rows, next, previous, per_page } = self;
        Page { rows: rows.into_iter().map(shown).collect(), next, previous, per_page }
    }

    fn link(&self, base: &str, uri: &Uri) -> String {
        let neighbours = [(self.next, "next"), (self.previous, "prev")];
        let links = neighbours.into_iter().filter_map(|(cursor, relation)| {
            Some(format!("<{}>; rel=\"{relation}\"", address(base, uri, &cursor?.encode())))
        });
        links.collect::<Vec<_>>().join(", ")
    }
}

impl<T: Serialize> Page<T> {
    /// The answer to a request for `uri`.
    pub fn answer(self, app: &App, uri: &Uri) -> Response {
        let link = HeaderValue::try_from(self.link(&app.entrance.public_url, uri));
        let link = link.unwrap_or(HeaderValue::from_static(""));
        let headers = [(header::LINK, link), (X_PER_PAGE, self.per_page.into())];
        (headers, Json(self.rows)).into_response()
    }
}

/// The request's address with another cursor, its parameters sorted by name.
fn address(base: &str, uri: &Uri, cursor: &str) -> String {
    let query = uri.query().unwrap_or_default();
    let sent = form_urlencoded::parse(query.as_bytes()).into_owned();
    let mut parameters: Vec<(String, String)> =
        sent.filter(|(name, _)| name != "cursor" && name != "page").collect();
    parameters.push(("cursor".to_owned(), cursor.to_owned()));
    parameters.sort_by(|a, b| a.0.cmp(&b.0));
    let query = Serializer::new(String::new()).extend_pairs(parameters).finish();
    format!("{base}{}?{query}", uri.path())
}

/// Refuses what is longer than anybody searches for.
pub fn check_search(search: Option<&str>) -> Result<(), Problem> {
    crate::extract::check_search("search", search)
}

#[cfg(test)]
mod tests {
    use super::{Cursor, Direction, Mark, Page, PageIn, address};
    use crate::extract::Number;
    use axum::http::Uri;
    use proptest::prelude::{any, prop_assert_eq, proptest};

    fn mark(row: &(Option<i64>, u128)) -> Mark {
        Mark { value: row.0, id: row.1 }
    }

    fn page(
        rows: &[(Option<i64>, u128)],
        direction: Direction,
        cursor: Option<Cursor>,
        size: u32,
    ) -> Page<(Option<i64>, u128)> {
        let wanted = PageIn { cursor: cursor.map(Cursor::encode), per_page: Some(Number(size)), page: None };
        wanted.of(rows.to_vec(), direction, mark).unwrap()
    }

    #[test]
    fn rows_without_a_value_come_last_going_up_and_first_going_down() {
        let rows = [(None, 1), (Some(5), 2), (Some(3), 3), (Some(5), 0)];
        let ids =
            |direction| page(&rows, direction, None, 9).rows.iter().map(|row| row.1).collect::<Vec<_>>();
        assert_eq!(ids(Direction::Ascending), [3, 0, 2, 1]);
        assert_eq!(ids(Direction::Descending), [1, 2, 0, 3]);
    }

    #[test]
    fn a_page_can_be_asked_for_by_number() {
        let rows: Vec<(Option<i64>, u128)> = (0..5).map(|id| (None, id)).collect();
        for (number, ids) in [(0, vec![0, 1]), (1, vec![0, 1]), (3, vec![4]), (4, vec![]), (u32::MAX, vec![])]
        {
            let wanted = PageIn { cursor: None, per_page: Some(Number(2)), page: Some(number) };
            let page = wanted.of(rows.clone(), Direction::Ascending, mark).unwrap();
            assert_eq!(page.rows.iter().map(|row| row.1).collect::<Vec<_>>(), ids, "{number}");
        }
    }

    #[test]
    fn links_keep_what_was_asked_for() {
        let uri: Uri = "/exposed/v1/x?search=a%20b&cursor=old&per_page=2&other=1&page=3".parse().unwrap();
        let expected = "https://x/exposed/v1/x?cursor=cD0%3D&other=1&per_page=2&search=a+b";
        assert_eq!(address("https://x", &uri, "cD0="), expected);
        let rows: Vec<(Option<i64>, u128)> = (0..3).map(|id| (None, id)).collect();
        assert_eq!(page(&rows, Direction::Ascending, None, 3).link("", &uri), "");
        let first = page(&rows, Direction::Ascending, None, 1);
        let second = page(&rows, Direction::Ascending, first.next, 1).link("", &uri);
        let (next, previous) = second.split_once(", ").unwrap();
        assert!(next.ends_with("; rel=\"next\"") && previous.ends_with("; rel=\"prev\""), "{second}");
    }

    #[test]
    fn a_cursor_of_somebody_else_is_refused() {
        for bad in ["x", "cD0x", "", "cD14Jmk9MQ=="] {
            assert_eq!(Cursor::decode(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn walking_forth_and_back_shows_every_row_once(
            values in proptest::collection::vec(any::<Option<i8>>(), 1..40),
            size in 1_u32..7,
            is_descending in any::<bool>(),
        ) {
            let rows: Vec<(Option<i64>, u128)> =
                values.into_iter().zip(0..).map(|(value, id)| (value.map(i64::from), id)).collect();
            let direction = if is_descending { Direction::Descending } else { Direction::Ascending };
            let all = page(&rows, direction, None, 100).rows;
            let (mut forth, mut back) = (Vec::new(), Vec::new());
            let mut cursor = None;
            let last = loop {
                let found = page(&rows, direction, cursor, size);
                forth.extend(found.rows.iter().copied());
                match found.next {
                    Some(next) => cursor = Some(next),
                    None => break found,
                }
            };
            prop_assert_eq!(&forth, &all);
            let mut previous = last.previous;
            back.splice(0..0, last.rows);
            while let Some(cursor) = previous {
                let found = page(&rows, direction, Some(cursor), size);
                previous = found.previous;
                back.splice(0..0, found.rows);
            }
            prop_assert_eq!(&back, &all);
        }
    }
}
