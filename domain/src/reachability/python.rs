//! Modules of Python, and the distributions on PyPI that bring them.
//!
//! Names of modules are lower-case here: imports are compared without case (dpendx reference §11).

mod distributions;
mod standard;

use distributions::{MODULES, NAMESPACES};
use standard::STANDARD;
use std::borrow::Cow;

/// What of a module tells its distribution: its first part, or all parts where several distributions share the
/// first one. `None` for relative imports and the standard library.
pub(super) fn imported(module: &str) -> Option<String> {
    let module = module.to_lowercase();
    let first = module.split('.').next().unwrap_or_default();
    if first.is_empty() || STANDARD.binary_search(&first).is_ok() {
        return None;
    }
    let is_shared = NAMESPACES.iter().any(|(_, namespace)| namespace.split('.').next() == Some(first));
    Some(if is_shared { module } else { first.to_owned() })
}

/// The modules that a distribution may bring, by its normalised name: what stands in the table, or else what its name
/// suggests. A distribution can bring modules of any name, so this is no more than a good guess.
pub(super) fn modules(distribution: &str) -> Vec<Cow<'_, str>> {
    if let Ok(at) = MODULES.binary_search_by_key(&distribution, |(name, _)| name) {
        return MODULES[at].1.iter().map(|module| Cow::Borrowed(*module)).collect();
    }
    let mut modules = vec![Cow::Owned(distribution.replace('-', "_"))];
    if let Some(rest) = distribution.strip_prefix("python-") {
        modules.push(Cow::Owned(rest.replace('-', "_")));
    }
    for (prefix, namespace) in NAMESPACES {
        let Some(rest) = distribution.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('-')) else {
            continue;
        };
        modules.extend(
            [".", "_", ""].map(|between| Cow::Owned(format!("{namespace}.{}", rest.replace('-', between)))),
        );
    }
    modules
}

#[cfg(test)]
mod tests {
    use super::{MODULES, NAMESPACES, STANDARD, imported};
    use crate::component::{Ecosystem, Package};

    #[test]
    fn the_tables_are_sorted() {
        assert!(MODULES.is_sorted_by(|a, b| a.0 < b.0));
        assert!(STANDARD.is_sorted_by(|a, b| a < b));
    }

    #[test]
    fn distributions_stand_under_their_normalised_names() {
        for name in MODULES.iter().map(|(name, _)| name).chain(NAMESPACES.iter().map(|(prefix, _)| prefix)) {
            assert_eq!(Package::new(Ecosystem::PyPi, name).name, *name);
        }
    }

    /// Else an import of it would be cut, and never be found.
    #[test]
    fn a_module_in_the_table_is_what_its_import_is_kept_as() {
        for module in MODULES.iter().flat_map(|(_, modules)| *modules) {
            assert_eq!(imported(module).as_deref(), Some(*module));
        }
    }
}
