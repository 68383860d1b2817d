//! How often an organization may have documents searched (GitGuardian reference §1.4).

use crate::limits::DOCUMENT_CALLS_DAYS;
use crate::time::Timestamp;

/// How often an organization may have documents searched, and how often it had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// Requests that it may make.
    pub limit: u64,
    /// Requests that it made.
    pub used: u64,
}

impl Allowance {
    /// The beginning of the first day that counts at `now` (UTC).
    pub const fn since(now: Timestamp) -> Timestamp {
        Timestamp(0).plus_days(now.day() - (DOCUMENT_CALLS_DAYS as i64 - 1))
    }

    /// Requests that it may still make.
    pub const fn remaining(self) -> u64 {
        self.limit.saturating_sub(self.used)
    }

    /// Whether it may make no more.
    pub const fn is_used_up(self) -> bool {
        self.remaining() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::Allowance;
    use crate::time::Timestamp;

    #[test]
    fn thirty_days_count_and_today_is_one_of_them() {
        for time in ["2026-11-21T00:00:00Z", "2026-11-21T23:59:59Z"] {
            let now = Timestamp::parse_rfc3339(time).unwrap();
            assert_eq!(Allowance::since(now).to_rfc3339_millis(), "2026-10-23T00:00:00.000Z");
        }
    }

    #[test]
    fn the_last_request_is_allowed_and_the_next_is_not() {
        let allowance = |used| Allowance { limit: 2, used };
        assert_eq!((allowance(1).remaining(), allowance(1).is_used_up()), (1, false));
        assert_eq!((allowance(2).remaining(), allowance(2).is_used_up()), (0, true));
        assert!(allowance(3).is_used_up());
    }
}
