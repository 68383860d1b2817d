//! Deciders: state, command and events as plain functions, and the shape in which events are stored.

use crate::log::Recorded;
use std::fmt;

/// An event that can be stored and read back.
pub trait StoredEvent: Sized {
    /// Every type and schema that was ever written for this aggregate.
    const TYPES: &'static [(&'static str, u16)];

    /// The type as stored, such as `scan.queued`.
    fn kind(&self) -> &'static str;

    /// The schema number in which this binary writes it.
    fn schema(&self) -> u16;

    /// The exact bytes to store.
    fn encode(&self) -> Vec<u8>;

    /// Reads stored bytes of any type and schema in [`Self::TYPES`].
    ///
    /// # Errors
    /// [`DecodeError::Unknown`] for a type or schema this binary does not know,
    /// [`DecodeError::Data`] for bytes that are not what the schema says.
    fn decode(kind: &str, schema: u16, data: &[u8]) -> Result<Self, DecodeError>;
}

/// The rules of one aggregate.
pub trait Decider {
    /// What the next decision needs to know, and nothing else.
    type State: fmt::Debug + Send;
    /// What can be asked for.
    type Command: Clone + fmt::Debug + Send;
    /// What can have happened.
    type Event: StoredEvent + Clone + fmt::Debug + PartialEq + Send;
    /// Why it was refused.
    type Refusal: std::error::Error + Clone + PartialEq + Send + Sync + 'static;

    /// The state before the first event.
    fn initial() -> Self::State;

    /// Folds one event into the state. Total: what happened cannot be refused.
    fn evolve(state: Self::State, event: &Self::Event) -> Self::State;

    /// What happens when `command` arrives in `state`; no events mean "already so".
    ///
    /// # Errors
    /// The refusal, when the rules do not allow it.
    fn decide(state: &Self::State, command: Self::Command) -> Result<Vec<Self::Event>, Self::Refusal>;
}

/// A stored event that could not be read.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// This binary does not know the type or the schema: it is older than the log.
    #[error("event type {kind} in schema {schema} is unknown to this version")]
    Unknown {
        /// The type as stored.
        kind: String,
        /// The schema number as stored.
        schema: u16,
    },
    /// The bytes are not what the schema says.
    #[error("the data of a {kind} event does not have the shape of its schema")]
    Data {
        /// The type as stored.
        kind: String,
        /// What the JSON reader said.
        #[source]
        source: serde_json::Error,
    },
}

/// Folds recorded events into the state of a decider.
///
/// # Errors
/// When one of them cannot be decoded.
pub fn fold<D: Decider>(mut state: D::State, history: &[Recorded]) -> Result<D::State, DecodeError> {
    for recorded in history {
        let event = D::Event::decode(&recorded.kind, recorded.schema, &recorded.data)?;
        state = D::evolve(state, &event);
    }
    Ok(state)
}

/// Declares the events of an aggregate with the type and schema under which each is stored.
///
/// Every variant wraps a struct whose serde field names are the stored ones; such a struct is added to,
/// never edited, once it was released.
///
/// A type that was stored in another shape too names it behind its own, with the schema number under which it was, and
/// `From` makes one of the other: `Raised(Raised) = ("ticket.raised", 2) from (1 => RaisedV1)`, with
/// `impl From<RaisedV1> for Raised`. What is read is then always a `Raised`; what is written is schema 2.
#[macro_export]
macro_rules! stored_events {
    ($(#[$doc:meta])* pub enum $name:ident {
        $($(#[$vdoc:meta])* $variant:ident($data:ty) = ($kind:literal, $schema:literal)
            $(from ($($other:literal => $other_data:ty),+ $(,)?))?),+ $(,)?
    }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq)]
        pub enum $name {
            $($(#[$vdoc])* $variant($data)),+
        }

        impl $crate::decider::StoredEvent for $name {
            const TYPES: &'static [(&'static str, u16)] = &[$(($kind, $schema) $($(, ($kind, $other))+)?),+];

            fn kind(&self) -> &'static str {
                match self { $(Self::$variant(_) => $kind),+ }
            }

            fn schema(&self) -> u16 {
                match self { $(Self::$variant(_) => $schema),+ }
            }

            fn encode(&self) -> Vec<u8> {
                match self {
                    $(Self::$variant(data) => serde_json::to_vec(data)
                        .expect("event data has string keys and no failing serializer")),+
                }
            }

            fn decode(kind: &str, schema: u16, data: &[u8]) -> Result<Self, $crate::decider::DecodeError> {
                match (kind, schema) {
                    $(
                        ($kind, $schema) => serde_json::from_slice(data).map(Self::$variant).map_err(|source| {
                            $crate::decider::DecodeError::Data { kind: kind.to_owned(), source }
                        }),
                        $($(($kind, $other) => serde_json::from_slice::<$other_data>(data)
                            .map(|other| Self::$variant(<$data>::from(other)))
                            .map_err(|source| {
                                $crate::decider::DecodeError::Data { kind: kind.to_owned(), source }
                            }),)+)?
                    )+
                    _ => Err($crate::decider::DecodeError::Unknown { kind: kind.to_owned(), schema }),
                }
            }
        }

        $(impl From<$data> for $name {
            fn from(data: $data) -> Self {
                Self::$variant(data)
            }
        })+
    };
}

/// Starts a decider test: `given(history).when(command).then(events)`.
#[cfg(test)]
pub(crate) fn given<D: Decider>(history: impl IntoIterator<Item = D::Event>) -> harness::Given<D> {
    harness::Given { state: history.into_iter().fold(D::initial(), |state, event| D::evolve(state, &event)) }
}

#[cfg(test)]
pub(crate) mod harness {
    use super::Decider;

    pub(crate) struct Given<D: Decider> {
        pub(super) state: D::State,
    }

    pub(crate) struct Outcome<D: Decider> {
        result: Result<Vec<D::Event>, D::Refusal>,
    }

    impl<D: Decider> Given<D> {
        pub(crate) fn when(self, command: impl Into<D::Command>) -> Outcome<D> {
            Outcome { result: D::decide(&self.state, command.into()) }
        }
    }

    impl<D: Decider> Outcome<D> {
        #[track_caller]
        pub(crate) fn then(self, events: impl IntoIterator<Item = D::Event>) {
            assert_eq!(self.result, Ok(events.into_iter().collect()));
        }

        #[track_caller]
        pub(crate) fn then_nothing(self) {
            assert_eq!(self.result, Ok(vec![]));
        }

        #[track_caller]
        pub(crate) fn then_refused(self, refusal: D::Refusal) {
            assert_eq!(self.result, Err(refusal));
        }
    }
}
