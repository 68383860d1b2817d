//! Signed tokens of sessions: JWT (RFC 7519) with HMAC-SHA-256, under a key that follows from the data key.

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use scanledger_domain::id::{SessionId, UserId};
use scanledger_domain::time::Timestamp;
use scanledger_domain::vault::{HashPurpose, Vault};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::Duration;
use uuid::Uuid;

/// What a signed token is for; one kind is not taken for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenKind {
    /// Requests with a header (TRUSCA reference §2.1).
    Access,
    /// Requests of a browser with a cookie.
    Session,
}

/// What a token says. Roles are looked up with every request and not believed from a token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Claims {
    sub: Uuid,
    #[serde(rename = "type")]
    kind: TokenKind,
    iat: i64,
    exp: i64,
    jti: Uuid,
    sid: Uuid,
}

/// Whom a good token stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bearer {
    /// The person.
    pub user: UserId,
    /// Their session.
    pub session: SessionId,
}

/// Signs and checks tokens.
pub struct AccessTokens {
    signing: EncodingKey,
    checking: DecodingKey,
}

impl fmt::Debug for AccessTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AccessTokens")
    }
}

impl AccessTokens {
    /// Signs with what follows from the vault's data key: the same on every node.
    pub fn new(vault: &dyn Vault) -> Self {
        let key = vault.hash(HashPurpose::Token, b"access tokens v1");
        Self { signing: EncodingKey::from_secret(&key), checking: DecodingKey::from_secret(&key) }
    }

    /// A token that is good for `lifetime`.
    ///
    /// # Errors
    /// When signing fails, which is a defect.
    pub fn sign(
        &self,
        kind: TokenKind,
        bearer: Bearer,
        id: Uuid,
        now: Timestamp,
        lifetime: Duration,
    ) -> Result<String, jsonwebtoken::errors::Error> {
        let iat = now.0 / 1_000_000;
        let exp = iat.saturating_add_unsigned(lifetime.as_secs());
        let claims = Claims { sub: bearer.user.0, kind, iat, exp, jti: id, sid: bearer.session.0 };
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &self.signing)
    }

    /// Whom a token stands for, if it is of this kind, ours, and good at `now`.
    pub fn check(&self, kind: TokenKind, token: &str, now: Timestamp) -> Option<Bearer> {
        let mut validation = Validation::new(Algorithm::HS256);
        // The time is the server's clock, which tests set.
        validation.validate_exp = false;
        validation.required_spec_claims.clear();
        let claims = jsonwebtoken::decode::<Claims>(token, &self.checking, &validation).ok()?.claims;
        let is_good = claims.kind == kind && now.0 / 1_000_000 < claims.exp;
        is_good.then_some(Bearer { user: UserId(claims.sub), session: SessionId(claims.sid) })
    }
}

#[cfg(test)]
mod tests {
    use super::{AccessTokens, Bearer, TokenKind};
    use base64::Engine as _;
    use base64::prelude::BASE64_URL_SAFE_NO_PAD;
    use jsonwebtoken::{DecodingKey, EncodingKey};
    use scanledger_domain::id::{SessionId, UserId};
    use scanledger_domain::time::Timestamp;
    use std::time::Duration;
    use uuid::Uuid;

    const ANA: Bearer = Bearer { user: UserId(Uuid::from_u128(1)), session: SessionId(Uuid::from_u128(2)) };

    fn tokens(key: &[u8]) -> AccessTokens {
        AccessTokens { signing: EncodingKey::from_secret(key), checking: DecodingKey::from_secret(key) }
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp(seconds * 1_000_000)
    }

    #[test]
    fn a_token_is_good_for_its_time_and_its_kind() {
        let tokens = tokens(b"secret");
        let signed =
            tokens.sign(TokenKind::Access, ANA, Uuid::nil(), at(100), Duration::from_secs(60)).unwrap();
        assert_eq!(tokens.check(TokenKind::Access, &signed, at(159)), Some(ANA));
        assert_eq!(tokens.check(TokenKind::Access, &signed, at(160)), None);
        assert_eq!(tokens.check(TokenKind::Session, &signed, at(110)), None);
    }

    #[test]
    fn a_token_that_somebody_else_made_or_changed_is_not_good() {
        let good = tokens(b"secret");
        let hour = Duration::from_secs(3_600);
        let signed = good.sign(TokenKind::Access, ANA, Uuid::nil(), at(0), hour).unwrap();
        let forged = tokens(b"other").sign(TokenKind::Access, ANA, Uuid::nil(), at(0), hour).unwrap();
        let parts: Vec<&str> = signed.split('.').collect();
        let unsigned = BASE64_URL_SAFE_NO_PAD.encode(r#"{"alg":"none","typ":"JWT"}"#);
        let none = format!("{unsigned}.{}.", parts[1]);
        let swapped = format!("{}.{}.{}", parts[0], BASE64_URL_SAFE_NO_PAD.encode("{}"), parts[2]);
        for bad in [forged.as_str(), &none, &swapped, "", "eyJ.x.y", &signed[..signed.len() - 2]] {
            assert_eq!(good.check(TokenKind::Access, bad, at(1)), None, "{bad}");
        }
    }
}
