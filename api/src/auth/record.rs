//! What is recorded of accesses, and which were of late, so that one is not recorded with every page of a list.

use super::Caller;
use crate::app::App;
use crate::problem::Problem;
use hashlink::LruCache;
use parking_lot::Mutex;
use scanledger_commands::CommandError;
use scanledger_commands::identity::{Asked, MemberRefusal};
use scanledger_domain::id::OrganizationId;
use scanledger_domain::identity::{Action, Credential, Given};
use scanledger_domain::time::Timestamp;
use std::sync::Arc;
use tracing::Instrument as _;

/// Accesses that are remembered.
const KEPT: usize = 4_096;
/// Seconds in which the same caller doing the same is recorded once.
const SECONDS: i64 = 60;

/// What is recorded once in a while.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Access {
    /// Who.
    credential: Credential,
    /// In which organization: one session may work in several.
    organization: OrganizationId,
    /// What.
    action: Action,
    /// On which route.
    route: String,
    /// What came of it.
    outcome: Outcome,
}

/// What came of an access.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Outcome {
    /// They were given this.
    Given(Given),
    /// It is not theirs to do.
    Denied,
    /// They may not work in the organization that they named, whichever it was: ids can be made up without end, and each
    /// would be an event and push out what is remembered of others.
    Foreign,
}

/// What was recorded of late, and until when it is not recorded again.
pub(crate) struct Recorded(Mutex<LruCache<Access, Timestamp>>);

impl Default for Recorded {
    fn default() -> Self {
        Self(Mutex::new(LruCache::new(KEPT)))
    }
}

impl Recorded {
    /// Whether this is to be recorded.
    fn is_due(&self, access: &Access, now: Timestamp) -> bool {
        self.0.lock().get(access).is_none_or(|until| *until <= now)
    }

    /// Takes note that this was recorded.
    fn note(&self, access: Access, now: Timestamp) {
        self.0.lock().insert(access, now.plus_seconds(SECONDS));
    }

    /// Makes this count as recorded, if it is to be.
    fn claim(self: &Arc<Self>, access: Access, now: Timestamp) -> Option<Claim> {
        let mut recorded = self.0.lock();
        if recorded.get(&access).is_some_and(|until| now < *until) {
            return None;
        }
        recorded.insert(access.clone(), now.plus_seconds(SECONDS));
        Some(Claim { recorded: Arc::clone(self), access: Some(access) })
    }
}

/// What counts as recorded while it is being recorded, and no longer if that comes to nothing.
struct Claim {
    recorded: Arc<Recorded>,
    /// None when it was recorded.
    access: Option<Access>,
}

impl Claim {
    /// It was recorded.
    fn keep(mut self) {
        self.access = None;
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        if let Some(access) = &self.access {
            self.recorded.0.lock().remove(access);
        }
    }
}

impl Caller {
    /// Records a refusal if it is of what only some may do. That it could not be recorded changes nothing about it.
    pub(crate) async fn record_denied(&self, app: &App, action: Action) {
        if action.is_administrative() {
            self.record_refusal(app, action, None).await;
        }
    }

    /// Records a refusal, whatever it is of; `wanted` is the organization that the caller asked to work in, where it is
    /// of that. One that comes a thousand times at once is written once, with the first organization.
    pub(super) async fn record_refusal(&self, app: &App, action: Action, wanted: Option<OrganizationId>) {
        let outcome = if wanted.is_some() { Outcome::Foreign } else { Outcome::Denied };
        let access = self.access(action, outcome);
        let Some(claim) = self.memory.recorded.claim(access, app.clock.now()) else { return };
        let Ok(context) = self.fresh_command(app) else { return };
        let (app, route) = (Arc::clone(app), self.route.clone());
        // Whoever hangs up before the answer is recorded all the same.
        let recording = tokio::spawn(
            async move {
                match app.identities.record_denied(&context, action, route, wanted).await {
                    Ok(()) => claim.keep(),
                    Err(error) => {
                        let error = &error as &dyn std::error::Error;
                        tracing::warn!(error, "a refusal was not recorded");
                    }
                }
            }
            .in_current_span(),
        );
        if let Err(error) = recording.await {
            tracing::error!(error = &error as &dyn std::error::Error, "recording a refusal ended");
        }
    }

    /// The problem of what the rules about members refuse. That it is not for the caller to do is recorded, as where
    /// the table of actions says so.
    pub(crate) async fn refused_by_members(&self, app: &App, error: CommandError<MemberRefusal>) -> Problem {
        if let CommandError::Refused(MemberRefusal::Organization(refusal)) = &error
            && refusal.is_about_who_asks()
        {
            self.record_denied(app, self.action).await;
        }
        error.into()
    }

