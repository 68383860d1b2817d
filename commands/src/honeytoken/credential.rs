//! Credentials that look like those of Amazon Web Services.

use crate::error::Fault;
use crate::ports::Entropy;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use scanledger_domain::vault::{HashPurpose, Sealed, Vault};
use scrypt::{Params, scrypt};
use sha2::{Digest, Sha256};
use std::fmt;

/// How access ids of people and services begin, for which no session is needed.
const PREFIX: &str = "AKIA";
/// Characters behind that.
const ID_CHARS: usize = 16;
/// RFC 4648 §6.
const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
/// Random bytes of a secret key: 40 characters of base64.
const KEY_BYTES: usize = 30;

/// A credential that opens nothing. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct DecoyCredential {
    access_id: String,
    secret_key: String,
}

impl DecoyCredential {
    /// One that nobody can guess.
    pub(super) fn fresh(entropy: &dyn Entropy) -> Result<Self, Fault> {
        let (mut id, mut key) = ([0; ID_CHARS], [0; KEY_BYTES]);
        let filled = entropy.fill(&mut id).and_then(|()| entropy.fill(&mut key));
        filled.map_err(|error| Fault::other("make a credential", error))?;
        let id = id.iter().map(|byte| char::from(BASE32[usize::from(byte % 32)]));
        let access_id = PREFIX.chars().chain(id).collect();
        Ok(Self { access_id, secret_key: BASE64_STANDARD.encode(key) })
    }

    /// The one that was sealed.
    pub(super) fn open(vault: &dyn Vault, access_id: &Sealed, secret_key: &Sealed) -> Result<Self, Fault> {
        let open = |sealed: &Sealed| vault.open(sealed).map(Option::unwrap_or_default);
        Ok(Self { access_id: open(access_id)?, secret_key: open(secret_key)? })
    }

    /// What says whose it is.
    pub fn access_id(&self) -> &str {
        &self.access_id
    }

    /// What requests would be signed with.
    pub fn secret_key(&self) -> &str {
        &self.secret_key
    }

    /// By what clients ask whether a secret is a honeytoken: of both parts, because a client may have found either.
    pub(super) async fn leak_hashes(&self) -> Result<[String; 2], Fault> {
        let parts = [self.access_id.clone(), self.secret_key.clone()];
        let hashed = tokio::task::spawn_blocking(move || {
            let [id, key] = &parts;
            Ok([leak_hash(id)?, leak_hash(key)?])
        });
        hashed.await.map_err(|error| Fault::other("hash a credential", error))?
    }
}

impl fmt::Debug for DecoyCredential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DecoyCredential(…)")
    }
}

/// Whether a text can be an access id of ours.
pub(super) fn is_access_id(text: &str) -> bool {
    let rest = text.strip_prefix(PREFIX).map(str::as_bytes);
    rest.is_some_and(|rest| rest.len() == ID_CHARS && rest.iter().all(|byte| BASE32.contains(byte)))
}

/// The keyed hash by which a use is known, hex.
pub(super) fn access_hash(vault: &dyn Vault, access_id: &str) -> String {
    hex::encode(vault.hash(HashPurpose::Secret, access_id.as_bytes()))
}

/// What clients compute of a secret before they ask about it (GitGuardian reference §4.1, `hmsl_hash`), hex.
fn leak_hash(secret: &str) -> Result<String, Fault> {
    let failed = "hash a credential";
    let params = Params::new(11, 8, 1).map_err(|error| Fault::other(failed, error))?;
    let salt = Sha256::digest(b"GitGuardian");
    let mut hash = [0; 32];
    scrypt(secret.as_bytes(), &salt, &params, &mut hash).map_err(|error| Fault::other(failed, error))?;
    Ok(hex::encode(hash))
}

#[cfg(test)]
mod tests {
    use super::{DecoyCredential, is_access_id, leak_hash};
    use crate::ports::OsEntropy;

    #[test]
    fn a_credential_looks_like_the_real_one_and_no_two_are_the_same() {
        let (one, other) =
            (DecoyCredential::fresh(&OsEntropy).unwrap(), DecoyCredential::fresh(&OsEntropy).unwrap());
        assert_ne!(one, other);
        for made in [one, other] {
            assert!(is_access_id(made.access_id()));
            assert_eq!(made.access_id().len(), 20);
            assert_eq!(made.secret_key().len(), 40);
            let is_base64 = |c: char| c.is_ascii_alphanumeric() || c == '+' || c == '/';
            assert!(made.secret_key().chars().all(is_base64));
            assert_eq!(format!("{made:?}"), "DecoyCredential(…)");
        }
    }

    #[test]
    fn access_ids_are_told_by_their_shape() {
        let id = |rest: &str| format!("{}{rest}", super::PREFIX);
        assert!(is_access_id(&id(&"A2".repeat(8))));
        for bad in
            [id(""), id(&"A".repeat(15)), id(&"A".repeat(17)), id(&"a".repeat(16)), id(&"1".repeat(16))]
        {
            assert!(!is_access_id(&bad), "{bad}");
        }
        assert!(!is_access_id(&"A".repeat(20)));
    }

    #[test]
    fn clients_compute_the_same_hash() {
        // Python: hashlib.scrypt(b"not a secret", salt=sha256(b"GitGuardian").digest(), n=2048, r=8, p=1, dklen=32)
        let expected = "66306c9cbba6c93ab23dc7ef789c30ae2a23619fd72b4d0c18725228bf74d562";
        assert_eq!(leak_hash("not a secret").unwrap(), expected);
    }
}
