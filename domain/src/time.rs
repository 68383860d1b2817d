//! Instants, as the log knows them.

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};
use std::fmt;

/// A day in microseconds: instants know no leap seconds.
const DAY: i64 = 24 * 60 * 60 * 1_000_000;

/// Microseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// RFC 3339, UTC, with milliseconds: `2026-11-21T10:00:00.000Z`.
    pub fn to_rfc3339_millis(self) -> String {
        self.to_utc().to_rfc3339_opts(SecondsFormat::Millis, true)
    }

    /// RFC 3339, UTC, with microseconds, which loses nothing.
    pub fn to_rfc3339_micros(self) -> String {
        self.to_utc().to_rfc3339_opts(SecondsFormat::Micros, true)
    }

    /// Reads RFC 3339 with any offset; `None` if it is not.
    pub fn parse_rfc3339(text: &str) -> Option<Self> {
        DateTime::parse_from_rfc3339(text).ok().map(|at| Self(at.timestamp_micros()))
    }

    /// The same instant for `chrono`; an instant outside its range becomes the epoch.
    pub fn to_utc(self) -> DateTime<Utc> {
        DateTime::from_timestamp_micros(self.0).unwrap_or_default()
    }

    /// This instant plus `seconds`.
    pub const fn plus_seconds(self, seconds: i64) -> Self {
        Self(self.0 + seconds * 1_000_000)
    }

    /// This instant plus `days`.
    pub const fn plus_days(self, days: i64) -> Self {
        Self(self.0 + days * DAY)
    }

    /// The day of this instant, counted from 1970-01-01 (UTC).
    pub const fn day(self) -> i64 {
        self.0.div_euclid(DAY)
    }
}

impl From<DateTime<Utc>> for Timestamp {
    fn from(at: DateTime<Utc>) -> Self {
        Self(at.timestamp_micros())
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_rfc3339_millis())
    }
}

/// Where the time comes from. Passed in, so that tests are repeatable.
pub trait Clock: Send + Sync {
    /// The present instant.
    fn now(&self) -> Timestamp;
}

#[cfg(test)]
mod tests {
    use super::Timestamp;
    use proptest::prelude::{prop_assert_eq, proptest};

    /// 2026-11-21T10:00:00.123456Z.
    const INSTANT: Timestamp = Timestamp(1_795_255_200_123_456);

    #[test]
    fn instants_are_written_in_utc() {
        assert_eq!(INSTANT.to_rfc3339_millis(), "2026-11-21T10:00:00.123Z");
        assert_eq!(INSTANT.to_rfc3339_micros(), "2026-11-21T10:00:00.123456Z");
        assert_eq!(INSTANT.to_string(), "2026-11-21T10:00:00.123Z");
        assert_eq!(Timestamp::default().to_string(), "1970-01-01T00:00:00.000Z");
        assert_eq!(Timestamp(-1).to_rfc3339_micros(), "1969-12-31T23:59:59.999999Z");
    }

    #[test]
    fn instants_are_read_with_any_offset() {
        for text in [
            "2026-11-21T10:00:00.123456Z",
            "2026-11-21T10:00:00.123456789Z",
            "2026-11-21T11:00:00.123456+01:00",
            "2026-11-20T22:00:00.123456-12:00",
        ] {
            assert_eq!(Timestamp::parse_rfc3339(text), Some(INSTANT), "{text}");
        }
        for text in ["", "2026-11-21", "2026-11-21T10:00:00", "2026-13-01T00:00:00Z", "1795255200"] {
            assert_eq!(Timestamp::parse_rfc3339(text), None, "{text}");
        }
    }

    #[test]
    fn an_instant_that_no_calendar_knows_is_shown_as_the_epoch() {
        assert_eq!(Timestamp(i64::MAX).to_string(), "1970-01-01T00:00:00.000Z");
    }

    #[test]
    fn seconds_are_added_as_microseconds() {
        assert_eq!(Timestamp(5).plus_seconds(2), Timestamp(2_000_005));
        assert_eq!(Timestamp(5).plus_seconds(-1), Timestamp(-999_995));
        assert!(Timestamp(5) < Timestamp(5).plus_seconds(1));
    }

    #[test]
    fn days_begin_at_midnight_and_have_all_their_seconds() {
        let noon = Timestamp::parse_rfc3339("2026-11-21T12:00:00Z").unwrap();
        assert_eq!(noon.plus_days(2), noon.plus_seconds(2 * 86_400));
        assert_eq!(noon.plus_seconds(-12 * 3_600).day(), noon.day());
        assert_eq!(noon.plus_seconds(12 * 3_600).day(), noon.day() + 1);
        assert_eq!((Timestamp(0).day(), Timestamp(-1).day()), (0, -1));
    }

    proptest! {
        #[test]
        fn microseconds_lose_nothing(micros in -62_135_596_800_000_000_i64..253_402_300_800_000_000) {
            let instant = Timestamp(micros);
            prop_assert_eq!(Timestamp::parse_rfc3339(&instant.to_rfc3339_micros()), Some(instant));
            prop_assert_eq!(Timestamp::from(instant.to_utc()), instant);
        }
    }
}