    /// Records that `action` takes data out, before it does: what cannot be recorded is not given. It counts as
    /// recorded only when it is in the log, so that nobody else goes by a record that fails.
    ///
    /// # Errors
    /// When the log or the key store cannot be used.
    pub(crate) async fn record_granted(
        &self,
        app: &App,
        action: Action,
        given: Given,
    ) -> Result<(), Problem> {
        let (access, now) = (self.access(action, Outcome::Given(given)), app.clock.now());
        if !self.memory.recorded.is_due(&access, now) {
            return Ok(());
        }
        let context = self.fresh_command(app)?;
        app.identities.record_granted(&context, action, self.route.clone(), given).await?;
        self.memory.recorded.note(access, now);
        Ok(())
    }

    fn access(&self, action: Action, outcome: Outcome) -> Access {
        Access {
            credential: self.principal.credential,
            organization: self.principal.organization,
            action,
            route: self.route.clone(),
            outcome,
        }
    }
}

/// Records that somebody was not let in because too many attempts had failed before. The answer does not wait for it,
/// and so does not tell whether anybody has the address.
pub(crate) fn record_locked(app: &App, asked: Asked, email: &str) {
    let (app, email) = (Arc::clone(app), email.to_owned());
    tokio::spawn(async move {
        if let Err(error) = app.identities.record_locked(&asked, &email).await {
            tracing::error!(error = &error as &dyn std::error::Error, "a failed sign-in was not recorded");
        }
    });
}

#[cfg(test)]
mod tests {
    use super::{Access, Outcome, Recorded, SECONDS};
    use crate::auth::is_about_one;
    use crate::routes::Access::Needs;
    use scanledger_domain::id::{ApiKeyId, OrganizationId, ProjectId, ScanId};
    use scanledger_domain::identity::{Action, Credential, Given, KeyForm};
    use scanledger_domain::report::ArtifactKind;
    use scanledger_domain::time::Timestamp;
    use std::sync::Arc;
    use uuid::Uuid;

    fn access() -> Access {
        Access {
            credential: Credential::Key { key: ApiKeyId(Uuid::from_u128(1)), form: KeyForm::Pepper },
            organization: OrganizationId(Uuid::from_u128(1)),
            action: Action::ReadAudit,
            route: "GET /a".to_owned(),
            outcome: Outcome::Given(Given::default()),
        }
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp(seconds * 1_000_000)
    }

    #[test]
    fn the_same_is_recorded_once_in_a_while() {
        let recorded = Recorded::default();
        assert!(recorded.is_due(&access(), at(0)) && recorded.is_due(&access(), at(0)));
        recorded.note(access(), at(0));
        assert!(!recorded.is_due(&access(), at(SECONDS - 1)));
        assert!(recorded.is_due(&access(), at(SECONDS)));
    }

    #[test]
    fn whatever_differs_is_recorded_for_itself() {
        let recorded = Recorded::default();
        recorded.note(access(), at(0));
        let other = Credential::Key { key: ApiKeyId(Uuid::from_u128(2)), form: KeyForm::Pepper };
        let project = Given { project: Some(ProjectId(Uuid::from_u128(1))), ..Given::default() };
        let scan = |number| Given { scan: Some(ScanId(Uuid::from_u128(number))), ..project };
        let file = Given { artifact: Some(ArtifactKind::Spdx), ..scan(1) };
        for different in [
            Access { credential: other, ..access() },
            Access { organization: OrganizationId(Uuid::from_u128(2)), ..access() },
            Access { action: Action::Export, ..access() },
            Access { route: "GET /b".to_owned(), ..access() },
            Access { outcome: Outcome::Denied, ..access() },
            Access { outcome: Outcome::Foreign, ..access() },
            Access { outcome: Outcome::Given(project), ..access() },
            Access { outcome: Outcome::Given(scan(1)), ..access() },
            Access { outcome: Outcome::Given(scan(2)), ..access() },
            Access { outcome: Outcome::Given(file), ..access() },
        ] {
            assert!(recorded.is_due(&different, at(1)), "{different:?}");
            recorded.note(different, at(1));
        }
    }

    #[test]
    fn of_many_refusals_at_once_one_is_recorded_and_another_if_that_came_to_nothing() {
        let recorded = Arc::new(Recorded::default());
        let claim = |seconds| recorded.claim(access(), at(seconds));
        let first = claim(0);
        assert!(first.is_some() && claim(0).is_none() && claim(SECONDS - 1).is_none());
        drop(first);
        claim(1).expect("the first one came to nothing").keep();
        assert!(claim(2).is_none() && claim(SECONDS).is_none());
        assert!(claim(1 + SECONDS).is_some());
    }

    /// Their handlers look up what the path names with `may_project`, `may_scan`, `may_file` or `may_finding`, which
    /// record it. A route that is new here has to do so too.
    #[test]
    fn routes_that_record_what_they_were_asked_for_are_known() {
        let rules = crate::route_table();
        let recorded =
            rules.iter().filter(|rule| matches!(rule.access, Needs(action) if action.is_recorded()));
        let named: Vec<&str> =
            recorded.map(|rule| rule.path.as_str()).filter(|path| is_about_one(path)).collect();
        assert_eq!(named, ["/api/scans/{id}/artifacts/{slug}", "/api/scans/{id}/findings/export"]);
    }
}
