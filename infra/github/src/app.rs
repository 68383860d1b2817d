//! Who we are at GitHub: the app's number and its key.
//! <https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app>

use crate::error::{Fault, SetupError};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use reqwest::header::HeaderValue;
use scanledger_domain::time::{Clock, Timestamp};
use serde::Serialize;
use std::fmt;
use std::num::NonZeroU64;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use zeroize::Zeroizing;

/// How far back a JWT is dated: GitHub refuses those from the future, and clocks differ.
const DATED_BACK_SECONDS: i64 = 60;
/// From the date to the end of a JWT; GitHub takes at most 10 minutes from its own present.
const LIFE_SECONDS: i64 = 600;
/// A difference between the clocks that is not worth another try.
const SMALL_SKEW_SECONDS: i64 = 10;

/// The number of the app.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AppId(NonZeroU64);

impl FromStr for AppId {
    type Err = SetupError;
    fn from_str(text: &str) -> Result<Self, SetupError> {
        text.trim().parse().map(Self).map_err(|_| SetupError::AppId)
    }
}

impl fmt::Display for AppId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The app's private key. `Debug` does not show it; memory is wiped when it is dropped.
#[derive(Clone)]
pub struct AppKey(EncodingKey);

impl AppKey {
    /// Reads the key as GitHub hands it out: PEM (PKCS #1, or PKCS #8), or base64 of that in one line.
    ///
    /// # Errors
    /// [`SetupError::Key`] when it is neither, or cannot sign.
    pub fn try_new(text: &str) -> Result<Self, SetupError> {
        let pem = match text.contains("-----BEGIN") {
            true => Zeroizing::new(text.as_bytes().to_vec()),
            false => {
                let digits: Zeroizing<String> =
                    Zeroizing::new(text.chars().filter(|c| !c.is_ascii_whitespace()).collect());
                Zeroizing::new(STANDARD.decode(digits.as_bytes()).map_err(|_| SetupError::Key)?)
            }
        };
        let key = Self(EncodingKey::from_rsa_pem(&pem).map_err(|_| SetupError::Key)?);
        // Only signing shows whether it is a whole key, and long enough.
        key.sign(&Claims { iat: 0, exp: 0, iss: String::new() }).map_err(|_| SetupError::Key)?;
        Ok(key)
    }

    fn sign(&self, claims: &Claims) -> Result<String, jsonwebtoken::errors::Error> {
        jsonwebtoken::encode(&Header::new(Algorithm::RS256), claims, &self.0)
    }
}

impl fmt::Debug for AppKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AppKey(..)")
    }
}

#[derive(Serialize)]
struct Claims {
    iat: i64,
    exp: i64,
    iss: String,
}

/// The app, and what time it is at GitHub.
pub(crate) struct App {
    id: AppId,
    key: AppKey,
    clock: Arc<dyn Clock>,
    /// Seconds that GitHub's clock is ahead of ours.
    skew: AtomicI64,
}

impl App {
    pub(crate) fn new(id: AppId, key: AppKey, clock: Arc<dyn Clock>) -> Self {
        Self { id, key, clock, skew: AtomicI64::new(0) }
    }

    pub(crate) const fn id(&self) -> AppId {
        self.id
    }

    /// The present by our clock.
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The present at GitHub, as far as we know.
    pub(crate) fn now_at_github(&self) -> Timestamp {
        self.now().plus_seconds(self.skew.load(Ordering::Relaxed))
    }

    /// Takes over the clock of an answer; whether that is a reason to sign again.
    pub(crate) fn learn_time(&self, date: Option<Timestamp>) -> bool {
        let Some(date) = date else { return false };
        let skew = (date.0 - self.now().0) / 1_000_000;
        let before = self.skew.swap(skew, Ordering::Relaxed);
        (skew - before).abs() > SMALL_SKEW_SECONDS
    }

    /// A header that says who we are.
    pub(crate) fn bearer(&self) -> Result<HeaderValue, Fault> {
        let iat = self.now_at_github().0 / 1_000_000 - DATED_BACK_SECONDS;
        let claims = Claims { iat, exp: iat + LIFE_SECONDS, iss: self.id.to_string() };
        bearer(&self.key.sign(&claims).map_err(|_| Fault::Unsigned)?)
    }
}

/// A header with a token, which nobody logs.
pub(crate) fn bearer(token: &str) -> Result<HeaderValue, Fault> {
    let text = Zeroizing::new(format!("Bearer {token}"));
    let mut value = HeaderValue::from_str(&text).map_err(|_| Fault::Unreadable)?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::{AppId, AppKey};

    #[test]
    fn an_app_has_a_number() {
        assert_eq!("12345\n".parse::<AppId>().unwrap().to_string(), "12345");
        for bad in ["", "0", "-1", "Iv1.abc", "1e3"] {
            assert!(bad.parse::<AppId>().is_err(), "{bad}");
        }
    }

    #[test]
    fn what_is_no_key_is_refused() {
        let (begin, end) = ("-----BEGIN RSA PRIVATE KEY-----", "-----END RSA PRIVATE KEY-----");
        for bad in ["", "key", "a2V5", &format!("{begin}\n{end}"), &format!("{begin}\nMAA=\n{end}")] {
            assert!(AppKey::try_new(bad).is_err(), "{bad}");
        }
    }
}
