//! Places of secrets that are on no branch.

use crate::id::{IncidentId, OccurrenceId, ProjectId};
use std::borrow::Cow;
use std::collections::HashSet;
use uuid::Uuid;

/// What stands in front of a path in a commit: `commit://<commit>/<path>`.
const COMMIT: &str = "commit://";
/// What stands in front of a path of a machine.
const FILE: &str = "file://";

/// A place of a secret that is on no branch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sighting {
    /// The project that stands for where it was seen.
    pub project: ProjectId,
    /// What whoever saw it calls the place; at most [`PATH_BYTES`](crate::limits::PATH_BYTES).
    pub path: String,
    /// Where people can look at it; credentials in it are not kept ([`without_credentials`]), and it is left out beyond
    /// [`URL_CHARS`](crate::limits::URL_CHARS).
    ///
    /// [`without_credentials`]: crate::address::without_credentials
    pub url: Option<String>,
    /// From 1.
    pub line: Option<u32>,
    /// From 1, inclusive.
    pub end_line: Option<u32>,
}

impl Sighting {
    /// The place of `incident`'s secret: `UUIDv5(incident, project, path, address)`. Lines are no part of it, because
    /// they move.
    pub fn occurrence(&self, incident: IncidentId) -> OccurrenceId {
        let mut name = self.project.as_bytes().to_vec();
        name.extend_from_slice(&(self.path.len() as u64).to_be_bytes());
        name.extend_from_slice(self.path.as_bytes());
        name.extend_from_slice(self.url.as_deref().unwrap_or_default().as_bytes());
        OccurrenceId(Uuid::new_v5(&incident.0, &name))
    }
}

/// A file of a source, whichever commit it was seen in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Place(Uuid);

impl Place {
    /// The file that goes by `path` in a source.
    pub(super) fn of(project: ProjectId, path: &str) -> Self {
        Self(Uuid::new_v5(&project.0, path_of(path).as_bytes()))
    }

    /// Whether the file that goes by `path` in a source is none of `known`; not if nobody can tell, as of commits: old
    /// ones are looked at time and again.
    ///
    /// Paths are compared whole. Where somebody's copy of the source begins in a path of a machine does not show, so
    /// that such a path is also one of the source if it ends with it.
    pub(super) fn is_new(project: ProjectId, path: &str, known: &HashSet<Self>) -> bool {
        if path.starts_with(COMMIT) {
            return false;
        }
        let path = path_of(path);
        let ends = path.match_indices('/').map(|(slash, _)| &path[slash + 1..]);
        let ends = ends.filter(|end| is_of_a_machine(&path) && !end.is_empty());
        !std::iter::once(&*path).chain(ends).any(|path| known.contains(&Self::of(project, path)))
    }
}

/// A path without what stands in front of it; on every machine with the same slashes.
fn path_of(path: &str) -> Cow<'_, str> {
    let path = match path.strip_prefix(COMMIT) {
        Some(rest) => return rest.split_once('/').map_or(rest, |(_, path)| path).into(),
        None => path.strip_prefix(FILE).unwrap_or(path),
    };
    match is_of_a_drive(path) {
        true => path.replace('\\', "/").into(),
        false => path.into(),
    }
}

fn is_of_a_machine(path: &str) -> bool {
    path.starts_with('/') || is_of_a_drive(path)
}

fn is_of_a_drive(path: &str) -> bool {
    path.starts_with('\\')
        || matches!(path.as_bytes(), [drive, b':', b'/' | b'\\', ..] if drive.is_ascii_alphabetic())
}

#[cfg(test)]
mod tests {
    use super::Place;
    use crate::id::ProjectId;
    use std::collections::HashSet;
    use uuid::Uuid;

    #[test]
    fn a_file_is_the_same_in_every_commit_and_in_every_copy_of_its_source() {
        let [shop, bank] = [1, 2].map(|n| ProjectId(Uuid::from_u128(n)));
        let is_known =
            |seen: &str, again: &str| !Place::is_new(shop, again, &HashSet::from([Place::of(shop, seen)]));
        for (seen, again) in [
            ("src/a.js", "src/a.js"),
            ("commit://0a1b/src/a.js", "src/a.js"),
            ("src/a.js", "commit://0a1b/other.js"),
            ("src/a.js", "/builds/7/shop/src/a.js"),
            ("src/a.js", r"C:\shop\src\a.js"),
            ("commit://0a1b/src/a.js", "file:///builds/7/shop/src/a.js"),
            ("/home/ana/shop/src/a.js", "/home/ana/shop/src/a.js"),
            ("file:///home/ana/shop/a.js", "/home/ana/shop/a.js"),
            (r"C:\shop\src\a.js", "C:/shop/src/a.js"),
        ] {
            assert!(is_known(seen, again), "{seen} {again}");
        }
        for (seen, again) in [
            ("src/a.js", "src/b.js"),
            ("src/a.js", "a.js"),
            ("src/a.js", "other/src/a.js"),
            ("src/a.js", "/builds/7/shop/a.js"),
            ("src/a.js", "/builds/7/shop/lib/a.js"),
            ("src/a.js", "/builds/7/shop/other-src/a.js"),
            ("commit://0a1b/src/a.js", "lib/a.js"),
            ("/home/ana/shop/.env", "/home/ana/shop/backend/.env"),
            ("/home/ana/shop/src/a.js", "/home/ana/shop/lib/a.js"),
            ("/home/ana/shop/src/a.js", "/builds/7/shop/src/a.js"),
            (r"C:\shop\src\a.js", r"C:\shop\lib\a.js"),
            ("a.js", "b/a.js"),
        ] {
            assert!(!is_known(seen, again), "{seen} {again}");
        }
        assert!(Place::is_new(shop, "a.js", &HashSet::from([Place::of(bank, "a.js")])));
    }
}
