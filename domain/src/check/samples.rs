//! Checks for tests.

use super::{Begun, CheckConfig, CheckFailure, FailureKind, FixRequested, Fixed, Reported, Requested, Shown};
use crate::code_host::{CheckConclusion, CheckRunId, InstalledRepository};
use crate::id::{OrganizationId, ProjectId, ScanId};
use uuid::Uuid;

const SCAN: ScanId = ScanId(Uuid::from_u128(7));
const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

pub(super) fn requested() -> Requested {
    let at = InstalledRepository {
        installation: 42.try_into().unwrap(),
        repository: "octo-org/widgets".parse().unwrap(),
    };
    Requested {
        scan: SCAN,
        organization: OrganizationId(Uuid::from_u128(1)),
        at,
        reference: "feature/a".parse().unwrap(),
        commit: Some(COMMIT.parse().unwrap()),
        pull_request: Some(7.try_into().unwrap()),
        target: Some("feature/a".parse().unwrap()),
        key: Some(format!("chk_{}", "07".repeat(16)).parse().unwrap()),
    }
}

pub(super) fn begun() -> Begun {
    Begun {
        scan: SCAN,
        project: ProjectId(Uuid::from_u128(2)),
        branch: "feature/a".to_owned(),
        commit: COMMIT.parse().unwrap(),
        config: CheckConfig::default(),
        changed: None,
        warnings: vec![],
    }
}

pub(super) fn shown() -> Shown {
    Shown { scan: SCAN, check_run: CheckRunId::try_from(9).unwrap() }
}

pub(super) fn reported() -> Reported {
    let conclusion = CheckConclusion::Failure;
    Reported { scan: SCAN, conclusion, vulnerabilities: 2, imported: 1, dependencies: 3 }
}

pub(super) fn failed() -> CheckFailure {
    let message = "the app is not installed on the repository".to_owned();
    CheckFailure { scan: SCAN, code: FailureKind::HostRefused, message }
}

pub(super) fn fix_requested() -> FixRequested {
    FixRequested { scan: SCAN }
}

pub(super) fn fixed() -> Fixed {
    Fixed { scan: SCAN, pull_request: Some(8.try_into().unwrap()), fixes: 1, problem: None }
}
