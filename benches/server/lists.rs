//! What reading costs: pages of findings, now and in the past, and the audit log.

use crate::client::{Client, Load, Until, load};
use crate::process::Server;
use crate::table::Table;
use anyhow::Result;
use std::time::Duration;

/// How long each row is measured with one connection, and again with many.
const SPELL: Until = Until::Elapsed(Duration::from_millis(1_500));
const CONNECTIONS: usize = 16;
/// Before a row is measured.
const WARM_UP: Until = Until::Elapsed(Duration::from_millis(200));

/// Moments that nobody has looked at before.
const FIRST_LOOKS: u64 = 400;

/// A row: what, its query, and what it may cost.
struct Wanted {
    what: &'static str,
    query: &'static str,
    cpu_ms: f64,
    rate: Option<f64>,
}

const LISTS: [Wanted; 7] = [
    quick("first page", "page=1"),
    quick("last page", "page=1000"),
    quick("by severity", "severity=HIGH"),
    quick("by status", "status=FALSE_POSITIVE"),
    quick("text search with 100 hits", "q=group7"),
    Wanted { what: "page 500", query: "page=500", cpu_ms: 4.0, rate: None },
    Wanted { what: "text search that hits half the rows", query: "q=left", cpu_ms: 10.0, rate: None },
];

const fn quick(what: &'static str, query: &'static str) -> Wanted {
    Wanted { what, query, cpu_ms: 1.0, rate: Some(1_500.0) }
}

/// The same request with one connection and with many.
struct Both {
    one: Load,
    many: Load,
    /// Of the body.
    bytes: usize,
    /// What the answer says there is in total.
    total: u64,
}

impl Both {
    fn shown(&self) -> String {
        format!(
            "{:.3} ms CPU; at {CONNECTIONS}: {:.0}/s, {:.3} ms CPU and {:.3} of the client",
            self.one.cpu_ms(),
            self.many.rate(),
            self.many.cpu_ms(),
            self.many.client * 1e3 / self.many.requests as f64,
        )
    }
}

async fn both(server: &Server, client: &Client, path: &str) -> Result<Both> {
    let request = client.get(path);
    let body = client.ask_bytes(&request).await?;
    let total =
        serde_json::from_slice::<serde_json::Value>(&body)?["pagination"]["total"].as_u64().unwrap_or(0);
    load(server, client, 1, vec![request.clone()], WARM_UP).await?;
    let one = load(server, client, 1, vec![request.clone()], SPELL).await?;
    let many = load(server, client, CONNECTIONS, vec![request], SPELL).await?;
    Ok(Both { one, many, bytes: body.len(), total })
}

/// Pages of a scan's findings.
pub async fn measure(server: &Server, client: &Client, scan: &str, table: &mut Table) -> Result<()> {
    let bare = both(server, client, "/health").await?;
    table.add("`GET /health`", "", bare.shown(), String::new(), None)?;
    for wanted in LISTS {
        let path = format!("/api/scans/{scan}/findings?limit=100&{}", wanted.query);
        let found = both(server, client, &path).await?;
        let rate = wanted.rate.map_or(String::new(), |rate| format!(", {rate}/s"));
        table.add(
            &format!("{}: 100 of {}, {} KiB", wanted.what, found.total, found.bytes / 1024),
            &format!("< {} ms CPU{rate}", wanted.cpu_ms),
            found.shown(),
            format!("{:.1} times `GET /health`", found.one.cpu_ms() / bare.one.cpu_ms()),
            Some(
                found.one.cpu_ms() < wanted.cpu_ms
                    && wanted.rate.is_none_or(|rate| found.many.rate() >= rate),
            ),
        )?;
    }
    Ok(())
}

/// The list of a branch now and as of a position.
pub async fn measure_past(
    server: &Server,
    client: &Client,
    project: &str,
    position: u64,
    rescans: usize,
    table: &mut Table,
) -> Result<()> {
    for (what, query) in [
        ("first page", "page=1"),
        ("by severity", "severity=HIGH"),
        ("by status", "status=FALSE_POSITIVE"),
        ("page 500", "page=500"),
    ] {
        let path = format!("/api/projects/{project}/findings?limit=100&{query}");
        let now = both(server, client, &path).await?;
        let past = both(server, client, &format!("{path}&asOf={position}")).await?;
        let ratio = past.one.cpu_ms() / now.one.cpu_ms();
        table.add(
            &format!("{what} as of a third, position {position}, of a log with {rescans} rescans and 100,000 triages: 100 of {}", past.total),
            "≤ 2 times live",
            format!("{ratio:.2} times; {}", past.shown()),
            format!("live, of {}: {}", now.total, now.shown()),
            Some(ratio <= 2.0),
        )?;
        // Whoever looks at a moment for the first time walks over what had ended by then.
        let moments = (0..FIRST_LOOKS).map(|back| client.get(&format!("{path}&asOf={}", position - back)));
        let first = load(server, client, 1, moments.collect(), Until::AllSent).await?;
        table.add(
            &format!("{what}, another moment each time"),
            "",
            format!("{:.2} times; {:.3} ms CPU", first.cpu_ms() / now.one.cpu_ms(), first.cpu_ms()),
            String::new(),
            None,
        )?;
    }
    Ok(())
}

/// Searches in the audit log.
pub async fn measure_audit(server: &Server, client: &Client, finding: &str, table: &mut Table) -> Result<()> {
    let bare = both(server, client, "/health").await?;
    let searches = [
        ("that hits one finding", finding),
        ("that hits a third", "accepted"),
        ("that hits nothing", "nowhere"),
    ];
    for (what, words) in searches {
        let path = format!("/api/audit-log?q={words}&limit=50");
        let entries = client.ask(&client.get(&path)).await?["entries"].as_array().map_or(0, Vec::len);
        let found = both(server, client, &path).await?;
        table.add(
            &format!("audit search {what}: page of {entries}"),
            "< 5 ms CPU",
            found.shown(),
            format!("{:.1} times `GET /health`", found.one.cpu_ms() / bare.one.cpu_ms()),
            Some(found.one.cpu_ms() < 5.0),
        )?;
    }
    Ok(())
}
