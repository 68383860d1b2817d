//! Check runs: what is shown beside a commit.

use scanledger_domain::code_host::{CheckConclusion, CheckRunId, RepositoryFile};
use scanledger_domain::limits::{CHECK_DESCRIPTION_CHARS, CHECK_IDENTIFIER_CHARS, CHECK_LABEL_CHARS};
use std::num::NonZeroU32;

/// How far a check run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckStatus {
    /// It waits.
    Queued,
    /// Somebody works at it.
    InProgress,
    /// It is over.
    Completed(CheckConclusion),
}

/// What a check run is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckRun {
    /// What it is called; the same at every commit.
    pub name: String,
    /// What we call it.
    pub external_id: String,
    /// Where people read more.
    pub details_url: Option<String>,
    /// How far it is.
    pub status: CheckStatus,
    /// What it says.
    pub output: CheckOutput,
    /// Its buttons; beyond [`CHECK_ACTIONS`](scanledger_domain::limits::CHECK_ACTIONS) they are left out.
    pub actions: Vec<CheckAction>,
}

/// What a check run says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckOutput {
    /// One line.
    pub title: String,
    /// Markdown, cut at [`HOST_TEXT_CHARS`](scanledger_domain::limits::HOST_TEXT_CHARS).
    pub summary: String,
    /// Markdown below it, cut likewise.
    pub text: Option<String>,
    /// What is shown at lines of code; beyond [`CHECK_ANNOTATIONS`](scanledger_domain::limits::CHECK_ANNOTATIONS)
    /// they are left out.
    pub annotations: Vec<Annotation>,
}

/// How loud an annotation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnnotationLevel {
    /// To know.
    Notice,
    /// To look at.
    Warning,
    /// To mend.
    Failure,
}

/// What is said about lines of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Annotation {
    /// The file.
    pub file: RepositoryFile,
    /// The first line, from 1.
    pub start_line: NonZeroU32,
    /// The last line; no less than the first.
    pub end_line: NonZeroU32,
    /// How loud it is.
    pub level: AnnotationLevel,
    /// One line.
    pub title: String,
    /// What is said.
    pub message: String,
}

/// A part of a button is empty or longer than the host takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the {part} of a button has 1 to {max} characters")]
pub struct CheckActionProblem {
    /// Which part.
    part: &'static str,
    /// How many characters it may have.
    max: usize,
}

/// A button of a check run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckAction {
    label: String,
    description: String,
    identifier: String,
}

impl CheckAction {
    /// A button with `label` on it that explains itself as `description`; pressing it sends `identifier`.
    ///
    /// # Errors
    /// [`CheckActionProblem`] when one is empty or longer than [`CHECK_LABEL_CHARS`], [`CHECK_DESCRIPTION_CHARS`] or
    /// [`CHECK_IDENTIFIER_CHARS`].
    pub fn try_new(label: &str, description: &str, identifier: &str) -> Result<Self, CheckActionProblem> {
        let checked = |part, text: &str, max| match text.chars().count() {
            count if (1..=max).contains(&count) => Ok(text.to_owned()),
            _ => Err(CheckActionProblem { part, max }),
        };
        Ok(Self {
            label: checked("label", label, CHECK_LABEL_CHARS)?,
            description: checked("description", description, CHECK_DESCRIPTION_CHARS)?,
            identifier: checked("identifier", identifier, CHECK_IDENTIFIER_CHARS)?,
        })
    }

    /// What is on it.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// What it says it does.
    pub fn description(&self) -> &str {
        &self.description
    }

    /// What comes back when it is pressed.
    pub fn identifier(&self) -> &str {
        &self.identifier
    }
}

/// A check run that there is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundCheckRun {
    /// The check run.
    pub id: CheckRunId,
    /// What we called it.
    pub external_id: Option<String>,
    /// Whether it is over.
    pub is_completed: bool,
}

#[cfg(test)]
mod tests {
    use super::CheckAction;

    #[test]
    fn a_button_is_as_the_host_takes_it() {
        let (label, description, identifier) = ("é".repeat(20), "é".repeat(40), "é".repeat(20));
        let action = CheckAction::try_new(&label, &description, &identifier).unwrap();
        assert_eq!(
            (action.label(), action.description(), action.identifier()),
            (&*label, &*description, &*identifier)
        );
        for (label, description, identifier, part) in [
            (format!("{label}é"), description.clone(), identifier.clone(), "label"),
            (label.clone(), format!("{description}é"), identifier.clone(), "description"),
            (label.clone(), description.clone(), format!("{identifier}é"), "identifier"),
            (String::new(), description.clone(), identifier.clone(), "label"),
            (label.clone(), description, String::new(), "identifier"),
        ] {
            let problem = CheckAction::try_new(&label, &description, &identifier).unwrap_err();
            assert!(problem.to_string().contains(part), "{problem}");
        }
    }
}
