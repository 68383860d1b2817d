//! Code hosting, and registries of packages and images.

use super::{Detector, named, specific, token};
use crate::secrets::checks;
use scanledger_domain::secret::SecretFamily::{ApiKey, Credentials, Token};
use scanledger_domain::secret::{DetectorFacts, SecretCategory, SecretFamily};
use scanledger_domain::severity::Severity::{Critical, High, Medium};

const fn code(
    id: &'static str,
    title: &'static str,
    provider: &'static str,
    family: SecretFamily,
) -> DetectorFacts {
    specific(id, title, provider, family, SecretCategory::VersionControlPlatform)
}

pub(super) const LIST: &[Detector] = &[
    Detector::token(
        code("GITHUB_FINE_GRAINED", "GitHub fine-grained token", "GitHub", Token),
        Critical,
        "gives access to repositories on GitHub",
        &["github_pat_"],
        token!("github_pat_", "[A-Za-z0-9]{22}_[A-Za-z0-9]{59}"),
    ),
    // GitHub allows itself up to 255 characters; those of today have 40 and end with a checksum.
    Detector::token(
        code("GITHUB_TOKEN", "GitHub token", "GitHub", Token),
        Critical,
        "gives access to repositories and accounts on GitHub",
        &["ghp_", "gho_", "ghu_", "ghs_", "ghr_"],
        token!("gh[pousr]_", "[A-Za-z0-9]{36,251}"),
    )
    .checked(checks::is_github_token),
    Detector::token(
        code("GITLAB_TOKEN", "GitLab personal access token", "GitLab", Token),
        Critical,
        "gives access to projects on GitLab",
        &["glpat-"],
        r"\b(?P<secret>glpat-(?P<body>[A-Za-z0-9_-]{20,300})(?:\.[0-9a-z]{2}\.?[0-9a-z]{7,9})?)(?:[^A-Za-z0-9_-]|$)",
    ),
    Detector::token(
        code("GITLAB_DEPLOY_TOKEN", "GitLab deploy token", "GitLab", Token),
        High,
        "reads a project and its packages on GitLab",
        &["gldt-"],
        token!("gldt-", "[A-Za-z0-9_-]{20,64}"),
    ),
    Detector::token(
        code("GITLAB_RUNNER_TOKEN", "GitLab runner token", "GitLab", Token),
        High,
        "takes jobs, and their secrets, as a runner of GitLab",
        &["glrt-", "GR1348941"],
        token!("(?:glrt-|GR1348941)", r"[A-Za-z0-9_-]{20,64}"),
    ),
    Detector::token(
        code("GITLAB_TRIGGER_TOKEN", "GitLab pipeline trigger token", "GitLab", Token),
        Medium,
        "starts pipelines on GitLab",
        &["glptt-"],
        token!("glptt-", "[0-9a-f]{40}"),
    ),
    Detector::token(
        code("GITLAB_OAUTH_SECRET", "GitLab OAuth application secret", "GitLab", Credentials),
        High,
        "identifies an application to GitLab's sign-in",
        &["gloas-"],
        token!("gloas-", "[A-Za-z0-9_-]{64}"),
    ),
    Detector::token(
        code("GITLAB_AGENT_TOKEN", "GitLab agent token", "GitLab", Token),
        High,
        "connects as a cluster's agent to GitLab",
        &["glagent-"],
        token!("glagent-", "[A-Za-z0-9_-]{50,1024}"),
    ),
    Detector::token(
        code("GITLAB_FEED_TOKEN", "GitLab feed or mail token", "GitLab", Token),
        Medium,
        "reads feeds or writes by mail in its owner's name on GitLab",
        &["glft-", "glimt-", "glsoat-"],
        token!("gl(?:ft|imt|soat)-", "[A-Za-z0-9_-]{20,64}"),
    ),
    Detector::token(
        code("BITBUCKET_APP_PASSWORD", "Bitbucket app password", "Bitbucket", Credentials),
        High,
        "gives access to repositories on Bitbucket",
        &["ATBB"],
        token!("ATBB", "[A-Za-z0-9]{32}"),
    )
    .entropy(3.5),
    Detector::token(
        code("BITBUCKET_ACCESS_TOKEN", "Bitbucket repository access token", "Bitbucket", Token),
        High,
        "gives access to a repository on Bitbucket",
        &["ATCTT3xFfG"],
        token!("ATCTT3xFfG", "[A-Za-z0-9_=-]{100,300}"),
    ),
    Detector::token(
        code("SOURCEGRAPH_TOKEN", "Sourcegraph access token", "Sourcegraph", Token),
        High,
        "reads every repository that its owner sees in Sourcegraph",
        &["sgp_"],
        token!("sgp_(?:(?:[0-9a-f]{16}|local)_)?", "[0-9a-f]{40}"),
    ),
    Detector::token(
        code("NPM_TOKEN", "npm token", "npm", Token),
        Critical,
        "publishes packages to npm as its owner",
        &["npm_"],
        token!("npm_", "[A-Za-z0-9]{36}"),
    )
    .checked(checks::is_npm_token),
    Detector::token(
        code("PYPI_TOKEN", "PyPI token", "PyPI", Token),
        Critical,
        "publishes packages to PyPI as its owner",
        &["pypi-AgE"],
        token!("pypi-", "AgE[A-Za-z0-9_-]{50,500}"),
    )
    .checked(checks::is_pypi_token),
    Detector::token(
        code("CRATES_IO_TOKEN", "crates.io token", "crates.io", Token),
        Critical,
        "publishes crates to crates.io as its owner",
        &["cio"],
        token!("cio", "[A-Za-z0-9]{32}"),
    )
    .entropy(3.5)
    .confidence(0.9),
    Detector::token(
        code("RUBYGEMS_TOKEN", "RubyGems token", "RubyGems", Token),
        Critical,
        "publishes gems as its owner",
        &["rubygems_"],
        token!("rubygems_", "[0-9a-f]{48}"),
    ),
    Detector::token(
        code("NUGET_API_KEY", "NuGet API key", "NuGet", ApiKey),
        Critical,
        "publishes packages to NuGet as its owner",
        &["oy2"],
        token!("oy2", "[a-z0-9]{43}"),
    )
    .entropy(3.5),
    Detector::token(
        code("CLOJARS_TOKEN", "Clojars deploy token", "Clojars", Token),
        Critical,
        "publishes libraries to Clojars as its owner",
        &["CLOJARS_"],
        token!("CLOJARS_", "[0-9a-z]{60}"),
    ),
    Detector::token(
        code("PACKAGIST_TOKEN", "Private Packagist token", "Packagist", Token),
        High,
        "reads or publishes packages at Private Packagist",
        &["packagist_"],
        token!("packagist_[ou][ru]t_", "[0-9a-f]{68}"),
    ),
    Detector::token(
        code("JFROG_API_KEY", "JFrog API key", "JFrog", ApiKey),
        High,
        "reads and publishes packages in Artifactory",
        &["AKCp"],
        token!("AKCp", "[A-Za-z0-9]{69}"),
    )
    .entropy(3.5),
    Detector::token(
        code("JFROG_REFERENCE_TOKEN", "JFrog reference token", "JFrog", Token),
        High,
        "reads and publishes packages in Artifactory",
        &["cmVmdGtuOj"],
        token!("cmVmdGtuOj", "[A-Za-z0-9]{54}"),
    )
    .entropy(4.2)
    .checked(checks::is_jfrog_reference),
    Detector::token(
        code("DOCKER_PAT", "Docker Hub access token", "Docker", Token),
        High,
        "pushes and pulls images as its owner",
        &["dckr_pat_", "dckr_oat_"],
        token!("dckr_[po]at_", "[A-Za-z0-9_-]{27,32}"),
    ),
    Detector::named(
        code("GITEA_TOKEN", "Gitea token", "Gitea", Token),
        High,
        "gives access to repositories on a Gitea or Forgejo server",
        &["gitea", "forgejo", "codeberg"],
        named!("gitea|forgejo|codeberg", "[0-9a-f]{40}"),
    ),
];
