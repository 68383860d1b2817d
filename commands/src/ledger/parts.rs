//! Results too large for one append, written to one stream in parts.

use super::{Ledger, encode_one};
use crate::context::Context;
use crate::error::{CommandError, Fault};
use scanledger_domain::decider::StoredEvent;
use scanledger_domain::limits::{BATCH_BYTES, BATCH_EVENTS};
use scanledger_domain::log::{Append, AppendError, Appended, NewEvent, StreamName, Version};
use std::convert::Infallible;

impl Ledger {
    /// Appends a long list of events of one stream in parts, each within [`BATCH_EVENTS`] and [`BATCH_BYTES`].
    ///
    /// Ids run over the whole list, so that the same list under the same command id is never written twice:
    /// parts that the log knows answer their old place, and the rest follows. Answers the place of the last
    /// part; `None` for an empty list.
    ///
    /// # Errors
    /// [`CommandError::Stale`] if somebody else wrote to the stream; parts before that stay. Else a fault.
    pub async fn append_parts<E: StoredEvent + Sync>(
        &self,
        context: &Context,
        stream: &StreamName,
        expected: Version,
        events: &[E],
    ) -> Result<Option<Appended>, CommandError<Infallible>> {
        let metadata = context.metadata();
        let mut last = None;
        let mut expected = expected;
        let mut part: Vec<NewEvent> = Vec::new();
        let mut bytes = 0;
        for (ordinal, event) in (0..).zip(events) {
            let event = encode_one(context.command, ordinal, event, &metadata);
            if part.len() == BATCH_EVENTS || (!part.is_empty() && bytes + event.size() > BATCH_BYTES) {
                last = Some(self.append_part(stream, &mut expected, std::mem::take(&mut part)).await?);
                bytes = 0;
            }
            bytes += event.size();
            part.push(event);
        }
        if !part.is_empty() {
            last = Some(self.append_part(stream, &mut expected, part).await?);
        }
        Ok(last)
    }

    async fn append_part(
        &self,
        stream: &StreamName,
        expected: &mut Version,
        events: Vec<NewEvent>,
    ) -> Result<Appended, CommandError<Infallible>> {
        let next = Version(expected.0 + events.len() as u64);
        let part = Append { stream: stream.clone(), expected: *expected, events };
        let appended = match self.log().append(vec![part]).await {
            Ok(appended) => appended,
            Err(AppendError::Conflict { actual, .. }) => return Err(CommandError::Stale { actual }),
            Err(AppendError::PartlyKnown) => {
                return Err(Fault::Batch("another list under the same command id").into());
            }
            Err(AppendError::Invalid(why)) => return Err(Fault::Batch(why.reason()).into()),
            Err(AppendError::Log(error)) => return Err(error.into()),
        };
        *expected = next;
        Ok(appended)
    }
}
