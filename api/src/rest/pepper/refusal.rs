//! Refusals in Pepper's shape: the one place that knows which status each has.

use crate::problem::Problem;
use axum::http::StatusCode;
use scanledger_commands::finding::TriageProblem;
use scanledger_commands::identity::KeyRefusal;
use scanledger_commands::project::ProjectProblem;
use scanledger_commands::scan::ScanProblem;
use scanledger_domain::finding::TriageRefusal;
use scanledger_domain::identity::ApiKeyRefusal;
use scanledger_domain::project::ProjectRefusal;
use scanledger_domain::scan::{ScanRefusal, Step};

impl From<ApiKeyRefusal> for Problem {
    fn from(refusal: ApiKeyRefusal) -> Self {
        match refusal {
            ApiKeyRefusal::Exists => Self::new(StatusCode::CONFLICT, refusal.to_string()),
            ApiKeyRefusal::NotFound => Self::missing("API key"),
            ApiKeyRefusal::BadName => Self::invalid("name", refusal.to_string()),
            ApiKeyRefusal::ExpiresInThePast => Self::invalid("expiresAt", refusal.to_string()),
            ApiKeyRefusal::TwoReaches => Self::bad_request(refusal.to_string()),
        }
    }
}

impl From<KeyRefusal> for Problem {
    fn from(refusal: KeyRefusal) -> Self {
        match refusal {
            KeyRefusal::ShownBefore { .. } => {
                Self::new(StatusCode::CONFLICT, refusal.to_string()).with_code("TOKEN_SHOWN_BEFORE")
            }
            KeyRefusal::TooManyTokens => {
                Self::new(StatusCode::CONFLICT, refusal.to_string()).with_code("TOO_MANY_TOKENS")
            }
            KeyRefusal::Key(refusal) => refusal.into(),
        }
    }
}

impl From<ProjectProblem> for Problem {
    fn from(problem: ProjectProblem) -> Self {
        match problem {
            ProjectProblem::NameTaken => {
                Self::new(StatusCode::CONFLICT, problem.to_string()).with_code("NAME_TAKEN")
            }
            ProjectProblem::Denied(denied) => denied.into(),
            ProjectProblem::Project(refusal) => refusal.into(),
        }
    }
}

impl From<ProjectRefusal> for Problem {
    fn from(refusal: ProjectRefusal) -> Self {
        match refusal {
            ProjectRefusal::NotFound => Self::missing("project"),
            ProjectRefusal::Exists => Self::new(StatusCode::CONFLICT, refusal.to_string()),
            ProjectRefusal::BadText { field, problem } => Self::invalid(field, problem),
            ProjectRefusal::HoldsCredentials { field } => Self::invalid(field, "must not hold credentials"),
            ProjectRefusal::ActiveScans => {
                Self::new(StatusCode::CONFLICT, refusal.to_string()).with_code("ACTIVE_SCANS")
            }
        }
    }
}

impl From<ScanProblem> for Problem {
    fn from(problem: ScanProblem) -> Self {
        match problem {
            ScanProblem::ProjectNotFound => Self::missing("project"),
            ScanProblem::ScannerUnavailable(_) => scanner_unavailable(problem.to_string()),
            ScanProblem::NotAnArchive(why) => Self::invalid("source", why),
            ScanProblem::SourceGone => {
                Self::new(StatusCode::CONFLICT, problem.to_string()).with_code("SOURCE_GONE")
            }
            ScanProblem::Scan(refusal) => refusal.into(),
        }
    }
}

/// 503 for a scan type without scanners on this server.
pub fn scanner_unavailable(error: String) -> Problem {
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, error).with_code("SCANNER_UNAVAILABLE")
}

impl From<ScanRefusal> for Problem {
    fn from(refusal: ScanRefusal) -> Self {
        let error = refusal.to_string();
        match refusal {
            ScanRefusal::NotFound => Self::missing("scan"),
            ScanRefusal::Exists | ScanRefusal::NotQueued | ScanRefusal::Superseded { .. } => {
                Self::new(StatusCode::CONFLICT, error)
            }
            // Pepper reference §3.4 and §3.5: 409 for a deletion, 400 for every other step.
            ScanRefusal::IllegalStep { step: Step::Delete, .. } => {
                Self::new(StatusCode::CONFLICT, error).with_code("ILLEGAL_STEP")
            }
            ScanRefusal::IllegalStep { .. } => Self::bad_request(error).with_code("ILLEGAL_STEP"),
            ScanRefusal::BadRef(field) => Self::invalid(field, error),
        }
    }
}

impl From<TriageProblem> for Problem {
    fn from(problem: TriageProblem) -> Self {
        match problem {
            TriageProblem::NotFound => Self::missing("finding"),
            TriageProblem::TooMany => Self::invalid("findingIds", problem.to_string()),
            TriageProblem::Denied(denied) => denied.into(),
            TriageProblem::Triage(TriageRefusal::NoteTooLong) => {
                Self::invalid("statusNote", problem.to_string())
            }
            // Decisions are led to the elder finding, so this reaches nobody.
            TriageProblem::Triage(TriageRefusal::Merged { .. }) => Self::missing("finding"),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::problem::Problem;
    use scanledger_domain::scan::{ScanRefusal, ScanStatus, Step};

    #[test]
    fn only_a_deletion_that_is_not_allowed_is_a_conflict() {
        for step in Step::ALL {
            let problem = Problem::from(ScanRefusal::IllegalStep { from: ScanStatus::Running, step });
            let expected = if step == Step::Delete { 409 } else { 400 };
            assert_eq!(problem.status().as_u16(), expected, "{step:?}");
        }
    }
}
