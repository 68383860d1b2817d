//! Telling other nodes what was committed here: `NOTIFY` after the commit, on a connection of its own.
//!
//! Within the transaction it would cost each append a lock that all of the server's databases share, and each listener
//! would be woken for each commit. Who misses one, because the node died in between, looks by itself soon.

use crate::connect::{PATIENCE, PAUSES, connect, options, within};
use crate::news::CHANNEL;
use scanledger_domain::log::Position;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::sleep;

/// How long what is committed waits, once something was announced: one notification for all of it.
const PACE: Duration = Duration::from_millis(5);

/// Announces how far the log has come, until nobody appends here any more.
pub(crate) async fn announce(base: PgConnectOptions, mut committed: watch::Receiver<Position>) {
    // A notification takes a transaction id, and would wait for the disk, and appends for it, with nothing to keep.
    let options = options(&base, PATIENCE).options([("synchronous_commit", "off")]);
    let mut connection = None;
    let [shortest, longest] = PAUSES;
    let mut pause = shortest;
    while committed.changed().await.is_ok() {
        let position = *committed.borrow_and_update();
        match notify(&options, &mut connection, position).await {
            Ok(()) => {
                pause = shortest;
                sleep(PACE).await;
            }
            Err(error) => {
                tracing::debug!(error = %error, "new events were not announced");
                connection = None;
                // Others look every now and then; what comes next is announced again.
                sleep(pause).await;
                pause = longest.min(pause * 2);
            }
        }
    }
}

async fn notify(
    options: &PgConnectOptions,
    connection: &mut Option<PgConnection>,
    position: Position,
) -> sqlx::Result<()> {
    let present = match connection.take() {
        Some(present) => present,
        None => connect(options).await?,
    };
    let present = connection.insert(present);
    let notify = sqlx::query("SELECT pg_notify($1, $2)").bind(CHANNEL).bind(position.0.to_string());
    within(PATIENCE, notify.execute(present)).await.map(drop)
}
