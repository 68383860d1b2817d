//! Failed sign-ins: whoever guesses is slowed down, and nobody can shut out the owner of an account.
//!
//! Two things are counted. Failures of one network at one account make that network wait longer and longer. Failures
//! of all networks from which nobody ever signed in to an account make every such network wait once before its
//! first try; each waits on its own, so that a crowd of guessers takes nobody's turn. A network from which the
//! account was signed in to knows only its own failures, and waits for seconds at most.
//!
//! All of it is in memory, per node, and of bounded size; the limit of sign-ins per address
//! ([`Class::Login`](super::Class::Login)) holds beside it.

use super::address::{ClientAddress, Network};
use super::ticks::Ticks;
use hashlink::LruCache;
use parking_lot::Mutex;
use std::time::Duration;
use thiserror::Error;

/// An account: a keyed hash of its normalised e-mail address, whether or not there is one.
pub type AccountHash = [u8; 32];

/// Failures of a network that cost nothing: people mistype.
const FREE_FAILURES: u32 = 4;
/// The longest a network waits after a failure, in seconds.
const MAX_WAIT_SECONDS: u32 = 15 * 60;
/// The longest a network waits from which the account was signed in to, in seconds.
const MAX_KNOWN_WAIT_SECONDS: u32 = 10;
/// After how long without another failure a network's failures are forgotten.
const FORGET: Duration = Duration::from_secs(24 * 3_600);
/// Failures of unknown networks that an account bears before newcomers have to wait.
const FREE_PRESSURE: u32 = 20;
/// The longest a newcomer waits before its first try, in seconds.
const MAX_NEWCOMER_WAIT_SECONDS: u32 = 60;
/// After how long one failure of an unknown network is forgotten.
const PRESSURE_PERIOD: Duration = Duration::from_secs(60);

/// Networks at accounts whose failures are remembered.
const KEPT_FAILURES: usize = 50_000;
/// Accounts whose failures are counted over all networks.
const KEPT_ACCOUNTS: usize = 20_000;
/// Networks from which accounts were signed in to. Nobody gets in here without a password, or pushes others out.
const KEPT_KNOWN: usize = 50_000;

/// How long to wait before the next try, in seconds; at least 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("there were too many failed sign-ins; try again in {seconds} s")]
pub struct Wait {
    /// For `Retry-After`.
    pub seconds: u32,
}

/// Failed sign-ins.
pub struct Lockout {
    clock: Ticks,
    memory: Mutex<Memory>,
}

/// An account as somebody sees it who tries from one network.
type Door = (AccountHash, Network);

struct Memory {
    failures: LruCache<Door, Failures>,
    accounts: LruCache<AccountHash, Pressure>,
    known: LruCache<Door, ()>,
}

/// What one network did at one account.
#[derive(Debug, Clone, Copy)]
struct Failures {
    count: u32,
    not_before: Duration,
    last: Duration,
}

/// How many failures of unknown networks an account has borne of late.
#[derive(Debug, Clone, Copy)]
struct Pressure {
    count: u32,
    since: Duration,
}

impl Lockout {
    /// Nothing has failed yet.
    pub(super) fn new(clock: Ticks) -> Self {
        let memory = Memory {
            failures: LruCache::new(KEPT_FAILURES),
            accounts: LruCache::new(KEPT_ACCOUNTS),
            known: LruCache::new(KEPT_KNOWN),
        };
        Self { clock, memory: Mutex::new(memory) }
    }

    /// Whether somebody may try to sign in to an account now. Ask before looking at the password, and for accounts
    /// that do not exist too.
    ///
    /// # Errors
    /// How long to wait, if not.
    pub fn check(&self, account: AccountHash, address: ClientAddress) -> Result<(), Wait> {
        let now = self.clock.elapsed();
        let door = (account, address.network());
        let mut memory = self.memory.lock();
        if let Some(failures) = memory.failures_of(&door, now) {
            return until(failures.not_before, now);
        }
        if memory.known.get(&door).is_some() {
            return Ok(());
        }
        let seconds = newcomer_wait(memory.pressure_of(&account, now));
        if seconds == 0 {
            return Ok(());
        }
        let not_before = now + Duration::from_secs(seconds.into());
        memory.failures.insert(door, Failures { count: 0, not_before, last: now });
        Err(Wait { seconds })
    }

