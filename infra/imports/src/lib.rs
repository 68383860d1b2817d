//! Which packages a source tree imports, read by tree-sitter grammars, so that what stands in comments and strings is
//! no import.
//!
//! Only statements are found here; whose packages they mean is told by `domain::reachability`. To add a language: name
//! its files, grammar and ecosystem in `language.rs`, and read its import statements in a module of its own.

mod go;
mod javascript;
mod language;
mod parse;
mod python;
mod rust;
mod steps;
#[cfg(test)]
mod tests;
mod tree;

use scanledger_domain::component::Ecosystem;
use scanledger_domain::limits::{IMPORT_FILE_BYTES, IMPORT_FILE_TIME, IMPORT_FILES, IMPORT_TREE_TIME};
use scanledger_domain::reachability::{ImportError, ImportReader, ImportSite, Imports};
use scanledger_domain::scanning::Control;
use scanledger_domain::source::SourceTree;
use std::collections::BTreeSet;
use std::io;
use std::time::{Duration, Instant};
use tree::{Content, SourceFile};
use tree_sitter::{Node, Parser};

/// Whose imports are read.
const ECOSYSTEMS: [Ecosystem; 4] = [Ecosystem::CratesIo, Ecosystem::Go, Ecosystem::Npm, Ecosystem::PyPi];

/// Files between two reports of progress.
const FILES_BETWEEN_REPORTS: u64 = 50;

/// Reads imports of Go, JavaScript, TypeScript, Python and Rust.
#[derive(Debug, Clone)]
pub struct TreeSitterImports {
    file_time: Duration,
    tree_time: Duration,
}

impl TreeSitterImports {
    /// A reader within the limits of [`scanledger_domain::limits`].
    pub const fn new() -> Self {
        Self { file_time: IMPORT_FILE_TIME, tree_time: IMPORT_TREE_TIME }
    }
}

impl Default for TreeSitterImports {
    fn default() -> Self {
        Self::new()
    }
}

impl ImportReader for TreeSitterImports {
    fn ecosystems(&self) -> &[Ecosystem] {
        &ECOSYSTEMS
    }

    fn imports(&self, source: &SourceTree, control: &dyn Control) -> Result<Imports, ImportError> {
        let mut tree = tree::walk(source);
        let mut imports = Imports::of(&ECOSYSTEMS);
        for reason in tree.unreadable {
            imports.leave_out(&ECOSYSTEMS, String::new(), reason);
        }
        if tree.files.len() > IMPORT_FILES {
            let rest = tree.files.split_off(IMPORT_FILES);
            let ecosystems: BTreeSet<_> = rest.iter().map(|file| file.language.ecosystem()).collect();
            let ecosystems: Vec<_> = ecosystems.into_iter().collect();
            let reason = format!("imports of {} further files are not read", rest.len());
            imports.leave_out(&ecosystems, String::new(), reason);
        }
        let total = tree.files.len() as u64;
        let mut run = Run { parser: Parser::new(), time_left: self.tree_time, imports };
        for (completed, file) in (0..).zip(&tree.files) {
            control.safe_point()?;
            if completed % FILES_BETWEEN_REPORTS == 0 {
                control.progress(completed, total);
            }
            if let Err(reason) = run.read(file, self.file_time)? {
                run.imports.leave_out(&[file.language.ecosystem()], file.path.to_string(), reason);
            }
        }
        control.progress(total, total);
        Ok(run.imports)
    }
}

/// One reading of a tree.
struct Run {
    parser: Parser,
    time_left: Duration,
    imports: Imports,
}

impl Run {
    /// Reads one file, or says why it is left out.
    fn read(
        &mut self,
        file: &SourceFile<'_>,
        file_time: Duration,
    ) -> Result<Result<(), String>, ImportError> {
        let text = match file.content(IMPORT_FILE_BYTES) {
            Ok(Content::Whole(text)) => text,
            Ok(Content::TooLong) => return Ok(Err("too big to read its imports".to_owned())),
            Err(error) => return Ok(Err(unreadable(&error))),
        };
        let grammar = file.language.grammar();
        self.parser.set_language(&grammar).map_err(|error| ImportError::Failed(error.into()))?;
        let begun = Instant::now();
        let tree = parse::parse(&mut self.parser, &text, file_time.min(self.time_left));
        self.time_left = self.time_left.saturating_sub(begun.elapsed());
        let Some(tree) = tree else {
            return Ok(Err("reading its imports took too long".to_owned()));
        };
        let path = file.path.as_ref().into();
        let mut site = ImportSite { path, line: 1 };
        file.language.imports(&tree, &text, &mut |name, line| {
            site.line = line;
            self.imports.add(file.language.ecosystem(), name, &site);
        });
        Ok(Ok(()))
    }
}

/// The kind alone, because the text of an error names places on this machine.
fn unreadable(error: &io::Error) -> String {
    format!("cannot be read: {}", error.kind())
}

/// What is told of each import: its name as `Imports::add` takes it, and the line.
type Found<'a> = dyn FnMut(&str, u32) + 'a;

/// The line of a node, from 1.
fn line(node: Node<'_>) -> u32 {
    u32::try_from(node.start_position().row).unwrap_or(u32::MAX).saturating_add(1)
}

/// The text of a node; empty if it is not UTF-8.
fn text_of<'t>(node: Node<'_>, text: &'t [u8]) -> &'t str {
    text.get(node.byte_range()).and_then(|part| std::str::from_utf8(part).ok()).unwrap_or_default()
}
