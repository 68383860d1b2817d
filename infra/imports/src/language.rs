//! Languages: which files are theirs, which grammar reads them, and whose packages they import.

use crate::{Found, go, javascript, python, rust};
use scanledger_domain::component::Ecosystem;
use tree_sitter::Tree;

/// A language whose imports are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Language {
    Go,
    /// With JSX.
    JavaScript,
    Python,
    Rust,
    /// TypeScript with JSX, which is another grammar, because `<T>x` is a tag here.
    Tsx,
    TypeScript,
}

impl Language {
    /// The language of a file, by the end of its name (dpendx reference §11, and TypeScript's `.mts` and `.cts`).
    pub(crate) fn of(path: &str) -> Option<Self> {
        let name = path.rsplit('/').next().unwrap_or(path);
        let (_, ending) = name.rsplit_once('.')?;
        Some(match ending {
            "go" => Self::Go,
            "js" | "jsx" | "mjs" | "cjs" => Self::JavaScript,
            "py" => Self::Python,
            "rs" => Self::Rust,
            "tsx" => Self::Tsx,
            "ts" | "mts" | "cts" => Self::TypeScript,
            _ => return None,
        })
    }

    /// Whose packages its files import.
    pub(crate) const fn ecosystem(self) -> Ecosystem {
        match self {
            Self::Go => Ecosystem::Go,
            Self::JavaScript | Self::Tsx | Self::TypeScript => Ecosystem::Npm,
            Self::Python => Ecosystem::PyPi,
            Self::Rust => Ecosystem::CratesIo,
        }
    }

    /// What parses it.
    pub(crate) fn grammar(self) -> tree_sitter::Language {
        match self {
            Self::Go => tree_sitter_go::LANGUAGE,
            Self::JavaScript => tree_sitter_javascript::LANGUAGE,
            Self::Python => tree_sitter_python::LANGUAGE,
            Self::Rust => tree_sitter_rust::LANGUAGE,
            Self::Tsx => tree_sitter_typescript::LANGUAGE_TSX,
            Self::TypeScript => tree_sitter_typescript::LANGUAGE_TYPESCRIPT,
        }
        .into()
    }

    /// Tells `found` every import in `tree`, which is of `text`.
    pub(crate) fn imports(self, tree: &Tree, text: &[u8], found: &mut Found<'_>) {
        match self {
            Self::Go => go::imports(tree, text, found),
            Self::JavaScript | Self::Tsx | Self::TypeScript => javascript::imports(tree, text, found),
            Self::Python => python::imports(tree, text, found),
            Self::Rust => rust::imports(tree, text, found),
        }
    }
}
