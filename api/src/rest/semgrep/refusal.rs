//! Refusals in the shape of the Semgrep dialect: the one place that knows which status each has.

use crate::problem::Problem;
use axum::http::StatusCode;
use scanledger_commands::CommandError;
use scanledger_commands::ci::ClientScanProblem;
use scanledger_commands::policy::PolicyProblem;
use scanledger_domain::policy::{PolicyRefusal, RuleRefusal};

/// A client gives up after 409, and comes back after 503.
pub(super) fn or_again(error: CommandError<ClientScanProblem>) -> Problem {
    match error {
        CommandError::Contended => Problem::unavailable("others changed the same at the same time"),
        error => error.into(),
    }
}

impl From<ClientScanProblem> for Problem {
    fn from(problem: ClientScanProblem) -> Self {
        match problem {
            ClientScanProblem::NotFound => Self::missing("scan"),
            ClientScanProblem::Ended(_) | ClientScanProblem::NoResults => {
                Self::new(StatusCode::CONFLICT, problem.to_string())
            }
            ClientScanProblem::Project(problem) => problem.into(),
            ClientScanProblem::Scan(refusal) => refusal.into(),
        }
    }
}

impl From<RuleRefusal> for Problem {
    fn from(refusal: RuleRefusal) -> Self {
        let place = ["definition.rules.0", &refusal.place].join(".");
        // Clients print `error` alone.
        Self::bad_request(format!("the rule is not valid: {refusal}"))
            .with_detail(place.trim_end_matches('.'), refusal.problem)
    }
}

impl From<PolicyProblem> for Problem {
    fn from(problem: PolicyProblem) -> Self {
        match problem {
            PolicyProblem::Rule(refusal) => refusal.into(),
            PolicyProblem::Unreadable(_) => Self::bad_request(problem.to_string()),
            PolicyProblem::Policy(refusal) => match refusal {
                PolicyRefusal::NotFound(_) => Self::missing("rule"),
                PolicyRefusal::Starter(_) | PolicyRefusal::TooMany | PolicyRefusal::TooLarge => {
                    Self::new(StatusCode::CONFLICT, refusal.to_string())
                }
            },
        }
    }
}
