//! Where GitHub's API is.

use crate::error::SetupError;
use scanledger_domain::code_host::Repository;
use url::{Host, Url};

/// The REST API of github.com or of a GitHub Enterprise Server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GitHubApi(Url);

impl GitHubApi {
    /// `https://api.github.com`.
    pub fn public() -> Self {
        Self::at("https://api.github.com").expect("this is a URL with https")
    }

    /// The API at `base`: `https://github.example.com/api/v3` for an Enterprise Server.
    ///
    /// # Errors
    /// [`SetupError::Url`] when it is no URL, or neither `https` nor of this machine.
    pub fn at(base: &str) -> Result<Self, SetupError> {
        let url = Url::parse(base.trim_end_matches('/')).map_err(|_| SetupError::Url)?;
        let is_plain = url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
        if is_secure(&url) && is_plain { Ok(Self(url)) } else { Err(SetupError::Url) }
    }

    /// Where people see repositories: `https://github.com`, or the Enterprise Server itself.
    pub fn site(&self) -> String {
        match self.0.host_str() {
            Some("api.github.com") => "https://github.com".to_owned(),
            _ => self.0.origin().ascii_serialization(),
        }
    }

    /// A URL below the API; what is in a segment stays in it.
    pub(crate) fn url<'a>(&self, segments: impl IntoIterator<Item = &'a str>) -> Url {
        let mut url = self.0.clone();
        url.path_segments_mut().expect("URLs with a host have a path").pop_if_empty().extend(segments);
        url
    }

    /// A URL of a repository.
    pub(crate) fn repository<'a>(
        &self,
        repository: &'a Repository,
        segments: impl IntoIterator<Item = &'a str>,
    ) -> Url {
        let of = ["repos", repository.owner.as_str(), repository.name.as_str()];
        self.url(of.into_iter().chain(segments))
    }

    /// Whether a URL leads to the same server.
    pub(crate) fn has(&self, url: &Url) -> bool {
        self.0.origin() == url.origin()
    }
}

/// Whether nobody on the way can read or change what is sent there.
pub(crate) fn is_secure(url: &Url) -> bool {
    match (url.scheme(), url.host()) {
        ("https", Some(_)) => true,
        ("http", Some(Host::Domain(name))) => name == "localhost",
        ("http", Some(Host::Ipv4(address))) => address.is_loopback(),
        ("http", Some(Host::Ipv6(address))) => address.is_loopback(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::GitHubApi;
    use scanledger_domain::code_host::{Repository, RepositoryFile};

    #[test]
    fn a_server_may_have_its_api_below_a_path() {
        let repository: Repository = "octo-org/widgets".parse().unwrap();
        let public = GitHubApi::public().repository(&repository, ["pulls"]);
        assert_eq!(public.as_str(), "https://api.github.com/repos/octo-org/widgets/pulls");
        for base in ["https://github.example.com/api/v3", "https://github.example.com/api/v3/"] {
            let url = GitHubApi::at(base).unwrap().repository(&repository, []);
            assert_eq!(url.as_str(), "https://github.example.com/api/v3/repos/octo-org/widgets");
        }
    }

    #[test]
    fn people_see_repositories_beside_the_api() {
        assert_eq!(GitHubApi::public().site(), "https://github.com");
        let enterprise = GitHubApi::at("https://github.example.com/api/v3").unwrap();
        assert_eq!(enterprise.site(), "https://github.example.com");
    }

    #[test]
    fn what_is_in_a_path_does_not_lead_elsewhere() {
        let repository: Repository = "octo-org/widgets".parse().unwrap();
        let file: RepositoryFile = "a b/c?d#e%2f..\\..".parse().unwrap();
        let url = GitHubApi::public().repository(&repository, file.as_str().split('/'));
        assert_eq!(url.path(), "/repos/octo-org/widgets/a%20b/c%3Fd%23e%252f..%5C..");
        assert!(url.query().is_none() && url.fragment().is_none());
    }

    #[test]
    fn an_api_without_tls_is_refused() {
        for base in [
            "http://api.github.com",
            "api.github.com",
            "",
            "ftp://localhost",
            "https://ana@github.example.com",
            "https://github.example.com/?x",
        ] {
            assert!(GitHubApi::at(base).is_err(), "{base}");
        }
        for base in ["http://127.0.0.1:9400", "http://[::1]:9400/api/v3", "http://localhost"] {
            assert!(GitHubApi::at(base).is_ok(), "{base}");
        }
    }

    #[test]
    fn only_the_same_server_is_the_same_server() {
        let api = GitHubApi::at("https://github.example.com/api/v3").unwrap();
        assert!(api.has(&"https://github.example.com/x".parse().unwrap()));
        for other in
            ["http://github.example.com/", "https://github.example.com:8443/", "https://example.com/"]
        {
            assert!(!api.has(&other.parse().unwrap()), "{other}");
        }
    }
}
