//! Lockfiles: which packages at which versions a project is made of.

mod cargo;
mod gomod;
mod gosum;
mod npm;
mod npm_legacy;
mod pipfile;
mod poetry;
mod requirements;
mod uv;

pub(crate) use gomod::lists_every_module;
use scanledger_domain::component::{Package, Scope};
use std::collections::HashMap;
use std::collections::hash_map::Entry;

/// What a lockfile says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Parsed {
    /// Its packages, sorted, each package and version once.
    pub packages: Vec<Locked>,
    /// Which package needs which, as indexes into `packages`; sorted.
    pub dependencies: Vec<(usize, usize)>,
    /// Further files that it includes, relative to its own folder, with the scope of what is in them.
    pub includes: Vec<String>,
    /// What could not be used of it, for the user.
    pub notes: Vec<String>,
}

/// A package at a version, as a lockfile names it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Locked {
    pub package: Package,
    /// As the lockfile writes it, without Go's `v`.
    pub version: String,
    pub scope: Scope,
    /// Whether the project itself asks for it; `None` where the lockfile does not say.
    pub direct: Option<bool>,
}

/// Why a lockfile gives nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LockfileError {
    #[error("not valid JSON, or not the shape of a lockfile (line {}, column {})", .0.line(), .0.column())]
    Json(#[source] serde_json::Error),
    #[error("not valid TOML, or not the shape of a lockfile")]
    Toml(#[source] toml::de::Error),
    #[error("lockfile version {0} is not supported")]
    UnsupportedVersion(u64),
    #[error("it locks nothing: neither packages nor dependencies are in it")]
    NothingLocked,
}

/// A kind of lockfile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LockfileKind {
    Cargo,
    GoMod,
    GoSum,
    Npm,
    Pipfile,
    Poetry,
    Requirements,
    Uv,
}

impl LockfileKind {
    /// The kind of a file, by its path relative to the root of the tree.
    pub(crate) fn of(path: &str) -> Option<Self> {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        Some(match name {
            "Cargo.lock" => Self::Cargo,
            "go.mod" => Self::GoMod,
            "go.sum" => Self::GoSum,
            "package-lock.json" | "npm-shrinkwrap.json" => Self::Npm,
            "Pipfile.lock" => Self::Pipfile,
            "poetry.lock" => Self::Poetry,
            "uv.lock" => Self::Uv,
            _ if is_requirements(folder, name) => Self::Requirements,
            _ => return None,
        })
    }

    /// Reads the text of a lockfile of this kind that lies at `path`.
    ///
    /// # Errors
    /// When it is damaged as a whole; single lines that cannot be used are notes.
    pub(crate) fn parse(self, path: &str, text: &str) -> Result<Parsed, LockfileError> {
        match self {
            Self::Cargo => cargo::parse(text),
            Self::GoMod => gomod::parse(text),
            Self::GoSum => gosum::parse(text),
            Self::Npm => npm::parse(text),
            Self::Pipfile => pipfile::parse(text),
            Self::Poetry => poetry::parse(text),
            Self::Requirements => requirements::parse(text, requirements::scope_of(path)),
            Self::Uv => uv::parse(text),
        }
    }
}

/// `requirements.txt`, `requirements-dev.txt`, `dev_requirements.txt`, `requirements/dev.txt`.
fn is_requirements(folder: &str, name: &str) -> bool {
    let Some(stem) = name.strip_suffix(".txt") else { return false };
    let starts =
        |prefix: &str| stem.strip_prefix(prefix).is_some_and(|rest| rest.starts_with(['-', '_', '.']));
    let ends = |suffix: &str| stem.strip_suffix(suffix).is_some_and(|rest| rest.ends_with(['-', '_', '.']));
    stem == "requirements"
        || starts("requirements")
        || ends("requirements")
        || folder.rsplit('/').next() == Some("requirements")
}

/// Collects packages, each once, and the edges between them.
#[derive(Default)]
struct Collector {
    packages: Vec<Locked>,
    index: HashMap<(Package, String), usize>,
    edges: Vec<(usize, usize)>,
    notes: Vec<String>,
}

impl Collector {
    /// Adds a package; of several entries the most needed scope stays, and direct wins over indirect.
    fn add(&mut self, package: Package, version: &str, scope: Scope, direct: Option<bool>) -> usize {
        match self.index.entry((package.clone(), version.to_owned())) {
            Entry::Occupied(known) => {
                let locked = &mut self.packages[*known.get()];
                locked.scope = more_needed(locked.scope, scope);
                locked.direct = match (locked.direct, direct) {
                    (Some(a), Some(b)) => Some(a || b),
                    (known, new) => known.or(new),
                };
                *known.get()
            }
            Entry::Vacant(new) => {
                new.insert(self.packages.len());
                self.packages.push(Locked { package, version: version.to_owned(), scope, direct });
                self.packages.len() - 1
            }
        }
    }

    fn edge(&mut self, from: usize, to: usize) {
        if from != to {
            self.edges.push((from, to));
        }
    }

    /// Notes that `count` entries were passed over, if there were any.
    fn passed_over(&mut self, count: usize, what: &str) {
        if count > 0 {
            self.notes.push(format!("{count} {what}"));
        }
    }

