//! From a repository at a code host to a scan in the queue.

use super::{Hosted, HostedProblem, Result, context_of};
use crate::context::Context;
use crate::error::{CommandError, Fault};
use crate::ports::{CodeHostError, RepositoryFacts};
use crate::project::ClientTarget;
use crate::scan::NewScan;
use scanledger_domain::check::{
    Begun, Check, CheckCommand, CheckKey, CheckOrigin, ConfigRead, Requested, ScanMode, as_branch,
    check_stream, keep_changed, target_of,
};
use scanledger_domain::code_host::{CommitSha, GitRef, InstallationId, InstalledRepository, Repository};
use scanledger_domain::component::Ecosystem;
use scanledger_domain::id::OrganizationId;
use scanledger_domain::identity::{Action, Principal, Resource, authorize};
use scanledger_domain::limits::{CONFIG_BYTES, UPLOAD_BYTES};
use scanledger_domain::scan::{
    Scan, ScanState, ScanType, Source, SourceKind, branch_of_reference, scan_stream,
};
use scanledger_domain::vault::Vault;

/// Where a repository says how it is checked (dpendx reference §8).
const CONFIG_FILE: &str = ".dpendx.yml";

/// What a client wants looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Through which installation.
    pub installation: InstallationId,
    /// Which repository.
    pub repository: Repository,
    /// Which branch or tag.
    pub reference: GitRef,
    /// Which commit; the last one of `reference` if it is not said.
    pub commit: Option<CommitSha>,
}

impl Hosted {
    /// Fetches a repository and queues a scan of its dependencies; nothing is shown at the code host. The same
    /// `context` again is the same scan, whose id follows from it and the `vault`.
    ///
    /// # Errors
    /// A [`HostedProblem`], or a fault.
    pub async fn scan(&self, vault: &dyn Vault, context: &Context, wanted: Wanted) -> Result<Begun> {
        let principal = self.principal(wanted.installation)?;
        let at = InstalledRepository { installation: wanted.installation, repository: wanted.repository };
        let facts = self.facts(&principal, &at).await?;
        let head = self.head(&at, &wanted.reference).await?;
        let commit = match wanted.commit.or(head) {
            Some(commit) => commit,
            None => self.0.host.resolve(&at, &wanted.reference).await?,
        };
        let key = CheckKey::of(vault, CheckOrigin::Request(context.command));
        let requested = Requested {
            scan: key.scan(vault),
            organization: principal.organization,
            at,
            target: target_of(&wanted.reference, head, commit),
            reference: wanted.reference,
            commit: Some(commit),
            pull_request: None,
            key: Some(key),
        };
        let begun = self.fetch(&principal, facts, &requested).await?;
        let command = CheckCommand::Begin(begun.clone(), Some(requested));
        let stream = check_stream(begun.scan);
        let done = self.0.ledger.execute::<Check>(&context.derive("begin"), &stream, None, command).await;
        done.map_err(|error| error.map_refused(HostedProblem::Check))?;
        Ok(begun)
    }

    /// Does what [`Hosted::scan`] does for a check that was requested before.
    pub(super) async fn begin(&self, requested: &Requested) -> Result<()> {
        let principal = self.principal(requested.at.installation)?;
        let facts = self.facts(&principal, &requested.at).await?;
        let begun = self.fetch(&principal, facts, requested).await?;
        let context = context_of(requested.scan, requested.organization, "begin");
        let stream = check_stream(requested.scan);
        let command = CheckCommand::Begin(begun, None);
        let done = self.0.ledger.execute::<Check>(&context, &stream, None, command).await;
        done.map_err(|error| error.map_refused(HostedProblem::Check))?;
        Ok(())
    }

    /// What the host knows of a repository that the installation may scan.
    async fn facts(&self, principal: &Principal, at: &InstalledRepository) -> Result<RepositoryFacts> {
        let organization = Resource::Organization(principal.organization);
        authorize(principal, Action::Scan, organization).map_err(HostedProblem::from)?;
        Ok(self.0.host.repository(at).await?)
    }

