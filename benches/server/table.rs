//! The table of figures.

use anyhow::Result;
use std::io::Write;

/// A measured thing.
struct Row {
    what: String,
    expected: String,
    measured: String,
    baseline: String,
    met: Option<bool>,
}

/// Figures, printed one by one as they come and once more as a table at the end.
#[derive(Default)]
pub struct Table(Vec<Row>);

impl Table {
    /// A figure with what it is measured against.
    pub fn add(
        &mut self,
        what: &str,
        expected: &str,
        measured: String,
        baseline: String,
        met: Option<bool>,
    ) -> Result<()> {
        let row = Row { what: what.to_owned(), expected: expected.to_owned(), measured, baseline, met };
        say(&row.line())?;
        self.0.push(row);
        Ok(())
    }

    /// Prints everything.
    pub fn print(&self) -> Result<()> {
        say("\n| what | expected | measured | baseline in the same run | met |\n|---|---|---|---|---|")?;
        self.0.iter().try_for_each(|row| say(&row.line()))
    }
}

impl Row {
    fn line(&self) -> String {
        let met = match self.met {
            Some(true) => "yes",
            Some(false) => "**no**",
            None => "",
        };
        let Self { what, expected, measured, baseline, .. } = self;
        format!("| {what} | {expected} | {measured} | {baseline} | {met} |")
    }
}

/// Prints a line.
pub fn say(line: &str) -> Result<()> {
    Ok(writeln!(std::io::stdout().lock(), "{line}")?)
}
