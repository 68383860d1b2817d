//! Claims and batches on a log that writes one stream at a time.
//!
//! On a log that is atomic over streams a claim and its holder are one batch, and nothing here is needed. On
//! another one a batch is written in steps: what it takes, then what it is about, then what it
//! gives back. A writer may vanish between any two of them, or come back late, so:
//!
//! - **The command is done when its main part is written**: the first part that is no claim. That part alone carries
//!   the ids by which a command is known, and is written after the others; so a repeated command goes on where the
//!   first one stopped. The other ids come from command and stream.
//! - **A claim holds only if the state of its holder says so.** One that is older than [`HOLDER_SECONDS`] and whose
//!   holder does not have it (never came, was deleted, has another name) may be broken. Who breaks it writes
//!   `claim.released` to the *holder's* stream first, at the version at which it was looked at: a slow owner, who
//!   expects that version, gets the conflict. Then the claim changes hands in one append to its own stream.
//! - **Whoever relies on a claim writes to it in the same attempt.** An owner who finds its own unfinished claim takes
//!   it anew, which makes the append of somebody who is breaking it fail. Of the two exactly one wins: the one who
//!   first writes the next version of the claim.
//! - What is given back last may be left over by a crash. It is then a claim that its holder does not have, and
//!   expires.
//!
//! What this does not give: a reader may see the first parts of a batch before the last; and if a command over
//! several streams (a bulk triage, a set-up) is interrupted and never repeated, its first parts stay.

use super::batch::{Batch, Committed};
use super::{Ledger, encode, raced};
use crate::context::Context;
use crate::error::{CommandError, Fault};
use scanledger_domain::claim::{Claim, ClaimCommand, ClaimEvent, ClaimRefusal, Released};
use scanledger_domain::decider::{Decider, DecodeError, StoredEvent};
use scanledger_domain::log::{Append, Appended, NewEvent, Position, Recorded, StreamName, Version};
use scanledger_domain::time::Timestamp;

/// How long a claim holds whose holder does not have it yet.
pub const HOLDER_SECONDS: i64 = 60;

/// The type of an event that takes a claim.
const TAKEN: &str = "claim.taken";
/// The type of an event that gives a claim back, and of one that stops a slow owner.
const RELEASED: &str = "claim.released";

/// What a part of a batch does, in the order in which parts are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Takes,
    Does,
    IsDone,
    GivesBack,
}

/// A claim as its stream tells it.
struct Held {
    by: Option<StreamName>,
    version: Version,
    since: Timestamp,
}

impl Batch<'_> {
    /// Takes a claim for `holder`, whose aggregate is `D`; `has` tells from a holder's state whether the claim is
    /// truly its own, which matters only on a log that is not atomic over streams.
    ///
    /// # Errors
    /// [`ClaimRefusal::TakenBy`] if somebody else has it, or may still come to have it; else a fault.
    pub async fn take<D: Decider>(
        &mut self,
        claim: StreamName,
        holder: &StreamName,
        has: impl Fn(&D::State) -> bool + Send + Sync,
    ) -> Result<(), CommandError<ClaimRefusal>> {
        let take = ClaimCommand::Take { holder: holder.clone() };
        if self.ledger.log().is_atomic_over_streams() {
            self.decide::<Claim>(claim, take).await?;
            return Ok(());
        }
        let Held { by, version, since } = self.ledger.held(&claim).await?;
        if let Some(by) = by.as_ref().filter(|by| *by != holder)
            && !self.ledger.abandon::<D>(self.context, by, since, has).await?
        {
            return Err(CommandError::Refused(ClaimRefusal::TakenBy { holder: by.clone() }));
        }
        let release = by.clone().map(|holder| ClaimCommand::Release { holder });
        self.add::<Claim>(claim, by, version, release.into_iter().chain([take]))?;
        Ok(())
    }

    /// Writes the parts one after the other.
    pub(super) async fn commit_in_steps(self) -> Result<Committed, Fault> {
        let Self { ledger, context, parts, .. } = self;
        let mut committed = Committed::Nothing;
        let mut end = Position::START;
        for (step, part) in in_steps(context, parts) {
            match ledger.log().append(vec![part]).await {
                // A part that was known already may lie further back.
                Ok(Appended { last, recorded_at, .. }) if last >= end => {
                    end = last;
                    committed = Committed::At { position: last, recorded_at };
                }
                Ok(_) => {}
                // What the command is about is in the log. Who wants the claim that is left over finds it expired.
                Err(error) if step == Step::GivesBack => {
                    tracing::warn!(%error, "a claim was not given back and expires");
                }
                Err(error) => return raced(error).map(|()| Committed::Raced),
            }
        }
        Ok(committed)
    }
}

/// The parts in the order in which they are written, under ids that do not depend on which others there are.
fn in_steps(context: &Context, parts: Vec<Append>) -> Vec<(Step, Append)> {
    let main = parts.iter().position(|part| !is_claim(&part.events)).unwrap_or_default();
    let mut steps: Vec<(Step, Append)> = (0..)
        .zip(parts)
        .map(|(number, mut part)| {
            let step = if number == main { Step::IsDone } else { step_of(&part.events) };
            let command = match step {
                Step::IsDone => context.command,
                // Once per command, however often that is decided.
                Step::Does => context.command.derive(part.stream.as_str()),
                // Once per version, because a claim may have to be taken anew.
                Step::Takes | Step::GivesBack => {
                    context.command.derive(&format!("{} {}", part.stream, part.expected))
                }
            };
            for (ordinal, event) in (0..).zip(&mut part.events) {
                event.id = command.event(ordinal);
            }
            (step, part)
        })
        .collect();
    steps.sort_by_key(|(step, _)| *step);
    steps
}

