//! Refusals of what people do about honeytokens, before they get the dialect's shape.

use crate::problem::Problem;
use axum::http::StatusCode;
use scanledger_commands::honeytoken::HoneytokenProblem;
use scanledger_domain::honeytoken::HoneytokenRefusal;

impl From<HoneytokenProblem> for Problem {
    fn from(problem: HoneytokenProblem) -> Self {
        let error = problem.to_string();
        match problem {
            HoneytokenProblem::NameTaken => Self::new(StatusCode::CONFLICT, error).with_code("NAME_TAKEN"),
            HoneytokenProblem::Honeytoken(refusal) => of_rules(&refusal, error),
        }
    }
}

fn of_rules(refusal: &HoneytokenRefusal, error: String) -> Problem {
    match refusal {
        HoneytokenRefusal::NotFound => Problem::missing("honeytoken"),
        HoneytokenRefusal::NoteNotFound => Problem::missing("note"),
        HoneytokenRefusal::NotTheAuthor => {
            Problem::new(StatusCode::FORBIDDEN, error).with_code("NOT_THE_AUTHOR")
        }
        HoneytokenRefusal::AlreadyThere | HoneytokenRefusal::Revoked | HoneytokenRefusal::NotTriggered => {
            Problem::new(StatusCode::CONFLICT, error).with_code("ILLEGAL_STEP")
        }
        HoneytokenRefusal::TooMany => Problem::new(StatusCode::CONFLICT, error).with_code("TOO_MANY"),
        HoneytokenRefusal::BadName => Problem::invalid("name", error),
        HoneytokenRefusal::DescriptionTooLong => Problem::invalid("description", error),
        HoneytokenRefusal::NoteEmpty | HoneytokenRefusal::NoteTooLong | HoneytokenRefusal::TooManyNotes => {
            Problem::invalid("comment", error)
        }
    }
}
