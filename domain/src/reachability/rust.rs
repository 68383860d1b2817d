//! Crates and the libraries in them.

use std::borrow::Cow;

/// Roots of paths that are no package: what the compiler brings, and keywords (The Rust Reference, "Paths").
const NO_CRATES: [&str; 9] = ["Self", "alloc", "core", "crate", "proc_macro", "self", "std", "super", "test"];

/// Crates whose library has another name. Sorted.
const LIBRARIES: [(&str, &str); 7] = [
    ("md-5", "md5"),
    ("rust-argon2", "argon2"),
    ("rust-crypto", "crypto"),
    ("rust-ini", "ini"),
    ("rust-s3", "s3"),
    ("sha-1", "sha1"),
    ("xml-rs", "xml"),
];

/// The library that a root of a path is.
pub(super) fn imported(root: &str) -> Option<&str> {
    let root = root.strip_prefix("r#").unwrap_or(root);
    (!root.is_empty() && !NO_CRATES.contains(&root)).then_some(root)
}

/// The name of the library of a crate: what stands in the table, or else the crate's with underscores, which is
/// Cargo's rule.
pub(super) fn library(name: &str) -> Cow<'_, str> {
    match LIBRARIES.binary_search_by_key(&name, |(name, _)| name) {
        Ok(at) => Cow::Borrowed(LIBRARIES[at].1),
        Err(_) => Cow::Owned(name.replace('-', "_")),
    }
}

#[cfg(test)]
mod tests {
    use super::LIBRARIES;

    #[test]
    fn the_table_is_sorted() {
        assert!(LIBRARIES.is_sorted_by(|a, b| a.0 < b.0));
    }
}
