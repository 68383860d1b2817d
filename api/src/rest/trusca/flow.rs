//! A browser's way to a provider and back: what proves at its end that it is the browser that began it.
//!
//! The browser keeps one random id in a cookie. What the provider has to see or to compare follows from it with keyed
//! hashes, so nothing is kept here, and the browser may come back to another node. The state that travels through the
//! provider is signed and names the provider, an end, and the nonce of the id: who has no cookie with that id, such as
//! the victim of a prepared link, does not get in (RFC 6749 §10.12, RFC 9700 §4.7).

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use scanledger_commands::ports::{Authorization, Entropy};
use scanledger_domain::Cause;
use scanledger_domain::identity::Provider;
use scanledger_domain::time::Timestamp;
use scanledger_domain::vault::{HashPurpose, Vault};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::Duration;
use subtle::ConstantTimeEq as _;

/// How long a browser may take (reference §3.1).
pub const LIFETIME: Duration = Duration::from_secs(300);
/// Bytes of the id.
const ID_BYTES: usize = 32;

/// One way there and back. `Debug` shows nothing of it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Flow([u8; ID_BYTES]);

impl fmt::Debug for Flow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Flow")
    }
}

/// What only one kind of token says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum StateKind {
    #[serde(rename = "oauth_state")]
    OAuth,
}

/// What the state says (reference §3.1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Claims {
    #[serde(rename = "type")]
    kind: StateKind,
    provider: Provider,
    nonce: String,
    iat: i64,
    exp: i64,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    redirect_after: Option<String>,
}

/// Somebody who came back as they went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Returned {
    /// Where they want to go now, as they said at the beginning; not to be believed.
    pub redirect_after: Option<String>,
}

impl Flow {
    /// One that nobody can guess.
    ///
    /// # Errors
    /// When the system has no randomness.
    pub fn try_new(entropy: &dyn Entropy) -> Result<Self, Cause> {
        let mut id = [0; ID_BYTES];
        entropy.fill(&mut id)?;
        Ok(Self(id))
    }

    /// The one that a cookie says, if it is one.
    pub fn of_cookie(text: &str) -> Option<Self> {
        Some(Self(BASE64_URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()?))
    }

    /// What the cookie says.
    pub fn cookie(&self) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(self.0)
    }

    /// What a browser is sent to the provider with.
    ///
    /// # Errors
    /// When signing fails, which is a defect.
    pub fn begin(
        &self,
        vault: &dyn Vault,
        provider: Provider,
        redirect_uri: String,
        redirect_after: Option<String>,
        now: Timestamp,
    ) -> Result<Authorization, jsonwebtoken::errors::Error> {
        let nonce = self.derive(vault, "oauth nonce v1");
        let iat = now.0 / 1_000_000;
        let exp = iat.saturating_add_unsigned(LIFETIME.as_secs());
        let claims =
            Claims { kind: StateKind::OAuth, provider, nonce: nonce.clone(), iat, exp, redirect_after };
        let key = EncodingKey::from_secret(&signing_key(vault));
        let state = jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &key)?;
        Ok(Authorization { state, ..self.authorization(vault, nonce, redirect_uri) })
    }

    /// What to show the provider when a browser has come back with `state`; `None` if it did not begin here, not with
    /// this cookie, not with this provider, or too long ago.
    pub fn end(
        &self,
        vault: &dyn Vault,
        provider: Provider,
        redirect_uri: String,
        state: &str,
        now: Timestamp,
    ) -> Option<(Authorization, Returned)> {
        let mut validation = Validation::new(Algorithm::HS256);
        // The time is the server's clock, which tests set.
        validation.validate_exp = false;
        validation.required_spec_claims.clear();
        let key = DecodingKey::from_secret(&signing_key(vault));
        let claims = jsonwebtoken::decode::<Claims>(state, &key, &validation).ok()?.claims;
        let nonce = self.derive(vault, "oauth nonce v1");
        let is_own: bool = claims.nonce.as_bytes().ct_eq(nonce.as_bytes()).into();
        if !is_own || claims.provider != provider || claims.exp <= now.0 / 1_000_000 {
            return None;
        }
        let authorization =
            Authorization { state: state.to_owned(), ..self.authorization(vault, nonce, redirect_uri) };
        Some((authorization, Returned { redirect_after: claims.redirect_after }))
    }

    fn authorization(&self, vault: &dyn Vault, nonce: String, redirect_uri: String) -> Authorization {
        let verifier = self.derive(vault, "oauth verifier v1");
        Authorization { state: String::new(), nonce, verifier, redirect_uri }
    }

    /// 43 characters that only who has the id and the installation's key can make.
    fn derive(&self, vault: &dyn Vault, label: &str) -> String {
        let bytes = [label.as_bytes(), &self.0].concat();
        BASE64_URL_SAFE_NO_PAD.encode(vault.hash(HashPurpose::Token, &bytes))
    }
}

