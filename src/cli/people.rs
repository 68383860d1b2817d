//! `scanledger people …`.

use super::operate::{Missing, operate, unexpected};
use super::options::{EraseOptions, PeopleCommand, PersonOptions};
use super::output::{Exit, json, line};
use super::setup::read_password;
use crate::operations::{Forgotten, Operation, Outcome, Person, PersonChange, Standing, Who};
use anyhow::Result;
use scanledger_domain::id::{ApiKeyId, UserId};
use scanledger_domain::identity::Rank;
use scanledger_domain::vault::ERASED_PERSON;

pub(super) async fn run(command: PeopleCommand) -> Result<Exit> {
    match command {
        PeopleCommand::List { store, json: wanted } => {
            let outcome = operate(&store, Missing::Refuse, Operation::ListPeople).await?;
            let Outcome::People { people } = outcome else { return unexpected() };
            if wanted.wanted {
                json(&serde_json::json!({ "people": people }));
            } else {
                people.iter().for_each(|person| line(&shown(person)));
            }
        }
        PeopleCommand::SetPassword(person) => {
            let (who, password) = (Who::Email(person.email.clone()), read_password()?);
            let operation = Operation::SetPassword { who, password };
            tell(&person, operation, "has another password, and their sessions are over").await?;
        }
        PeopleCommand::Promote(person) => {
            change(person, PersonChange::Promote, "runs the installation").await?
        }
        PeopleCommand::Demote(person) => {
            change(person, PersonChange::Demote, "does not run the installation").await?;
        }
        PeopleCommand::Activate(person) => change(person, PersonChange::Activate, "may sign in").await?,
        PeopleCommand::Deactivate(person) => {
            change(person, PersonChange::Deactivate, "may not sign in, and their sessions are over").await?;
        }
        PeopleCommand::Erase(options) => erase(options).await?,
    }
    Ok(Exit::Done)
}

/// Forgets somebody, and says under which id.
async fn erase(options: EraseOptions) -> Result<()> {
    let EraseOptions { store, user, emails, logins, keys, json: wanted } = options;
    let keys = keys.into_iter().map(ApiKeyId).collect();
    let who = Forgotten { user: user.map(UserId), keys, emails, logins };
    let outcome = operate(&store, Missing::Refuse, Operation::ErasePerson(who)).await?;
    let Outcome::PersonErased { user: id, position } = outcome else { return unexpected() };
    if wanted.wanted {
        json(&serde_json::json!({ "id": id, "position": position }));
    } else {
        let who = match user {
            Some(_) => format!("person {id}"),
            None => format!("whoever others spoke of, {id} in the audit log,"),
        };
        line(&format!("{who} is erased, and the read models are built up to position {position}"));
        line(
            "backups of the keys that were made before still have their key: delete them, and make a new one",
        );
    }
    Ok(())
}

/// Changes what a person is, and says what they are now.
async fn change(person: PersonOptions, change: PersonChange, now: &str) -> Result<()> {
    let operation = Operation::ChangePerson { who: Who::Email(person.email.clone()), change };
    tell(&person, operation, now).await
}

async fn tell(person: &PersonOptions, operation: Operation, now: &str) -> Result<()> {
    let outcome = operate(&person.store, Missing::Refuse, operation).await?;
    let Outcome::PersonChanged { id, position } = outcome else { return unexpected() };
    if person.json.wanted {
        json(&serde_json::json!({ "id": id, "position": position }));
    } else {
        line(&format!("person {id} {now}"));
    }
    Ok(())
}

fn shown(person: &Person) -> String {
    let unknown = match person.standing {
        Standing::Known | Standing::Inactive | Standing::BeingErased => "",
        Standing::Erased => ERASED_PERSON,
    };
    let name = person.name.as_deref().unwrap_or(unknown);
    let email = person.email.as_deref().map(|email| format!("<{email}>")).unwrap_or_default();
    // Not everybody gives a name.
    let gap = if name.is_empty() || email.is_empty() { "" } else { "  " };
    let note = match (person.standing, person.rank) {
        (Standing::BeingErased, _) => "  (being erased: run `people erase` again, or start the server)",
        (Standing::Inactive, _) => "  (may not sign in)",
        (Standing::Known, Rank::SuperAdmin) => "  (runs the installation)",
        (Standing::Known, Rank::Ordinary) | (Standing::Erased, _) => "",
    };
    // Names are whatever somebody typed.
    let text: String = format!("{name}{gap}{email}").chars().filter(|c| !c.is_control()).collect();
    format!("{}  {text}{note}", person.id)
}
