//! The source files of a tree, in the languages whose imports are read.

use crate::language::Language;
use crate::unreadable;
use ignore::WalkBuilder;
use scanledger_domain::source::{SKIPPED_FOLDERS, SourceTree, is_in_skipped_folder};
use std::borrow::Cow;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// A file in one of the languages.
pub(crate) struct SourceFile<'a> {
    /// Relative to the root, with `/`.
    pub path: Cow<'a, str>,
    /// What it is written in.
    pub language: Language,
    location: Location<'a>,
}

enum Location<'a> {
    Disk(PathBuf),
    Memory(&'a [u8]),
}

/// The content of a file.
pub(crate) enum Content<'a> {
    /// All of it.
    Whole(Cow<'a, [u8]>),
    /// It is longer than asked for.
    TooLong,
}

impl SourceFile<'_> {
    /// Its content, if that is at most `limit` bytes.
    pub(crate) fn content(&self, limit: u64) -> io::Result<Content<'_>> {
        let content = match &self.location {
            Location::Memory(content) => Cow::Borrowed(*content),
            Location::Disk(path) => {
                let mut content = Vec::new();
                File::open(path)?.take(limit.saturating_add(1)).read_to_end(&mut content)?;
                Cow::Owned(content)
            }
        };
        Ok(if content.len() as u64 > limit { Content::TooLong } else { Content::Whole(content) })
    }
}

/// What a walk through a tree found.
#[derive(Default)]
pub(crate) struct SourceFiles<'a> {
    /// The files, sorted by path.
    pub files: Vec<SourceFile<'a>>,
    /// Why folders could not be read.
    pub unreadable: Vec<String>,
}

/// Lists the source files in `source`. Links are not followed.
pub(crate) fn walk(source: &SourceTree) -> SourceFiles<'_> {
    let mut found = match source {
        SourceTree::Folder(root) => walk_folder(root),
        SourceTree::Memory(tree) => {
            let files = tree.files().filter(|(path, _)| !is_in_skipped_folder(path));
            let files = files.filter_map(|(path, content)| file(path.into(), Location::Memory(content)));
            SourceFiles { files: files.collect(), unreadable: Vec::new() }
        }
    };
    found.files.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

fn file<'a>(path: Cow<'a, str>, location: Location<'a>) -> Option<SourceFile<'a>> {
    let language = Language::of(&path)?;
    Some(SourceFile { path, language, location })
}

fn walk_folder(root: &Path) -> SourceFiles<'static> {
    let mut found = SourceFiles::default();
    let walk = WalkBuilder::new(root)
        .standard_filters(false)
        .follow_links(false)
        .filter_entry(|entry| {
            let is_folder = entry.file_type().is_some_and(|kind| kind.is_dir());
            let is_skipped = || SKIPPED_FOLDERS.iter().any(|name| entry.file_name() == *name);
            // Depth 0 is the root, which may have any name.
            !(is_folder && entry.depth() > 0 && is_skipped())
        })
        .build();
    for entry in walk {
        match entry {
            Ok(entry) if entry.file_type().is_some_and(|kind| kind.is_file()) => {
                let path = relative(root, entry.path()).map(Cow::Owned);
                found.files.extend(path.and_then(|path| file(path, Location::Disk(entry.into_path()))));
            }
            Ok(_) => (),
            Err(error) => {
                let reason = error.io_error().map_or_else(|| "cannot be listed".to_owned(), unreadable);
                found.unreadable.push(format!("a folder {reason}"));
            }
        }
    }
    found
}

fn relative(root: &Path, location: &Path) -> Option<String> {
    let parts = location.strip_prefix(root).ok()?.components();
    let parts: Vec<_> = parts.map(|part| part.as_os_str().to_string_lossy()).collect();
    (!parts.is_empty()).then(|| parts.join("/"))
}
