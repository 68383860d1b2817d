//! Telling other nodes how far the log has come.

use async_nats::Client;
use futures::StreamExt;
use scanledger_domain::log::Position;
use std::time::Duration;
use tokio::sync::watch;
use uuid::Uuid;

/// The shortest time between two announcements; what is committed in between goes into the second.
pub(crate) const PACE: Duration = Duration::from_millis(2);

/// Where the heads of `log` are announced.
pub(crate) fn subject(log: Uuid) -> String {
    format!("scanledger.head.{log}")
}

/// Passes on what others announce on `subject`, as long as the client lives.
pub(crate) async fn listen(client: Client, subject: String, hints: watch::Sender<Position>) {
    let mut heard = match client.subscribe(subject).await {
        Ok(heard) => heard,
        Err(error) => {
            tracing::warn!(%error, "announcements of other nodes cannot be listened to");
            return;
        }
    };
    // The subscription lives without this handle, and the connection should end with the bus.
    drop(client);
    while let Some(message) = heard.next().await {
        let position = std::str::from_utf8(&message.payload).ok().and_then(|text| text.parse().ok());
        if let Some(position) = position {
            hints.send_replace(Position(position));
        }
    }
}
