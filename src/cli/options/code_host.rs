//! Options of the code host.

use crate::server::Secret;
use clap::Args;
use scanledger_domain::code_host::InstallationId;
use scanledger_domain::id::OrganizationId;
use scanledger_github::{AppId, GitHubApi};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

/// A GitHub App through which repositories are scanned.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Scans of repositories at GitHub")]
pub struct CodeHostArgs {
    /// The number of the GitHub App [also: GITHUB_APP_ID].
    #[arg(long, env = "SCANLEDGER_GITHUB_APP_ID", value_name = "ID", requires = "github_key")]
    pub github_app_id: Option<AppId>,
    /// Its private key: PEM, or base64 of that in one line. Others on this machine see it on the command line; better
    /// in the environment or in a file [also: GITHUB_PRIVATE_KEY].
    #[arg(
        long,
        env = "SCANLEDGER_GITHUB_PRIVATE_KEY",
        value_name = "KEY",
        hide_env_values = true,
        group = "github_key",
        requires = "github_app_id"
    )]
    pub github_private_key: Option<Secret>,
    /// A file with the private key.
    #[arg(
        long,
        env = "SCANLEDGER_GITHUB_PRIVATE_KEY_FILE",
        value_name = "FILE",
        group = "github_key",
        requires = "github_app_id"
    )]
    pub github_private_key_file: Option<PathBuf>,
    /// What GitHub signs deliveries to `/webhook` with; without it, none are taken [also: GITHUB_WEBHOOK_SECRET].
    #[arg(
        long,
        env = "SCANLEDGER_GITHUB_WEBHOOK_SECRET",
        value_name = "SECRET",
        hide_env_values = true,
        requires = "github_app_id"
    )]
    pub github_webhook_secret: Option<Secret>,
    /// Where GitHub's API is: `https://github.example.com/api/v3` for an Enterprise Server.
    #[arg(long, env = "SCANLEDGER_GITHUB_API", value_name = "URL", default_value = "https://api.github.com",
          value_parser = github_api)]
    pub github_api: GitHubApi,
    /// To which organization an installation of the app belongs; once for each. Others are not known.
    #[arg(
        long,
        env = "SCANLEDGER_GITHUB_INSTALLATIONS",
        value_name = "ID=ORGANIZATION",
        value_delimiter = ',',
        requires = "github_app_id"
    )]
    pub github_installation: Vec<InstallationOf>,
    /// Where people read more about a check: its key is put behind it after a `/`; `check.requested` in `/api/events` says
    /// which scan that is [also: SCAN_BASE_URL].
    #[arg(long, env = "SCANLEDGER_SCAN_BASE_URL", value_name = "URL", requires = "github_app_id")]
    pub scan_base_url: Option<url::Url>,
    /// How long `POST /api/scan` waits for the end of its scan before it answers 202, in seconds, such as `10s`.
    #[arg(
        long,
        env = "SCANLEDGER_DPENDX_WAIT",
        value_name = "TIME",
        default_value = "10s",
        value_parser = wait,
        requires = "github_app_id"
    )]
    pub dpendx_wait: Duration,
}

/// To which organization an installation belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InstallationOf {
    /// The installation.
    pub installation: InstallationId,
    /// The organization.
    pub organization: OrganizationId,
}

impl FromStr for InstallationOf {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        const EXPECTED: &str =
            "expected the number of an installation and the id of an organization: 12345678=018f…";
        let (installation, organization) = text.split_once('=').ok_or(EXPECTED)?;
        let installation = installation.trim().parse::<u64>().ok().and_then(|id| id.try_into().ok());
        let organization = organization.trim().parse().ok();
        let (installation, organization) = installation.zip(organization).ok_or(EXPECTED)?;
        Ok(Self { installation, organization })
    }
}

fn github_api(text: &str) -> Result<GitHubApi, scanledger_github::SetupError> {
    GitHubApi::at(text)
}

/// The longest that a request may wait: proxies end it after a minute.
const LONGEST_WAIT: Duration = Duration::from_secs(50);

fn wait(text: &str) -> Result<Duration, &'static str> {
    const EXPECTED: &str = "expected up to 50 seconds, such as 10s";
    let number = text.strip_suffix('s').unwrap_or(text);
    let seconds = number.parse().map_err(|_| EXPECTED)?;
    Some(Duration::from_secs(seconds)).filter(|wait| *wait <= LONGEST_WAIT).ok_or(EXPECTED)
}

#[cfg(test)]
mod tests {
    use super::{CodeHostArgs, wait};
    use clap::Parser;
    use std::time::Duration;

    #[derive(Debug, Parser)]
    struct Typed {
        #[command(flatten)]
        code_host: CodeHostArgs,
    }

    fn typed(arguments: &[&str]) -> Result<Typed, clap::Error> {
        Typed::try_parse_from(["serve"].iter().chain(arguments))
    }

    #[test]
    fn an_app_has_a_key_and_installations_that_belong_to_somebody() {
        let organization = "018f0000-0000-7000-8000-0000000000ab";
        let of = format!("42={organization}");
        let args = ["--github-app-id", "7", "--github-private-key-file", "k", "--github-installation", &of];
        let typed_args = typed(&args).unwrap().code_host;
        assert_eq!(typed_args.github_installation[0].organization.to_string(), organization);
        assert!(typed(&["--github-app-id", "7"]).is_err(), "a key is missing");
        assert!(typed(&[]).is_ok(), "without an app there is nothing to say");
        for option in [
            ["--github-installation", &of],
            ["--scan-base-url", "https://scan.example.org"],
            ["--dpendx-wait", "5s"],
        ] {
            assert!(typed(&option).is_err(), "the app is missing: {option:?}");
        }
        for bad in ["42", "0=x", &format!("0={organization}"), "42=x"] {
            let args =
                ["--github-app-id", "7", "--github-private-key-file", "k", "--github-installation", bad];
            assert!(typed(&args).is_err(), "{bad}");
        }
        assert!(typed(&["--github-api", "http://example.org"]).is_err());
    }

    #[test]
    fn a_request_waits_for_seconds() {
        assert_eq!(wait("10s"), Ok(Duration::from_secs(10)));
        assert_eq!(wait("50"), Ok(Duration::from_secs(50)));
        assert!(wait("51").is_err() && wait("x").is_err() && wait("-1").is_err());
    }
}
