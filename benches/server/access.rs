//! What it costs to know who asks: a request with a key beside one that needs none, and how long it takes to be
//! refused at the door, which must not say whether anybody has an address.

use crate::client::{Client, Request, Until, load};
use crate::process::Server;
use crate::table::Table;
use anyhow::{Result, ensure};
use serde_json::json;
use std::time::{Duration, Instant};

/// Accounts that are guessed at, and as many addresses that nobody has.
const ACCOUNTS: usize = 50;
/// Guesses at each. One more, and the network that guesses has to wait.
const GUESSES: usize = 4;
/// How far the two may be apart.
const LIKENESS: f64 = 0.1;

/// How long each side is measured at a time.
const SPELL: Until = Until::Elapsed(Duration::from_secs(1));
/// How often, in turns.
const ROUNDS: usize = 5;
const WARM_UP: Until = Until::Elapsed(Duration::from_millis(300));
const CONNECTIONS: usize = 16;
/// What a key may cost, in microseconds of processor time.
const KEY_US: f64 = 50.0;

/// Both.
pub async fn measure(server: &Server, client: &Client, table: &mut Table) -> Result<()> {
    key(server, client, table, 1).await?;
    key(server, client, table, CONNECTIONS).await?;
    refusals(client, table).await
}

/// `GET /v1/health` says whether a key is valid, and nothing else; `GET /health` asks for none.
async fn key(server: &Server, client: &Client, table: &mut Table, connections: usize) -> Result<()> {
    let (open, guarded) = (client.get("/health"), client.get("/v1/health"));
    let mut sides = [(open, vec![]), (guarded, vec![])];
    for (request, _) in &sides {
        load(server, client, connections, vec![request.clone()], WARM_UP).await?;
    }
    for _ in 0..ROUNDS {
        for (request, costs) in &mut sides {
            costs.push(load(server, client, connections, vec![request.clone()], SPELL).await?.cpu_ms() * 1e3);
        }
    }
    let [open, guarded] = sides.map(|(_, costs)| median(costs));
    let difference = guarded - open;
    table.add(
        &format!("an API key, connections: {connections}"),
        &format!("< {KEY_US} µs CPU"),
        format!("{difference:.1} µs CPU: `GET /v1/health` {guarded:.1}"),
        format!("`GET /health` {open:.1} µs CPU"),
        Some(difference < KEY_US),
    )
}

/// How long it takes to be told that a sign-in failed: with an address that somebody has and a wrong password, and
/// with one that nobody has. In turns, on one connection, so that nothing else differs.
async fn refusals(client: &Client, table: &mut Table) -> Result<()> {
    for number in 0..ACCOUNTS {
        let account = json!({ "email": address("somebody", number), "password": "the right password" });
        client.ask(&post(client, "/auth/register", &account)).await?;
    }
    let (mut known, mut unknown) = (vec![], vec![]);
    let mut connection = client.connect().await?;
    for turn in 0..GUESSES * ACCOUNTS {
        let mut sides = [("somebody", &mut known), ("nobody00", &mut unknown)];
        if turn % 2 == 1 {
            sides.reverse();
        }
        for (who, times) in sides {
            let guess = json!({ "email": address(who, turn % ACCOUNTS), "password": "a wrong password" });
            let request = post(client, "/auth/login", &guess);
            let began = Instant::now();
            let (status, body) = connection.round_trip(&request).await?;
            times.push(began.elapsed().as_secs_f64() * 1e3);
            ensure!(status == 401, "{status}: {}", String::from_utf8_lossy(body));
        }
    }
    let (known, unknown) = (median(known), median(unknown));
    let ratio = unknown / known;
    table.add(
        &format!("a failed sign-in, median of {}: nobody has the address", GUESSES * ACCOUNTS),
        "within 10 % of the other",
        format!("{unknown:.2} ms: {ratio:.3} times"),
        format!("somebody has it, wrong password: {known:.2} ms"),
        Some((ratio - 1.0).abs() < LIKENESS),
    )
}

fn address(who: &str, number: usize) -> String {
    format!("{who}{number:03}@example.org")
}

fn post(client: &Client, path: &str, body: &serde_json::Value) -> Request {
    client.request("POST", path, "application/json", body.to_string().as_bytes())
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
