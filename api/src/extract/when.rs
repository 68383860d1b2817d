//! The instant a read is about.

use crate::app::App;
use crate::auth::Caller;
use crate::problem::Problem;
use scanledger_domain::log::Position;
use scanledger_domain::time::Timestamp;
use scanledger_projections::At;
use serde::Deserialize;
use utoipa::IntoParams;

/// The instant a read is about; without any, now.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub struct AtIn {
    /// As of an instant (RFC 3339) or a position of the log.
    pub as_of: Option<String>,
    /// As of the results of this scan.
    pub as_of_scan: Option<String>,
}

/// Reads an instant: a position, the id of a scan, or RFC 3339.
pub fn parse_at(text: &str) -> Option<At> {
    if let Ok(position) = text.parse() {
        return Some(At::Position(Position(position)));
    }
    if let Ok(scan) = text.parse() {
        return Some(At::Scan(scan));
    }
    instant(text).map(At::Instant)
}

fn instant(text: &str) -> Option<Timestamp> {
    // The `+` of an offset that was not encoded has become a space.
    Timestamp::parse_rfc3339(&text.replace(' ', "+"))
}

/// Reads the instant that parameter `name` says.
///
/// # Errors
/// 400 for what is not RFC 3339.
pub fn parse_instant(name: &str, text: &str) -> Result<Timestamp, Problem> {
    instant(text).ok_or_else(|| Problem::invalid(name, "must be an instant (RFC 3339)"))
}

impl Caller {
    /// The instant that a request is about.
    ///
    /// # Errors
    /// 400 if it is none or there are two, 403 or 404 for a scan that is not for the caller.
    pub async fn at(&self, app: &App, at: &AtIn) -> Result<At, Problem> {
        match (&at.as_of, &at.as_of_scan) {
            (None, None) => Ok(At::Now),
            (Some(at), None) => self.instant(app, "asOf", at).await,
            (None, Some(scan)) => self.instant_of_scan(app, scan).await,
            (Some(_), Some(_)) => Err(Problem::invalid("asOf", "only one of asOf and asOfScan can be given")),
        }
    }

    /// The instant that parameter `name` says.
    ///
    /// # Errors
    /// As [`Self::at`].
    pub async fn instant(&self, app: &App, name: &str, text: &str) -> Result<At, Problem> {
        let expected = "must be an instant (RFC 3339), a position of the log, or the id of a scan";
        let at = parse_at(text).ok_or_else(|| Problem::invalid(name, expected))?;
        if let At::Scan(scan) = at {
            self.may_scan(app, scan).await?;
        }
        Ok(at)
    }

    /// The end of the scan that a parameter names.
    ///
    /// # Errors
    /// As [`Self::at`].
    pub async fn instant_of_scan(&self, app: &App, scan: &str) -> Result<At, Problem> {
        let scan = scan.parse().map_err(|_| Problem::missing("scan"))?;
        self.may_scan(app, scan).await?;
        Ok(At::Scan(scan))
    }
}

#[cfg(test)]
mod tests {
    use super::parse_at;
    use scanledger_domain::id::ScanId;
    use scanledger_domain::log::Position;
    use scanledger_domain::time::Timestamp;
    use scanledger_projections::At;
    use uuid::Uuid;

    #[test]
    fn an_instant_is_a_position_a_scan_or_a_date() {
        let instant = Some(At::Instant(Timestamp(1_795_255_200_000_000)));
        assert_eq!(parse_at("42"), Some(At::Position(Position(42))));
        assert_eq!(
            parse_at("00000000-0000-0000-0000-000000000007"),
            Some(At::Scan(ScanId(Uuid::from_u128(7))))
        );
        assert_eq!(parse_at("2026-11-21T10:00:00Z"), instant);
        assert_eq!(parse_at("2026-11-21T11:00:00+01:00"), instant);
        assert_eq!(parse_at("2026-11-21T11:00:00 01:00"), instant);
        for bad in ["", "-1", "yesterday", "2026-11-21", "99999999999999999999999"] {
            assert_eq!(parse_at(bad), None, "{bad}");
        }
    }
}
