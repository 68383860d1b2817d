//! Several nodes on one log, as processes of their own: what they agree on, and what happens when nodes, the database
//! or the bus go away.
//!
//! The servers come from `tests/services`; `bash tests/run.sh` starts them. Tests that stop a server have one of their
//! own. `SCANLEDGER_CHAOS_ROUNDS` says how many rounds of killing there are (3 unless said), `SCANLEDGER_CHAOS_SEED`
//! repeats the victims and moments of an earlier run, which prints its seed.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod balancer;
mod bus;
mod chaos;
mod copies;
mod database;
mod erasing;
mod joining;
mod keys;
mod latency;
mod losing;
mod moving;
mod nats;
mod node;
mod order;
mod outages;
mod people;
mod place;
mod restoring;
mod silence;
mod takeover;
mod together;
mod trees;
mod upgrading;
mod workers;

#[path = "../../infra/log-postgres/tests/postgres/proxy.rs"]
mod proxy;

// What writes and what checks is the same as on one node.
#[path = "../crash/archive.rs"]
mod archive;
#[path = "../crash/checks.rs"]
mod checks;
#[path = "../crash/client.rs"]
mod client;
#[path = "../crash/export.rs"]
mod export;
#[path = "../crash/load.rs"]
mod load;
