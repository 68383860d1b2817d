//! What names mean in a Rust file, as far as it says: names of its own modules, and what `use` brought in.

use crate::Found;
use std::collections::HashMap;

/// The scopes around the place where a reader is, and the names in them that may yet turn out to be the file's own.
///
/// Items may be used before they are declared, so a name is decided when its scope ends: blocks look into the scope
/// around them, modules do not. Each name and each mention is touched once, however deep scopes lie in one another.
pub(super) struct Scopes<'a> {
    scopes: Vec<Scope<'a>>,
    /// Names mentioned in the open modules, in order. What is no longer in `open` is decided.
    mentioned: Vec<&'a str>,
    /// By name, its undecided mentions in order: the index in `mentioned`, and the line.
    open: HashMap<&'a str, Vec<(usize, u32)>>,
}

struct Scope<'a> {
    is_module: bool,
    /// How many names were mentioned before it.
    begin: usize,
    /// Names that mean something of the file's own in it.
    bound: Vec<&'a str>,
}

impl<'a> Scopes<'a> {
    /// The scope of a file.
    pub(super) fn new() -> Self {
        let mut scopes = Self { scopes: Vec::new(), mentioned: Vec::new(), open: HashMap::new() };
        scopes.open_module();
        scopes
    }

    pub(super) fn open_module(&mut self) {
        self.open(true);
    }

    pub(super) fn open_block(&mut self) {
        self.open(false);
    }

    fn open(&mut self, is_module: bool) {
        self.scopes.push(Scope { is_module, begin: self.mentioned.len(), bound: Vec::new() });
    }

    /// Says that `name` is the file's own in this scope.
    pub(super) fn bind(&mut self, name: &'a str) {
        if let Some(scope) = self.scopes.last_mut() {
            scope.bound.push(name);
        }
    }

    /// Says that a path begins with `name`.
    pub(super) fn mention(&mut self, name: &'a str, line: u32) {
        self.open.entry(name).or_default().push((self.mentioned.len(), line));
        self.mentioned.push(name);
    }

    /// Ends the innermost scope. Tells `found` what is decided by this: names that are not the file's own.
    pub(super) fn close(&mut self, found: &mut Found<'_>) {
        let Some(scope) = self.scopes.pop() else { return };
        for name in scope.bound {
            if let Some(mentions) = self.open.get_mut(name) {
                mentions.truncate(mentions.partition_point(|(at, _)| *at < scope.begin));
            }
        }
        if scope.is_module {
            for name in self.mentioned.drain(scope.begin..) {
                let mentions = self.open.get_mut(name);
                if let Some((_, line)) =
                    mentions.and_then(|mentions| mentions.pop_if(|(at, _)| *at >= scope.begin))
                {
                    found(name, line);
                }
            }
        }
    }
}
