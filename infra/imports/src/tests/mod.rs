mod go;
mod hostile;
mod javascript;
mod python;
mod rust;
mod trees;

use crate::language::Language;
use crate::parse::parse;
use crate::{ECOSYSTEMS, TreeSitterImports};
use scanledger_domain::component::{Ecosystem, Package};
use scanledger_domain::reachability::{ImportReader, Imports, Reachability};
use scanledger_domain::scanning::{Control, Interrupted};
use scanledger_domain::source::{MemoryTree, SourceTree};
use std::time::Duration;
use tree_sitter::Parser;

/// A grammar that this parser does not take would make every reading fail.
const LANGUAGES: [Language; 6] = [
    Language::Go,
    Language::JavaScript,
    Language::Python,
    Language::Rust,
    Language::Tsx,
    Language::TypeScript,
];

/// Lets the reader run.
struct Free;

impl Control for Free {
    fn safe_point(&self) -> Result<(), Interrupted> {
        Ok(())
    }
    fn progress(&self, _: u64, _: u64) {}
}

fn in_memory<'a>(files: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> SourceTree {
    let (mut ranges, mut contents) = (vec![], vec![]);
    for (path, content) in files {
        let start = contents.len();
        contents.extend_from_slice(content);
        ranges.push((path.to_owned(), start..contents.len()));
    }
    SourceTree::Memory(MemoryTree::new(ranges, contents))
}

fn imports_of(files: &[(&str, &str)]) -> Imports {
    let tree = in_memory(files.iter().map(|(path, text)| (*path, text.as_bytes())));
    TreeSitterImports::new().imports(&tree, &Free).unwrap()
}

/// The line on which a package is imported.
fn line_of(imports: &Imports, ecosystem: Ecosystem, package: &str) -> Option<u32> {
    match imports.reachability(&Package::new(ecosystem, package)) {
        Reachability::Imported(site) => Some(site.line),
        Reachability::NotImported => None,
        Reachability::Unknown => panic!("{package} is unknown: {:?}", imports.left_out()),
    }
}

/// Checks on which line of a file each package is imported, if at all.
#[track_caller]
fn check(path: &str, text: &str, expected: &[(&str, Option<u32>)]) {
    let imports = imports_of(&[(path, text)]);
    let ecosystem = Language::of(path).unwrap().ecosystem();
    for (package, line) in expected {
        assert_eq!(line_of(&imports, ecosystem, package), *line, "{package}");
    }
}

/// What a text imports as written, in the order in which it is told.
fn written(language: Language, text: &str) -> Vec<String> {
    let mut parser = Parser::new();
    parser.set_language(&language.grammar()).unwrap();
    let tree = parse(&mut parser, text.as_bytes(), Duration::from_secs(60)).unwrap();
    let mut found = Vec::new();
    language.imports(&tree, text.as_bytes(), &mut |name, _| found.push(name.to_owned()));
    found
}

#[test]
fn the_parser_takes_every_grammar() {
    for language in LANGUAGES {
        Parser::new().set_language(&language.grammar()).unwrap();
        assert!(ECOSYSTEMS.contains(&language.ecosystem()));
    }
}
