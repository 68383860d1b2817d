//! People and keys that did something, in one statement.

use super::{PersonRow, unsigned};
use crate::project::batch::hex_ids;
use crate::store::column::id;
use crate::store::{ReadError, Views};
use rusqlite::named_params;
use scanledger_domain::id::{ApiKeyId, OrganizationId, UserId};
use scanledger_domain::vault::Sealed;
use std::collections::HashMap;

/// What is known about people and keys.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Actors {
    /// People, sealed.
    pub people: HashMap<UserId, PersonRow>,
    /// Names of keys, revoked ones included.
    pub keys: HashMap<ApiKeyId, String>,
}

impl Views {
    /// People, and keys of an organization, by id, in one statement; unknown ones are left out.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn actors(
        &self,
        organization: OrganizationId,
        people: Vec<UserId>,
        keys: Vec<ApiKeyId>,
    ) -> Result<Actors, ReadError> {
        self.read(move |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT 0, u.id, u.name, u.email, u.registered FROM json_each(:people) w JOIN user u ON u.id = unhex(w.value)
                 UNION ALL
                 SELECT 1, k.id, k.name, '', 0 FROM json_each(:keys) w JOIN api_key k ON k.id = unhex(w.value)
                 JOIN organization o ON o.key = k.organization AND o.id = :organization",
            )?;
            let mut rows = statement.query(named_params! {
                ":people": hex_ids(people.into_iter().map(|id| id.0)),
                ":keys": hex_ids(keys.into_iter().map(|id| id.0)),
                ":organization": organization.as_bytes(),
            })?;
            let mut actors = Actors::default();
            while let Some(row) = rows.next()? {
                if row.get::<_, u8>(0)? == 0 {
                    let id = UserId(id(row, 1)?);
                    let (name, email) = (Sealed(row.get(2)?), Sealed(row.get(3)?));
                    let person = PersonRow { id, number: unsigned(row, 4)?, name, email };
                    actors.people.insert(id, person);
                } else {
                    actors.keys.insert(ApiKeyId(id(row, 1)?), row.get(2)?);
                }
            }
            Ok(actors)
        })
        .await
    }
}
