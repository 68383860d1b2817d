//! Going through a syntax tree, however deep it is.

use tree_sitter::{Node, Tree, TreeCursor};

/// A step on the way through a tree.
pub(crate) enum Step<'t> {
    /// Into a node, before its children.
    Into(Node<'t>),
    /// Out of a node, after its children.
    OutOf(Node<'t>),
}

/// The way through a tree, from its root and back.
pub(crate) struct Steps<'t> {
    cursor: TreeCursor<'t>,
    next: Next,
}

enum Next {
    Into,
    OutOf,
    End,
}

/// All steps through `tree`, in the order of the text. Takes no stack, because depth is up to who wrote the text.
pub(crate) fn steps(tree: &Tree) -> Steps<'_> {
    Steps { cursor: tree.walk(), next: Next::Into }
}

/// All nodes of `tree`, each before its children.
pub(crate) fn nodes(tree: &Tree) -> impl Iterator<Item = Node<'_>> {
    steps(tree).filter_map(|step| match step {
        Step::Into(node) => Some(node),
        Step::OutOf(_) => None,
    })
}

impl<'t> Iterator for Steps<'t> {
    type Item = Step<'t>;

    fn next(&mut self) -> Option<Step<'t>> {
        let node = self.cursor.node();
        match self.next {
            Next::Into => {
                if !self.cursor.goto_first_child() {
                    self.next = Next::OutOf;
                }
                Some(Step::Into(node))
            }
            Next::OutOf => {
                self.next = if self.cursor.goto_next_sibling() {
                    Next::Into
                } else if self.cursor.goto_parent() {
                    Next::OutOf
                } else {
                    Next::End
                };
                Some(Step::OutOf(node))
            }
            Next::End => None,
        }
    }
}
