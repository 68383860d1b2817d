//! Hashing passwords with Argon2id (RFC 9106), away from the threads that answer requests.

use crate::error::Fault;
use crate::ports::Entropy;
use argon2::password_hash::PasswordVerifier as _;
use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher as _, Version};
use std::fmt;
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Memory of one hash in KiB, passes and lanes: the first choice of the OWASP password storage cheat sheet for servers
/// that hash many (19 MiB, 2 passes, 1 lane).
const PARAMS: (u32, u32, u32) = (19 * 1_024, 2, 1);
/// What is compared with when there is no hash: of the empty password, with the same parameters and a salt of zeros.
const DECOY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$+DMg0Hsxx2CZGOKL/waFFg82zXwGXdCIU5N1SN6XKPQ";
/// Bytes of salt (RFC 9106 §3.1 recommends 16).
const SALT_BYTES: usize = 16;
/// Hashes that are made at a time: what bounds the memory that sign-ins take.
const AT_A_TIME: usize = 4;

/// Makes and checks hashes of passwords. Cheap to clone.
#[derive(Clone)]
pub(super) struct Passwords {
    entropy: Arc<dyn Entropy>,
    slots: Arc<Semaphore>,
}

impl fmt::Debug for Passwords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passwords")
    }
}

impl Passwords {
    pub(super) fn new(entropy: Arc<dyn Entropy>) -> Self {
        Self { entropy, slots: Arc::new(Semaphore::new(AT_A_TIME)) }
    }

    /// The hash of a password in PHC format.
    pub(super) async fn hash(&self, password: &str) -> Result<String, Fault> {
        const DOING: &str = "hash a password";
        let mut salt = [0; SALT_BYTES];
        self.entropy.fill(&mut salt).map_err(|error| Fault::other(DOING, error))?;
        let password = password.to_owned();
        self.work(DOING, move || hash(&password, &salt)).await
    }

    /// Whether `password` is the one that `stored` is the hash of. Takes as long when there is no hash: it is then
    /// compared with a decoy.
    pub(super) async fn verify(&self, password: &str, stored: Option<String>) -> Result<bool, Fault> {
        let password = password.to_owned();
        self.work("check a password", move || {
            let hash = stored.as_deref().unwrap_or(DECOY);
            let parsed = PasswordHash::new(hash).map_err(|error| error.to_string())?;
            let is_right = argon2().verify_password(password.as_bytes(), &parsed).is_ok();
            Ok(stored.is_some() && is_right)
        })
        .await
    }

    async fn work<T: Send + 'static>(
        &self,
        doing: &'static str,
        work: impl FnOnce() -> Result<T, String> + Send + 'static,
    ) -> Result<T, Fault> {
        let slot = Arc::clone(&self.slots).acquire_owned().await;
        let slot = slot.map_err(|error| Fault::other(doing, error))?;
        tokio::task::spawn_blocking(move || {
            let done = work();
            drop(slot);
            done
        })
        .await
        .map_err(|error| Fault::other(doing, error))?
        .map_err(|error| Fault::other(doing, error))
    }
}

fn argon2() -> Argon2<'static> {
    let (memory, passes, lanes) = PARAMS;
    let params = Params::new(memory, passes, lanes, None).expect("the parameters are within their bounds");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

fn hash(password: &str, salt: &[u8]) -> Result<String, String> {
    let hash = argon2().hash_password_with_salt(password.as_bytes(), salt);
    hash.map(|hash| hash.to_string()).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::{DECOY, Passwords, SALT_BYTES, hash};
    use crate::ports::OsEntropy;
    use std::sync::Arc;

    #[tokio::test]
    async fn a_password_is_right_or_wrong_and_without_a_hash_always_wrong() {
        let passwords = Passwords::new(Arc::new(OsEntropy));
        let stored = passwords.hash("correct horse").await.unwrap();
        assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{stored}");
        assert_ne!(stored, passwords.hash("correct horse").await.unwrap());
        assert!(passwords.verify("correct horse", Some(stored.clone())).await.unwrap());
        assert!(!passwords.verify("wrong horse", Some(stored)).await.unwrap());
        assert!(!passwords.verify("", None).await.unwrap(), "the decoy is nobody's");
        assert_eq!(hash("", &[0; SALT_BYTES]).unwrap(), DECOY, "the decoy costs what every hash costs");
    }
}
