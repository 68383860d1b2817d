//! Calls to the server: every one to the leader, with a deadline, and in the words of the port.

use kurrentdb::{
    AppendToStreamOptions, Client, ClientSettings, Error, EventData, Position as Place, ReadAllOptions,
    ReadStream, ReadStreamOptions, ResolvedEvent, StreamPosition, StreamState, SubscribeToAllOptions,
    Subscription, SubscriptionFilter,
};
use scanledger_domain::BoxFuture;
use scanledger_domain::log::{AppendError, LogError, NewEvent, Position, StreamName, Version};
use std::time::Duration;
use uuid::Uuid;

use crate::envelope::{LAST_REVISION, Malformed, NO_POSITION, Parts, Stored, expected_state, outgoing};
use crate::error::{Unusable, broken, failed, is_not_leader, refused};
use crate::namespace::Namespace;
use crate::remote::{Following, Reading, Remote};

/// How long a call may take.
const CALL: Duration = Duration::from_secs(10);
/// How long a reading may take, from its first event to its last.
const READ: Duration = Duration::from_secs(60);
/// How often a call is made again, after the client was told of another leader.
const LEADERS: u32 = 5;
/// How long the client gets to connect to another leader.
const ELECTION: Duration = Duration::from_millis(200);

/// The type of the one event of the identity's stream.
const IDENTITY: &str = "log.created";

/// The server, as far as this log uses it. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Server {
    client: Client,
    namespace: Namespace,
    /// Where the event is that gave the log its identity. Before it there is no event of the log, whatever others
    /// may have written.
    origin: Position,
}

/// The place of an event in `$all`. One that was appended without an explicit transaction, which clients no longer
/// offer, is prepared and committed at one place.
const fn place(of: Position) -> StreamPosition<Place> {
    StreamPosition::Position(Place { commit: of.0, prepare: of.0 })
}

/// Makes a call again while the client looks for the leader.
macro_rules! at_the_leader {
    ($call:expr) => {{
        let mut tries = 0;
        loop {
            match $call.await {
                Err(error) if is_not_leader(&error) && tries < LEADERS => {
                    tries += 1;
                    tokio::time::sleep(ELECTION).await;
                }
                answer => break answer,
            }
        }
    }};
}

impl Server {
    /// Connects, and answers the identity of the log too: `fresh`, if it has none yet.
    pub(crate) async fn connect(
        settings: ClientSettings,
        namespace: Namespace,
        fresh: Uuid,
    ) -> Result<(Self, Uuid), LogError> {
        let doing = "read the identity of the event log";
        let client = Client::new(settings).map_err(|error| Unusable::Settings(error.to_string()));
        let client = client.map_err(broken("connect to KurrentDB"))?;
        let stream = namespace.identity_stream();
        let data = serde_json::json!({ "identity": fresh });
        let event = EventData::json(IDENTITY, &data).map_err(broken(doing))?.id(fresh);
        let first = AppendToStreamOptions::default().stream_state(StreamState::NoStream);
        let options = first.requires_leader(true).deadline(CALL);
        match at_the_leader!(client.append_to_stream(stream.as_str(), &options, event.clone())) {
            Ok(_) | Err(Error::WrongExpectedVersion { .. }) => {}
            Err(error) => return Err(failed(doing, error)),
        }
        let options = ReadStreamOptions::default().max_count(1).requires_leader(true).deadline(CALL);
        let read = at_the_leader!(client.read_stream(stream.as_str(), &options));
        let mut events = read.map_err(|error| failed(doing, error))?;
        let first = events.next().await.map_err(|error| failed(doing, error))?;
        let (identity, origin) =
            first.as_ref().and_then(identity).ok_or_else(|| broken(doing)(Unusable::Identity))?;
        if origin == NO_POSITION {
            return Err(broken(doing)(Unusable::TooOld));
        }
        Ok((Self { client, namespace, origin: Position(origin) }, identity))
    }

    /// What the server sent.
    fn read(&self, event: &ResolvedEvent) -> Result<Stored, Malformed> {
        let event = event.event.as_ref().ok_or(Malformed::NoEvent)?;
        Stored::read(&self.namespace, &Parts::from(event))
    }

    fn filter(&self) -> SubscriptionFilter {
        SubscriptionFilter::on_stream_name().add_prefix(self.namespace.prefix())
    }

    /// The first `limit` events that are `wanted`. A stream that does not exist says so only here.
    async fn collect(
        &self,
        doing: &'static str,
        mut events: ReadStream,
        limit: usize,
        wanted: impl Fn(&Stored) -> bool,
    ) -> Result<Vec<Stored>, LogError> {
        let mut collected = Vec::new();
        while collected.len() < limit {
            match events.next().await {
                Ok(Some(event)) => {
                    let event = self.read(&event).map_err(broken(doing))?;
                    if wanted(&event) {
                        collected.push(event);
                    }
                }
                Ok(None) | Err(Error::ResourceNotFound) => break,
                Err(error) => return Err(failed(doing, error)),
            }
        }
        Ok(collected)
    }
}

