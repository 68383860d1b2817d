//! From the log to the stream of events.

use crate::PATIENCE;
use crate::error::{BusError, not_published};
use crate::options::BusOptions;
use crate::state::{BusState, Link};
use crate::stream::{EVENTS, LOG, POSITION, Reached, reached};

use async_nats::header::NATS_MESSAGE_ID;
use async_nats::jetstream::context::{Context, ContextBuilder, PublishError};
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::publish::PublishAck;
use async_nats::{Client, HeaderMap};
use futures::stream::FuturesOrdered;
use futures::{FutureExt, StreamExt};
use scanledger_domain::BoxFuture;
use scanledger_domain::log::{Envelope, EventLog, Metadata, Recorded};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// Events on their way that the server has not acknowledged yet.
const WINDOW_EVENTS: usize = 4_096;
/// Bytes of them, after which no more are sent.
const WINDOW_BYTES: usize = 8 * 1024 * 1024;

/// The first and the longest pause after a failure.
const PAUSES: [Duration; 2] = [Duration::from_millis(20), Duration::from_secs(5)];

/// The subject of an event: `scanledger.events.<organization>.<type>`. The type's dots make further tokens, so that
/// `scanledger.events.*.finding.>` are all organizations' findings. The events of the whole installation have
/// `installation` for the organization.
fn subject(event: &Recorded) -> Result<String, serde_json::Error> {
    let kind = &event.kind;
    Ok(match Metadata::decode(&event.metadata)?.organization {
        Some(organization) => format!("scanledger.events.{organization}.{kind}"),
        None => format!("scanledger.events.installation.{kind}"),
    })
}

/// Publishes a log.
pub(crate) struct Publisher<'a> {
    pub(crate) client: &'a Client,
    pub(crate) options: &'a BusOptions,
    pub(crate) state: &'a watch::Sender<BusState>,
    pub(crate) log: Arc<dyn EventLog>,
    /// The last place that the server has confirmed.
    pub(crate) reached: Option<Reached>,
}

/// An event that was sent.
struct Sent {
    reached: Reached,
    bytes: usize,
}

/// What was sent and is not acknowledged, in order.
#[derive(Default)]
struct Window {
    sent: FuturesOrdered<BoxFuture<'static, (Sent, Result<PublishAck, PublishError>)>>,
    bytes: usize,
}

impl Publisher<'_> {
    /// Goes on for ever; ends only with what does not pass by itself, which is in the state too.
    pub(crate) async fn run(mut self) -> Arc<BusError> {
        let [mut pause, longest] = PAUSES;
        let mut link = self.state.subscribe();
        loop {
            // The sender lives as long as this.
            let _ = link.wait_for(|state| state.link == Link::Up).await;
            let before = self.reached;
            let Err(error) = self.session().await;
            tracing::debug!(error = %error, "publishing events was interrupted");
            let error = Arc::new(error);
            // Of two publishers one is always slower, and nothing is missing.
            if !matches!(*error, BusError::Raced) {
                self.state.send_modify(|state| state.failure = Some(Arc::clone(&error)));
            }
            if !error.is_passing() {
                return error;
            }
            pause = if self.reached == before { longest.min(pause * 2) } else { PAUSES[0] };
            tokio::time::sleep(pause).await;
        }
    }

    /// Publishes from where the stream ends, until something fails.
    async fn session(&mut self) -> Result<Infallible, BusError> {
        // A context of its own: what another session has in flight takes no place in this one.
        let context = ContextBuilder::new()
            .timeout(PATIENCE)
            .max_ack_inflight(WINDOW_EVENTS)
            .build(self.client.clone());
        let start = reached(&context, &*self.log, self.options, self.reached).await?;
        self.advance(start);
        let mut events = self.log.subscribe(start.position);
        let mut link = self.state.subscribe();
        let mut waiting = Vec::new().into_iter();
        let mut window = Window::default();
        let mut sequence = start.sequence;
        loop {
            while window.has_room() {
                let Some(event) = waiting.next() else { break };
                window.send(&context, &*self.log, &event, sequence).await?;
                sequence += 1;
            }
            tokio::select! {
                Some(answer) = window.sent.next() => self.advance(window.take(answer)?),
                read = events.next(), if waiting.len() == 0 => waiting = read?.into_iter(),
                _ = link.wait_for(|state| state.link == Link::Down) => {
                    return Err(BusError::Unavailable { doing: "publish events", source: None });
                }
            }
        }
    }

    fn advance(&mut self, reached: Reached) {
        self.reached = Some(reached);
        self.state.send_modify(|state| state.advance(reached.position));
    }
}

