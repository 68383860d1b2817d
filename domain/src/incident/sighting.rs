//! Places of secrets that are on no branch.

use crate::id::{IncidentId, OccurrenceId, ProjectId};
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
    /// Where people can look at it; left out beyond [`URL_CHARS`](crate::limits::URL_CHARS).
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

/// A file of a source, whichever commit or folder of whichever machine it was seen in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Place(Uuid);

impl Place {
    /// What is known of the file that goes by `path` in a source: by its path, and by its name alone.
    pub(super) fn known(project: ProjectId, path: &str) -> [Self; 2] {
        let path = path_of(path);
        [Self::of(project, path), Self::named(project, path)]
    }

    /// What has to be known for `path` to be nothing new; none if nobody can tell, as of commits: old ones are looked
    /// at time and again. Where somebody's copy of the source begins in a path of a machine does not show either, so
    /// that such files are told by their names.
    pub(super) fn wanted(project: ProjectId, path: &str) -> Option<Self> {
        if path.starts_with(COMMIT) {
            return None;
        }
        let path = path_of(path);
        Some(if is_of_a_machine(path) { Self::named(project, path) } else { Self::of(project, path) })
    }

    fn of(project: ProjectId, path: &str) -> Self {
        Self(Uuid::new_v5(&project.0, path.as_bytes()))
    }

    /// No path is both of a source and begins with a slash, so that names are told from paths.
    fn named(project: ProjectId, path: &str) -> Self {
        let name = path.rsplit(['/', '\\']).next().unwrap_or_default();
        Self::of(project, &format!("/{name}"))
    }
}

/// A path without what stands in front of it.
fn path_of(path: &str) -> &str {
    match path.strip_prefix(COMMIT) {
        Some(rest) => rest.split_once('/').map_or(rest, |(_, path)| path),
        None => path.strip_prefix(FILE).unwrap_or(path),
    }
}

fn is_of_a_machine(path: &str) -> bool {
    path.starts_with(['/', '\\'])
        || matches!(path.as_bytes(), [drive, b':', b'/' | b'\\', ..] if drive.is_ascii_alphabetic())
}

#[cfg(test)]
mod tests {
    use super::Place;
    use crate::id::ProjectId;
    use uuid::Uuid;

    #[test]
    fn a_file_is_the_same_in_every_commit_and_on_every_machine() {
        let [shop, bank] = [1, 2].map(|n| ProjectId(Uuid::from_u128(n)));
        let is_known = |seen: &str, again: &str| {
            Place::wanted(shop, again).is_none_or(|wanted| Place::known(shop, seen).contains(&wanted))
        };
        for (seen, again) in [
            ("src/a.js", "src/a.js"),
            ("commit://0a1b/src/a.js", "src/a.js"),
            ("src/a.js", "commit://0a1b/other.js"),
            ("/home/ana/shop/src/a.js", "/builds/7/shop/src/a.js"),
            ("/home/ana/shop/src/a.js", r"C:\shop\src\a.js"),
            ("file:///home/ana/shop/a.js", "/builds/7/shop/a.js"),
            ("src/a.js", "/builds/7/shop/src/a.js"),
        ] {
            assert!(is_known(seen, again), "{seen} {again}");
        }
        for (seen, again) in [
            ("src/a.js", "src/b.js"),
            ("src/a.js", "a.js"),
            ("commit://0a1b/src/a.js", "lib/a.js"),
            ("/home/ana/shop/src/a.js", "/home/ana/shop/src/b.js"),
            ("a.js", "b/a.js"),
        ] {
            assert!(!is_known(seen, again), "{seen} {again}");
        }
        assert!(!Place::known(bank, "a.js").contains(&Place::wanted(shop, "a.js").unwrap()));
    }
}
