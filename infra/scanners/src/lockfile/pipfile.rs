//! `Pipfile.lock` (Pipenv documentation, "Pipfile & Pipfile.lock").

use super::{Collector, LockfileError, Parsed};
use scanledger_domain::component::{Ecosystem, Package, Scope};
use serde::Deserialize;
use std::collections::BTreeMap;

/// Reads a `Pipfile.lock`.
pub(super) fn parse(text: &str) -> Result<Parsed, LockfileError> {
    let lockfile: Lockfile = serde_json::from_str(text).map_err(LockfileError::Json)?;
    let (None, None) = (&lockfile.default, &lockfile.develop) else {
        let mut collected = Collector::default();
        let mut elsewhere = 0;
        for (packages, scope) in [(lockfile.default, Scope::Runtime), (lockfile.develop, Scope::Development)]
        {
            for (name, entry) in packages.unwrap_or_default() {
                match entry.version.as_deref().and_then(pinned) {
                    Some(version) => {
                        collected.add(Package::new(Ecosystem::PyPi, &name), version, scope, None);
                    }
                    None => elsewhere += 1,
                }
            }
        }
        collected.passed_over(elsewhere, "packages that do not come from an index were left out");
        return Ok(collected.finish());
    };
    Err(LockfileError::NothingLocked)
}

#[derive(Deserialize)]
struct Lockfile {
    default: Option<BTreeMap<String, Entry>>,
    develop: Option<BTreeMap<String, Entry>>,
}

#[derive(Deserialize)]
struct Entry {
    version: Option<String>,
}

fn pinned(version: &str) -> Option<&str> {
    version.strip_prefix("===").or_else(|| version.strip_prefix("==")).map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::parse;
    use crate::lockfile::LockfileError;
    use crate::lockfile::testing::packages;

    #[test]
    fn packages_of_both_sections_are_needed_at_run_time() {
        let parsed = parse(include_str!("../../tests/lockfiles/Pipfile.lock"));
        assert_eq!(
            packages(&parsed),
            ["jinja2 2.10 runtime", "pytest 5.0.0 development", "urllib3 1.24.1 runtime"]
        );
        assert_eq!(parsed.unwrap().notes, ["1 packages that do not come from an index were left out"]);
    }

    #[test]
    fn what_is_no_lockfile_is_refused() {
        assert!(matches!(parse("{}"), Err(LockfileError::NothingLocked)));
        assert!(matches!(parse(r#"{"default": []}"#), Err(LockfileError::Json(_))));
    }
}
