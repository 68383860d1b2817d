//! Options of how people come in.

use crate::server::{GroupSetting, Secret};
use clap::{Args, ValueEnum};
use std::path::PathBuf;
use std::time::Duration;
use url::Url;

/// How people come in.
#[derive(Debug, Clone, Args)]
pub struct EntranceArgs {
    /// Who may register, and for how long they are signed in.
    #[command(flatten)]
    pub people: PeopleArgs,
    /// Where browsers find what.
    #[command(flatten)]
    pub addresses: AddressArgs,
    /// How messages are sent.
    #[command(flatten)]
    pub mail: MailArgs,
    /// Accounts at GitHub.
    #[command(flatten)]
    pub github: GitHubArgs,
    /// Accounts at Google.
    #[command(flatten)]
    pub google: GoogleArgs,
    /// Accounts at an OpenID provider.
    #[command(flatten)]
    pub oidc: OidcArgs,
}

/// Who may register, and for how long they are signed in.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "People")]
pub struct PeopleArgs {
    /// Who may make an account: anybody (`open`), who gets an organization of their own; or (`closed`) who is invited,
    /// or whom an administrator or the OpenID provider lets in.
    #[arg(long, env = "SCANLEDGER_REGISTRATION", value_enum, default_value_t = RegistrationArg::Open)]
    pub registration: RegistrationArg,
    /// How long a token for requests is good, in seconds or as `30m`, `12h`, `7d`.
    #[arg(long, env = "SCANLEDGER_ACCESS_LIFETIME", value_name = "TIME", default_value = "30m", value_parser = span)]
    pub access_lifetime: Duration,
    /// How long a session can be continued after it was last used.
    #[arg(long, env = "SCANLEDGER_REFRESH_LIFETIME", value_name = "TIME", default_value = "7d", value_parser = span)]
    pub refresh_lifetime: Duration,
    /// How long a session lasts, however often it is continued.
    #[arg(long, env = "SCANLEDGER_SESSION_LIFETIME", value_name = "TIME", default_value = "30d", value_parser = span)]
    pub session_lifetime: Duration,
    /// How long a link to set another password is good.
    #[arg(long, env = "SCANLEDGER_RESET_LIFETIME", value_name = "TIME", default_value = "1h", value_parser = span)]
    pub reset_lifetime: Duration,
    /// How long an invitation is good.
    #[arg(long, env = "SCANLEDGER_INVITATION_LIFETIME", value_name = "TIME", default_value = "7d", value_parser = span)]
    pub invitation_lifetime: Duration,
}

/// Who may make an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum RegistrationArg {
    /// Anybody.
    Open,
    /// Who is invited, or let in by an administrator or the OpenID provider.
    Closed,
}

/// Where browsers find what.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Addresses")]
pub struct AddressArgs {
    /// Where browsers and clients reach this server, through a proxy if there is one (`https://scan.example.org`);
    /// where it listens unless given. With https, cookies are sent over https only.
    #[arg(long, env = "SCANLEDGER_PUBLIC_URL", value_name = "URL", value_parser = web_address)]
    pub public_url: Option<Url>,
    /// Where a browser is sent after a provider has vouched for its user; `/` of the public URL unless given.
    #[arg(long, env = "SCANLEDGER_LANDING_URL", value_name = "URL", value_parser = web_address)]
    pub landing_url: Option<Url>,
    /// Where it is sent otherwise, with `error=…`; `/auth/login` of the public URL unless given.
    #[arg(long, env = "SCANLEDGER_FAILURE_URL", value_name = "URL", value_parser = web_address)]
    pub failure_url: Option<Url>,
    /// The page to set another password, which messages link to with `token=…`.
    #[arg(long, env = "SCANLEDGER_RESET_URL", value_name = "URL", value_parser = web_address)]
    pub reset_url: Option<Url>,
    /// The page to take an invitation up, which messages link to with `token=…`.
    #[arg(long, env = "SCANLEDGER_INVITATION_URL", value_name = "URL", value_parser = web_address)]
    pub invitation_url: Option<Url>,
}

