//! Imports of Python: `import` and `from … import`, wherever they stand.

use crate::steps::nodes;
use crate::{Found, line, text_of};
use scanledger_domain::limits::IMPORT_BYTES;
use tree_sitter::{Node, Tree};

/// Tells `found` every imported module, and of `from m import a` both as `m.a`, because `a` may be a module.
pub(crate) fn imports(tree: &Tree, text: &[u8], found: &mut Found<'_>) {
    for node in nodes(tree) {
        match node.kind() {
            "import_statement" => {
                for name in names(node) {
                    found(&dotted(name, text), line(name));
                }
            }
            "import_from_statement" => {
                if let Some(module) = node.child_by_field_name("module_name") {
                    from(module, node, text, found);
                }
            }
            _ => (),
        }
    }
}

fn from(module: Node<'_>, statement: Node<'_>, text: &[u8], found: &mut Found<'_>) {
    let path = dotted(module, text);
    // A longer one is no package's, and would be written once for each name.
    if path.len() > IMPORT_BYTES {
        return;
    }
    found(&path, line(module));
    for name in names(statement) {
        let between = if path.ends_with('.') { "" } else { "." };
        found(&format!("{path}{between}{}", dotted(name, text)), line(module));
    }
}

/// The names in a statement, without aliases.
fn names(statement: Node<'_>) -> Vec<Node<'_>> {
    let mut cursor = statement.walk();
    let names = statement.children_by_field_name("name", &mut cursor);
    names.map(|name| name.child_by_field_name("name").unwrap_or(name)).collect()
}

/// A name as it is meant: without spaces, comments and line ends between its parts.
fn dotted(name: Node<'_>, text: &[u8]) -> String {
    let mut path = String::new();
    let mut cursor = name.walk();
    for part in name.children(&mut cursor) {
        match part.kind() {
            "identifier" | "." => path.push_str(text_of(part, text)),
            // How many dots there are does not matter: it is relative.
            "import_prefix" => path.push('.'),
            "dotted_name" => path.push_str(&dotted(part, text)),
            _ => (),
        }
    }
    path
}
