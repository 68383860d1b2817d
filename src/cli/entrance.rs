//! What was typed about how people come in, with the secrets that are in files.

use super::options::{AddressArgs, EntranceArgs, MailArgs, OidcArgs, PeopleArgs, RegistrationArg};
use crate::server::{AccountsOptions, EntranceOptions, MailOptions, OidcClient, Secret};
use anyhow::{Context, Result, bail};
use scanledger_api::entrance::Registration;
use scanledger_commands::identity::Lifetimes;
use scanledger_sign_in::{OidcOptions, Registration as Client};
use std::fs::File;
use std::io::Read;
use std::path::Path;
use url::Url;

/// Bytes of a secret that are read at most.
const SECRET_BYTES: u64 = 4_096;

/// How people come in.
///
/// # Errors
/// When a file with a secret cannot be read.
pub(super) fn options(args: &EntranceArgs) -> Result<EntranceOptions> {
    let EntranceArgs { people, addresses, mail, github, google, oidc } = args.clone();
    let AddressArgs { public_url, landing_url, failure_url, reset_url, invitation_url } = addresses;
    let github_client = client(
        github.github_client_id,
        github.github_client_secret,
        github.github_client_secret_file.as_deref(),
    )?;
    let google_client = client(
        google.google_client_id,
        google.google_client_secret,
        google.google_client_secret_file.as_deref(),
    )?;
    Ok(EntranceOptions {
        registration: match people.registration {
            RegistrationArg::Open => Registration::Open,
            RegistrationArg::Closed => Registration::Closed,
        },
        lifetimes: lifetimes(&people),
        public_url,
        landing_url,
        failure_url,
        reset_url,
        invitation_url,
        mail: sender(mail),
        github: accounts(github_client, github.github_url),
        google: accounts(google_client, google.google_url),
        groups: oidc.oidc_group.clone(),
        oidc: provider(oidc)?,
    })
}

fn lifetimes(people: &PeopleArgs) -> Lifetimes {
    Lifetimes {
        access: people.access_lifetime,
        refresh: people.refresh_lifetime,
        session: people.session_lifetime,
        reset: people.reset_lifetime,
        invitation: people.invitation_lifetime,
        ..Lifetimes::default()
    }
}

fn sender(mail: MailArgs) -> Option<MailOptions> {
    let (url, from) = mail.mail_url.zip(mail.mail_from)?;
    Some(MailOptions { url, from })
}

fn accounts(client: Option<Client>, url: Option<Url>) -> Option<AccountsOptions> {
    client.map(|client| AccountsOptions { client, url })
}

fn provider(oidc: OidcArgs) -> Result<Option<OidcClient>> {
    let client =
        client(oidc.oidc_client_id, oidc.oidc_client_secret, oidc.oidc_client_secret_file.as_deref())?;
    let Some((issuer, client)) = oidc.oidc_issuer.zip(client) else { return Ok(None) };
    let options =
        OidcOptions { issuer, groups_claim: Some(oidc.oidc_groups_claim), scopes: oidc.oidc_scopes };
    Ok(Some(OidcClient { client, options }))
}

/// The client at a provider; that it has one secret, and from where, was seen when the command line was read.
fn client(id: Option<String>, secret: Option<Secret>, file: Option<&Path>) -> Result<Option<Client>> {
    let Some(client_id) = id else { return Ok(None) };
    let client_secret = match (secret, file) {
        (Some(Secret(secret)), _) => secret,
        (None, Some(file)) => {
            read(file).with_context(|| format!("while reading the secret in {}", file.display()))?
        }
        (None, None) => return Ok(None),
    };
    if client_id.is_empty() || client_secret.is_empty() {
        bail!("a client at a provider has an id and a secret, and one of them is empty");
    }
    Ok(Some(Client { client_id, client_secret }))
}