impl Window {
    fn has_room(&self) -> bool {
        self.sent.len() < WINDOW_EVENTS && self.bytes < WINDOW_BYTES
    }

    /// Sends `event`, to be taken only if `sequence` is the last that the stream has. So a failure lets none of the
    /// events after it pass, and of two publishers one is refused.
    async fn send(
        &mut self,
        context: &Context,
        log: &dyn EventLog,
        event: &Recorded,
        sequence: u64,
    ) -> Result<(), BusError> {
        let position = event.position;
        let unreadable = |source| BusError::Unreadable { position, source };
        let subject = subject(event).map_err(unreadable)?;
        let mut payload = Vec::new();
        Envelope::write(event, &mut payload).map_err(unreadable)?;
        let bytes = payload.len();
        let mut headers = HeaderMap::new();
        headers.insert(NATS_MESSAGE_ID, event.id.to_string());
        headers.insert(POSITION, position.to_string());
        headers.insert(LOG, log.identity().to_string());
        let message = PublishMessage::build()
            .payload(payload.into())
            .headers(headers)
            .expected_stream(EVENTS)
            .expected_last_sequence(sequence);
        let answer = context.send_publish(subject, message).await.map_err(not_published(position, bytes))?;
        let sent = Sent { reached: Reached { sequence: sequence + 1, position }, bytes };
        self.bytes += bytes;
        self.sent.push_back(answer.into_future().map(|answer| (sent, answer)).boxed());
        Ok(())
    }

    /// What the server says to the first of those that were sent.
    fn take(
        &mut self,
        (sent, answer): (Sent, Result<PublishAck, PublishError>),
    ) -> Result<Reached, BusError> {
        self.bytes -= sent.bytes;
        let answer = answer.map_err(not_published(sent.reached.position, sent.bytes))?;
        // A duplicate is acknowledged with the sequence that it has had before.
        if answer.sequence == sent.reached.sequence { Ok(sent.reached) } else { Err(BusError::Raced) }
    }
}

#[cfg(test)]
mod tests {
    use super::subject;
    use scanledger_domain::id::EventId;
    use scanledger_domain::log::{Position, Recorded, StreamName, Version};
    use scanledger_domain::time::Timestamp;
    use uuid::Uuid;

    fn with(metadata: &str) -> Recorded {
        Recorded {
            position: Position(1),
            id: EventId(Uuid::nil()),
            stream: StreamName::stored("finding-1"),
            version: Version(1),
            kind: "finding.detected".into(),
            schema: 1,
            data: b"{}".to_vec(),
            metadata: metadata.as_bytes().to_vec(),
            recorded_at: Timestamp(0),
        }
    }

    #[test]
    fn an_event_has_the_subject_of_its_organization_and_type() {
        let organization = r#"{"organization":"019a0000-0000-7000-8000-000000000001","actor":{"kind":"system"},"correlation":"019a0000-0000-7000-8000-000000000010"}"#;
        assert_eq!(
            subject(&with(organization)).unwrap(),
            "scanledger.events.019a0000-0000-7000-8000-000000000001.finding.detected"
        );
    }

    #[test]
    fn what_belongs_to_no_organization_belongs_to_the_installation() {
        let nobody = r#"{"actor":{"kind":"system"},"correlation":"019a0000-0000-7000-8000-000000000010"}"#;
        assert_eq!(subject(&with(nobody)).unwrap(), "scanledger.events.installation.finding.detected");
    }
}
