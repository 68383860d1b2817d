//! Where findings are: branches as references, and places in files, with addresses at code hosts.

use scanledger_domain::code_host::HostKind;
use scanledger_projections::finding::{FindingEverywhere, FindingRow};
use serde::Serialize;
use url::Url;
use utoipa::ToSchema;

/// A place in a file.
#[derive(Debug, Default, Serialize, ToSchema)]
#[schema(as = semgrep::web::Location)]
pub struct LocationOut {
    pub(super) file_path: String,
    /// From 1.
    pub(super) line: Option<u32>,
    /// From 1.
    pub(super) column: Option<u32>,
    pub(super) end_line: Option<u32>,
    pub(super) end_column: Option<u32>,
}

impl LocationOut {
    /// The first place of a finding.
    pub fn of(finding: &FindingRow) -> Option<Self> {
        let place = finding.places.first()?;
        Some(Self {
            file_path: place.path.clone(),
            line: place.line,
            column: finding.columns.map(|columns| columns.start),
            end_line: place.end_line,
            end_column: finding.columns.map(|columns| columns.end),
        })
    }
}

/// A branch as a full reference.
pub fn reference(branch: &str) -> String {
    if branch.starts_with("refs/") { branch.to_owned() } else { format!("refs/heads/{branch}") }
}

/// Where a place of a finding is at its code host, if that is one whose addresses are known.
pub fn line_url(row: &FindingEverywhere, location: Option<&LocationOut>) -> Option<String> {
    let location = location?;
    at_host(row.repo_url.as_deref()?, &row.branch, &location.file_path, location.line)
}

/// Where a line of a file on a branch is at GitHub or GitLab.
pub fn at_host(repo_url: &str, branch: &str, path: &str, line: Option<u32>) -> Option<String> {
    let mut url = Url::parse(repo_url).ok().filter(|url| matches!(url.scheme(), "http" | "https"))?;
    let folder: &[&str] = match HostKind::of_address(repo_url)? {
        HostKind::GitHub => &["blob"],
        HostKind::GitLab => &["-", "blob"],
        HostKind::Bitbucket | HostKind::AzureDevOps => return None,
    };
    let name = url.path().trim_end_matches('/').trim_end_matches(".git").to_owned();
    url.set_path(&name);
    url.set_query(None);
    url.path_segments_mut().ok()?.extend(folder).extend(branch.split('/')).extend(path.split('/'));
    url.set_fragment(line.map(|line| format!("L{line}")).as_deref());
    Some(url.into())
}

#[cfg(test)]
mod tests {
    use super::{at_host, reference};

    #[test]
    fn branches_have_full_references() {
        assert_eq!(reference("main"), "refs/heads/main");
        assert_eq!(reference("refs/pull/7/merge"), "refs/pull/7/merge");
    }

    #[test]
    fn lines_have_addresses_at_known_hosts() {
        for (repo, address) in [
            (
                "https://github.com/acme/shop",
                Some("https://github.com/acme/shop/blob/feature/a/src/a%20b.py#L3"),
            ),
            (
                "https://github.com/acme/shop.git",
                Some("https://github.com/acme/shop/blob/feature/a/src/a%20b.py#L3"),
            ),
            ("https://gitlab.com/a/b/c/", Some("https://gitlab.com/a/b/c/-/blob/feature/a/src/a%20b.py#L3")),
            ("https://example.org/acme/shop", None),
            ("ssh://git@github.com/acme/shop", None),
            ("shop", None),
        ] {
            assert_eq!(at_host(repo, "feature/a", "src/a b.py", Some(3)).as_deref(), address, "{repo}");
        }
    }
}
