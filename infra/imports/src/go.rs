//! Imports of Go: single and grouped, with a name, a dot or a blank before them or nothing.

use crate::steps::nodes;
use crate::{Found, line, text_of};
use tree_sitter::Tree;

/// Tells `found` the path of every import.
pub(crate) fn imports(tree: &Tree, text: &[u8], found: &mut Found<'_>) {
    for node in nodes(tree).filter(|node| node.kind() == "import_spec") {
        let Some(path) = node.child_by_field_name("path") else { continue };
        // No path needs escapes, so the content of the literal is one piece.
        if let (Some(content), 1) = (path.named_child(0), path.named_child_count()) {
            found(text_of(content, text), line(content));
        }
    }
}
