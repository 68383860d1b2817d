//! Keyed hashes: HMAC (RFC 2104) with a key per purpose, derived from the data key by HMAC with a label.
//!
//! Labels and algorithms are for ever: names of streams and identities of secrets in the log depend on them.

use super::cipher::SecretKey;
use hmac::{Hmac, KeyInit, Mac};
use scanledger_domain::vault::HashPurpose;
use sha2::{Sha256, Sha384};
use zeroize::Zeroizing;

/// One key per purpose.
pub(super) struct HashKeys {
    claim: Zeroizing<Vec<u8>>,
    secret: Zeroizing<Vec<u8>>,
    leaked_secret: Zeroizing<Vec<u8>>,
    token: Zeroizing<Vec<u8>>,
    check: Zeroizing<Vec<u8>>,
}

impl HashKeys {
    /// The keys that follow from `data_key`.
    pub(super) fn derive(data_key: &SecretKey) -> Self {
        let key = data_key.bytes();
        Self {
            claim: Zeroizing::new(hmac_sha256(key, b"scanledger claim v1")),
            secret: Zeroizing::new(hmac_sha384(key, b"scanledger secret v1")),
            leaked_secret: Zeroizing::new(hmac_sha256(key, b"scanledger leaked secret v1")),
            token: Zeroizing::new(hmac_sha256(key, b"scanledger token v1")),
            check: Zeroizing::new(hmac_sha256(key, b"scanledger check v1")),
        }
    }

    /// 48 bytes for [`HashPurpose::Secret`], else 32.
    pub(super) fn hash(&self, purpose: HashPurpose, bytes: &[u8]) -> Vec<u8> {
        match purpose {
            HashPurpose::Claim => hmac_sha256(&self.claim, bytes),
            HashPurpose::Secret => hmac_sha384(&self.secret, bytes),
            HashPurpose::LeakedSecret => hmac_sha256(&self.leaked_secret, bytes),
            HashPurpose::Token => hmac_sha256(&self.token, bytes),
            HashPurpose::Check => hmac_sha256(&self.check, bytes),
        }
    }
}

fn hmac_sha256(key: &[u8], bytes: &[u8]) -> Vec<u8> {
    let hmac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    hmac.chain_update(bytes).finalize().into_bytes().to_vec()
}

fn hmac_sha384(key: &[u8], bytes: &[u8]) -> Vec<u8> {
    let hmac = Hmac::<Sha384>::new_from_slice(key).expect("HMAC takes keys of any length");
    hmac.chain_update(bytes).finalize().into_bytes().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys() -> HashKeys {
        HashKeys::derive(&SecretKey::from_bytes(Zeroizing::new([7; 32])))
    }

    /// RFC 4231 §4.3 (test case 2).
    #[test]
    fn the_hashes_are_those_of_rfc_4231() {
        let (key, text) = (b"Jefe", b"what do ya want for nothing?");
        assert_eq!(
            hex::encode(hmac_sha256(key, text)),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
        assert_eq!(
            hex::encode(hmac_sha384(key, text)),
            "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e\
             8e2240ca5e69e2c78b3239ecfab21649"
        );
    }

    /// Computed with Python's `hmac`. If this fails, claims, incidents and checks of every existing log would no longer
    /// be found.
    #[test]
    fn the_hashes_of_a_data_key_never_change() {
        let prefix = |purpose| hex::encode(&keys().hash(purpose, b"ana@example.org")[..8]);
        assert_eq!(prefix(HashPurpose::Claim), "936fc4e2f0604a55");
        assert_eq!(prefix(HashPurpose::Secret), "d57d568a4fd0031b");
        assert_eq!(prefix(HashPurpose::LeakedSecret), "9362a9ed4cc37b01");
        assert_eq!(prefix(HashPurpose::Check), "2efb2ec48f15b60e");
    }

    #[test]
    fn a_hash_has_the_length_of_its_purpose() {
        assert_eq!(keys().hash(HashPurpose::Claim, b"").len(), 32);
        assert_eq!(keys().hash(HashPurpose::Secret, b"").len(), 48);
        assert_eq!(keys().hash(HashPurpose::LeakedSecret, b"").len(), 32);
        assert_eq!(keys().hash(HashPurpose::Check, b"").len(), 32);
    }
}
