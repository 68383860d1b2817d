//! Signing in through somebody outside who knows people.
//!
//! | provider | how | who somebody is | groups |
//! |---|---|---|---|
//! | [`GitHub`] | OAuth 2.0 (RFC 6749) with PKCE (RFC 7636), scopes `read:user user:email` | the number of the account | none |
//! | [`Google`] | OpenID Connect at `https://accounts.google.com` | `sub` | none |
//! | [`OpenIdConnect`] | OpenID Connect at any issuer: discovery, authorization code with PKCE, signed identity token | `sub` | a claim of any name |
//!
//! What every answer of a provider has to keep: TLS (or this machine), no redirect, at most 1 MiB, at most 10 s. An
//! identity token has to be signed with a key that the issuer publishes, by an algorithm with a public key, for this
//! client, by this issuer, for this attempt (nonce), and not have expired.
//!
//! Needs a tokio runtime with time and IO. TLS is rustls with aws-lc-rs.

mod error;
mod github;
mod google;
mod http;
mod oidc;
mod registration;

pub use error::SetupError;
pub use github::{GitHub, GitHubSite};
pub use google::Google;
pub use oidc::{OidcOptions, OpenIdConnect};
pub use registration::Registration;
