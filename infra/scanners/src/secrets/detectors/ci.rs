//! Builds, analysis and releases.

use super::{Detector, named, specific, token};
use scanledger_domain::secret::SecretFamily::{ApiKey, Token};
use scanledger_domain::secret::{DetectorFacts, SecretCategory, SecretFamily};
use scanledger_domain::severity::Severity::{Critical, High, Low, Medium};

const fn ci(
    id: &'static str,
    title: &'static str,
    provider: &'static str,
    family: SecretFamily,
) -> DetectorFacts {
    specific(id, title, provider, family, SecretCategory::VersionControlPlatform)
}

pub(super) const LIST: &[Detector] = &[
    Detector::token(
        ci("BUILDKITE_TOKEN", "Buildkite token", "Buildkite", Token),
        High,
        "runs and reads builds at Buildkite",
        &["bkua_"],
        token!("bkua_", "[0-9a-f]{40}"),
    ),
    Detector::token(
        ci("CIRCLECI_TOKEN", "CircleCI token", "CircleCI", Token),
        High,
        "runs builds at CircleCI and reads their settings",
        &["CCIPAT_", "CCIPRJ_"],
        token!("CCIP(?:AT|RJ)_", "[A-Za-z0-9]{22}_[0-9a-f]{40}"),
    ),
    Detector::token(
        ci("SONAR_TOKEN", "SonarQube token", "SonarQube", Token),
        Medium,
        "reads and changes analyses of code",
        &["squ_", "sqp_", "sqa_"],
        token!("sq[upa]_", "[0-9a-f]{40}"),
    ),
    Detector::token(
        ci("HARNESS_TOKEN", "Harness token", "Harness", Token),
        High,
        "deploys as its owner through Harness",
        &["pat.", "sat."],
        token!(r"[ps]at\.", r"[A-Za-z0-9_-]{22}\.[0-9a-f]{24}\.[A-Za-z0-9]{20}"),
    ),
    Detector::token(
        ci("OCTOPUS_API_KEY", "Octopus Deploy API key", "Octopus Deploy", ApiKey),
        High,
        "deploys as its owner through Octopus",
        &["API-"],
        token!("API-", "[A-Z0-9]{26,32}"),
    )
    .entropy(3.5)
    .confidence(0.85),
    Detector::token(
        ci("PREFECT_TOKEN", "Prefect API key", "Prefect", ApiKey),
        High,
        "runs flows at Prefect",
        &["pnu_", "pnb_"],
        token!("pn[ub]_", "[A-Za-z0-9]{36}"),
    )
    .entropy(3.5),
    // Who has a key of this house's own deserves to know that it leaked.
    Detector::token(
        ci("SCANLEDGER_KEY", "Scanledger API key", "Scanledger", ApiKey),
        Critical,
        "reads findings and sends scans as whoever made it",
        &["ppr_", "tos_", "ggd_sl_"],
        token!("(?:ppr_|tos_[0-9a-f]{8}_|ggd_sl_[0-9a-f]{32})", "[A-Za-z0-9_-]{32}"),
    )
    .entropy(3.2),
    Detector::named(
        ci("CODECOV_TOKEN", "Codecov token", "Codecov", Token),
        Low,
        "uploads coverage reports",
        &["codecov"],
        named!("codecov", "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"),
    ),
    Detector::named(
        ci("SNYK_TOKEN", "Snyk token", "Snyk", Token),
        High,
        "reads what is vulnerable in projects",
        &["snyk"],
        named!("snyk", "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"),
    ),
    Detector::named(
        ci("SEMGREP_TOKEN", "Semgrep token", "Semgrep", Token),
        High,
        "reads findings and sends scans",
        &["semgrep"],
        named!("semgrep", "[0-9a-f]{64}"),
    ),
    Detector::named(
        ci("LAUNCHDARKLY_KEY", "LaunchDarkly key", "LaunchDarkly", ApiKey),
        High,
        "reads or changes what an application does",
        &["launchdarkly", "ld_sdk_key", "launch_darkly"],
        named!(
            r"launch_?darkly|\bld_",
            "(?:sdk|api)-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
        ),
    ),
];
