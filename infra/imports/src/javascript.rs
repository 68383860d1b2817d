//! Imports of JavaScript and TypeScript: `import` and `export … from` in all their forms, `import = require`, and
//! `import()` and `require()` of a literal.

use crate::steps::nodes;
use crate::{Found, line, text_of};
use tree_sitter::{Node, Tree};

/// Tells `found` the specifier of every import.
pub(crate) fn imports(tree: &Tree, text: &[u8], found: &mut Found<'_>) {
    let mut exported_require = None;
    for node in nodes(tree) {
        let literal = match node.kind() {
            "import_statement" | "import_require_clause" | "export_statement" => {
                node.child_by_field_name("source")
            }
            "call_expression" => loaded(node, text),
            // The grammar takes `export import a = require('b')` for two statements, the second of them `('b')`.
            "import_alias" => {
                let target = node.named_children(&mut node.walk()).last();
                let is_require = target.is_some_and(|target| text_of(target, text) == "require");
                exported_require = is_require.then_some(node.end_byte());
                None
            }
            "parenthesized_expression" if exported_require == Some(node.start_byte()) => node.named_child(0),
            _ => None,
        };
        if let Some(specifier) = literal.and_then(content) {
            found(text_of(specifier, text), line(specifier));
        }
    }
}

/// The first argument of `import()` or `require()`.
fn loaded<'t>(call: Node<'t>, text: &[u8]) -> Option<Node<'t>> {
    let function = call.child_by_field_name("function")?;
    let is_load = match function.kind() {
        "import" => true,
        "identifier" => text_of(function, text) == "require",
        _ => false,
    };
    let arguments = call.child_by_field_name("arguments").filter(|_| is_load)?;
    let mut cursor = arguments.walk();
    arguments.named_children(&mut cursor).find(|argument| argument.kind() != "comment")
}

/// The text of a literal that is one piece: no name of a package needs escapes, and with `${…}` it is computed.
fn content(literal: Node<'_>) -> Option<Node<'_>> {
    let is_literal = matches!(literal.kind(), "string" | "template_string");
    let piece = literal.named_child(0).filter(|piece| piece.kind() == "string_fragment")?;
    (is_literal && literal.named_child_count() == 1).then_some(piece)
}
