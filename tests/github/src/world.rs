//! What is at the stub: installations, and repositories with commits.

use serde_json::Value;
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, BTreeSet};

/// The files of a commit by path.
pub type Files = BTreeMap<String, Vec<u8>>;

/// Everything there is.
#[derive(Debug)]
pub struct World {
    /// Installations by number.
    pub installations: BTreeMap<u64, Installation>,
    /// Repositories by `owner/name` in lower case; see [`World::repository`].
    pub repositories: BTreeMap<String, Repository>,
    /// How long tokens are good, in seconds; GitHub: an hour.
    pub token_seconds: i64,
    /// How many of the next archives break off.
    pub broken_archives: u32,
    /// Tokens that are good: whose they are, and when they end, in seconds since 1970.
    pub(crate) tokens: BTreeMap<String, (u64, i64)>,
    last_number: u64,
}

impl Default for World {
    fn default() -> Self {
        Self {
            installations: BTreeMap::new(),
            repositories: BTreeMap::new(),
            token_seconds: 3_600,
            broken_archives: 0,
            tokens: BTreeMap::new(),
            last_number: 1_000,
        }
    }
}

/// An account that gave the app some of its repositories.
#[derive(Debug, Clone, Default)]
pub struct Installation {
    /// `owner/name` in lower case.
    pub repositories: BTreeSet<String>,
    /// Whether it is suspended.
    pub is_suspended: bool,
    /// `contents:write` and the like; `write` contains `read`.
    pub permissions: BTreeSet<&'static str>,
}

/// A repository.
#[derive(Debug, Clone)]
pub struct Repository {
    /// Its number.
    pub id: u64,
    /// `owner/name`, as GitHub writes it.
    pub full_name: String,
    /// Whether only installations see it.
    pub is_private: bool,
    /// The branch that is shown first.
    pub default_branch: String,
    /// Branches (`heads/main`) and tags (`tags/v1`) with their commits.
    pub refs: BTreeMap<String, String>,
    /// Commits by id.
    pub commits: BTreeMap<String, Commit>,
    /// Files by the id of their tree.
    pub trees: BTreeMap<String, Files>,
    /// Contents by id.
    pub blobs: BTreeMap<String, Vec<u8>>,
    /// Pull requests by number.
    pub pulls: BTreeMap<u64, Pull>,
    /// Check runs by number, with all annotations that came.
    pub checks: BTreeMap<u64, Value>,
}

/// A commit.
#[derive(Debug, Clone)]
pub struct Commit {
    /// Its tree.
    pub tree: String,
    /// The commits before it.
    pub parents: Vec<String>,
    /// What is said about it.
    pub message: String,
}

/// A pull request.
#[derive(Debug, Clone)]
pub struct Pull {
    /// One line.
    pub title: String,
    /// Markdown.
    pub body: String,
    /// Branch and commit.
    pub head: (String, String),
    /// The number of the repository that the head is in; `None` if that is gone.
    pub head_repository: Option<u64>,
    /// Branch and commit.
    pub base: (String, String),
    /// Paths and what is done to them: `added`, `modified`, `removed`, `renamed`.
    pub files: Vec<(String, &'static str)>,
}

impl World {
    /// Makes a private repository with one commit on `main`, and gives it to an installation that may do everything;
    /// answers the commit.
    pub fn add(&mut self, installation: u64, full_name: &str, files: &[(&str, &str)]) -> String {
        let id = self.next_number();
        let mut repository = Repository {
            id,
            full_name: full_name.to_owned(),
            is_private: true,
            default_branch: "main".to_owned(),
            refs: BTreeMap::new(),
            commits: BTreeMap::new(),
            trees: BTreeMap::new(),
            blobs: BTreeMap::new(),
            pulls: BTreeMap::new(),
            checks: BTreeMap::new(),
        };
        let commit = repository.commit("heads/main", files);
        self.repositories.insert(full_name.to_ascii_lowercase(), repository);
        let installed = self.installations.entry(installation).or_default();
        installed.repositories.insert(full_name.to_ascii_lowercase());
        installed.permissions.extend(["contents:write", "pull_requests:write", "checks:write"]);
        commit
    }

    /// The repository `owner/name`, in whatever case.
    ///
    /// # Panics
    /// If there is none.
    pub fn repository(&mut self, full_name: &str) -> &mut Repository {
        self.repositories.get_mut(&full_name.to_ascii_lowercase()).unwrap()
    }

    /// Makes every token worthless that was given so far.
    pub fn revoke_tokens(&mut self) {
        self.tokens.clear();
    }

    /// A number that nothing has yet.
    pub fn next_number(&mut self) -> u64 {
        self.last_number += 1;
        self.last_number
    }
}

impl Repository {
    /// Puts a commit with these files alone on a branch (`heads/x`) or tag (`tags/x`); answers its id.
    pub fn commit(&mut self, reference: &str, files: &[(&str, &str)]) -> String {
        let files: Files =
            files.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec())).collect();
        let tree = self.add_tree(files);
        let parents = self.refs.get(reference).cloned().into_iter().collect();
        let commit = Commit { tree, parents, message: format!("commit {}", self.commits.len()) };
        let sha = self.add_commit(commit);
        self.refs.insert(reference.to_owned(), sha.clone());
        sha
    }

    /// The files of a commit.
    ///
    /// # Panics
    /// If there is no such commit.
    pub fn files(&self, commit: &str) -> &Files {
        &self.trees[&self.commits[commit].tree]
    }

    pub(crate) fn add_tree(&mut self, files: Files) -> String {
        let parts = files.iter().flat_map(|(path, content)| [path.as_bytes(), content]);
        let id = id_of("tree", parts);
        self.trees.insert(id.clone(), files);
        id
    }

    pub(crate) fn add_commit(&mut self, commit: Commit) -> String {
        // As with git, the same commit made again is another one, because of its time.
        let number = self.commits.len().to_string();
        let parts = [commit.tree.as_bytes(), commit.message.as_bytes(), number.as_bytes()];
        let id = id_of("commit", parts);
        self.commits.insert(id.clone(), commit);
        id
    }

    /// The commit of a branch, tag or commit.
    pub(crate) fn resolve(&self, reference: &str) -> Option<String> {
        let reference = reference.strip_prefix("refs/").unwrap_or(reference);
        let names = [reference.to_owned(), format!("heads/{reference}"), format!("tags/{reference}")];
        let found = names.iter().find_map(|name| self.refs.get(name));
        found.cloned().or_else(|| self.commits.contains_key(reference).then(|| reference.to_owned()))
    }
}

/// Forty digits that say what the parts are, if not as git does.
pub(crate) fn id_of<'a>(kind: &str, parts: impl IntoIterator<Item = &'a [u8]>) -> String {
    let mut hash = Sha256::new();
    hash.update(kind);
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hex::encode(&hash.finalize()[..20])
}
