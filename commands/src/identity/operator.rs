//! What only whoever runs the server does to an account.

use super::notice::Notice;
use super::{Identities, PersonChanged, PersonRefusal, to_the_end};
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
        let (identities, context) = (self.clone(), context.clone());
        let begun = async move {
            let command = UserCommand::SetPassword { password };
            let changed = identities.change_user(&context, user, command).await?;
            identities.tell(user, Notice::Password, changed.position);
            Ok(changed)
        };
        to_the_end(begun).await?
    }
}