    /// Takes note that somebody tried and failed.
    pub fn failed(&self, account: AccountHash, address: ClientAddress) {
        let now = self.clock.elapsed();
        let door = (account, address.network());
        let mut memory = self.memory.lock();
        let is_known = memory.known.get(&door).is_some();
        let count = memory.failures_of(&door, now).map_or(0, |failures| failures.count).saturating_add(1);
        let mut seconds = failure_wait(count);
        if is_known {
            seconds = seconds.min(MAX_KNOWN_WAIT_SECONDS);
        } else {
            let count = memory.pressure_of(&account, now).saturating_add(1);
            memory.accounts.insert(account, Pressure { count, since: now });
        }
        let not_before = now + Duration::from_secs(seconds.into());
        memory.failures.insert(door, Failures { count, not_before, last: now });
    }

    /// Takes note that somebody signed in.
    pub fn succeeded(&self, account: AccountHash, address: ClientAddress) {
        let door = (account, address.network());
        let mut memory = self.memory.lock();
        memory.failures.remove(&door);
        memory.known.insert(door, ());
    }
}

impl Memory {
    fn failures_of(&mut self, door: &Door, now: Duration) -> Option<Failures> {
        self.failures.get(door).copied().filter(|failures| now.saturating_sub(failures.last) < FORGET)
    }

    /// Failures of unknown networks, of which one is forgotten every [`PRESSURE_PERIOD`].
    fn pressure_of(&mut self, account: &AccountHash, now: Duration) -> u32 {
        let Some(pressure) = self.accounts.get(account) else { return 0 };
        let forgotten = now.saturating_sub(pressure.since).as_secs() / PRESSURE_PERIOD.as_secs();
        pressure.count.saturating_sub(u32::try_from(forgotten).unwrap_or(u32::MAX))
    }
}

/// Twice as long after each failure that is not free, in seconds.
fn failure_wait(count: u32) -> u32 {
    match count.checked_sub(FREE_FAILURES + 1) {
        None => 0,
        Some(doublings) => 1_u32.checked_shl(doublings).unwrap_or(u32::MAX).clamp(1, MAX_WAIT_SECONDS),
    }
}

/// One second more for each failure that is not free, in seconds.
fn newcomer_wait(pressure: u32) -> u32 {
    pressure.saturating_sub(FREE_PRESSURE).min(MAX_NEWCOMER_WAIT_SECONDS)
}

fn until(not_before: Duration, now: Duration) -> Result<(), Wait> {
    let left = not_before.saturating_sub(now);
    if left.is_zero() {
        return Ok(());
    }
    let seconds = left.as_secs() + u64::from(left.subsec_nanos() > 0);
    Err(Wait { seconds: u32::try_from(seconds).unwrap_or(u32::MAX) })
}

#[cfg(test)]
mod tests {
    use super::super::ticks::Standing;
    use super::{ClientAddress, KEPT_ACCOUNTS, KEPT_FAILURES, KEPT_KNOWN, Lockout, Wait};
    use proptest::prelude::{any, prop, prop_assert, proptest};
    use std::net::{IpAddr, Ipv4Addr};

    const OWNER: [u8; 32] = [1; 32];
    const HOME: u32 = 0xcb00_7109;
    const CAFE: u32 = 0xc633_6401;

    struct World {
        clock: Standing,
        lockout: Lockout,
    }

    fn address(number: u32) -> ClientAddress {
        ClientAddress(IpAddr::V4(Ipv4Addr::from(number)))
    }

    fn given() -> World {
        let clock = Standing::default();
        World { lockout: Lockout::new(clock.ticks()), clock }
    }

    impl World {
        fn signed_in(self, from: u32) -> Self {
            self.lockout.succeeded(OWNER, address(from));
            self
        }

        fn failed(self, times: u32, from: u32) -> Self {
            (0..times).for_each(|_| self.lockout.failed(OWNER, address(from)));
            self
        }

        /// One failure from each of so many networks.
        fn attacked_by(self, networks: u32) -> Self {
            (0..networks).for_each(|n| self.lockout.failed(OWNER, address(0x0a00_0000 + n)));
            self
        }

        fn after(self, seconds: f64) -> Self {
            self.clock.advance(seconds);
            self
        }

        #[track_caller]
        fn then_may_try(self, from: u32) -> Self {
            assert_eq!(self.lockout.check(OWNER, address(from)), Ok(()));
            self
        }

        #[track_caller]
        fn then_waits(self, seconds: u32, from: u32) -> Self {
            assert_eq!(self.lockout.check(OWNER, address(from)), Err(Wait { seconds }));
            self
        }
    }

    #[test]
    fn the_first_failures_cost_nothing() {
        given().failed(4, CAFE).then_may_try(CAFE);
    }