/// How messages are sent.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Mail")]
pub struct MailArgs {
    /// The mail server: `smtps://user:password@host` (TLS), `smtp://user:password@host?tls=required` (STARTTLS) or
    /// `smtp://host` for a relay in clear. Without one, no messages are sent.
    #[arg(
        long,
        env = "SCANLEDGER_MAIL_URL",
        value_name = "URL",
        hide_env_values = true,
        requires = "mail_from"
    )]
    pub mail_url: Option<Secret>,
    /// The sender, such as `Scanledger <no-reply@example.org>`.
    #[arg(long, env = "SCANLEDGER_MAIL_FROM", value_name = "SENDER", requires = "mail_url")]
    pub mail_from: Option<String>,
}

/// Accounts at GitHub.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Sign-in with GitHub")]
pub struct GitHubArgs {
    /// The client id of an OAuth app, whose callback is `/auth/oauth/github/callback` of the public URL.
    #[arg(long, env = "SCANLEDGER_GITHUB_CLIENT_ID", value_name = "ID", requires = "github_secret")]
    pub github_client_id: Option<String>,
    /// Its secret, which others on this machine see on the command line; better in the environment or in a file.
    #[arg(
        long,
        env = "SCANLEDGER_GITHUB_CLIENT_SECRET",
        value_name = "SECRET",
        hide_env_values = true,
        group = "github_secret",
        requires = "github_client_id"
    )]
    pub github_client_secret: Option<Secret>,
    /// A file with the secret.
    #[arg(
        long,
        env = "SCANLEDGER_GITHUB_CLIENT_SECRET_FILE",
        value_name = "FILE",
        group = "github_secret",
        requires = "github_client_id"
    )]
    pub github_client_secret_file: Option<PathBuf>,
    /// A GitHub Enterprise Server, in place of github.com.
    #[arg(long, env = "SCANLEDGER_GITHUB_URL", value_name = "URL", value_parser = web_address,
          requires = "github_client_id")]
    pub github_url: Option<Url>,
}

/// Accounts at Google.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Sign-in with Google")]
pub struct GoogleArgs {
    /// The client id, whose redirect URI is `/auth/oauth/google/callback` of the public URL.
    #[arg(long, env = "SCANLEDGER_GOOGLE_CLIENT_ID", value_name = "ID", requires = "google_secret")]
    pub google_client_id: Option<String>,
    /// Its secret, which others on this machine see on the command line; better in the environment or in a file.
    #[arg(
        long,
        env = "SCANLEDGER_GOOGLE_CLIENT_SECRET",
        value_name = "SECRET",
        hide_env_values = true,
        group = "google_secret",
        requires = "google_client_id"
    )]
    pub google_client_secret: Option<Secret>,
    /// A file with the secret.
    #[arg(
        long,
        env = "SCANLEDGER_GOOGLE_CLIENT_SECRET_FILE",
        value_name = "FILE",
        group = "google_secret",
        requires = "google_client_id"
    )]
    pub google_client_secret_file: Option<PathBuf>,
    /// Another issuer than Google's, to try things out.
    #[arg(long, env = "SCANLEDGER_GOOGLE_URL", value_name = "URL", value_parser = web_address,
          requires = "google_client_id")]
    pub google_url: Option<Url>,
}