    fn finish(self) -> Parsed {
        let mut order: Vec<usize> = (0..self.packages.len()).collect();
        order.sort_by(|a, b| self.packages[*a].cmp(&self.packages[*b]));
        let mut place = vec![0; order.len()];
        for (new, old) in order.iter().enumerate() {
            place[*old] = new;
        }
        let mut dependencies: Vec<_> =
            self.edges.iter().map(|(from, to)| (place[*from], place[*to])).collect();
        dependencies.sort_unstable();
        dependencies.dedup();
        let mut packages = self.packages;
        packages.sort();
        Parsed { packages, dependencies, includes: Vec::new(), notes: self.notes }
    }
}

/// What is needed at run time is needed, whoever else also needs it.
const fn more_needed(a: Scope, b: Scope) -> Scope {
    match (a, b) {
        (Scope::Runtime, _) | (_, Scope::Runtime) => Scope::Runtime,
        (Scope::Optional, _) | (_, Scope::Optional) => Scope::Optional,
        (Scope::Development, Scope::Development) => Scope::Development,
    }
}

#[cfg(test)]
pub(crate) mod testing {
    //! What a lockfile says, in words that are easy to compare.

    use super::{LockfileError, Parsed};

    /// `name version scope[ direct|indirect]` for each package.
    pub(crate) fn packages(parsed: &Result<Parsed, LockfileError>) -> Vec<String> {
        let parsed = parsed.as_ref().expect("a readable lockfile");
        let direct = |direct| match direct {
            Some(true) => " direct",
            Some(false) => " indirect",
            None => "",
        };
        let packages = parsed.packages.iter();
        packages
            .map(|p| {
                let scope = format!("{:?}", p.scope).to_lowercase();
                format!("{} {} {scope}{}", p.package.name, p.version, direct(p.direct))
            })
            .collect()
    }

    /// `name -> name` for each dependency.
    pub(crate) fn dependencies(parsed: &Result<Parsed, LockfileError>) -> Vec<String> {
        let parsed = parsed.as_ref().expect("a readable lockfile");
        let name = |index: usize| {
            format!("{}@{}", parsed.packages[index].package.name, parsed.packages[index].version)
        };
        parsed.dependencies.iter().map(|(from, to)| format!("{} -> {}", name(*from), name(*to))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::LockfileKind;
    use proptest::prelude::{any, proptest};

    const KINDS: [LockfileKind; 8] = [
        LockfileKind::Cargo,
        LockfileKind::GoMod,
        LockfileKind::GoSum,
        LockfileKind::Npm,
        LockfileKind::Pipfile,
        LockfileKind::Poetry,
        LockfileKind::Requirements,
        LockfileKind::Uv,
    ];

    #[test]
    fn lockfiles_are_known_by_their_names() {
        let cases = [
            ("Cargo.lock", Some(LockfileKind::Cargo)),
            ("api/go.mod", Some(LockfileKind::GoMod)),
            ("go.sum", Some(LockfileKind::GoSum)),
            ("web/package-lock.json", Some(LockfileKind::Npm)),
            ("npm-shrinkwrap.json", Some(LockfileKind::Npm)),
            ("package.json", None),
            ("requirements.txt", Some(LockfileKind::Requirements)),
            ("requirements-dev.txt", Some(LockfileKind::Requirements)),
            ("test_requirements.txt", Some(LockfileKind::Requirements)),
            ("requirements/base.txt", Some(LockfileKind::Requirements)),
            ("docs/myrequirements.txt", None),
            ("requirements.in", None),
            ("notes/readme.txt", None),
        ];
        for (path, kind) in cases {
            assert_eq!(LockfileKind::of(path), kind, "{path}");
        }
    }

    proptest! {
        #[test]
        fn no_parser_panics_on_any_text(text in ".{0,400}") {
            for kind in KINDS {
                let _ = kind.parse("requirements.txt", &text);
            }
        }

        #[test]
        fn no_parser_panics_on_text_that_looks_right(
            lines in proptest::collection::vec("(require|replace|exclude|go|toolchain|a/b|v1|=>|\\(|\\)|//|\"|`|==|===|1\\.0|\\[|\\]|;|@|-r|\\\\|\\{|\\}|:|,|name|version|source|package|dependencies| ){1,14}", 0..12),
        ) {
            let text = lines.join("\n");
            for kind in KINDS {
                let _ = kind.parse("requirements.txt", &text);
            }
        }

        #[test]
        fn damage_to_a_real_lockfile_is_an_error_or_harmless(
            which in 0..KINDS.len(),
            at in any::<proptest::sample::Index>(),
            noise in "[\\PC\\n]{0,3}",
        ) {
            let text = match KINDS[which] {
                LockfileKind::Cargo => include_str!("../../tests/lockfiles/Cargo.lock"),
                LockfileKind::GoMod => include_str!("../../tests/lockfiles/go.mod"),
                LockfileKind::GoSum => include_str!("../../tests/lockfiles/go.sum"),
                LockfileKind::Npm => include_str!("../../tests/lockfiles/package-lock-3.json"),
                LockfileKind::Pipfile => include_str!("../../tests/lockfiles/Pipfile.lock"),
                LockfileKind::Poetry => include_str!("../../tests/lockfiles/poetry-2.lock"),
                LockfileKind::Requirements => include_str!("../../tests/lockfiles/requirements.txt"),
                LockfileKind::Uv => include_str!("../../tests/lockfiles/uv.lock"),
            };
            let at = at.index(text.len());
            if let (Some(start), Some(end)) = (text.get(..at), text.get(at..)) {
                let _ = KINDS[which].parse("requirements.txt", &format!("{start}{noise}{end}"));
            }
        }
    }
}
