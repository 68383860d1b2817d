//! The event log on KurrentDB (EventStoreDB).
//!
//! Nothing of it is built without the feature `client`, because the client brings a second TLS provider.
//!
//! # What is stored how
//!
//! A stream `finding-018f…` is the stream `<namespace>.finding-018f…` on the server, its version the revision plus
//! one. Type and id are the server's; the data are the exact bytes; the custom metadata is
//! `{"schema":1,"metadata":…}` around the exact metadata. A position is the commit position in `$all`: it rises,
//! and it has holes, because other programs' events and the server's own lie between.
//!
//! # The index of ids and times
//!
//! KurrentDB finds no event by its id: its own idempotency holds per stream and expected revision only. The log
//! therefore keeps a local index in SQLite, fed by one subscription to `$all` filtered by the namespace. It answers
//! three questions:
//!
//! - Where is the event with this id? Asked before every append, after the index has come as far as the end of the
//!   stream, and by `find`, after it has come as far as the head of the log. So an event that was acknowledged to any
//!   node is found by every node. A repeated append to another stream than the first time is noticed only by a node
//!   whose index has the first one, which takes milliseconds; no command does that, because what it makes is named
//!   after it. On one stream the expected revision, or else the server's own idempotency, decides.
//! - Which place is an event's? The server refuses to read `$all` from any other position.
//! - What time has it? The server's clock has ties and may go back when another node becomes the leader. An event's
//!   time is the server's, or that of the event before it plus a microsecond if that is later. It follows from
//!   `$all` alone, so every node and every rebuilt index comes to the same times, and an instant is one position.
//!
//! The index may be lost: it is derived, and built again from the start of the log. A crash costs what the last
//! transactions held. One entry takes some 100 bytes. An append costs one round trip for a new stream and two for
//! another, and the time until its event comes back over the subscription; looking a command up and reading its
//! stream costs one. `find` alone and `head` let the server look for the last event of the log in what anybody has
//! written since this process last asked, which it does once a second; the first time, from the end of `$all`
//! backwards, past whatever others have written since that event: a server of its own is best.
//!
//! # What it cannot do
//!
//! The client has no append over several streams, so the log says `is_atomic_over_streams() == false` and refuses
//! such a batch. The commands then write claims first, and claims whose holder never came expire.
//! Streams must not be deleted, truncated or given a `$maxAge` or `$maxCount` on the server.

#[cfg(feature = "client")]
mod batch;
#[cfg(feature = "client")]
mod envelope;
#[cfg(feature = "client")]
mod error;
#[cfg(feature = "client")]
mod follow;
#[cfg(feature = "client")]
mod head;
#[cfg(feature = "client")]
mod log;
#[cfg(feature = "client")]
mod namespace;
#[cfg(feature = "client")]
mod places;
#[cfg(feature = "client")]
mod remote;
#[cfg(feature = "client")]
mod server;
#[cfg(all(test, feature = "client"))]
mod suite;

#[cfg(feature = "client")]
pub use {error::Unusable, log::KurrentLog, log::KurrentOptions, namespace::Namespace};

#[cfg(feature = "client")]
pub(crate) use log::Shared;

/// The client's settings. Its own error repeats the connection string, so it goes no further than here.
#[cfg(feature = "client")]
pub(crate) fn settings(connection: &str) -> Result<kurrentdb::ClientSettings, Unusable> {
    connection.parse().map_err(|_| Unusable::ConnectionString)
}
