//! What one client may ask of this server: how often, how much, for how long, and how it may fail to sign in.
//!
//! | limit | where it is |
//! |---|---|
//! | requests by class and client | the table in `class`, changed by [`Settings`] |
//! | time until an answer begins | the same table |
//! | failed sign-ins of an account | [`Lockout`] |
//! | pull requests for a repository, sockets of a key or session at a time | [`Slots`] |
//! | scans of an installation at a time | `scanledger_commands::hosted::ScanSlots`: in the log, over all nodes |
//! | fields and bytes of a request's head, time to send it | [`HEAD_FIELDS`], [`HEAD_BYTES`], [`HEAD_TIME`] |
//! | bytes of a JSON body, of an upload | `scanledger_domain::limits`, enforced where bodies are read |
//!
//! Other counting is in memory and per node: behind a load balancer of three nodes, a client has up to three times as much.

mod address;
mod bucket;
mod class;
mod credential;
mod forwarded;
mod guard;
mod limiter;
mod lockout;
mod patience;
mod settings;
mod slots;
#[cfg(test)]
mod tests;
mod ticks;

pub use address::{ClientAddress, InvalidProxy, Network, TrustedProxies, TrustedProxy};
pub use class::{Class, Quota};
pub(crate) use guard::{Guard, guard};
pub use lockout::{AccountHash, Lockout, Wait};
pub use settings::{InvalidQuota, QuotaChange, Quotas, Settings};
pub use slots::{Slot, Slots};

use crate::origins::AllowedOrigins;
use credential::Accepted;
use limiter::Limiter;
use scanledger_domain::code_host::InstalledRepository;
use scanledger_domain::identity::Credential;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use ticks::Ticks;

/// Header fields of a request; beyond them it is answered 431.
pub const HEAD_FIELDS: usize = 100;
/// Bytes of a request's line and header fields together; beyond them it is answered 431.
pub const HEAD_BYTES: usize = 64 * 1024;
/// How long a client may take to send a request's line and header fields, and how long an idle connection is kept.
pub const HEAD_TIME: Duration = Duration::from_secs(30);

/// What clients have used of their limits. One for each server.
pub struct Limits {
    /// Failed sign-ins.
    pub lockout: Lockout,
    /// Repositories for which a pull request is being made.
    pub fixes: Slots<InstalledRepository>,
    /// What sockets were opened with.
    pub sockets: Slots<Credential>,
    proxies: TrustedProxies,
    origins: Arc<AllowedOrigins>,
    limiters: HashMap<Class, Limiter>,
    accepted: Accepted,
}

impl Limits {
    /// Nothing is used yet.
    pub fn new(settings: &Settings) -> Self {
        Self::with_clock(settings, &Ticks::default())
    }

    fn with_clock(settings: &Settings, clock: &Ticks) -> Self {
        let limiters = Class::ALL.into_iter().filter_map(|class| {
            let quota = settings.quotas.of(class)?;
            Some((class, Limiter::new(class, quota, clock.clone())))
        });
        Self {
            lockout: Lockout::new(clock.clone()),
            fixes: Slots::default(),
            sockets: Slots::default(),
            proxies: settings.proxies.clone(),
            origins: Arc::new(settings.origins.clone()),
            limiters: limiters.collect(),
            accepted: Accepted::default(),
        }
    }

    /// The origins whose pages may ask.
    pub(crate) fn origins(&self) -> &Arc<AllowedOrigins> {
        &self.origins
    }
}
