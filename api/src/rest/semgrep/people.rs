//! What clients say about people: each part is sealed for whom it is about, so that it is forgotten with them, and put
//! together again to be shown.

use crate::app::App;
use crate::auth::Caller;
use crate::problem::Problem;
use crate::rest::people::open_texts;
use scanledger_domain::identity::Mark;
use scanledger_domain::scan::{ClientPeople, ClientRun};
use scanledger_domain::vault::{Sealed, VaultError};

/// What a client says about people, sealed.
#[derive(Debug, Default)]
pub(super) struct SealedPeople {
    /// What is about nobody who is named, for the caller.
    pub(super) unsigned: Option<Sealed>,
    /// What is about who wrote the commit, for them.
    pub(super) author: Option<Sealed>,
    /// What is about who opened the pull request, for them.
    pub(super) opener: Option<Sealed>,
}

impl SealedPeople {
    /// Seals each part for whom it is about.
    ///
    /// # Errors
    /// 401 for a caller who was erased, else a fault.
    pub(super) fn of(app: &App, caller: &Caller, people: &ClientPeople) -> Result<Self, Problem> {
        let unsigned = people.unsigned().map(|said| json(&said)).transpose()?;
        Ok(Self {
            unsigned: caller.seal(app, unsigned.as_deref())?,
            author: sealed(app, people.author())?,
            opener: sealed(app, people.opener())?,
        })
    }
}

/// What is said about somebody, for them. Of who was erased nothing is kept, whoever speaks of them.
fn sealed(app: &App, about: Option<(Mark<'_>, ClientPeople)>) -> Result<Option<Sealed>, Problem> {
    let Some((mark, said)) = about else { return Ok(None) };
    match app.vault.seal(mark.subject(&*app.vault), &json(&said)?) {
        Ok(sealed) => Ok(Some(sealed)),
        Err(VaultError::Erased) => Ok(None),
        Err(error @ VaultError::Failed { .. }) => Err(Problem::fault(&error)),
    }
}

fn json(said: &ClientPeople) -> Result<String, Problem> {
    serde_json::to_string(said).map_err(|error| Problem::fault(&error))
}

/// What the client of a scan said about people, as far as they are not erased.
///
/// # Errors
/// As [`open_texts`].
pub(super) async fn people_of(app: &App, client: &ClientRun) -> Result<ClientPeople, Problem> {
    let parts = open_texts(app, client.sealed().cloned().collect()).await?;
    // What stays of who was erased is nothing.
    let parts = parts.iter().flatten().filter_map(|part| serde_json::from_str::<ClientPeople>(part).ok());
    Ok(parts.fold(ClientPeople::default(), ClientPeople::and))
}