    #[test]
    fn a_network_waits_twice_as_long_after_each_further_failure() {
        given().failed(5, CAFE).then_waits(1, CAFE).after(1.0).then_may_try(CAFE);
        given().failed(6, CAFE).then_waits(2, CAFE);
        given()
            .failed(9, CAFE)
            .then_waits(16, CAFE)
            .after(15.5)
            .then_waits(1, CAFE)
            .after(0.5)
            .then_may_try(CAFE);
        given().failed(15, CAFE).then_waits(900, CAFE);
        given().failed(500, CAFE).then_waits(900, CAFE);
    }

    #[test]
    fn a_networks_failures_make_no_other_network_wait() {
        given().failed(15, CAFE).then_may_try(HOME);
    }

    #[test]
    fn failures_end_with_a_sign_in_or_after_a_day() {
        given().failed(15, CAFE).signed_in(CAFE).then_may_try(CAFE).failed(4, CAFE).then_may_try(CAFE);
        given().failed(8, CAFE).after(86_400.0).failed(1, CAFE).then_may_try(CAFE);
    }

    #[test]
    fn an_account_under_attack_makes_newcomers_wait_once_and_each_on_its_own() {
        let world = given().attacked_by(20).then_may_try(CAFE).attacked_by(10).then_waits(10, CAFE);
        let world = world.attacked_by(500).after(10.0).then_may_try(CAFE);
        world.then_waits(60, HOME).after(60.0).then_may_try(HOME);
    }

    #[test]
    fn an_attack_is_forgotten_minute_by_minute() {
        given().attacked_by(25).after(120.0).then_waits(3, CAFE);
        given().attacked_by(25).after(300.0).then_may_try(CAFE);
    }

    #[test]
    fn nobody_can_make_the_owner_wait_where_they_signed_in_before() {
        given().signed_in(HOME).attacked_by(10_000).then_may_try(HOME);
    }

    #[test]
    fn an_attack_from_the_owners_own_network_costs_the_owner_seconds() {
        given().signed_in(HOME).failed(500, HOME).then_waits(10, HOME).after(10.0).then_may_try(HOME);
    }

    #[test]
    fn failures_at_a_known_network_do_not_count_against_newcomers() {
        given().signed_in(HOME).failed(500, HOME).then_may_try(CAFE);
    }

    #[test]
    fn accounts_are_counted_apart() {
        let world = given().attacked_by(500).failed(15, CAFE);
        assert_eq!(world.lockout.check([2; 32], address(CAFE)), Ok(()));
    }

    #[test]
    fn memory_has_a_bound_and_strangers_do_not_push_out_who_signed_in() {
        let world = given().signed_in(HOME);
        let most = KEPT_FAILURES.max(KEPT_ACCOUNTS) as u32 + 1;
        for n in 0..most {
            let mut account = [0; 32];
            account[..4].copy_from_slice(&n.to_be_bytes());
            world.lockout.failed(account, address(n));
        }
        {
            let memory = world.lockout.memory.lock();
            assert_eq!(memory.failures.len(), KEPT_FAILURES);
            assert_eq!(memory.accounts.len(), KEPT_ACCOUNTS);
        }
        let world = world.attacked_by(100).then_may_try(HOME);
        (0..=KEPT_KNOWN as u32).for_each(|n| world.lockout.succeeded(OWNER, address(n)));
        assert_eq!(world.lockout.memory.lock().known.len(), KEPT_KNOWN);
    }

    proptest! {
        #[test]
        fn whatever_others_do_the_owner_gets_in_after_a_minute_anywhere_and_at_once_at_home(
            strangers in prop::collection::vec((any::<u8>(), any::<bool>(), 0..600_u32), 0..200),
        ) {
            let world = given().signed_in(HOME);
            for (network, tries, pause) in strangers {
                let from = address(0x0a00_0000 + u32::from(network));
                match tries {
                    true => {
                        let _ = world.lockout.check(OWNER, from);
                    }
                    false => world.lockout.failed(OWNER, from),
                }
                world.clock.advance(f64::from(pause) / 10.0);
            }
            prop_assert!(world.lockout.check(OWNER, address(HOME)).is_ok());
            let first = world.lockout.check(OWNER, address(CAFE));
            prop_assert!(first.is_ok() || first.is_err_and(|wait| wait.seconds <= 60));
            world.clock.advance(60.0);
            prop_assert!(world.lockout.check(OWNER, address(CAFE)).is_ok());
        }
    }
}
