//! What only whoever runs the server does to an account.

use super::{Identities, PersonChanged, PersonRefusal};
use crate::context::Context;
use crate::error::CommandError;
use scanledger_domain::id::UserId;
use scanledger_domain::identity::UserCommand;

impl Identities {
    /// Gives somebody another password, whatever they know; all their sessions are over then.
    ///
    /// # Errors
    /// [`PersonRefusal::WeakPassword`], [`scanledger_domain::identity::UserRefusal::NotFound`]; else a fault.
    pub async fn set_password(
        &self,
        context: &Context,
        user: UserId,
        password: &str,
    ) -> Result<PersonChanged, CommandError<PersonRefusal>> {
        let password = self.sealed_password(user, password).await?;
        self.change_user(context, user, UserCommand::SetPassword { password }).await
    }
}
