//! Refusals in the words of the dialect (reference §7): the one place that knows which status and code each has.

use crate::app::App;
use crate::problem::Problem;
use axum::http::StatusCode;
use scanledger_commands::CommandError;
use scanledger_commands::hosted::HostedProblem;
use scanledger_commands::ports::{CodeHostError, Permission};
use scanledger_domain::time::Timestamp;

/// Seconds after which a client may ask the code host again, where it does not say.
const HOST_SECONDS: u32 = 60;

/// What a client is told.
pub(super) fn refused(app: &App) -> impl Fn(CommandError<HostedProblem>) -> Problem {
    |error| refused_at(app.clock.now(), error)
}

fn refused_at(now: Timestamp, error: CommandError<HostedProblem>) -> Problem {
    match error {
        CommandError::Refused(problem) => of(now, problem),
        CommandError::Fault(fault) => fault.into(),
        CommandError::Stale { .. } | CommandError::Contended => Problem::unavailable(error.to_string()),
    }
}

fn of(now: Timestamp, problem: HostedProblem) -> Problem {
    let error = problem.to_string();
    let say = |status, code| Problem::new(status, error.clone()).with_code(code);
    match problem {
        HostedProblem::UnknownInstallation => say(StatusCode::UNAUTHORIZED, "invalid_installation"),
        HostedProblem::NotFound => say(StatusCode::NOT_FOUND, "scan_not_found"),
        HostedProblem::NotCompleted | HostedProblem::Check(_) => {
            say(StatusCode::UNPROCESSABLE_ENTITY, "scan_not_completed")
        }
        HostedProblem::NoTarget => say(StatusCode::FORBIDDEN, "no_write_access"),
        HostedProblem::Host(error) => of_host(now, error),
        HostedProblem::Denied(denied) => denied.into(),
        HostedProblem::Project(problem) => problem.into(),
        HostedProblem::Scan(problem) => problem.into(),
    }
}

fn of_host(now: Timestamp, error: CodeHostError) -> Problem {
    use CodeHostError as E;
    let text = error.to_string();
    let say = |status, code| Problem::new(status, text.clone()).with_code(code);
    match error {
        E::NotInstalled | E::Suspended => say(StatusCode::UNAUTHORIZED, "invalid_installation"),
        E::RepositoryNotFound => say(StatusCode::NOT_FOUND, "repo_not_found"),
        E::RefNotFound => say(StatusCode::NOT_FOUND, "ref_not_found"),
        E::NotFound { .. } => say(StatusCode::NOT_FOUND, "not_found"),
        E::NotPermitted { permission: Permission::WriteContents | Permission::WritePullRequests } => {
            say(StatusCode::FORBIDDEN, "no_write_access")
        }
        E::NotPermitted { .. } => say(StatusCode::FORBIDDEN, "forbidden"),
        E::BranchExists => say(StatusCode::UNPROCESSABLE_ENTITY, "branch_exists"),
        E::TooLarge { .. } => say(StatusCode::UNPROCESSABLE_ENTITY, "source_too_large"),
        E::Refused(_) => {
            tracing::warn!(error = &error as &dyn std::error::Error, "the code host refused a request");
            say(StatusCode::UNPROCESSABLE_ENTITY, "host_refused")
        }
        E::RateLimited { until } => {
            say(StatusCode::SERVICE_UNAVAILABLE, "host_unavailable").retry_after(seconds(now, until))
        }
        E::Unreachable(_) => {
            tracing::warn!(error = &error as &dyn std::error::Error, "the code host is out of reach");
            say(StatusCode::SERVICE_UNAVAILABLE, "host_unavailable").retry_after(HOST_SECONDS)
        }
        E::Misconfigured(_) | E::Local(_) => Problem::fault(&error),
    }
}

/// Seconds from `now` on, rounded up; at least one.
fn seconds(now: Timestamp, until: Timestamp) -> u32 {
    let micros = until.0.saturating_sub(now.0).max(1).cast_unsigned();
    u32::try_from(micros.div_ceil(1_000_000)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::{refused_at, seconds};
    use scanledger_commands::CommandError;
    use scanledger_commands::hosted::HostedProblem;
    use scanledger_commands::ports::{CodeHostError, Permission};
    use scanledger_domain::time::Timestamp;

    #[test]
    fn refusals_have_the_codes_of_the_reference() {
        for (problem, status, code) in [
            (HostedProblem::UnknownInstallation, 401, "invalid_installation"),
            (CodeHostError::NotInstalled.into(), 401, "invalid_installation"),
            (CodeHostError::Suspended.into(), 401, "invalid_installation"),
            (CodeHostError::RepositoryNotFound.into(), 404, "repo_not_found"),
            (HostedProblem::NotFound, 404, "scan_not_found"),
            (HostedProblem::NoTarget, 403, "no_write_access"),
            (
                CodeHostError::NotPermitted { permission: Permission::WriteContents }.into(),
                403,
                "no_write_access",
            ),
            (CodeHostError::NotPermitted { permission: Permission::ReadContents }.into(), 403, "forbidden"),
            (CodeHostError::Unreachable("x".into()).into(), 503, "host_unavailable"),
        ] {
            let problem = refused_at(Timestamp(0), CommandError::Refused(problem));
            assert_eq!((problem.status().as_u16(), problem.body().code), (status, Some(code)));
        }
    }

    #[test]
    fn a_client_comes_back_when_the_code_host_wants_it() {
        let now = Timestamp(5_000_000);
        for (until, wait) in [(0, 1), (5_000_000, 1), (6_000_000, 1), (6_000_001, 2), (3_605_000_000, 3_600)]
        {
            assert_eq!(seconds(now, Timestamp(until)), wait, "{until}");
        }
    }
}
