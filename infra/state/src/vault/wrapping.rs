//! Keys under the server's key, each bound to what it is for, so that rows cannot be swapped.

use super::SealError;
use super::cipher::SecretKey;
use crate::store::{Installation, Unusable, Wrapped};
use scanledger_domain::Cause;
use scanledger_domain::id::SubjectId;

const CHECK_CONTEXT: &[u8] = b"scanledger key check v1";
const CHECK_TEXT: &[u8] = b"this store belongs to this key";
const DATA_KEY_CONTEXT: &[u8] = b"scanledger data key v1";
const SIGNING_KEY_CONTEXT: &[u8] = b"scanledger signing key v1";
const SUBJECT_KEY_CONTEXT: &[u8] = b"scanledger subject key v1";

/// The keys of an installation, open.
pub(crate) struct Opened {
    /// For keyed hashes.
    pub(super) data_key: SecretKey,
    /// For signatures; none in a store that was made before there was one.
    pub(super) signing_key: Option<SecretKey>,
}

/// New keys for an installation.
pub(super) fn make_installation(server_key: &SecretKey) -> Result<Installation, SealError> {
    let opened = Opened { data_key: SecretKey::random()?, signing_key: Some(SecretKey::random()?) };
    wrap_installation(server_key, &opened, 1)
}

fn wrap_installation(
    server_key: &SecretKey,
    opened: &Opened,
    generation: i64,
) -> Result<Installation, SealError> {
    let signing_key = opened.signing_key.as_ref().map(|key| server_key.wrap(key, SIGNING_KEY_CONTEXT));
    Ok(Installation {
        generation,
        check: server_key.encrypt(CHECK_TEXT, CHECK_CONTEXT)?,
        data_key: server_key.wrap(&opened.data_key, DATA_KEY_CONTEXT)?,
        signing_key: signing_key.transpose()?,
    })
}

/// Proves that the installation belongs to `server_key`, and opens its keys.
pub(crate) fn open_installation(server_key: &SecretKey, keys: &Installation) -> Result<Opened, Cause> {
    server_key.decrypt(&keys.check, CHECK_CONTEXT).map_err(|_| Unusable::OtherServerKey)?;
    let signing_key =
        keys.signing_key.as_ref().map(|wrapped| server_key.unwrap(wrapped, SIGNING_KEY_CONTEXT));
    Ok(Opened {
        data_key: server_key.unwrap(&keys.data_key, DATA_KEY_CONTEXT)?,
        signing_key: signing_key.transpose()?,
    })
}

/// A new key for `subject`, to be kept.
pub(super) fn make_subject_key(server_key: &SecretKey, subject: SubjectId) -> Result<Wrapped, SealError> {
    server_key.wrap(&SecretKey::random()?, &subject_context(subject))
}

/// The key of `subject`.
pub(crate) fn open_subject_key(
    server_key: &SecretKey,
    subject: SubjectId,
    wrapped: &[u8],
) -> Result<SecretKey, SealError> {
    server_key.unwrap(wrapped, &subject_context(subject))
}

fn subject_context(subject: SubjectId) -> Vec<u8> {
    [SUBJECT_KEY_CONTEXT, subject.as_bytes()].concat()
}

/// A number for what comes after the generation `before`: not the one that a database comes to again after it was put
/// back to an earlier state, because other processes may know that with other keys.
pub(crate) fn generation_after(before: i64) -> Result<i64, SealError> {
    let mut step = [0; 4];
    getrandom::fill(&mut step).map_err(|_| SealError::NoRandomness)?;
    Ok(before.saturating_add(1).saturating_add(i64::from(u32::from_ne_bytes(step))))
}

/// Takes keys from under one server key, and puts them under another; the keys stay what they are.
#[derive(Clone)]
pub(crate) struct Rewrap {
    pub(super) old: SecretKey,
    pub(super) new: SecretKey,
}

impl Rewrap {
    /// The next generation of an installation.
    pub(crate) fn installation(&self, keys: &Installation) -> Result<Installation, Cause> {
        let opened = open_installation(&self.old, keys)?;
        Ok(wrap_installation(&self.new, &opened, generation_after(keys.generation)?)?)
    }

    /// A subject's key.
    pub(crate) fn subject_key(&self, subject: SubjectId, wrapped: &[u8]) -> Result<Wrapped, SealError> {
        let key = open_subject_key(&self.old, subject, wrapped)?;
        self.new.wrap(&key, &subject_context(subject))
    }
}
