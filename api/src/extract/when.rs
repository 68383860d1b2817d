//! The instant a read is about.

use crate::app::App;
use crate::auth::Caller;
use crate::problem::Problem;
use scanledger_domain::identity::Resource;
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

/// Reads the instant that parameter `name` says, whether or not its scan is for the caller.
///
/// # Errors
/// 400 if it is none.
pub fn parse_at_of(name: &str, text: &str) -> Result<At, Problem> {
    let expected = "must be an instant (RFC 3339), a position of the log, or the id of a scan";
    parse_at(text).ok_or_else(|| Problem::invalid(name, expected))
}

/// The end of the scan that a parameter names, whether or not it is for the caller.
///
/// # Errors
/// 404 for what is no id.
pub fn parse_scan(text: &str) -> Result<At, Problem> {
    text.parse().map(At::Scan).map_err(|_| Problem::missing("scan"))
}

impl AtIn {
    /// The instant, whether or not its scan is for the caller.
    ///
    /// # Errors
    /// 400 if it is none or there are two, 404 for a scan whose id is none.
    pub fn parse(&self) -> Result<At, Problem> {
        match (&self.as_of, &self.as_of_scan) {
            (None, None) => Ok(At::Now),
            (Some(at), None) => parse_at_of("asOf", at),
            (None, Some(scan)) => parse_scan(scan),
            (Some(_), Some(_)) => Err(Problem::invalid("asOf", "only one of asOf and asOfScan can be given")),
        }
    }
}

impl Caller {
    /// The instant that a request is about. Nothing of the scan that says it is given, so nothing is recorded of it.
    ///
    /// # Errors
    /// 400 if it is none or there are two, 403 or 404 for a scan that is not for the caller.
    pub async fn at(&self, app: &App, wanted: &AtIn) -> Result<At, Problem> {
        let at = wanted.parse()?;
        if let At::Scan(scan) = at {
            let scope = app.views.scope_of_scan(scan).await?;
            self.may_or_record(app, Resource::Project(scope)).await?;
        }
        Ok(at)
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
