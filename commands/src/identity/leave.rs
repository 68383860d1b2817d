//! Letting go: of a provider that vouches, and of a person.

use super::notice::Notice;
use super::person::finish;
use super::{Identities, PersonChanged, PersonRefusal, to_the_end};
use crate::context::Context;
use crate::error::{CommandError, Fault};
use crate::ledger::{Batch, Races};
use scanledger_domain::claim::{Claim, ClaimCommand, Unique, claim_stream};
use scanledger_domain::decider::StoredEvent as _;
use scanledger_domain::id::{ApiKeyId, IdentityId, SubjectId, UserId};
use scanledger_domain::identity::{
    Account, Installation, InstallationCommand, LinkedIdentity, Mark, User, UserCommand, UserErased,
    UserEvent, UserRefusal, installation_stream, plain_email, user_stream,
};
use scanledger_domain::log::{StreamName, Version};
use std::collections::BTreeSet;

/// Events read from a stream at a time.
const PAGE: usize = 1_000;

type Result<T> = std::result::Result<T, CommandError<PersonRefusal>>;

impl Identities {
    /// Lets a provider vouch for somebody no more; what it calls them is free for another account.
    ///
    /// # Errors
    /// [`UserRefusal::NotLinked`], [`UserRefusal::LocksOut`]; else a fault.
    pub async fn unlink(
        &self,
        context: &Context,
        user: UserId,
        identity: IdentityId,
    ) -> Result<PersonChanged> {
        let (identities, context) = (self.clone(), context.clone());
        to_the_end(async move { identities.unlink_and_tell(&context, user, identity).await }).await?
    }

    async fn unlink_and_tell(
        &self,
        context: &Context,
        user: UserId,
        identity: IdentityId,
    ) -> Result<PersonChanged> {
        let mut races = Races::default();
        loop {
            let state = self.ledger.load::<User>(&user_stream(user)).await?.0;
            let linked = state.account().and_then(|account| account.identities.get(&identity)).cloned();
            let mut batch = self.ledger.batch(context);
            self.decide_user(&mut batch, user, UserCommand::Unlink(identity)).await?;
            if let Some(linked) = &linked {
                self.release_identity(&mut batch, user, linked).await?;
            }
            if let Some(changed) = finish(batch, &mut races).await? {
                if let Some(linked) = linked {
                    self.tell(user, Notice::Unlinked(linked.provider), None);
                }
                return Ok(changed);
            }
        }
    }

    /// Records that a person is to be forgotten, with API keys that they alone used, and lets go of what was theirs
    /// alone: their address and what providers call them may be somebody else's from here on. What others said of whoever
    /// has one of their addresses is forgotten too, and so is what was sealed for `also`. Nobody is kept because nobody
    /// else runs the installation: whoever holds the log can make somebody else do so.
    ///
    /// # Errors
    /// [`UserRefusal::NotFound`] if there never was such a person; else a fault.
    pub async fn erase(
        &self,
        context: &Context,
        user: UserId,
        keys: BTreeSet<ApiKeyId>,
        also: BTreeSet<SubjectId>,
    ) -> Result<PersonChanged> {
        let addresses = self.addresses_of(user).await?;
        let marks = self.marks_of(&addresses, also);
        let mut races = Races::default();
        loop {
            let state = self.ledger.load::<User>(&user_stream(user)).await?.0;
            let mut batch = self.ledger.batch(context);
            self.decide_user(
                &mut batch,
                user,
                UserCommand::Erase { keys: keys.clone(), marks: marks.clone() },
            )
            .await?;
            if let Some(account) = state.account() {
                self.release_all(&mut batch, account).await?;
            }
            if let Some(changed) = finish(batch, &mut races).await? {
                return Ok(changed);
            }
        }
    }

    /// Records that somebody is to be forgotten who never had an account, and of whom others spoke.
    ///
    /// # Errors
    /// [`UserRefusal::Exists`] for who has an account; else a fault.
    pub async fn erase_stranger(&self, context: &Context, erased: UserErased) -> Result<PersonChanged> {
        self.change_user(context, erased.user, UserCommand::EraseStranger(erased)).await
    }

    /// The addresses that a person has here and at providers, those of former links too; none once their key is gone.
    ///
    /// # Errors
    /// When the log or the key store cannot be used.
    pub async fn addresses_of(&self, user: UserId) -> std::result::Result<BTreeSet<String>, Fault> {
        let (stream, mut seen) = (user_stream(user), Version::NONE);
        let mut addresses = BTreeSet::new();
        loop {
            let page = self.ledger.log().read_stream(&stream, seen, PAGE).await?;
            let Some(last) = page.last() else { return Ok(addresses) };
            seen = last.version;
            // What else stands in such a stream belongs to claims.
            for recorded in page.iter().filter(|recorded| recorded.kind.starts_with("user.")) {
                let sealed = match UserEvent::decode(&recorded.kind, recorded.schema, &recorded.data)? {
                    UserEvent::Registered(registered) => Some(registered.email),
                    UserEvent::IdentityLinked(linked) => linked.email,
                    _ => None,
                };
                if let Some(address) = sealed.map(|sealed| self.vault.open(&sealed)).transpose()?.flatten() {
                    addresses.insert(plain_email(&address));
                }
            }
        }
    }

    /// For whom is sealed what others say of whoever has these addresses, and `also`.
    fn marks_of(&self, addresses: &BTreeSet<String>, also: BTreeSet<SubjectId>) -> BTreeSet<SubjectId> {
        let marks = addresses.iter().map(|address| Mark::Email(address).subject(&*self.vault));
        marks.chain(also).collect()
    }

    async fn release_all(&self, batch: &mut Batch<'_>, account: &Account) -> Result<()> {
        let user = account.user;
        if let Some(email) = self.vault.open(&account.email)? {
            self.release(batch, user, claim_stream(&*self.vault, Unique::Email(&email))).await?;
        }
        for linked in account.identities.values() {
            self.release_identity(batch, user, linked).await?;
        }
        let remove = InstallationCommand::Remove(user);
        match batch.decide::<Installation>(installation_stream(), remove).await {
            Ok(_) | Err(CommandError::Refused(_)) => Ok(()),
            Err(error) => Err(error.map_refused(|_| UserRefusal::NotFound.into())),
        }
    }

    async fn release_identity(
        &self,
        batch: &mut Batch<'_>,
        user: UserId,
        linked: &LinkedIdentity,
    ) -> Result<()> {
        let Some(subject) = self.vault.open(&linked.subject)? else { return Ok(()) };
        let claim = claim_stream(&*self.vault, Unique::Identity(linked.provider, &subject));
        self.release(batch, user, claim).await
    }

    async fn release(&self, batch: &mut Batch<'_>, user: UserId, claim: StreamName) -> Result<()> {
        let release = ClaimCommand::Release { holder: user_stream(user) };
        let decided = batch.decide::<Claim>(claim, release).await;
        decided.map(|_| ()).map_err(|error| error.map_refused(|_| UserRefusal::NotFound.into()))
    }
}
