//! How things look on a screen: columns, and colours where there is a terminal.

use console::{Style, Term, measure_text_width, pad_str, truncate_str};
use scanledger_domain::severity::{Severity, SeverityCounts};

/// Characters of a line where nobody says how many fit: wide, but not as wide as the longest title.
const WIDE: usize = 160;

/// What a screen can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Screen {
    has_colours: bool,
    /// Characters of a line.
    width: usize,
}

/// Characters that the column which gives way keeps at least.
const LEAST: usize = 16;

impl Screen {
    /// What standard output is: a terminal with its colours and width, or like [`Self::file`].
    pub(super) fn of_stdout() -> Self {
        let width = Term::stdout().size_checked().map_or(WIDE, |(_, columns)| usize::from(columns));
        Self { has_colours: console::colors_enabled(), width }
    }

    /// A file: no colours, wide lines.
    pub(super) const fn file() -> Self {
        Self { has_colours: false, width: WIDE }
    }

    /// The same with lines of at most `width` characters.
    pub(super) fn at_most(self, width: usize) -> Self {
        Self { width: self.width.min(width), ..self }
    }

    /// `text` in a style, without anything that would steer a terminal.
    pub(super) fn paint(self, style: &Style, text: &str) -> String {
        if text.is_empty() {
            return String::new();
        }
        style.clone().force_styling(self.has_colours).apply_to(harmless(text)).to_string()
    }

    /// Something that matters.
    pub(super) fn strong(self, text: &str) -> String {
        self.paint(&Style::new().bold(), text)
    }

    /// Something by the way.
    pub(super) fn faint(self, text: &str) -> String {
        self.paint(&Style::new().dim(), text)
    }

    /// A severity in its colour.
    pub(super) fn severity(self, severity: Severity) -> String {
        let style = match severity {
            Severity::Critical => Style::new().magenta().bold(),
            Severity::High => Style::new().red().bold(),
            Severity::Medium => Style::new().yellow(),
            Severity::Unknown => Style::new().cyan(),
            Severity::Low => Style::new().blue(),
            Severity::Info => Style::new().dim(),
        };
        self.paint(&style, &severity.as_str().to_uppercase())
    }

    /// Rows as aligned lines, two spaces between columns. If they do not fit, column `gives_way` is cut.
    pub(super) fn columns(self, rows: &[Vec<String>], gives_way: usize) -> Vec<String> {
        let count = rows.iter().map(Vec::len).max().unwrap_or(0);
        let mut widths: Vec<usize> = (0..count)
            .map(|column| {
                rows.iter().filter_map(|row| row.get(column)).map(|cell| measure_text_width(cell)).max()
            })
            .map(Option::unwrap_or_default)
            .collect();
        let total = widths.iter().sum::<usize>() + 2 * count.saturating_sub(1);
        if let Some(cut) = widths.get_mut(gives_way) {
            *cut = cut.saturating_sub(total.saturating_sub(self.width)).max(LEAST.min(*cut));
        }
        let line = |row: &Vec<String>| {
            let cells = row.iter().zip(&widths).map(|(cell, &width)| {
                pad_str(&truncate_str(cell, width, "…"), width, console::Alignment::Left, None).into_owned()
            });
            cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
        };
        rows.iter().map(line).collect()
    }
}

/// File names and titles come from strangers: an escape sequence among them must not reach a terminal.
pub(super) fn harmless(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

/// The end of a path, if all of it is too long.
pub(super) fn end_of(path: &str, width: usize) -> String {
    let length = path.chars().count();
    if length <= width {
        return path.to_owned();
    }
    std::iter::once('…').chain(path.chars().skip(length + 1 - width)).collect()
}

/// `3 files`, `1 file`, `2 entries`.
pub(super) fn counted(n: u64, what: &str) -> String {
    match what.strip_suffix('y') {
        _ if n == 1 => format!("1 {what}"),
        Some(stem) => format!("{n} {stem}ies"),
        None => format!("{n} {what}s"),
    }
}

/// `2 critical, 5 high`; nothing for severities without findings.
pub(super) fn by_severity(screen: Screen, counts: &SeverityCounts) -> String {
    let parts = Severity::ALL.into_iter().filter(|severity| counts.of(*severity) > 0).map(|severity| {
        let word = screen.severity(severity).replace(&severity.as_str().to_uppercase(), severity.as_str());
        format!("{} {word}", counts.of(severity))
    });
    parts.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::{Screen, by_severity, counted, end_of, harmless};
    use scanledger_domain::severity::SeverityCounts;

    fn rows(cells: &[[&str; 3]]) -> Vec<Vec<String>> {
        cells.iter().map(|row| row.iter().map(|&cell| cell.to_owned()).collect()).collect()
    }

    #[test]
    fn columns_are_aligned_and_end_without_spaces() {
        let lines = Screen::file().columns(&rows(&[["A", "bb", "x"], ["CCC", "d", ""]]), 1);
        assert_eq!(lines, ["A    bb  x", "CCC  d"]);
    }

    #[test]
    fn one_column_gives_way_when_a_line_is_too_long() {
        let long = "a title that is much longer than a line";
        let lines = Screen::file().at_most(40).columns(&rows(&[["HIGH", long, "fix 1.2"]]), 1);
        assert_eq!(lines, ["HIGH  a title that is much lon…  fix 1.2"]);
        assert_eq!(lines[0].chars().count(), 40);
    }

    #[test]
    fn what_would_steer_a_terminal_is_taken_out() {
        assert_eq!(harmless("a\u{1b}[2Jb\n"), "a\u{fffd}[2Jb\u{fffd}");
    }

    #[test]
    fn paths_keep_their_end() {
        assert_eq!(end_of("a/b.txt", 7), "a/b.txt");
        assert_eq!(end_of("long/b.txt", 6), "…b.txt");
    }

    #[test]
    fn counts_are_told_in_words() {
        let said = [counted(1, "file"), counted(2, "file"), counted(1, "entry"), counted(0, "entry")];
        assert_eq!(said, ["1 file", "2 files", "1 entry", "0 entries"]);
        let counts = SeverityCounts { critical: 2, low: 1, ..SeverityCounts::default() };
        assert_eq!(by_severity(Screen::file(), &counts), "2 critical, 1 low");
    }
}
