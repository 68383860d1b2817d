//! When GitHub wants to be left alone.
//! <https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api>

use chrono::DateTime;
use reqwest::StatusCode;
use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};
use scanledger_domain::time::Timestamp;
use std::time::Duration;

/// How long GitHub asks to wait after a secondary limit that does not say how long.
const SECONDARY: Duration = Duration::from_secs(60);
/// No wait is longer, whatever a header says; the limits are per hour.
const LONGEST: Duration = Duration::from_secs(3_600);

/// When an answer was given, by GitHub's clock (RFC 9110 §6.6.1).
pub(crate) fn date(headers: &HeaderMap) -> Option<Timestamp> {
    let text = headers.get(DATE)?.to_str().ok()?;
    DateTime::parse_from_rfc2822(text).ok().map(|date| date.to_utc().into())
}

/// Whether this status can mean a limit, so that headers and text have to be looked at.
pub(crate) const fn may_be_limit(status: StatusCode) -> bool {
    matches!(status, StatusCode::FORBIDDEN | StatusCode::TOO_MANY_REQUESTS)
}

/// How long GitHub wants to be left alone, if that is what an answer of such a status says. `now` is used when the
/// answer has no date.
pub(crate) fn wait(
    status: StatusCode,
    headers: &HeaderMap,
    message: &str,
    now: Timestamp,
) -> Option<Duration> {
    let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse::<u64>().ok();
    let message = message.to_ascii_lowercase();
    let is_secondary = message.contains("secondary rate limit") || message.contains("abuse detection");
    let wait = if let Some(seconds) = number(RETRY_AFTER.as_str()) {
        Duration::from_secs(seconds)
    } else if number("x-ratelimit-remaining") == Some(0) {
        let reset = number("x-ratelimit-reset").and_then(|at| i64::try_from(at).ok());
        let now = date(headers).unwrap_or(now).0.div_euclid(1_000_000);
        reset.map_or(SECONDARY, |at| Duration::from_secs(u64::try_from(at - now).unwrap_or(0)))
    } else if is_secondary || status == StatusCode::TOO_MANY_REQUESTS {
        SECONDARY
    } else {
        return None;
    };
    // A limit that ends at this moment may not have ended for all of GitHub.
    Some(wait.clamp(Duration::from_secs(1), LONGEST))
}

#[cfg(test)]
mod tests {
    use super::{date, wait};
    use reqwest::StatusCode;
    use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
    use scanledger_domain::time::Timestamp;

    const NOW: Timestamp = Timestamp(1_795_255_200_000_000);

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pair = |&(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value));
        pairs.iter().map(pair).collect()
    }

    #[track_caller]
    fn check(status: u16, pairs: &[(&'static str, &'static str)], message: &str, expected: Option<u64>) {
        let status = StatusCode::from_u16(status).unwrap();
        let wait = wait(status, &headers(pairs), message, NOW);
        assert_eq!(wait.map(|wait| wait.as_secs()), expected);
    }

    #[test]
    fn a_limit_says_how_long_in_four_ways() {
        check(403, &[("retry-after", "7")], "", Some(7));
        check(429, &[("retry-after", "7"), ("x-ratelimit-remaining", "0")], "", Some(7));
        let reset = ("x-ratelimit-reset", "1795255290");
        check(403, &[("x-ratelimit-remaining", "0"), reset], "", Some(90));
        check(403, &[], "You have exceeded a secondary rate limit.", Some(60));
        check(403, &[], "You have triggered an abuse detection mechanism.", Some(60));
        check(429, &[], "", Some(60));
    }

    #[test]
    fn the_clock_of_the_answer_counts() {
        let reset = ("x-ratelimit-reset", "1795255290");
        let dated = ("date", "Sat, 21 Nov 2026 10:01:00 GMT");
        check(403, &[("x-ratelimit-remaining", "0"), reset, dated], "", Some(30));
        assert_eq!(date(&headers(&[dated])), Some(NOW.plus_seconds(60)));
        assert_eq!(date(&headers(&[("date", "yesterday")])), None);
    }

    #[test]
    fn no_wait_is_endless_and_none_is_nothing() {
        check(403, &[("retry-after", "0")], "", Some(1));
        check(403, &[("retry-after", "99999999999")], "", Some(3_600));
        check(403, &[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1")], "", Some(1));
        check(403, &[("x-ratelimit-remaining", "0")], "", Some(60));
    }

    #[test]
    fn a_refusal_is_no_limit() {
        check(403, &[], "Resource not accessible by integration", None);
        check(403, &[("x-ratelimit-remaining", "4999")], "Must have admin rights", None);
    }
}
