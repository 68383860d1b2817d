//! Refusals of what people do about incidents, before a dialect gives them its shape.

use crate::problem::Problem;
use axum::http::StatusCode;
use scanledger_commands::incident::IncidentProblem;
use scanledger_domain::incident::IncidentRefusal;

impl From<IncidentProblem> for Problem {
    fn from(problem: IncidentProblem) -> Self {
        let error = problem.to_string();
        match problem {
            IncidentProblem::NotFound => Self::missing("incident"),
            IncidentProblem::Denied(denied) => denied.into(),
            IncidentProblem::ShownBefore { .. } => {
                Self::new(StatusCode::CONFLICT, error).with_code("SHOWN_BEFORE")
            }
            IncidentProblem::Incident(refusal) => of_rules(refusal, error),
        }
    }
}

fn of_rules(refusal: IncidentRefusal, error: String) -> Problem {
    match refusal {
        IncidentRefusal::NotFound => Problem::missing("incident"),
        IncidentRefusal::NoteNotFound => Problem::missing("note"),
        IncidentRefusal::NotTheAuthor => {
            Problem::new(StatusCode::FORBIDDEN, error).with_code("NOT_THE_AUTHOR")
        }
        IncidentRefusal::Closed
        | IncidentRefusal::AlreadyOpen
        | IncidentRefusal::AlreadyResolved
        | IncidentRefusal::AlreadyIgnored => {
            Problem::new(StatusCode::CONFLICT, error).with_code("ILLEGAL_STEP")
        }
        IncidentRefusal::NoteEmpty | IncidentRefusal::NoteTooLong | IncidentRefusal::TooManyNotes => {
            Problem::invalid("comment", error)
        }
        IncidentRefusal::BadExpiry => Problem::invalid("lifespan", error),
        IncidentRefusal::PathTooLong => Problem::invalid("filename", error),
    }
}
