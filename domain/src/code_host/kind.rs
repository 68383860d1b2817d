//! Which software serves a repository.

/// Software that serves repositories under addresses of a known form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HostKind {
    /// GitHub, or an Enterprise Server.
    GitHub,
    /// GitLab, also of one's own.
    GitLab,
    /// Bitbucket's cloud.
    Bitbucket,
    /// Azure DevOps.
    AzureDevOps,
}

impl HostKind {
    /// What serves the repository at `address` (a URL, or `git@host:path`), as far as the name of its host says: those of
    /// the vendors, and for what people run themselves a name such as `github.example.com`. Paths say nothing.
    pub fn of_address(address: &str) -> Option<Self> {
        let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let host = authority.rsplit('@').next().unwrap_or_default();
        let host = host.split(':').next().unwrap_or_default().to_ascii_lowercase();
        if host == "dev.azure.com" || host.ends_with(".visualstudio.com") {
            return Some(Self::AzureDevOps);
        }
        let vendors = [
            ("github", "com", Self::GitHub),
            ("gitlab", "com", Self::GitLab),
            ("bitbucket", "org", Self::Bitbucket),
        ];
        let (label, domain) = host.split_once('.')?;
        let (_, own, kind) = vendors.into_iter().find(|(name, ..)| *name == label)?;
        // `github.com.example.org` looks like what it is not.
        let is_posing = domain.strip_prefix(own).is_some_and(|rest| rest.starts_with('.'));
        (!is_posing).then_some(kind)
    }
}

#[cfg(test)]
mod tests {
    use super::HostKind;

    #[test]
    fn the_name_of_the_host_says_what_it_is() {
        for (address, kind) in [
            ("https://github.com/acme/shop.git", Some(HostKind::GitHub)),
            ("https://ci:token@GitHub.com/acme/shop", Some(HostKind::GitHub)),
            ("git@github.com:acme/shop.git", Some(HostKind::GitHub)),
            ("ssh://git@github.example.com:22/acme/shop", Some(HostKind::GitHub)),
            ("https://gitlab.com/a/b", Some(HostKind::GitLab)),
            ("https://gitlab.example.org:8443/a/b", Some(HostKind::GitLab)),
            ("https://bitbucket.org/a/b", Some(HostKind::Bitbucket)),
            ("https://dev.azure.com/a/_git/b", Some(HostKind::AzureDevOps)),
            ("https://acme.visualstudio.com/a/_git/b", Some(HostKind::AzureDevOps)),
        ] {
            assert_eq!(HostKind::of_address(address), kind, "{address}");
        }
    }

    #[test]
    fn nothing_else_in_an_address_does() {
        for address in [
            "https://example.org/github.com/shop",
            "https://notgithub.com/a",
            "https://github.com.example.org/a",
            "https://github@example.org/a",
            "shop",
            "",
        ] {
            assert_eq!(HostKind::of_address(address), None, "{address}");
        }
    }
}
