//! People and keys by the numbers and ids that the dialect has for them.

use super::page::Direction;
use crate::app::App;
use crate::problem::Problem;
use crate::rest::people::{Person, SealedPerson, open_people};
use scanledger_domain::id::{ApiKeyId, OrganizationId, UserId};
use scanledger_domain::log::Actor;
use std::collections::{HashMap, HashSet};
use uuid::Uuid;

/// A person as answers show one.
pub struct Shown {
    /// Their number.
    pub number: u64,
    /// Name and address.
    pub person: Person,
}

/// Who did something, of those on a page.
#[derive(Default)]
pub struct Doers {
    people: HashMap<UserId, Shown>,
    keys: HashMap<ApiKeyId, String>,
}

impl Doers {
    /// Looks all of them up, in one query.
    pub async fn of(
        app: &App,
        organization: OrganizationId,
        people: impl IntoIterator<Item = UserId>,
        actors: impl IntoIterator<Item = Actor>,
    ) -> Result<Self, Problem> {
        let (mut people, mut keys): (HashSet<UserId>, HashSet<ApiKeyId>) =
            (people.into_iter().collect(), HashSet::new());
        for actor in actors {
            match actor {
                Actor::User(user) => drop(people.insert(user)),
                Actor::Key(key) => drop(keys.insert(key)),
                Actor::System | Actor::Operator => (),
            }
        }
        if people.is_empty() && keys.is_empty() {
            return Ok(Self::default());
        }
        let (people, keys) = (people.into_iter().collect(), keys.into_iter().collect());
        let found = app.views.actors(organization, people, keys).await?;
        let rows: Vec<_> = found.people.into_values().collect();
        let sealed = rows.iter().map(|row| SealedPerson { name: row.name.clone(), email: row.email.clone() });
        let opened = open_people(app, sealed.collect()).await?;
        let people = rows.iter().zip(opened);
        let people = people.map(|(row, person)| (row.id, Shown { number: row.number, person })).collect();
        Ok(Self { people, keys: found.keys })
    }

    /// A person.
    pub fn person(&self, user: UserId) -> Option<&Shown> {
        self.people.get(&user)
    }

    /// The number of whoever did it, if that was a person.
    pub fn member(&self, actor: Option<Actor>) -> Option<u64> {
        match actor? {
            Actor::User(user) => self.person(user).map(|shown| shown.number),
            Actor::Key(_) | Actor::System | Actor::Operator => None,
        }
    }

    /// The name of a key.
    pub fn key_name(&self, actor: Option<Actor>) -> Option<&str> {
        match actor? {
            Actor::Key(key) => self.keys.get(&key).map(String::as_str),
            Actor::User(_) | Actor::System | Actor::Operator => None,
        }
    }
}

/// The key that did it, if it was one.
pub fn token(actor: Option<Actor>) -> Option<Uuid> {
    match actor? {
        Actor::Key(key) => Some(key.0),
        Actor::User(_) | Actor::System | Actor::Operator => None,
    }
}

/// The member of the organization with a number.
pub async fn member_by_number(
    app: &App,
    organization: OrganizationId,
    number: u64,
) -> Result<Option<UserId>, Problem> {
    let Some(user) = app.views.user_by_number(number).await? else { return Ok(None) };
    Ok(app.views.member(organization, user.id).await?.map(|member| member.user.id))
}

/// The member of the organization with an address.
pub async fn member_by_email(
    app: &App,
    organization: OrganizationId,
    email: &str,
) -> Result<Option<UserId>, Problem> {
    let Some(user) = app.identities.holder_of_address(email).await? else { return Ok(None) };
    Ok(app.views.member(organization, user).await?.map(|member| member.user.id))
}

/// The direction in the words of read models.
pub const fn direction(direction: Direction) -> scanledger_projections::incident::Direction {
    match direction {
        Direction::Ascending => scanledger_projections::incident::Direction::Ascending,
        Direction::Descending => scanledger_projections::incident::Direction::Descending,
    }
}
