//! Sign-in, and stores of secrets.

use super::{Detector, named, specific, token, uuid};
use crate::secrets::checks;
use scanledger_domain::secret::SecretFamily::{ApiKey, Credentials, CryptographicKey, Token};
use scanledger_domain::secret::{DetectorFacts, SecretCategory, SecretFamily};
use scanledger_domain::severity::Severity::{Critical, High};

const fn identity(
    id: &'static str,
    title: &'static str,
    provider: &'static str,
    family: SecretFamily,
) -> DetectorFacts {
    specific(id, title, provider, family, SecretCategory::IdentityProvider)
}

pub(super) const LIST: &[Detector] = &[
    Detector::token(
        identity("VAULT_TOKEN", "HashiCorp Vault token", "HashiCorp Vault", Token),
        Critical,
        "reads secrets from a Vault server",
        &["hvs.", "hvb.", "hvr."],
        token!(r"hv[sbr]\.", "[A-Za-z0-9_-]{24,300}"),
    )
    .entropy(3.5),
    Detector::token(
        identity("DOPPLER_TOKEN", "Doppler token", "Doppler", Token),
        Critical,
        "reads secrets from Doppler",
        &["dp.pt.", "dp.st.", "dp.ct.", "dp.sa."],
        token!(r"dp\.(?:pt|st|ct|sa)\.(?:[a-z0-9_-]{2,35}\.)?", "[A-Za-z0-9]{40,44}"),
    ),
    Detector::token(
        identity("ONEPASSWORD_TOKEN", "1Password service account token", "1Password", Token),
        Critical,
        "reads secrets from 1Password",
        &["ops_eyJ"],
        r"\b(?P<secret>ops_(?P<body>eyJ[A-Za-z0-9+/_-]{250,2000}={0,3}))",
    )
    .entropy(4.3)
    .checked(checks::is_onepassword_token),
    Detector::token(
        identity("ONEPASSWORD_SECRET_KEY", "1Password secret key", "1Password", CryptographicKey),
        High,
        "is half of what opens a person's vaults",
        &["A3-"],
        token!(
            "A3-",
            "[A-Z0-9]{6}-(?:[A-Z0-9]{11}|[A-Z0-9]{6}-[A-Z0-9]{5})-[A-Z0-9]{5}-[A-Z0-9]{5}-[A-Z0-9]{5}"
        ),
    ),
    Detector::token(
        identity("BITWARDEN_TOKEN", "Bitwarden Secrets Manager token", "Bitwarden", Token),
        Critical,
        "reads secrets from Bitwarden",
        &["0."],
        concat!(r"\b(?P<secret>0\.", uuid!(), r"\.(?P<body>[A-Za-z0-9]{30}:[A-Za-z0-9+/]{22}==))"),
    ),
    Detector::token(
        identity("INFISICAL_TOKEN", "Infisical service token", "Infisical", Token),
        Critical,
        "reads secrets from Infisical",
        &["st."],
        concat!(r"\b(?P<secret>st\.(?:[0-9a-f]{24}|", uuid!(), r")\.(?P<body>[0-9a-f]{32}\.[0-9a-f]{32}))\b"),
    ),
    Detector::token(
        identity("STYTCH_SECRET", "Stytch project secret", "Stytch", Credentials),
        High,
        "signs people in to an application",
        &["secret-live-", "secret-test-"],
        token!("secret-(?:live|test)-", "[A-Za-z0-9_-]{35,43}=?"),
    )
    .entropy(3.5),
    Detector::named(
        identity("OKTA_TOKEN", "Okta API token", "Okta", Token),
        Critical,
        "manages people and what they may do",
        &["okta"],
        named!("okta", "00[A-Za-z0-9_-]{40}"),
    )
    .entropy(3.7),
    Detector::named(
        identity("AUTH0_CLIENT_SECRET", "Auth0 client secret", "Auth0", Credentials),
        Critical,
        "identifies an application to its sign-in server",
        &["auth0"],
        named!("auth0", "[A-Za-z0-9_-]{64}"),
    )
    .entropy(4.0),
    Detector::named(
        identity("CLERK_SECRET_KEY", "Clerk secret key", "Clerk", ApiKey),
        Critical,
        "manages the people of an application",
        &["clerk"],
        named!("clerk", "sk_(?:live|test)_[A-Za-z0-9]{40,60}"),
    )
    .entropy(3.7),
];
