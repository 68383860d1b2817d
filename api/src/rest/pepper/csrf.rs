//! The token that proves that a form came from a page of this server: sent twice, in a cookie and in the form
//! (reference §1; OWASP: signed double-submit cookie).

use crate::app::App;
use crate::auth::cookies;
use crate::problem::Problem;
use axum::http::{HeaderMap, StatusCode};
use scanledger_commands::ports::{Entropy, OsEntropy};
use scanledger_domain::vault::{HashPurpose, Vault};
use sha2::{Digest, Sha256};

/// How the name of the cookie ends.
const COOKIE: &str = "next-auth.csrf-token";
/// What it begins with where it is sent over HTTPS only; no other host can set such a cookie.
const HOST_PREFIX: &str = "__Host-";
/// Random bytes of a token.
const TOKEN_BYTES: usize = 32;
/// What stands between the token and its hash; the first is what this server writes.
const SEPARATORS: [&str; 2] = ["%7C", "|"];

/// A token with the value of its cookie.
pub struct Token {
    /// What the form has to carry: 64 hexadecimal digits.
    pub text: String,
    /// What the cookie has to carry.
    pub cookie: String,
}

/// The name of the cookie.
pub fn cookie_name(app: &App) -> String {
    if app.entrance.is_secure() { format!("{HOST_PREFIX}{COOKIE}") } else { COOKIE.to_owned() }
}

/// The token of a browser: the one that it has, if that is ours, else a new one.
///
/// # Errors
/// When the system has no randomness.
pub fn token(app: &App, headers: &HeaderMap) -> Result<Token, Problem> {
    let text = match known(app, headers) {
        Some(text) => text,
        None => {
            let mut random = [0; TOKEN_BYTES];
            OsEntropy.fill(&mut random).map_err(|cause| Problem::fault(&*cause))?;
            hex(&random)
        }
    };
    let hash = hash(&*app.vault, &text);
    let cookie = format!("{text}{}{hash}", SEPARATORS[0]);
    Ok(Token { text, cookie })
}

/// Checks that a form carries the token of the browser's cookie.
///
/// # Errors
/// 403 if it does not.
pub fn check(app: &App, headers: &HeaderMap, sent: Option<&str>) -> Result<(), Problem> {
    let known = known(app, headers);
    match (known, sent) {
        (Some(known), Some(sent)) if is_same(&known, sent) => Ok(()),
        _ => {
            let error = "the form must carry the csrfToken of GET /api/auth/csrf, and its cookie";
            Err(Problem::new(StatusCode::FORBIDDEN, error).with_code("CSRF_TOKEN"))
        }
    }
}

/// The token in the cookie, if it is ours.
fn known(app: &App, headers: &HeaderMap) -> Option<String> {
    let name = cookie_name(app);
    let values = cookies(headers).filter(|(found, _)| *found == name).map(|(_, value)| value);
    values.into_iter().find_map(|value| signed(&*app.vault, value))
}

/// The token in the value of a cookie, if its hash is right.
fn signed(vault: &dyn Vault, value: &str) -> Option<String> {
    let (text, sent) = SEPARATORS.iter().find_map(|separator| value.split_once(separator))?;
    is_same(&hash(vault, text), sent).then(|| text.to_owned())
}

/// SHA-256 of the token and a secret behind it, as NextAuth has it.
fn hash(vault: &dyn Vault, text: &str) -> String {
    let secret = vault.hash(HashPurpose::Token, b"csrf tokens v1");
    hex(&Sha256::digest([text.as_bytes(), hex(&secret).as_bytes()].concat()))
}

/// Compares hashes of both, so that the time it takes says nothing about how much of them is the same.
fn is_same(known: &str, sent: &str) -> bool {
    Sha256::digest(known) == Sha256::digest(sent)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::{hash, signed};
    use scanledger_domain::id::SubjectId;
    use scanledger_domain::vault::{HashPurpose, Sealed, Vault, VaultError};
    use sha2::{Digest, Sha256};

    /// Only hashes, with a key of its own.
    struct Keyed(&'static [u8]);

    impl Vault for Keyed {
        fn seal(&self, _: SubjectId, _: &str) -> Result<Sealed, VaultError> {
            Err(VaultError::Erased)
        }

        fn open(&self, _: &Sealed) -> Result<Option<String>, VaultError> {
            Err(VaultError::Erased)
        }

        fn hash(&self, _: HashPurpose, bytes: &[u8]) -> Vec<u8> {
            Sha256::digest([self.0, bytes].concat()).to_vec()
        }
    }

    #[test]
    fn only_what_this_server_signed_is_a_token() {
        let (ours, theirs) = (Keyed(b"ours"), Keyed(b"theirs"));
        let good = hash(&ours, "abc");
        assert_eq!(good.len(), 64);
        for separator in ["|", "%7C"] {
            assert_eq!(signed(&ours, &format!("abc{separator}{good}")).as_deref(), Some("abc"));
        }
        for bad in [
            format!("abd|{good}"),
            format!("abc|{}", hash(&theirs, "abc")),
            format!("abc|{}", &good[1..]),
            format!("abc{good}"),
            "abc|".to_owned(),
            "|".to_owned(),
            String::new(),
        ] {
            assert_eq!(signed(&ours, &bad), None, "{bad}");
        }
    }
}
