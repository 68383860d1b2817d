//! Showing a check at the code host.

use super::webhook::fix_identifier;
use super::{CHECK_NAME, Hosted, Outcome, Progress, Result, render};
use crate::ports::{CheckAction, CheckOutput, CheckRun, CheckStatus};
use scanledger_domain::check::{
    CheckCommand, CheckFailure, CheckLife, FailureKind, Reported, Requested, Shown, ShownAs, upgrades,
};
use scanledger_domain::code_host::{CheckConclusion, CheckRunId, CommitSha};

impl Hosted {
    /// Lets the code host show that somebody works at it.
    pub(super) async fn show(&self, life: &CheckLife) -> Result<()> {
        let requested = &life.requested;
        let Some(commit) = commit_of(life) else { return Ok(()) };
        let run = self.check_run(requested, CheckStatus::InProgress, render::scanning());
        // There is one already after a crash. That of another check is left alone: what is written beside lines stays.
        let found = self.0.host.find_check_run(&requested.at, commit, CHECK_NAME).await?;
        let ours = found.filter(|found| found.external_id.as_ref() == Some(&run.external_id));
        let check_run = match ours {
            Some(found) => found.id,
            None => self.0.host.create_check_run(&requested.at, commit, &run).await?,
        };
        let shown = CheckCommand::Show(Shown { scan: requested.scan, check_run });
        self.record(life, "show", shown).await?;
        Ok(())
    }

    /// Lets the code host show what came out; `false` if nothing has yet.
    pub(super) async fn report(&self, life: &CheckLife, is_late: bool) -> Result<bool> {
        let Some(check_run) = life.check_run else { return Ok(true) };
        let why = match self.progress(life).await? {
            Progress::Running if is_late => "it takes too long".to_owned(),
            Progress::Running => return Ok(false),
            Progress::Incomplete { why } => why,
            Progress::Done(outcome) => {
                self.report_outcome(life, check_run, &outcome).await?;
                return Ok(true);
            }
        };
        self.complete(life, check_run, CheckConclusion::Neutral, render::incomplete(&why), vec![]).await?;
        let reported = Reported {
            scan: life.requested.scan,
            conclusion: CheckConclusion::Neutral,
            vulnerabilities: 0,
            imported: 0,
            dependencies: 0,
        };
        self.record(life, "report", CheckCommand::Report(reported)).await?;
        Ok(true)
    }

    async fn report_outcome(&self, life: &CheckLife, check_run: CheckRunId, outcome: &Outcome) -> Result<()> {
        let review = &outcome.review;
        let can_mend = life.requested.target.is_some() && !upgrades(&review.findings).is_empty();
        let actions = if can_mend { fix_button(life.requested.shown_as()) } else { vec![] };
        self.complete(life, check_run, review.conclusion, render::report(outcome), actions).await?;
        let reported = Reported {
            scan: life.requested.scan,
            conclusion: review.conclusion,
            vulnerabilities: review.findings.len() as u64,
            imported: review.imported(),
            dependencies: review.dependencies,
        };
        self.record(life, "report", CheckCommand::Report(reported)).await?;
        Ok(())
    }

    /// Ends a check that cannot be done, and says so where it is shown.
    pub(super) async fn fail(&self, life: &CheckLife, code: FailureKind, message: &str) -> Result<()> {
        if let Some(check_run) = life.check_run {
            let output = render::incomplete(message);
            let shown = self.complete(life, check_run, CheckConclusion::Neutral, output, vec![]).await;
            if let Err(error) = shown {
                tracing::warn!(scan.id = %life.requested.scan, %error, "the end of a check is not shown");
            }
        }
        let message = message.to_owned();
        let failed = CheckFailure { scan: life.requested.scan, code, message };
        self.record(life, "fail", CheckCommand::Fail(failed)).await?;
        Ok(())
    }

    async fn complete(
        &self,
        life: &CheckLife,
        check_run: CheckRunId,
        conclusion: CheckConclusion,
        output: CheckOutput,
        actions: Vec<CheckAction>,
    ) -> Result<()> {
        // After a crash it may be shown already.
        if let Some(commit) = commit_of(life) {
            let found = self.0.host.find_check_run(&life.requested.at, commit, CHECK_NAME).await?;
            if found.is_some_and(|found| found.id == check_run && found.is_completed) {
                return Ok(());
            }
        }
        let status = CheckStatus::Completed(conclusion);
        let run = CheckRun { actions, ..self.check_run(&life.requested, status, output) };
        Ok(self.0.host.update_check_run(&life.requested.at, check_run, &run).await?)
    }

    fn check_run(&self, requested: &Requested, status: CheckStatus, output: CheckOutput) -> CheckRun {
        let shown = requested.shown_as();
        CheckRun {
            name: CHECK_NAME.to_owned(),
            external_id: shown.to_string(),
            details_url: self.0.report_url.as_ref().map(|base| format!("{base}/{shown}")),
            status,
            output,
            actions: vec![],
        }
    }
}

/// The commit that a check is shown beside.
fn commit_of(life: &CheckLife) -> Option<CommitSha> {
    life.begun.as_ref().map(|begun| begun.commit).or(life.requested.commit)
}

fn fix_button(shown: ShownAs) -> Vec<CheckAction> {
    let button = CheckAction::try_new("Fix", "Open a pull request that mends it", &fix_identifier(shown));
    vec![button.expect("every part of the button is short")]
}

#[cfg(test)]
mod tests {
    use super::fix_button;

    #[test]
    fn the_button_fits() {
        let shown = format!("chk_{}", "0".repeat(32)).parse().unwrap();
        assert_eq!(fix_button(shown)[0].identifier(), "fix:0000000000000000");
    }
}
