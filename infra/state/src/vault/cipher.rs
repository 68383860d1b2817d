//! AES-256-GCM with random nonces (NIST SP 800-38D §8.2.2).

use super::SealError;
use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Nonce};
use zeroize::Zeroizing;

/// Bytes of a nonce, which stands before the ciphertext.
const NONCE: usize = 12;

/// A key of 256 bits, wiped from memory when dropped.
#[derive(Clone)]
pub(crate) struct SecretKey(Zeroizing<[u8; 32]>);

impl SecretKey {
    /// A fresh key from the operating system.
    pub(crate) fn random() -> Result<Self, SealError> {
        let mut bytes = Zeroizing::new([0; 32]);
        getrandom::fill(bytes.as_mut_slice()).map_err(|_| SealError::NoRandomness)?;
        Ok(Self(bytes))
    }

    pub(crate) fn from_bytes(bytes: Zeroizing<[u8; 32]>) -> Self {
        Self(bytes)
    }

    pub(crate) fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Nonce, ciphertext and tag of `clear`; `context` has to be given again to open it.
    pub(super) fn encrypt(&self, clear: &[u8], context: &[u8]) -> Result<Vec<u8>, SealError> {
        let mut nonce = [0; NONCE];
        getrandom::fill(&mut nonce).map_err(|_| SealError::NoRandomness)?;
        let payload = Payload { msg: clear, aad: context };
        let sealed = self.cipher().encrypt(&Nonce::from(nonce), payload);
        let sealed = sealed.expect("AES-GCM takes 64 GiB, and no text is as long");
        Ok([nonce.as_slice(), &sealed].concat())
    }

    /// What [`SecretKey::encrypt`] was given.
    pub(super) fn decrypt(&self, sealed: &[u8], context: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE>().ok_or(SealError::Malformed)?;
        let payload = Payload { msg: sealed, aad: context };
        let clear = self.cipher().decrypt(&Nonce::from(*nonce), payload);
        clear.map(Zeroizing::new).map_err(|_| SealError::Tampered)
    }

    /// This key as another key's text.
    pub(super) fn wrap(&self, key: &Self, context: &[u8]) -> Result<Vec<u8>, SealError> {
        self.encrypt(key.bytes(), context)
    }

    /// The key that [`SecretKey::wrap`] was given.
    pub(super) fn unwrap(&self, wrapped: &[u8], context: &[u8]) -> Result<Self, SealError> {
        let clear = self.decrypt(wrapped, context)?;
        let mut key = Zeroizing::new([0; 32]);
        if clear.len() != key.len() {
            return Err(SealError::Malformed);
        }
        key.copy_from_slice(&clear);
        Ok(Self(key))
    }

    fn cipher(&self) -> Aes256Gcm {
        Aes256Gcm::new(self.bytes().into())
    }
}