/// The key that states are signed with: the same on every node, and none that other tokens are signed with.
fn signing_key(vault: &dyn Vault) -> Vec<u8> {
    vault.hash(HashPurpose::Token, b"oauth state v1")
}

#[cfg(test)]
mod tests {
    use super::{Flow, Returned};
    use jsonwebtoken::{Algorithm, EncodingKey, Header};
    use scanledger_commands::ports::OsEntropy;
    use scanledger_domain::identity::Provider;
    use scanledger_domain::time::Timestamp;
    use scanledger_domain::vault::{HashPurpose, Vault};
    use scanledger_state::{ServerKey, State};
    use serde_json::json;

    const BACK: &str = "https://scan.example/auth/oauth/github/callback";

    /// Two installations, and with them two keys.
    struct World {
        folder: tempfile::TempDir,
        here: State,
    }

    fn world() -> World {
        let folder = tempfile::tempdir().unwrap();
        let here = open(&folder, "here");
        World { folder, here }
    }

    fn open(folder: &tempfile::TempDir, name: &str) -> State {
        let place = folder.path().join(name);
        std::fs::create_dir(&place).unwrap();
        let key = ServerKey::create(&place.join("server.key")).unwrap();
        State::open(&place.join("state.db"), &key).unwrap()
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp(seconds * 1_000_000)
    }

    fn flow() -> Flow {
        Flow::try_new(&OsEntropy).unwrap()
    }

    fn begun(flow: Flow, vault: &dyn Vault) -> String {
        let after = Some("/projects".to_owned());
        flow.begin(vault, Provider::GitHub, BACK.to_owned(), after, at(0)).unwrap().state
    }

    fn ended(flow: Flow, vault: &dyn Vault, state: &str, now: i64) -> Option<Returned> {
        let end = flow.end(vault, Provider::GitHub, BACK.to_owned(), state, at(now));
        end.map(|(_, returned)| returned)
    }

    #[test]
    fn who_comes_back_with_cookie_and_state_has_the_same_secrets() {
        let world = world();
        let vault = &*world.here.vault;
        let flow = flow();
        let there = flow.begin(vault, Provider::Oidc, BACK.to_owned(), None, at(0)).unwrap();
        let cookie = Flow::of_cookie(&flow.cookie()).unwrap();
        let (back, returned) =
            cookie.end(vault, Provider::Oidc, BACK.to_owned(), &there.state, at(299)).unwrap();
        assert!(back == there);
        assert_eq!(returned, Returned { redirect_after: None });
        assert_ne!(back.verifier, back.nonce);
        assert_eq!(back.verifier.len(), 43);
        assert!(!there.state.contains(&flow.cookie()));
    }

    #[test]
    fn a_state_is_good_with_its_cookie_and_its_provider_and_for_five_minutes() {
        let world = world();
        let vault = &*world.here.vault;
        let flow = flow();
        let state = begun(flow, vault);
        let projects = Returned { redirect_after: Some("/projects".to_owned()) };
        assert_eq!(ended(flow, vault, &state, 299), Some(projects));
        assert_eq!(ended(flow, vault, &state, 300), None);
        assert_eq!(ended(self::flow(), vault, &state, 1), None);
        assert_eq!(flow.end(vault, Provider::Google, BACK.to_owned(), &state, at(1)), None);
    }

    #[test]
    fn a_state_that_somebody_else_made_is_not_good() {
        let world = world();
        let vault = &*world.here.vault;
        let flow = flow();
        let foreign = begun(flow, &*open(&world.folder, "elsewhere").vault);
        let good = begun(flow, vault);
        let nonce = flow.begin(vault, Provider::GitHub, BACK.to_owned(), None, at(0)).unwrap().nonce;
        // As access tokens are signed.
        let other_key = vault.hash(HashPurpose::Token, b"access tokens v1");
        let claims =
            json!({ "type": "oauth_state", "provider": "github", "nonce": nonce, "iat": 0, "exp": 300 });
        let signed = |key: &[u8], claims| {
            let key = EncodingKey::from_secret(key);
            jsonwebtoken::encode(&Header::new(Algorithm::HS256), claims, &key).unwrap()
        };
        let other_kind =
            json!({ "type": "access", "provider": "github", "nonce": nonce, "iat": 0, "exp": 300 });
        let own_key = vault.hash(HashPurpose::Token, b"oauth state v1");
        let bad = [
            foreign,
            signed(&other_key, &claims),
            signed(&own_key, &other_kind),
            good[..good.len() - 2].to_owned(),
            String::new(),
        ];
        assert!(ended(flow, vault, &signed(&own_key, &claims), 1).is_some());
        for bad in bad {
            assert_eq!(ended(flow, vault, &bad, 1), None, "{bad}");
        }
    }

    #[test]
    fn a_cookie_that_is_no_id_begins_nothing() {
        let long = flow().cookie() + "AAAA";
        for bad in ["", "x", "AAAA", long.as_str(), "!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!"] {
            assert_eq!(Flow::of_cookie(bad), None, "{bad}");
        }
    }
}
