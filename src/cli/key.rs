//! `scanledger key …`.

use super::operate::{Missing, operate, unexpected};
use super::options::{CreateKeyOptions, KeyCommand, KeyRole, Kind};
use super::output::{Exit, json, line, written};
use crate::adapters::SystemClock;
use crate::operations::{KeyWanted, Operation, Outcome, Who};
use anyhow::{Context, Result, bail};
use scanledger_domain::id::{OrganizationId, ProjectId, TeamId, UserId};
use scanledger_domain::identity::{Breadth, KeyKind, Role};
use scanledger_domain::time::Clock;

pub(super) async fn run(command: KeyCommand) -> Result<Exit> {
    let KeyCommand::Create(options) = command;
    let wanted = wanted(&options)?;
    let outcome = operate(&options.store, Missing::Refuse, Operation::CreateKey(wanted)).await?;
    let Outcome::KeyCreated { id, token, prefix } = outcome else { return unexpected() };
    if options.json.wanted {
        json(&serde_json::json!({ "id": id, "apiKey": token, "prefix": prefix }));
    } else {
        line(&token);
    }
    written().with_context(|| {
        format!(
            "the API key {id} was made, but could not be written and is not shown again: make another one"
        )
    })?;
    Ok(Exit::Done)
}

fn wanted(options: &CreateKeyOptions) -> Result<KeyWanted> {
    let person = match (options.user, &options.email) {
        (Some(user), _) => Some(Who::Id(UserId(user))),
        (None, Some(email)) => Some(Who::Email(email.clone())),
        (None, None) => None,
    };
    let kind = match (options.kind, &person) {
        (Some(Kind::Personal) | None, Some(_)) => KeyKind::Personal,
        (Some(Kind::Service) | None, None) => KeyKind::Service,
        (Some(Kind::Personal), None) => {
            bail!("a personal key acts for a person: name them with --user or --email")
        }
        (Some(Kind::Service), Some(_)) => {
            bail!("a service key acts for itself: leave --user and --email out")
        }
    };
    let ends = options.expires_in_days.map(|days| SystemClock.now().plus_days(i64::from(days.get())));
    Ok(KeyWanted {
        form: options.form,
        kind,
        scopes: options.scopes,
        breadth: if options.read_only { Breadth::ReadOnly } else { Breadth::ReadWrite },
        team: options.team.map(TeamId),
        project: options.project.map(ProjectId),
        organization: options.organization.map(OrganizationId),
        person,
        expires_at: options.expires_at.or(ends),
        ..KeyWanted::new(&options.name, role(options.role))
    })
}

const fn role(role: KeyRole) -> Role {
    match role {
        KeyRole::Viewer => Role::Viewer,
        KeyRole::Developer => Role::Developer,
        KeyRole::Security => Role::Security,
        KeyRole::Admin => Role::Admin,
    }
}