fn is_claim(events: &[NewEvent]) -> bool {
    events.iter().all(|event| is_of_claims(event.kind))
}

fn step_of(events: &[NewEvent]) -> Step {
    match is_claim(events) {
        true if events.iter().any(|event| event.kind == TAKEN) => Step::Takes,
        true => Step::GivesBack,
        false => Step::Does,
    }
}

fn is_of_claims(kind: &str) -> bool {
    ClaimEvent::TYPES.iter().any(|(of_claims, _)| *of_claims == kind)
}

impl Ledger {
    async fn held(&self, claim: &StreamName) -> Result<Held, Fault> {
        let mut held = Held { by: None, version: Version::NONE, since: Timestamp(0) };
        self.read(claim, |recorded| {
            let event = ClaimEvent::decode(&recorded.kind, recorded.schema, &recorded.data)?;
            held.by = Claim::evolve(held.by.take(), &event);
            (held.version, held.since) = (recorded.version, recorded.recorded_at);
            Ok(())
        })
        .await?;
        Ok(held)
    }

    /// Makes sure that `holder` will not come to have a claim that it has taken at `since`; `false` if it has it, or
    /// still has time, or was writing at this moment.
    async fn abandon<D: Decider>(
        &self,
        context: &Context,
        holder: &StreamName,
        since: Timestamp,
        has: impl Fn(&D::State) -> bool + Send + Sync,
    ) -> Result<bool, Fault> {
        let Some(clock) = self.clock() else { return Ok(false) };
        if clock.now() < since.plus_seconds(HOLDER_SECONDS) {
            return Ok(false);
        }
        let (state, version) = self.load::<D>(holder).await?;
        if has(&state) {
            return Ok(false);
        }
        let released: ClaimEvent = Released { holder: holder.clone() }.into();
        let command = context.command.derive(&format!("abandon {holder} {version}"));
        let events = encode(command, 0, &[released], &context.metadata());
        let fence = Append { stream: holder.clone(), expected: version, events };
        match self.log().append(vec![fence]).await {
            Ok(_) => Ok(true),
            Err(error) => raced(error).map(|()| false),
        }
    }
}

/// The event, or `None` for one that only takes up a version in the stream of a holder who was too slow.
pub(super) fn decode<E: StoredEvent>(recorded: &Recorded) -> Result<Option<E>, DecodeError> {
    match E::decode(&recorded.kind, recorded.schema, &recorded.data) {
        Err(DecodeError::Unknown { .. }) if &*recorded.kind == RELEASED => Ok(None),
        decoded => decoded.map(Some),
    }
}

#[cfg(test)]
mod tests {
    use super::{RELEASED, Step, TAKEN, in_steps, is_of_claims};
    use crate::context::Context;
    use scanledger_domain::id::CommandId;
    use scanledger_domain::log::{Actor, Append, NewEvent, StreamName, Version};
    use uuid::Uuid;

    const COMMAND: CommandId = CommandId(Uuid::from_u128(0xc0));

    fn part(name: &str, kinds: &[&'static str]) -> Append {
        let events = kinds.iter().map(|kind| NewEvent {
            id: CommandId(Uuid::nil()).event(0),
            kind,
            schema: 1,
            data: vec![],
            metadata: vec![].into(),
        });
        Append { stream: StreamName::stored(name), expected: Version(3), events: events.collect() }
    }

    fn steps(parts: Vec<Append>) -> Vec<(Step, Append)> {
        in_steps(&Context::new(COMMAND, Actor::System, None), parts)
    }

    #[test]
    fn claims_are_of_two_kinds() {
        assert!(is_of_claims(TAKEN) && is_of_claims(RELEASED) && !is_of_claims("project.created"));
    }

    #[test]
    fn what_is_taken_comes_first_and_what_is_given_back_last() {
        let steps = steps(vec![
            part("project-1", &["project.updated"]),
            part("claim-old", &[RELEASED]),
            part("claim-new", &[RELEASED, TAKEN]),
            part("user-1", &["user.registered"]),
        ]);
        let order: Vec<_> = steps.iter().map(|(step, part)| (*step, part.stream.as_str())).collect();
        assert_eq!(
            order,
            [
                (Step::Takes, "claim-new"),
                (Step::Does, "user-1"),
                (Step::IsDone, "project-1"),
                (Step::GivesBack, "claim-old"),
            ]
        );
    }

    #[test]
    fn the_command_is_known_by_its_main_part_alone() {
        let steps = steps(vec![
            part("claim-new", &[TAKEN]),
            part("project-1", &["project.created", "project.updated"]),
            part("user-1", &["user.registered"]),
        ]);
        let own: Vec<_> = steps
            .iter()
            .flat_map(|(_, part)| &part.events)
            .filter(|event| event.id == COMMAND.event(0) || event.id == COMMAND.event(1))
            .map(|event| event.kind)
            .collect();
        assert_eq!(own, ["project.created", "project.updated"]);
    }

    #[test]
    fn ids_do_not_depend_on_what_else_is_left_to_do() {
        let all = steps(vec![part("a-1", &["a.done"]), part("b-1", &["b.done"]), part("c-1", &["c.done"])]);
        let fewer = steps(vec![part("a-1", &["a.done"]), part("c-1", &["c.done"])]);
        let id = |steps: &[(Step, Append)], name: &str| {
            let part = steps.iter().find(|(_, part)| part.stream.as_str() == name);
            part.unwrap().1.events[0].id
        };
        assert_eq!(id(&all, "c-1"), id(&fewer, "c-1"));
        assert_ne!(id(&all, "b-1"), id(&all, "c-1"));
    }
}