impl Remote for Server {
    fn append<'a>(
        &'a self,
        stream: &'a StreamName,
        expected: Version,
        events: Vec<NewEvent>,
    ) -> BoxFuture<'a, Result<Position, AppendError>> {
        Box::pin(async move {
            let name = self.namespace.foreign(stream);
            let options = AppendToStreamOptions::default().stream_state(expected_state(expected));
            let options = options.requires_leader(true).deadline(CALL);
            let events: Vec<EventData> = events.into_iter().map(outgoing).collect();
            let call = || self.client.append_to_stream(name.as_str(), &options, events.clone());
            let written = at_the_leader!(call()).map_err(|error| refused(stream, expected, error))?;
            Ok(Position(written.position.commit))
        })
    }

    fn stream<'a>(
        &'a self,
        stream: &'a StreamName,
        after: Version,
        limit: usize,
    ) -> Reading<'a, Vec<Stored>> {
        Box::pin(async move {
            let doing = "read a stream";
            if limit == 0 || after.0 > LAST_REVISION {
                return Ok(vec![]);
            }
            let name = self.namespace.foreign(stream);
            // The event after so many has that number as its revision.
            let options = ReadStreamOptions::default().position(StreamPosition::Position(after.0));
            let options = options.max_count(limit).requires_leader(true).deadline(READ);
            let events = match at_the_leader!(self.client.read_stream(name.as_str(), &options)) {
                Ok(events) => events,
                Err(Error::ResourceNotFound) => return Ok(vec![]),
                Err(error) => return Err(failed(doing, error)),
            };
            self.collect(doing, events, limit, |_| true).await
        })
    }

    fn all(&self, from: Option<Position>, after: Position, limit: usize) -> Reading<'_, Vec<Stored>> {
        Box::pin(async move {
            let doing = "read the log";
            if limit == 0 {
                return Ok(vec![]);
            }
            let from = place(from.unwrap_or(self.origin));
            let options = ReadAllOptions::default().position(from).filter(self.filter());
            let options = options.requires_leader(true).deadline(READ);
            let events =
                at_the_leader!(self.client.read_all(&options)).map_err(|error| failed(doing, error))?;
            self.collect(doing, events, limit, |event| event.position > after).await
        })
    }

    fn end(&self) -> Reading<'_, Option<Place>> {
        Box::pin(async move {
            let options = ReadAllOptions::default().position(StreamPosition::End);
            let options = options.max_count(1).requires_leader(true).deadline(CALL);
            let events = at_the_leader!(self.client.read_all(&options));
            last(events).await.map_err(|error| failed("find the end of all streams", error))
        })
    }

    fn has_more(&self, after: Place) -> Reading<'_, bool> {
        Box::pin(async move {
            let doing = "look for what is new in the log";
            let from = StreamPosition::Position(after);
            let options = ReadAllOptions::default().position(from).filter(self.filter());
            let options = options.requires_leader(true).deadline(READ);
            let events =
                at_the_leader!(self.client.read_all(&options)).map_err(|error| failed(doing, error))?;
            let found = self.collect(doing, events, 1, |event| event.position.0 > after.commit).await?;
            Ok(!found.is_empty())
        })
    }

    fn head(&self) -> Reading<'_, Position> {
        Box::pin(async move {
            let doing = "find the head of the log";
            // So that an empty log ends where it begins, and not where the server does.
            let filter = self.filter().add_prefix(self.namespace.identity_stream());
            let options = ReadAllOptions::default().position(StreamPosition::End).filter(filter);
            let options = options.max_count(1).requires_leader(true).deadline(READ);
            let events = at_the_leader!(self.client.read_all(&options));
            let last = last(events).await.map_err(|error| failed(doing, error))?;
            let last = last.map(|last| Position(last.commit)).filter(|last| *last > self.origin);
            Ok(last.unwrap_or(Position::START))
        })
    }

    fn end_of<'a>(&'a self, stream: &'a StreamName) -> Reading<'a, Position> {
        Box::pin(async move {
            let name = self.namespace.foreign(stream);
            let options = ReadStreamOptions::default().position(StreamPosition::End);
            let options = options.max_count(1).requires_leader(true).deadline(CALL);
            let events = at_the_leader!(self.client.read_stream(name.as_str(), &options));
            let last = last(events).await.map_err(|error| failed("find the end of a stream", error))?;
            Ok(last.map_or(Position::START, |last| Position(last.commit)))
        })
    }

    fn follow(&self, after: Option<Position>) -> BoxFuture<'_, Box<dyn Following>> {
        Box::pin(async move {
            let from = place(after.unwrap_or(self.origin));
            let options = SubscribeToAllOptions::default().position(from).filter(self.filter());
            let live = self.client.subscribe_to_all(&options.requires_leader(true)).await;
            Box::new(Live { server: self.clone(), live }) as Box<dyn Following>
        })
    }
}

/// A subscription to `$all`.
struct Live {
    server: Server,
    live: Subscription,
}

impl Following for Live {
    fn next(&mut self) -> Reading<'_, Stored> {
        let doing = "follow the log";
        Box::pin(async move {
            let event = self.live.next().await.map_err(|error| failed(doing, error))?;
            self.server.read(&event).map_err(broken(doing))
        })
    }
}

/// Where the one event of a reading backwards is, if there is one.
async fn last(events: Result<ReadStream, Error>) -> Result<Option<Place>, Error> {
    let read = async { events?.next().await };
    match read.await {
        Ok(event) => Ok(event.map(|event| event.get_original_event().position)),
        Err(Error::ResourceNotFound) => Ok(None),
        Err(error) => Err(error),
    }
}

/// What the event says that gave the log its identity, and where it is.
fn identity(first: &ResolvedEvent) -> Option<(Uuid, u64)> {
    let first = first.get_original_event();
    let data: serde_json::Value = first.as_json().ok()?;
    Some((data["identity"].as_str()?.parse().ok()?, first.position.commit))
}

#[cfg(test)]
mod tests {
    use super::place;
    use kurrentdb::{Position as Place, StreamPosition};
    use scanledger_domain::log::Position;

    #[test]
    fn a_position_is_a_place_in_all() {
        let place_of_it = Place { commit: 4_711, prepare: 4_711 };
        assert_eq!(place(Position(4_711)), StreamPosition::Position(place_of_it));
    }
}
