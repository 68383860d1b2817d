//! The limit of one class, and where a client stands with it.

use super::address::Network;
use super::bucket::Bucket;
use super::class::{Class, Quota};
use super::credential::Credential;
use super::ticks::Ticks;
use axum::http::HeaderValue;
use scanledger_domain::code_host::InstallationId;
use std::fmt;
use std::time::Duration;

/// Clients that are counted in each class.
const KEPT_KEYS: usize = 20_000;

/// What is counted as one client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Key {
    Network(Network),
    Credential(Credential),
    Installation(InstallationId),
}

/// The limit of one class.
pub(super) struct Limiter {
    name: &'static str,
    bucket: Bucket<Key>,
    policy: HeaderValue,
}

/// Where a client stands with a limit.
pub(super) struct Standing<'a> {
    pub(super) limiter: &'a Limiter,
    /// Requests that it may send at once.
    pub(super) remaining: u32,
    /// After how many seconds there is one more at the latest.
    pub(super) seconds: u32,
}

/// That a limit is used up.
pub(super) struct Exceeded<'a> {
    pub(super) limiter: &'a Limiter,
    /// After how many seconds it is not any more; at least 1.
    pub(super) seconds: u32,
}

impl Limiter {
    /// Of a class.
    pub(super) fn new(class: Class, quota: Quota, clock: Ticks) -> Self {
        let name = class.name();
        let policy = format!("\"{name}\";q={};w={}", quota.limit, quota.window_seconds);
        let policy = HeaderValue::try_from(policy).expect("names of classes are plain ASCII");
        Self { name, bucket: Bucket::new(quota, KEPT_KEYS, clock), policy }
    }

    /// Takes a request.
    pub(super) fn take(&self, key: Key) -> Result<Standing<'_>, Exceeded<'_>> {
        self.stand(self.bucket.take(key))
    }

    /// As [`Self::take`], and takes nothing.
    pub(super) fn look(&self, key: Key) -> Result<Standing<'_>, Exceeded<'_>> {
        self.stand(self.bucket.look(key))
    }

    fn stand(&self, asked: Result<u32, Duration>) -> Result<Standing<'_>, Exceeded<'_>> {
        match asked {
            Ok(remaining) => {
                Ok(Standing { limiter: self, remaining, seconds: whole_seconds(self.bucket.period()) })
            }
            Err(wait) => Err(Exceeded { limiter: self, seconds: whole_seconds(wait) }),
        }
    }

    /// `RateLimit-Policy`.
    pub(super) fn policy(&self) -> &HeaderValue {
        &self.policy
    }
}

/// Rounded up, so that whoever waits so long has waited long enough; at least 1.
fn whole_seconds(duration: Duration) -> u32 {
    let seconds = duration.as_secs() + u64::from(duration.subsec_nanos() > 0);
    u32::try_from(seconds).unwrap_or(u32::MAX).max(1)
}

/// `RateLimit`.
impl fmt::Display for Standing<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "\"{}\";r={};t={}", self.limiter.name, self.remaining, self.seconds)
    }
}
