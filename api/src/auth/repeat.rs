//! Requests that come again: the command of an idempotency key, and what it did the first time.

use super::Caller;
use crate::app::App;
use crate::problem::Problem;
use axum::http::StatusCode;
use scanledger_commands::ports::Seen;
use scanledger_commands::{Context, Fault, IdempotencyKey};
use scanledger_domain::id::CommandId;
use scanledger_domain::identity::Action;
use scanledger_domain::limits::IDEMPOTENCY_KEY_CHARS;
use scanledger_domain::log::Position;

impl Caller {
    /// The context of the command that this request gives; `body` is the SHA-256 of what it says.
    ///
    /// # Errors
    /// 400 for an idempotency key that will not do, 422 if it came with another body or query before, else a fault.
    pub async fn command(&self, app: &App, body: [u8; 32]) -> Result<Context, Problem> {
        let command = match self.idempotency_key()? {
            None => CommandId(app.ids.fresh()),
            Some(command) => self.remembered(app, command, body).await?,
        };
        self.context(app, command)
    }

    /// Does `work` and answers the position of what it did, unless this request came before with the same idempotency
    /// key: then nothing is looked up or done, and the position is that of the first time.
    ///
    /// Handlers of whatever is gone or elsewhere afterwards look up in `work` what they are about, because a repeat does
    /// not find it any more. Nobody learns of anything that is not theirs: the key is one caller's, for one path, and the
    /// log knows it only if they were allowed to.
    ///
    /// # Errors
    /// As [`Self::command`], and those of `work`.
    pub async fn once(
        &self,
        app: &App,
        body: [u8; 32],
        work: impl Future<Output = Result<Option<Position>, Problem>>,
    ) -> Result<Option<Position>, Problem> {
        if let Some(position) = self.repeated(app, body).await? {
            return Ok(Some(position));
        }
        match work.await {
            // The same request may have been served by now, and what it was about is gone for this one.
            Err(problem) if problem.status().is_client_error() => {
                self.repeated(app, body).await?.map(Some).ok_or(problem)
            }
            done => done,
        }
    }

    /// The position of what this request did when it came before.
    async fn repeated(&self, app: &App, body: [u8; 32]) -> Result<Option<Position>, Problem> {
        let Some(command) = self.idempotency_key()? else { return Ok(None) };
        let known = app.ledger.known(command).await.map_err(Fault::from)?;
        if known.is_some() {
            self.remembered(app, command, body).await?;
        }
        Ok(known)
    }

    /// The command of an idempotency key, unless the key came with another request before.
    async fn remembered(&self, app: &App, command: CommandId, body: [u8; 32]) -> Result<CommandId, Problem> {
        match app.idempotency.remember(command, self.origin.digest(body)).await {
            Ok(Seen::New | Seen::Same) => Ok(command),
            Ok(Seen::Different) => {
                let error = "this idempotency key came with another request before";
                let problem = Problem::new(StatusCode::UNPROCESSABLE_ENTITY, error);
                Err(problem.with_code("IDEMPOTENCY_KEY_REUSED"))
            }
            Err(cause) => Err(Problem::fault(&*cause)),
        }
    }

    fn idempotency_key(&self) -> Result<Option<CommandId>, Problem> {
        let Some(value) = &self.origin.idempotency_key else { return Ok(None) };
        let key = value.to_str().ok().filter(|key| (1..=IDEMPOTENCY_KEY_CHARS).contains(&key.len()));
        let Some(key) = key else {
            let message = format!("must have 1 to {IDEMPOTENCY_KEY_CHARS} visible ASCII characters");
            return Err(Problem::invalid("Idempotency-Key", message));
        };
        // Somebody's own account is in no organization, and who accepts an invitation may work in another one after it.
        let organization = (self.action != Action::OwnAccount).then_some(self.principal.organization);
        let key = IdempotencyKey {
            organization,
            actor: self.principal.actor,
            method: &self.origin.method,
            path: &self.origin.path,
            key,
        };
        Ok(Some(key.command()))
    }
}