/// Accounts at an OpenID provider.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Sign-in with OpenID Connect")]
pub struct OidcArgs {
    /// The issuer, exactly as the provider's configuration names it.
    #[arg(long, env = "SCANLEDGER_OIDC_ISSUER", value_name = "URL", requires = "oidc_client_id")]
    pub oidc_issuer: Option<String>,
    /// The client id, whose redirect URI is `/auth/oauth/oidc/callback` of the public URL.
    #[arg(
        long,
        env = "SCANLEDGER_OIDC_CLIENT_ID",
        value_name = "ID",
        requires = "oidc_issuer",
        requires = "oidc_secret"
    )]
    pub oidc_client_id: Option<String>,
    /// Its secret, which others on this machine see on the command line; better in the environment or in a file.
    #[arg(
        long,
        env = "SCANLEDGER_OIDC_CLIENT_SECRET",
        value_name = "SECRET",
        hide_env_values = true,
        group = "oidc_secret",
        requires = "oidc_client_id"
    )]
    pub oidc_client_secret: Option<Secret>,
    /// A file with the secret.
    #[arg(
        long,
        env = "SCANLEDGER_OIDC_CLIENT_SECRET_FILE",
        value_name = "FILE",
        group = "oidc_secret",
        requires = "oidc_client_id"
    )]
    pub oidc_client_secret_file: Option<PathBuf>,
    /// What to ask for besides `openid`. Some providers want `groups` here before they tell any.
    #[arg(
        long,
        env = "SCANLEDGER_OIDC_SCOPES",
        value_name = "SCOPE",
        value_delimiter = ',',
        default_value = "profile,email"
    )]
    pub oidc_scopes: Vec<String>,
    /// The claim with the names of a person's groups.
    #[arg(long, env = "SCANLEDGER_OIDC_GROUPS_CLAIM", value_name = "CLAIM", default_value = "groups")]
    pub oidc_groups_claim: String,
    /// What members of a group are: GROUP=owner|admin|member in the first organization, and with
    /// `,TEAM:team_admin|developer|viewer` in a team of it, by id or slug. May be given several times; in the
    /// environment with `;` between. It is applied whenever somebody signs in.
    #[arg(
        long,
        env = "SCANLEDGER_OIDC_GROUPS",
        value_name = "RULE",
        value_delimiter = ';',
        requires = "oidc_issuer"
    )]
    pub oidc_group: Vec<GroupSetting>,
}

/// The longest time that can be set: ten years, in seconds.
const LONGEST: u64 = 10 * 366 * 86_400;

/// Reads `90`, `90s`, `30m`, `12h` or `7d`.
pub(super) fn span(text: &str) -> Result<Duration, String> {
    let units = [("s", 1), ("m", 60), ("h", 3_600), ("d", 86_400)];
    let found = units.into_iter().find_map(|(unit, seconds)| Some((text.strip_suffix(unit)?, seconds)));
    let (number, unit) = found.unwrap_or((text, 1));
    // `parse` takes a plus sign.
    let number = number.parse::<u64>().ok().filter(|_| number.starts_with(|c: char| c.is_ascii_digit()));
    let number = number.ok_or("expected a number of seconds, or one with a unit: 90s, 30m, 12h, 7d")?;
    match number.checked_mul(unit) {
        Some(seconds @ 1..=LONGEST) => Ok(Duration::from_secs(seconds)),
        Some(_) | None => Err("expected 1 second to 10 years".to_owned()),
    }
}

/// Reads where a browser can go.
fn web_address(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| format!("expected a URL: {error}"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err("expected a URL with http or https".to_owned());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("a URL for browsers has no user and no password".to_owned());
    }
    if url.fragment().is_some() {
        return Err("a URL that something is added to has no fragment".to_owned());
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::{span, web_address};
    use std::time::Duration;

    #[test]
    fn times_are_seconds_or_have_a_unit() {
        for (text, seconds) in [("90", 90), ("90s", 90), ("30m", 1_800), ("12h", 43_200), ("7d", 604_800)] {
            assert_eq!(span(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for bad in ["", "s", "m", "-1", "+5", "1.5h", "1w", "5 m", "1h30m"] {
            assert!(span(bad).unwrap_err().contains("number of seconds"), "{bad}");
        }
        for bad in ["0", "0m", "4000d", "18446744073709551615d"] {
            assert!(span(bad).unwrap_err().contains("10 years"), "{bad}");
        }
    }

    #[test]
    fn browsers_go_to_plain_web_addresses() {
        for good in ["https://scan.example.org", "http://127.0.0.1:8080/portal?x=1"] {
            assert!(web_address(good).is_ok(), "{good}");
        }
        for bad in
            ["scan.example.org", "ftp://host", "https://ana:s3cret@host", "https://host/#top", "/login"]
        {
            assert!(!web_address(bad).unwrap_err().contains("s3cret"), "{bad}");
        }
    }
}
