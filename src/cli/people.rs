//! `scanledger people …`.

use super::operate::{Missing, operate, unexpected};
use super::options::PeopleCommand;
use super::output::{Exit, json, line};
use crate::operations::{Operation, Outcome, Person, Standing};
use anyhow::Result;
use scanledger_domain::id::{ApiKeyId, UserId};
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
        PeopleCommand::Erase { store, user, keys, json: wanted } => {
            let keys = keys.into_iter().map(ApiKeyId).collect();
            let operation = Operation::ErasePerson { user: UserId(user), keys };
            let outcome = operate(&store, Missing::Refuse, operation).await?;
            let Outcome::PersonErased { position } = outcome else { return unexpected() };
            if wanted.wanted {
                json(&serde_json::json!({ "id": user, "position": position }));
            } else {
                line(&format!(
                    "person {user} is erased, and the read models are built up to position {position}"
                ));
                line(
                    "backups of the keys that were made before still have their key: delete them, and make a new one",
                );
            }
        }
    }
    Ok(Exit::Done)
}

fn shown(person: &Person) -> String {
    let unknown = match person.standing {
        Standing::Known | Standing::BeingErased => "",
        Standing::Erased => ERASED_PERSON,
    };
    let name = person.name.as_deref().unwrap_or(unknown);
    let email = person.email.as_deref().map(|email| format!("  <{email}>")).unwrap_or_default();
    let note = match person.standing {
        Standing::BeingErased => "  (being erased: run `people erase` again, or start the server)",
        Standing::Known | Standing::Erased => "",
    };
    // Names are whatever somebody typed.
    let text: String = format!("{name}{email}").chars().filter(|c| !c.is_control()).collect();
    format!("{}  {text}{note}", person.id)
}