fn read(file: &Path) -> Result<String> {
    let mut text = String::new();
    File::open(file)?.take(SECRET_BYTES).read_to_string(&mut text)?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

#[cfg(test)]
mod tests {
    use super::options;
    use crate::cli::options::EntranceArgs;
    use clap::Parser;
    use scanledger_api::entrance::Registration;
    use scanledger_commands::identity::Lifetimes;

    #[derive(Debug, Parser)]
    struct Typed {
        #[command(flatten)]
        entrance: EntranceArgs,
    }

    fn typed(arguments: &[&str]) -> Result<Typed, clap::Error> {
        Typed::try_parse_from(["serve"].iter().chain(arguments))
    }

    #[test]
    fn nothing_typed_is_the_default_of_everybody() {
        let options = options(&typed(&[]).unwrap().entrance).unwrap();
        assert_eq!(options.lifetimes, Lifetimes::default());
        assert_eq!(options.registration, Registration::default());
        assert!(options.mail.is_none() && options.github.is_none() && options.oidc.is_none());
    }

    #[test]
    fn a_secret_comes_from_its_option_or_from_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("secret");
        std::fs::write(&file, "s3cret\n").unwrap();
        let file = file.to_str().unwrap();
        for secret in [["--github-client-secret", "s3cret"], ["--github-client-secret-file", file]] {
            let typed = typed(&["--github-client-id", "app", secret[0], secret[1]]).unwrap();
            assert!(!format!("{typed:?}").contains("s3cret"));
            let github = options(&typed.entrance).unwrap().github.unwrap();
            assert_eq!(github.client.client_secret, "s3cret");
            assert!(github.url.is_none());
        }
        std::fs::write(file, "\n").unwrap();
        let typed = typed(&["--github-client-id", "app", "--github-client-secret-file", file]).unwrap();
        assert!(options(&typed.entrance).unwrap_err().to_string().contains("is empty"));
    }

    #[test]
    fn an_openid_provider_has_claims_scopes_and_groups() {
        let issuer = ["--oidc-issuer", "https://id.example.org/realm"];
        let client = ["--oidc-client-id", "app", "--oidc-client-secret", "s3cret"];
        let more = ["--oidc-group", "a=owner", "--oidc-group", "b=member,core:viewer;c=admin"];
        let words = [&issuer[..], &client, &more, &["--oidc-scopes", "email,groups"]].concat();
        let options = options(&typed(&words).unwrap().entrance).unwrap();
        let oidc = options.oidc.unwrap();
        assert_eq!((oidc.options.issuer.as_str(), oidc.client.client_id.as_str()), (issuer[1], "app"));
        assert_eq!(oidc.options.scopes, ["email", "groups"]);
        assert_eq!(oidc.options.groups_claim.as_deref(), Some("groups"));
        assert_eq!(options.groups.len(), 3);
    }

    #[test]
    fn halves_are_refused_with_the_name_of_the_other_half() {
        for (arguments, missing) in [
            (&["--github-client-id", "app"][..], "--github-client-secret"),
            (&["--github-client-secret", "s3cret"], "--github-client-id"),
            (&["--google-url", "http://127.0.0.1:1"], "--google-client-id"),
            (&["--oidc-issuer", "https://id"], "--oidc-client-id"),
            (&["--oidc-client-id", "app", "--oidc-client-secret", "s3cret"], "--oidc-issuer"),
            (&["--oidc-group", "a=owner"], "--oidc-issuer"),
            (&["--mail-url", "smtps://ana:s3cret@host"], "--mail-from"),
            (&["--mail-from", "a@b.example"], "--mail-url"),
        ] {
            let refused = typed(arguments).unwrap_err().to_string();
            assert!(refused.contains(missing) && !refused.contains("s3cret"), "{refused}");
        }
        let both = [
            "--google-client-id",
            "app",
            "--google-client-secret",
            "s3cret",
            "--google-client-secret-file",
            "f",
        ];
        let refused = typed(&both).unwrap_err().to_string();
        assert!(refused.contains("cannot be used with") && !refused.contains("s3cret"), "{refused}");
    }
}
