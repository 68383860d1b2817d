//! Links that show an incident to whoever has them.

use super::{IncidentDone, IncidentProblem, Incidents, Result, done, refused};
use crate::context::Context;
use crate::error::Fault;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use scanledger_domain::id::{IncidentId, ShareId};
use scanledger_domain::identity::{Action, KeyHash, Principal};
use scanledger_domain::incident::{IncidentCommand, Sharing};
use scanledger_domain::limits::SHARE_DAYS;
use scanledger_domain::log::Position;
use scanledger_domain::time::Timestamp;
use std::fmt;

/// Random bytes of a token.
const TOKEN_BYTES: usize = 32;
const SECONDS_PER_HOUR: i64 = 60 * 60;
/// Longer than any link may hold.
const MOST_SECONDS: i64 = (SHARE_DAYS + 1) * 24 * SECONDS_PER_HOUR;

/// What a link carries instead of a credential: 43 characters of base64url. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct ShareToken(String);

impl ShareToken {
    /// The clear text, for the link and nothing else.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ShareToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ShareToken(…)")
    }
}

/// A link that somebody wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewShare {
    /// After how many hours it ends; until somebody ends it without.
    pub hours: Option<u32>,
}

/// A link that was just made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SharedIncident {
    /// The link's id, which opens nothing.
    pub share: ShareId,
    /// What opens it. Only its hash is kept.
    pub token: ShareToken,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
    /// Position of the event.
    pub position: Position,
}

impl Incidents {
    /// Makes a link that shows an incident, which replaces an earlier one.
    ///
    /// # Errors
    /// [`IncidentProblem::ShownBefore`] when the command is repeated,
    /// [`BadExpiry`](scanledger_domain::incident::IncidentRefusal::BadExpiry); else as [`Self::ignore`].
    pub async fn share(
        &self,
        context: &Context,
        principal: &Principal,
        incident: IncidentId,
        wanted: NewShare,
    ) -> Result<SharedIncident> {
        let share = context.made_id("share");
        let now = self.clock.now();
        let mut bytes = [0; TOKEN_BYTES];
        self.entropy.fill(&mut bytes).map_err(|cause| Fault::other("make a token", cause))?;
        let token = ShareToken(BASE64_URL_SAFE_NO_PAD.encode(bytes));
        // What is too long is refused, whether or not its end could be told.
        let seconds = |hours: u32| (i64::from(hours) * SECONDS_PER_HOUR).min(MOST_SECONDS);
        let expires_at = wanted.hours.map(|hours| now.plus_seconds(seconds(hours)));
        let command = IncidentCommand::Share(Sharing {
            share,
            token_hash: KeyHash::of(token.reveal()),
            expires_at,
            now,
        });
        let executed = self.execute(context, principal, (incident, Action::Share), command).await?;
        if executed.is_repeat {
            return refused(IncidentProblem::ShownBefore { share });
        }
        Ok(SharedIncident { share, token, expires_at, position: executed.position.unwrap_or_default() })
    }

    /// Ends the link that shows an incident, if there is one.
    ///
    /// # Errors
    /// As [`Self::ignore`].
    pub async fn unshare(
        &self,
        context: &Context,
        principal: &Principal,
        incident: IncidentId,
    ) -> Result<IncidentDone> {
        let about = (incident, Action::Share);
        done(self.execute(context, principal, about, IncidentCommand::Unshare).await?)
    }
}
