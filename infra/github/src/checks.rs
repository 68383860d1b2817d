//! Check runs. <https://docs.github.com/en/rest/checks/runs>

use crate::error::Fault;
use crate::host::{About, GitHubApp, Missing};
use crate::http::{Repeat, Request};
use scanledger_commands::ports::{
    Annotation, AnnotationLevel, CheckRun, CheckStatus, CodeHostError, FoundCheckRun, Permission,
};
use scanledger_domain::code_host::{CheckRunId, CommitSha, InstalledRepository};
use scanledger_domain::limits::{CHECK_ACTIONS, CHECK_ANNOTATIONS, HOST_TEXT_CHARS};
use serde::Deserialize;
use serde_json::{Value, json};

/// Annotations in one request; GitHub takes no more, and adds those of the next request to them.
const BATCH: usize = 50;

const READ: About = About { permission: Permission::ReadChecks, missing: Missing::Repository };
const WRITE: About = About { permission: Permission::WriteChecks, missing: Missing::Repository };

#[derive(Deserialize)]
struct RunAnswer {
    id: CheckRunId,
    external_id: Option<String>,
    status: String,
}

#[derive(Deserialize)]
struct RunsAnswer {
    check_runs: Vec<RunAnswer>,
}

#[derive(Deserialize)]
struct Made {
    id: CheckRunId,
}

#[derive(Deserialize)]
struct ShownAnswer {
    output: ShownOutput,
}

#[derive(Deserialize)]
struct ShownOutput {
    annotations_count: usize,
}

impl GitHubApp {
    pub(crate) async fn find_check(
        &self,
        at: &InstalledRepository,
        commit: CommitSha,
        name: &str,
    ) -> Result<Option<FoundCheckRun>, CodeHostError> {
        let mut url = self.api().repository(&at.repository, ["commits", &commit.to_string(), "check-runs"]);
        url.query_pairs_mut()
            .append_pair("check_name", name)
            .append_pair("app_id", &self.app_id().to_string())
            .append_pair("filter", "latest")
            .append_pair("per_page", "100");
        let answer = self.answer(at.installation, Request::get(url), READ).await?;
        let RunsAnswer { check_runs } = answer.json()?;
        // There is one for each branch that the commit was pushed to.
        let newest = check_runs.into_iter().max_by_key(|run| run.id);
        Ok(newest.map(|run| FoundCheckRun {
            id: run.id,
            external_id: run.external_id.filter(|id| !id.is_empty()),
            is_completed: run.status == "completed",
        }))
    }

    pub(crate) async fn create_check(
        &self,
        at: &InstalledRepository,
        commit: CommitSha,
        run: &CheckRun,
    ) -> Result<CheckRunId, CodeHostError> {
        let batches = batches(kept(run));
        let mut body = body(run, &batches, 0);
        body["head_sha"] = commit.to_string().into();
        let url = self.api().repository(&at.repository, ["check-runs"]);
        let request = Request::post(url, body, Repeat::Never);
        let Made { id } = self.answer(at.installation, request, WRITE).await?.json()?;
        for number in 1..batches.len() {
            self.patch_check(at, id, run, &batches, number).await?;
        }
        Ok(id)
    }

    pub(crate) async fn update_check(
        &self,
        at: &InstalledRepository,
        id: CheckRunId,
        run: &CheckRun,
    ) -> Result<(), CodeHostError> {
        let kept = kept(run);
        // After an attempt that broke off, the first ones are there.
        let there = if kept.is_empty() { 0 } else { self.annotations_of(at, id).await? };
        let batches = batches(kept.get(there..).unwrap_or_default());
        for number in 0..batches.len() {
            self.patch_check(at, id, run, &batches, number).await?;
        }
        Ok(())
    }

    /// How many annotations a check run has.
    async fn annotations_of(&self, at: &InstalledRepository, id: CheckRunId) -> Result<usize, CodeHostError> {
        let url = self.api().repository(&at.repository, ["check-runs", &id.to_string()]);
        let about = About { missing: Missing::Other("check run"), ..READ };
        let ShownAnswer { output } = self.answer(at.installation, Request::get(url), about).await?.json()?;
        Ok(output.annotations_count)
    }

    async fn patch_check(
        &self,
        at: &InstalledRepository,
        id: CheckRunId,
        run: &CheckRun,
        batches: &[&[Annotation]],
        number: usize,
    ) -> Result<(), CodeHostError> {
        let url = self.api().repository(&at.repository, ["check-runs", &id.to_string()]);
        // Annotations that come twice are shown twice.
        let repeat = if batches[number].is_empty() { Repeat::Safe } else { Repeat::Never };
        let request = Request::patch(url, body(run, batches, number), repeat);
        let about = About { missing: Missing::Other("check run"), ..WRITE };
        let Made { id: patched } = self.answer(at.installation, request, about).await?.json()?;
        if patched == id { Ok(()) } else { Err(Fault::Unreadable.into()) }
    }
}

/// The annotations that are shown.
fn kept(run: &CheckRun) -> &[Annotation] {
    let all = &run.output.annotations;
    &all[..all.len().min(CHECK_ANNOTATIONS)]
}

/// At least one batch, be it empty.
fn batches(annotations: &[Annotation]) -> Vec<&[Annotation]> {
    if annotations.is_empty() { vec![&[]] } else { annotations.chunks(BATCH).collect() }
}

/// What is sent with a batch. Only the last one completes the run, so that nobody sees half of a verdict.
fn body(run: &CheckRun, batches: &[&[Annotation]], number: usize) -> Value {
    let cut = |text: &str| text.chars().take(HOST_TEXT_CHARS).collect::<String>();
    let annotations: Vec<_> = batches[number].iter().map(annotation).collect();
    let mut body = json!({
        "name": run.name,
        "external_id": run.external_id,
        "output": {
            "title": run.output.title,
            "summary": cut(&run.output.summary),
            "text": run.output.text.as_deref().map(cut),
            "annotations": annotations,
        },
        "actions": run.actions.iter().take(CHECK_ACTIONS).map(|action| json!({
            "label": action.label(),
            "description": action.description(),
            "identifier": action.identifier(),
        })).collect::<Vec<_>>(),
    });
    if let Some(url) = &run.details_url {
        body["details_url"] = url.as_str().into();
    }
    let is_last = number + 1 == batches.len();
    match run.status {
        CheckStatus::Queued => body["status"] = "queued".into(),
        CheckStatus::Completed(conclusion) if is_last => {
            body["status"] = "completed".into();
            body["conclusion"] = conclusion.word().into();
        }
        CheckStatus::InProgress | CheckStatus::Completed(_) => body["status"] = "in_progress".into(),
    }
    body
}

fn annotation(annotation: &Annotation) -> Value {
    let level = match annotation.level {
        AnnotationLevel::Notice => "notice",
        AnnotationLevel::Warning => "warning",
        AnnotationLevel::Failure => "failure",
    };
    json!({
        "path": annotation.file.as_str(),
        "start_line": annotation.start_line,
        "end_line": annotation.end_line.max(annotation.start_line),
        "annotation_level": level,
        "title": annotation.title,
        "message": annotation.message,
    })
}
