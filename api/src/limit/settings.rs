//! What an operator may change about limits.

use super::address::TrustedProxies;
use super::class::{Class, Quota};
use crate::origins::AllowedOrigins;
use std::collections::HashMap;
use std::str::FromStr;
use thiserror::Error;

/// The most requests in a window that can be set.
const MAX_LIMIT: u32 = 1_000_000;
/// The longest window that can be set: a day, in seconds.
const MAX_WINDOW_SECONDS: u32 = 86_400;

/// What an operator may change about limits; the default trusts no proxy, lets no page of another origin ask, and has
/// the quotas of the table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    /// The proxies that may say for whom they ask.
    pub proxies: TrustedProxies,
    /// The origins whose pages may ask.
    pub origins: AllowedOrigins,
    /// How much each class may do.
    pub quotas: Quotas,
}

/// How much each class may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quotas(HashMap<Class, Quota>);

impl Default for Quotas {
    fn default() -> Self {
        Self(Class::ALL.into_iter().map(|class| (class, class.line().quota)).collect())
    }
}

impl FromIterator<QuotaChange> for Quotas {
    /// The quotas of the table, changed one after the other.
    fn from_iter<I: IntoIterator<Item = QuotaChange>>(changes: I) -> Self {
        changes.into_iter().fold(Self::default(), |mut quotas, change| {
            match change {
                QuotaChange::AllOff => quotas.0.clear(),
                QuotaChange::Off(class) => {
                    quotas.0.remove(&class);
                }
                QuotaChange::Set(class, quota) => {
                    quotas.0.insert(class, quota);
                }
            }
            quotas
        })
    }
}

impl Quotas {
    /// No limits at all.
    pub fn off() -> Self {
        Self::from_iter([QuotaChange::AllOff])
    }

    /// How much this class may do; none if it is not limited.
    pub(super) fn of(&self, class: Class) -> Option<Quota> {
        self.0.get(&class).copied()
    }
}

/// A change to the quotas, as configured: `off`, `login=off`, `login=5/60s`, `general=6000/1m/1000`. The last number
/// is how many may come at once; without it, all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QuotaChange {
    /// No limits at all.
    AllOff,
    /// No limit for a class.
    Off(Class),
    /// Another limit for a class.
    Set(Class, Quota),
}

/// Why a change to the quotas is not valid.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum InvalidQuota {
    /// There is no such class.
    #[error("expected one of {}", names())]
    Class,
    /// It is not of the form.
    #[error(
        "expected `off`, CLASS=off or CLASS=LIMIT/WINDOW[/BURST], such as login=5/60s or general=6000/1m/1000"
    )]
    Malformed,
    /// A number is too small or too large.
    #[error(
        "a limit is 1 to {MAX_LIMIT}, a window 1 to {MAX_WINDOW_SECONDS} seconds, and a burst 1 to the limit"
    )]
    OutOfRange,
}

fn names() -> String {
    Class::ALL.map(Class::name).join(", ")
}

impl FromStr for QuotaChange {
    type Err = InvalidQuota;

    fn from_str(text: &str) -> Result<Self, InvalidQuota> {
        if text == "off" {
            return Ok(Self::AllOff);
        }
        let (class, quota) = text.split_once('=').ok_or(InvalidQuota::Malformed)?;
        let class = class.parse().map_err(|()| InvalidQuota::Class)?;
        if quota == "off" {
            return Ok(Self::Off(class));
        }
        Ok(Self::Set(class, quota.parse()?))
    }
}

impl FromStr for Quota {
    type Err = InvalidQuota;

    fn from_str(text: &str) -> Result<Self, InvalidQuota> {
        let number = |text: &str| text.parse::<u32>().map_err(|_| InvalidQuota::Malformed);
        let mut parts = text.split('/');
        let limit = number(parts.next().unwrap_or_default())?;
        let window_seconds = seconds(parts.next().unwrap_or_default())?;
        let burst = parts.next().map_or(Ok(limit), number)?;
        if parts.next().is_some() {
            return Err(InvalidQuota::Malformed);
        }
        let is_in_range = (1..=MAX_LIMIT).contains(&limit)
            && (1..=MAX_WINDOW_SECONDS).contains(&window_seconds)
            && (1..=limit).contains(&burst);
        if !is_in_range {
            return Err(InvalidQuota::OutOfRange);
        }
        Ok(Self { limit, window_seconds, burst })
    }
}

/// `60s`, `15m`, `1h`.
fn seconds(text: &str) -> Result<u32, InvalidQuota> {
    let units = [('s', 1), ('m', 60), ('h', 3_600)];
    let found = units.into_iter().find_map(|(unit, seconds)| Some((text.strip_suffix(unit)?, seconds)));
    let (number, unit) = found.ok_or(InvalidQuota::Malformed)?;
    let number: u32 = number.parse().map_err(|_| InvalidQuota::Malformed)?;
    number.checked_mul(unit).ok_or(InvalidQuota::OutOfRange)
}

#[cfg(test)]
mod tests {
    use super::{Class, InvalidQuota, Quota, QuotaChange, Quotas};

    fn parse(text: &str) -> Result<QuotaChange, InvalidQuota> {
        text.parse()
    }

    #[test]
    fn quotas_are_written_as_limit_window_and_burst() {
        let set = |class, limit, window_seconds, burst| {
            Ok(QuotaChange::Set(class, Quota { limit, window_seconds, burst }))
        };
        assert_eq!(parse("login=5/60s"), set(Class::Login, 5, 60, 5));
        assert_eq!(parse("register=20/15m"), set(Class::Register, 20, 900, 20));
        assert_eq!(parse("general=6000/1m/1000"), set(Class::General, 6_000, 60, 1_000));
        assert_eq!(parse("export=1000000/24h/1"), set(Class::Export, 1_000_000, 86_400, 1));
        assert_eq!(parse("upload=off"), Ok(QuotaChange::Off(Class::Upload)));
        assert_eq!(parse("off"), Ok(QuotaChange::AllOff));
    }

    #[test]
    fn what_is_no_quota_is_refused_with_what_is_wrong() {
        for bad in
            ["", "login", "login=", "login=5", "login=5/60", "login=5/s", "login=-5/60s", "login=5/60s/5/5"]
        {
            assert_eq!(parse(bad), Err(InvalidQuota::Malformed), "{bad}");
        }
        for bad in [
            "login=0/60s",
            "login=1000001/60s",
            "login=5/0s",
            "login=5/25h",
            "login=5/4294967295h",
            "login=5/60s/0",
            "login=5/60s/6",
        ] {
            assert_eq!(parse(bad), Err(InvalidQuota::OutOfRange), "{bad}");
        }
        assert_eq!(parse("logins=5/60s"), Err(InvalidQuota::Class));
        assert!(InvalidQuota::Class.to_string().contains("login, register"));
    }

    #[test]
    fn changes_count_in_their_order() {
        let quotas = |changes: &[&str]| changes.iter().map(|text| parse(text).unwrap()).collect::<Quotas>();
        assert_eq!(quotas(&[]), Quotas::default());
        let changed = quotas(&["off", "login=3/60s"]);
        assert_eq!(changed.of(Class::Login), Some(Quota { limit: 3, window_seconds: 60, burst: 3 }));
        assert_eq!(changed.of(Class::General), None);
        assert_eq!(quotas(&["login=3/60s", "off"]), Quotas::off());
        assert_eq!(quotas(&["login=off"]).of(Class::General), Some(Class::General.line().quota));
    }
}
