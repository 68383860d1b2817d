//! Signing in, against providers that check what they are sent: GitHub's and OpenID Connect's written for these tests,
//! and a real one, which `tests/services/oidc.sh` starts and `bash tests/run.sh` runs.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod authority;
mod codes;
mod github;
mod hostile;
mod oidc;
mod real;
mod server;
mod stub;
