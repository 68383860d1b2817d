//! Pull requests that mend what a check found (dpendx reference §3): manifests are edited, lock files are not.

use super::{Hosted, HostedProblem, Progress, Result, render};
use crate::ports::{CodeHostError, FileChange, NewCommit, NewPullRequest, OpenedPullRequest};
use scanledger_domain::check::{
    Check, CheckCommand, CheckLife, Fixed, Manifest, ShownAs, Upgrade, check_stream, edit, manifests_of,
    upgrades,
};
use scanledger_domain::code_host::{CommitSha, GitRef, InstallationId, InstalledRepository};
use scanledger_domain::component::Package;
use scanledger_domain::id::ScanId;
use scanledger_domain::limits::{FIX_FILES, MANIFEST_BYTES};
use std::collections::BTreeMap;

/// What came of a wish for a pull request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FixMade {
    /// There is one.
    Opened {
        /// The pull request.
        request: OpenedPullRequest,
        /// Packages that it moves to another version.
        fixes: u64,
    },
    /// Nothing that was found can be mended in a file that is edited here.
    Nothing,
}

impl Hosted {
    /// The check about a scan that came through an installation.
    ///
    /// # Errors
    /// [`HostedProblem::UnknownInstallation`], [`HostedProblem::NotFound`], or a fault.
    pub async fn of_installation(&self, installation: InstallationId, scan: ScanId) -> Result<CheckLife> {
        self.principal(installation)?;
        let life = self.find(scan).await?;
        let life = life.filter(|life| life.requested.at.installation == installation && life.begun.is_some());
        Ok(life.ok_or(HostedProblem::NotFound)?)
    }

    /// Opens a pull request that mends what a check found. Calling it again finds the same pull request.
    ///
    /// # Errors
    /// A [`HostedProblem`], or a fault.
    pub async fn fix(&self, life: &CheckLife) -> Result<FixMade> {
        let made = self.mend(life).await?;
        let fixed = match &made {
            FixMade::Opened { request, fixes } => Fixed {
                scan: life.requested.scan,
                pull_request: Some(request.number),
                fixes: *fixes,
                problem: None,
            },
            FixMade::Nothing => no_fix(life, "nothing that was found can be mended"),
        };
        self.record_fix(life, fixed).await?;
        Ok(made)
    }

    /// Records that there will be no pull request.
    pub(super) async fn refuse_fix(&self, life: &CheckLife, why: &str) -> Result<()> {
        self.record_fix(life, no_fix(life, why)).await
    }

    async fn record_fix(&self, life: &CheckLife, fixed: Fixed) -> Result<()> {
        if fixed.pull_request.is_none() && !life.owes_fix {
            return Ok(());
        }
        // What is owed once more is a step of its own.
        let (_, version) = self.0.ledger.load::<Check>(&check_stream(life.requested.scan)).await?;
        self.record(life, &format!("fixed-{version}"), CheckCommand::Fix(fixed)).await?;
        Ok(())
    }

    async fn mend(&self, life: &CheckLife) -> Result<FixMade> {
        let Progress::Done(outcome) = self.progress(life).await? else {
            return Err(HostedProblem::NotCompleted.into());
        };
        let begun = life.begun.as_ref().ok_or(HostedProblem::NotFound)?;
        let wanted = upgrades(&outcome.review.findings);
        if wanted.is_empty() {
            return Ok(FixMade::Nothing);
        }
        let target = life.requested.target.clone().ok_or(HostedProblem::NoTarget)?;
        let at = &life.requested.at;
        let (changes, done) = self.changes(at, begun.commit, &wanted).await?;
        if changes.is_empty() {
            return Ok(FixMade::Nothing);
        }
        let (title, body, message) = render::pull_request(&done);
        let branch = branch_of(life.requested.shown_as());
        let commit = NewCommit { branch: branch.clone(), parent: begun.commit, message, changes };
        self.0.host.commit(at, &commit).await?;
        let request = NewPullRequest { head: branch, base: target, title, body };
        let request = self.0.host.open_pull_request(at, &request).await?;
        Ok(FixMade::Opened { request, fixes: done.len() as u64 })
    }

    /// The files that are to be other ones, and the upgrades that they make.
    async fn changes<'a>(
        &self,
        at: &InstalledRepository,
        commit: CommitSha,
        wanted: &'a [Upgrade],
    ) -> Result<(Vec<FileChange>, Vec<&'a Upgrade>)> {
        let mut files: BTreeMap<(Manifest, String), Vec<&Upgrade>> = BTreeMap::new();
        for upgrade in wanted {
            for manifest in manifests_of(upgrade.package.ecosystem, &upgrade.path) {
                files.entry(manifest).or_default().push(upgrade);
            }
        }
        let (mut changes, mut done) = (Vec::new(), Vec::new());
        for ((manifest, path), upgrades) in files.into_iter().take(FIX_FILES) {
            let Ok(file) = path.parse() else { continue };
            let read = self.0.host.read_file(at, &commit.into(), &file, MANIFEST_BYTES as u64).await;
            let before = match read {
                Ok(Some(bytes)) => String::from_utf8(bytes).ok(),
                Ok(None) | Err(CodeHostError::TooLarge { .. }) => None,
                Err(error) => return Err(error.into()),
            };
            let Some(before) = before else { continue };
            let mut content = before.clone();
            for upgrade in upgrades {
                if let Some(edited) = edit(manifest, &content, &upgrade.package, &upgrade.to) {
                    content = edited;
                    done.push(upgrade);
                }
            }
            if content != before {
                changes.push(FileChange { file, content: content.into_bytes() });
            }
        }
        // A package that several files name is one to people.
        done.sort_unstable_by(|a, b| told(a).cmp(&told(b)));
        done.dedup_by(|a, b| told(a) == told(b));
        Ok((changes, done))
    }
}

/// What is told of an upgrade, whichever file it is in.
fn told(upgrade: &Upgrade) -> (&Package, &str, &str) {
    (&upgrade.package, &upgrade.from, &upgrade.to)
}

fn no_fix(life: &CheckLife, why: &str) -> Fixed {
    Fixed { scan: life.requested.scan, pull_request: None, fixes: 0, problem: Some(why.to_owned()) }
}

/// The branch with what mends what a check found.
fn branch_of(shown: ShownAs) -> GitRef {
    format!("dpendx/fix-{}", shown.short()).parse().expect("a name of digits is one that git takes")
}