    /// The last commit of a branch; `None` if the repository has no branch of that name.
    async fn head(&self, at: &InstalledRepository, reference: &GitRef) -> Result<Option<CommitSha>> {
        let Some(branch) = as_branch(reference) else { return Ok(None) };
        match self.0.host.resolve(at, &branch).await {
            Ok(head) => Ok(Some(head)),
            Err(CodeHostError::RefNotFound) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Fetches the source and queues its scan.
    async fn fetch(
        &self,
        principal: &Principal,
        facts: RepositoryFacts,
        requested: &Requested,
    ) -> Result<Begun> {
        // Under the name that the host gives it, a repository that was moved or written otherwise is the same.
        let at = InstalledRepository { repository: facts.repository, ..requested.at.clone() };
        let commit = match requested.commit {
            Some(commit) => commit,
            None => self.0.host.resolve(&at, &requested.reference).await?,
        };
        // Whoever opens a pull request from a fork does not say what it is checked for.
        let is_fork = requested.pull_request.is_some() && requested.target.is_none();
        let said_at = if is_fork { facts.default_branch.clone() } else { commit.into() };
        let ConfigRead { mut config, mut warnings } = self.config(&at, &said_at).await?;
        let changed = match (config.mode, requested.pull_request) {
            (ScanMode::Diff, Some(number)) => {
                let files = self.0.host.changed_files(&at, number).await?;
                let paths = files.into_iter().map(|file| file.path).filter(|path| names_dependencies(path));
                match keep_changed(paths.collect()) {
                    Ok(changed) => Some(changed),
                    Err(error) => {
                        config.mode = ScanMode::Full;
                        warnings.push(error.to_string());
                        None
                    }
                }
            }
            (ScanMode::Full, _) | (ScanMode::Diff, None) => None,
        };
        let target = ClientTarget {
            principal: principal.clone(),
            name: at.repository.to_string(),
            repo_url: Some(format!("{}/{}", self.0.site, at.repository)),
            branch: Some(branch_of_reference(facts.default_branch.as_str()).to_owned()),
        };
        let making = project_context(principal.organization, requested);
        let resolved = self.0.projects.resolve_for_client(&making, &target).await;
        let resolved = resolved.map_err(|error| error.map_refused(HostedProblem::Project))?;
        authorize(principal, Action::Scan, Resource::Project(resolved.scope()))
            .map_err(HostedProblem::from)?;
        let (branch, project) = (requested.branch(commit), resolved.project.project);
        // After a crash the scan may be there already, and with it the source.
        let (scan, _) = self.0.ledger.load::<Scan>(&scan_stream(requested.scan)).await?;
        if matches!(scan, ScanState::Missing) {
            let new = NewScan {
                organization: principal.organization,
                project,
                branch: Some(branch.clone()),
                scan_type: ScanType::Sca,
                source: self.source(&at, commit).await?,
                commit: Some(commit.to_string()),
                base: None,
            };
            let context = context_of(requested.scan, requested.organization, "queue");
            let queued = self.0.scans.queue_as(&context, requested.scan, new).await;
            queued.map_err(|error| error.map_refused(HostedProblem::Scan))?;
        }
        Ok(Begun { scan: requested.scan, project, branch, commit, config, changed, warnings })
    }

    /// What the repository says about its checks.
    async fn config(&self, at: &InstalledRepository, said_at: &GitRef) -> Result<ConfigRead> {
        let file = CONFIG_FILE.parse().expect("the name of a file in a repository");
        match self.0.host.read_file(at, said_at, &file, CONFIG_BYTES as u64).await {
            Ok(None) => Ok(ConfigRead::default()),
            Ok(Some(bytes)) => Ok(read_config(&bytes)),
            Err(CodeHostError::TooLarge { .. }) => Ok(ConfigRead::unreadable()),
            Err(error) => Err(error.into()),
        }
    }

    /// The repository at a commit, in the blob store.
    async fn source(&self, at: &InstalledRepository, commit: CommitSha) -> Result<Source> {
        let folder = self.0.temporary.clone();
        let file = tokio::task::spawn_blocking(move || {
            std::fs::create_dir_all(&folder)?;
            tempfile::NamedTempFile::new_in(folder).map(tempfile::NamedTempFile::into_temp_path)
        });
        let file = file.await.map_err(|error| Fault::other("make a file for a source", error))?;
        let file = file.map_err(|error| Fault::other("make a file for a source", error))?;
        self.0.host.download(at, commit, &file, UPLOAD_BYTES).await?;
        let name = format!("{}-{}.tar.gz", at.repository.name, commit);
        let source = self.0.scans.store_source(file.to_path_buf(), &name).await?;
        Ok(Source { kind: SourceKind::Repository, ..source })
    }
}

/// What a file says; what is no YAML is told and does not count.
fn read_config(bytes: &[u8]) -> ConfigRead {
    let text = std::str::from_utf8(bytes).ok();
    let text = text.map(|text| text.strip_prefix('\u{feff}').unwrap_or(text));
    match text.map(str::trim) {
        Some("") => ConfigRead::default(),
        Some(text) => match serde_saphyr::from_str::<serde_json::Value>(text) {
            Ok(document) => ConfigRead::of(&document),
            Err(_) => ConfigRead::unreadable(),
        },
        None => ConfigRead::unreadable(),
    }
}

/// Making a project is part of the check that needs it.
fn project_context(organization: OrganizationId, requested: &Requested) -> Context {
    context_of(requested.scan, organization, "project")
}

/// Whether a file says which packages a project needs (dpendx reference §9, for the ecosystems that are scanned).
fn names_dependencies(path: &str) -> bool {
    const FILES: [&str; 12] = [
        "package.json",
        "package-lock.json",
        "npm-shrinkwrap.json",
        "yarn.lock",
        "go.mod",
        "go.sum",
        "pyproject.toml",
        "poetry.lock",
        "uv.lock",
        "Pipfile.lock",
        "Cargo.toml",
        "Cargo.lock",
    ];
    let file = path.rsplit('/').next().unwrap_or_default();
    FILES.contains(&file) || (file.contains("requirements") && file.ends_with(".txt"))
}

impl From<CommandError<std::convert::Infallible>> for CommandError<HostedProblem> {
    fn from(error: CommandError<std::convert::Infallible>) -> Self {
        error.map_refused(|never| match never {})
    }
}

/// The ecosystems whose packages are scanned, for messages.
pub(super) fn ecosystems() -> String {
    Ecosystem::ALL.map(Ecosystem::as_str).join(", ")
}

#[cfg(test)]
mod tests {
    use super::{names_dependencies, read_config};
    use scanledger_domain::check::{CheckConfig, ConfigRead, ScanMode};

    #[test]
    fn a_configuration_is_yaml() {
        let read = read_config(b"\xef\xbb\xbfversion: 1\nscan:\n  mode: diff\n");
        assert_eq!(read.config, CheckConfig { mode: ScanMode::Diff, ..CheckConfig::default() });
        assert_eq!(read.warnings, [""; 0]);
        for empty in [&b""[..], b"\n", b"# nothing\n"] {
            assert_eq!(read_config(empty), ConfigRead::default());
        }
        for broken in [&b"a: [\n"[..], b"\xff", b"a: b: c\n"] {
            assert_eq!(read_config(broken), ConfigRead::unreadable());
        }
    }

    #[test]
    fn files_that_name_dependencies_are_known_by_name() {
        for good in ["go.mod", "web/package-lock.json", "requirements.txt", "req/dev-requirements.txt"] {
            assert!(names_dependencies(good), "{good}");
        }
        for bad in ["main.go", "package.json.bak", "requirements", ""] {
            assert!(!names_dependencies(bad), "{bad}");
        }
    }
}
