//! Repositories at GitHub and GitHub Enterprise Server, as a GitHub App that is installed on them.
//!
//! | what | how |
//! |---|---|
//! | who we are | a JWT of ours (RS256), dated 60 s back and good for 10 minutes in all; if GitHub does not take it and its clock is another one, once more by that clock |
//! | what we may | a token for each installation, asked for by one caller at a time and kept until 5 minutes before it ends; a token that is refused is replaced once |
//! | when GitHub has enough of us | `Retry-After`, `x-ratelimit-*` and the secondary limits: a short wait is waited for, a long one is an error that says until when, and until then nobody of the installation asks |
//! | when GitHub has trouble | what may be repeated is, at most [`ATTEMPTS`] times in all, with pauses that double; an archive that breaks off is fetched once more |
//!
//! The token goes to the configured host alone: redirects within it are followed with the token, and the one to an
//! archive on another host without it. No error and no log line has a key, a token or a text of GitHub's.
//!
//! Needs a tokio runtime with time and IO. TLS is rustls with aws-lc-rs.
//!
//! Source of every shape: <https://docs.github.com/en/rest>, version 2022-11-28.

mod app;
mod checks;
mod commits;
mod error;
mod host;
mod http;
mod limit;
mod pulls;
mod repository;
mod site;
mod tokens;

pub use app::{AppId, AppKey};
pub use error::SetupError;
pub use host::GitHubApp;
pub use http::{ATTEMPTS, Patience};
pub use site::GitHubApi;
