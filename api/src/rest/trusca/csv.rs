//! Comma-separated tables as the dialect writes them (reference §3.3): UTF-8 with a mark, `\n` at line ends, and cells
//! that no spreadsheet takes for a formula.

use axum::http::{HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use std::fmt::Write as _;

/// The mark by which spreadsheets know UTF-8.
const MARK: char = '\u{feff}';

/// A table that is being written.
pub struct Csv(String);

impl Csv {
    /// A table with these columns.
    pub fn new(columns: &[&str]) -> Self {
        let mut table = Self(MARK.to_string());
        table.row(columns.iter().copied());
        table
    }

    /// Adds a row.
    pub fn row<'a>(&mut self, cells: impl IntoIterator<Item = &'a str>) {
        for (index, cell) in cells.into_iter().enumerate() {
            if index > 0 {
                self.0.push(',');
            }
            self.cell(cell);
        }
        self.0.push('\n');
    }

    /// A cell in quotes where it needs them (RFC 4180 §2). A spreadsheet takes it for a formula if it starts with one
    /// of a few characters (OWASP, CSV injection); an apostrophe makes it text.
    fn cell(&mut self, cell: &str) {
        let mark = if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) { "'" } else { "" };
        let written = if cell.contains([',', '"', '\n', '\r']) {
            write!(self.0, "\"{mark}{}\"", cell.replace('"', "\"\""))
        } else {
            write!(self.0, "{mark}{cell}")
        };
        written.expect("writing to a string cannot fail");
    }

    /// The table as a file with this name, which is in ASCII and has no quotes.
    pub fn into_file(self, name: &str) -> Response {
        let headers: [(HeaderName, String); 2] = [
            (header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()),
            (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")),
        ];
        (StatusCode::OK, headers, self.0).into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::Csv;

    fn rows(rows: &[&[&str]]) -> String {
        let mut table = Csv::new(&["a", "b"]);
        rows.iter().for_each(|row| table.row(row.iter().copied()));
        table.0
    }

    #[test]
    fn a_table_begins_with_its_mark_and_columns() {
        assert_eq!(rows(&[]), "\u{feff}a,b\n");
        assert_eq!(rows(&[&["1", ""], &["", "2"]]), "\u{feff}a,b\n1,\n,2\n");
    }

    #[test]
    fn cells_are_quoted_where_they_need_it() {
        let table = rows(&[&["a,b", "say \"a\""], &["a\nb", "a\rb"]]);
        assert_eq!(table, "\u{feff}a,b\n\"a,b\",\"say \"\"a\"\"\"\n\"a\nb\",\"a\rb\"\n");
    }

    #[test]
    fn no_cell_is_a_formula() {
        for (cell, written) in [
            ("=1+1", "'=1+1"),
            ("+1", "'+1"),
            ("-1", "'-1"),
            ("@x", "'@x"),
            ("\tx", "'\tx"),
            ("\rx", "\"'\rx\""),
            ("=a,b", "\"'=a,b\""),
            ("a=b", "a=b"),
        ] {
            assert_eq!(rows(&[&[cell, ""]]), format!("\u{feff}a,b\n{written},\n"), "{cell:?}");
        }
    }
}
