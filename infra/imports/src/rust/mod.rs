//! Imports of Rust: `use` in all its forms, `extern crate`, and paths that begin with a crate without any `use`.
//!
//! What is told is the first segment of each path, unless it means something in the file itself: after
//! `use tokio::time;`, the path `time::sleep` is no import of the crate `time`.

mod scopes;

use crate::steps::{Step, steps};
use crate::{Found, line, text_of};
use scopes::Scopes;
use tree_sitter::{Node, Tree};

/// Tells `found` the root of every path that may begin with a crate.
pub(crate) fn imports(tree: &Tree, text: &[u8], found: &mut Found<'_>) {
    let mut reader = Reader { text, scopes: Scopes::new(), found };
    // What is in a `use` is read at once, so its nodes are passed by.
    let mut inside_use = None;
    for step in steps(tree) {
        match step {
            Step::Into(_) if inside_use.is_some() => (),
            Step::Into(node) if node.kind() == "use_declaration" => {
                inside_use = Some(node.id());
                reader.read_use(node);
            }
            Step::Into(node) => reader.read(node),
            Step::OutOf(node) if inside_use == Some(node.id()) => inside_use = None,
            Step::OutOf(_) if inside_use.is_some() => (),
            Step::OutOf(node) if is_scope(node) => reader.scopes.close(reader.found),
            Step::OutOf(_) => (),
        }
    }
    reader.scopes.close(reader.found);
}

fn is_scope(node: Node<'_>) -> bool {
    matches!(node.kind(), "mod_item" | "block")
}

struct Reader<'a, 'f> {
    text: &'a [u8],
    scopes: Scopes<'a>,
    found: &'a mut Found<'f>,
}

/// A path to what is used, or to what it is in.
#[derive(Clone, Copy)]
struct Path<'a> {
    /// Its first segment; `None` if that is `crate`, `self` or `super`.
    root: Option<&'a str>,
    /// Its last segment.
    last: &'a str,
}

impl<'a> Reader<'a, '_> {
    fn text(&self, node: Node<'_>) -> &'a str {
        text_of(node, self.text)
    }

    fn read(&mut self, node: Node<'_>) {
        match node.kind() {
            "mod_item" => {
                if let Some(name) = node.child_by_field_name("name") {
                    self.scopes.bind(self.text(name));
                }
                self.scopes.open_module();
            }
            "block" => self.scopes.open_block(),
            "extern_crate_declaration" => self.read_extern_crate(node),
            "scoped_identifier" | "scoped_type_identifier" => match node.child_by_field_name("path") {
                Some(path) if path.kind() == "identifier" => self.scopes.mention(self.text(path), line(path)),
                Some(_) => (),
                None => self.read_global(node),
            },
            // Nothing in them is parsed: what a macro gets, and what is left of an error.
            "token_tree" | "ERROR" => self.read_tokens(node),
            _ => (),
        }
    }

    /// `::name`, which is a crate whatever else has this name.
    fn read_global(&mut self, path: Node<'_>) {
        if let Some(name) = path.child_by_field_name("name") {
            let crate_name = self.text(name);
            (self.found)(crate_name, line(name));
        }
    }

    fn read_extern_crate(&mut self, declaration: Node<'_>) {
        let Some(name) = declaration.child_by_field_name("name") else { return };
        let crate_name = self.text(name);
        (self.found)(crate_name, line(name));
        if let Some(alias) = declaration.child_by_field_name("alias") {
            self.bind(self.text(alias), Some(crate_name));
        }
    }

    /// A name that `use` brings into the scope. One that is its own root, as in `use log;`, still means the crate.
    fn bind(&mut self, name: &'a str, root: Option<&str>) {
        if root != Some(name) {
            self.scopes.bind(name);
        }
    }

    fn read_use(&mut self, declaration: Node<'_>) {
        let Some(argument) = declaration.child_by_field_name("argument") else { return };
        let mut left = vec![(argument, None)];
        while let Some((node, outer)) = left.pop() {
            match node.kind() {
                "use_list" => {
                    let mut cursor = node.walk();
                    left.extend(node.named_children(&mut cursor).map(|child| (child, outer)));
                }
                "scoped_use_list" => {
                    let path = node.child_by_field_name("path").map(|path| self.path(path, outer));
                    left.extend(node.child_by_field_name("list").map(|list| (list, path.or(outer))));
                }
                "use_wildcard" => {
                    if let Some(path) = node.named_child(0) {
                        self.path(path, outer);
                    }
                }
                "use_as_clause" => {
                    let path = node.child_by_field_name("path").map(|path| self.path(path, outer));
                    if let (Some(path), Some(alias)) = (path, node.child_by_field_name("alias")) {
                        self.bind(self.text(alias), path.root);
                    }
                }
                "identifier" | "scoped_identifier" | "self" => {
                    let path = self.path(node, outer);
                    self.bind(path.last, path.root);
                }
                _ => (),
            }
        }
    }

    /// The path that `node` is within `outer`. Its root is mentioned if there is nothing around it.
    fn path(&mut self, node: Node<'_>, outer: Option<Path<'a>>) -> Path<'a> {
        let last = match (node.kind(), outer) {
            ("self", Some(outer)) => outer.last,
            _ => self.text(node.child_by_field_name("name").unwrap_or(node)),
        };
        let root = match outer {
            Some(outer) => outer.root,
            None => self.root(node),
        };
        Path { root, last }
    }

    fn root(&mut self, path: Node<'_>) -> Option<&'a str> {
        let mut first = path;
        while let Some(before) = first.child_by_field_name("path") {
            first = before;
        }
        match first.kind() {
            "identifier" => self.scopes.mention(self.text(first), line(first)),
            "scoped_identifier" => self.read_global(first),
            _ => return None,
        }
        Some(self.text(first.child_by_field_name("name").unwrap_or(first)))
    }

    /// Roots in tokens: names before the first `::` of a path.
    fn read_tokens(&mut self, tokens: Node<'_>) {
        let mut cursor = tokens.walk();
        let mut before = Before::NoPath;
        for token in tokens.children(&mut cursor) {
            before = match (token.kind(), before) {
                ("line_comment" | "block_comment", before) => before,
                ("identifier", Before::Separator) => Before::Path,
                ("identifier", Before::GlobalSeparator) => Before::Global(token),
                ("identifier", _) => Before::Name(token),
                ("::", Before::Name(root)) => {
                    self.scopes.mention(self.text(root), line(root));
                    Before::Separator
                }
                ("::", Before::Global(root)) => {
                    let crate_name = self.text(root);
                    (self.found)(crate_name, line(root));
                    Before::Separator
                }
                ("::", Before::Path) => Before::Separator,
                ("::", _) => Before::GlobalSeparator,
                // What a macro's parameter stands for is not known here.
                ("$", _) => Before::Separator,
                ("self" | "super" | "crate" | "metavariable" | "primitive_type" | ">" | ">>", _) => {
                    Before::Path
                }
                _ => Before::NoPath,
            };
        }
    }
}

/// What stands before a token.
#[derive(Clone, Copy)]
enum Before<'t> {
    /// Nothing of a path.
    NoPath,
    /// A name that a path may begin with.
    Name(Node<'t>),
    /// The name after a `::` that a path begins with.
    Global(Node<'t>),
    /// A later part of a path, or a first one that is no name.
    Path,
    /// `::` within a path, or a `$`, which takes the name after it from being one.
    Separator,
    /// `::` where a path begins.
    GlobalSeparator,
}
