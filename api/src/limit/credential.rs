//! The credential that a request presents, as a hash.

use axum::http::{HeaderMap, header};
use hashlink::LruCache;
use parking_lot::Mutex;
use sha2::{Digest, Sha256};

/// Credentials that are remembered as accepted.
const KEPT: usize = 20_000;
/// How the name of a session's cookie ends (Pepper reference §1); over HTTPS it has a prefix.
const SESSION_COOKIE: &str = "next-auth.session-token";

/// SHA-256 of a token. The token itself is never kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Credential([u8; 32]);

impl Credential {
    /// What `Authorization` presents, whatever its scheme and spaces; else the session's cookie.
    pub(super) fn of(headers: &HeaderMap) -> Option<Self> {
        if let Some(value) = headers.get(header::AUTHORIZATION) {
            let value = value.as_bytes();
            let space = value.iter().position(|byte| *byte == b' ');
            let token = space.map_or(value, |space| &value[space..]).trim_ascii();
            return Some(Self(Sha256::digest(token).into()));
        }
        let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
        let mut pairs =
            cookies.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
        let (_, token) = pairs.find(|(name, _)| name.ends_with(SESSION_COOKIE))?;
        Some(Self(Sha256::digest(token).into()))
    }
}

/// Credentials that this server accepted of late. Whether one is in here decides how it is counted, never what it
/// may do.
pub(super) struct Accepted(Mutex<LruCache<Credential, ()>>);

impl Default for Accepted {
    fn default() -> Self {
        Self(Mutex::new(LruCache::new(KEPT)))
    }
}

impl Accepted {
    /// Whether it was accepted.
    pub(super) fn contains(&self, credential: &Credential) -> bool {
        self.0.lock().get(credential).is_some()
    }

    /// Remembers one.
    pub(super) fn insert(&self, credential: Credential) {
        self.0.lock().insert(credential, ());
    }

    /// Forgets one that is no longer accepted.
    pub(super) fn remove(&self, credential: &Credential) {
        self.0.lock().remove(credential);
    }
}

#[cfg(test)]
mod tests {
    use super::{Accepted, Credential, KEPT};
    use axum::http::{HeaderMap, HeaderName, HeaderValue, header};

    fn of(name: HeaderName, value: &str) -> Option<Credential> {
        Credential::of(&HeaderMap::from_iter([(name, HeaderValue::from_str(value).unwrap())]))
    }

    #[test]
    fn one_token_is_one_credential_however_it_is_written() {
        let token = of(header::AUTHORIZATION, "Bearer ppr_x");
        for same in ["bearer ppr_x", "Bearer   ppr_x", "Token ppr_x", "ppr_x"] {
            assert_eq!(of(header::AUTHORIZATION, same), token, "{same}");
        }
        assert_ne!(of(header::AUTHORIZATION, "Bearer ppr_y"), token);
    }

    #[test]
    fn a_session_is_known_by_its_cookie_and_no_other_counts() {
        let session = of(header::COOKIE, "theme=dark; next-auth.session-token=abc");
        assert!(session.is_some());
        assert_eq!(of(header::COOKIE, "__Secure-next-auth.session-token=abc;theme=light"), session);
        assert_eq!(of(header::COOKIE, "theme=dark"), None);
        assert_eq!(Credential::of(&HeaderMap::new()), None);
    }

    #[test]
    fn no_more_credentials_are_kept_than_there_is_room_for() {
        let accepted = Accepted::default();
        let nth = |n: usize| of(header::AUTHORIZATION, &n.to_string()).unwrap();
        (0..=KEPT).for_each(|n| accepted.insert(nth(n)));
        assert!(!accepted.contains(&nth(0)) && accepted.contains(&nth(1)));
        accepted.remove(&nth(1));
        assert!(!accepted.contains(&nth(1)));
    }
}
