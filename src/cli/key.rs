//! `scanledger key …`.

use super::operate::{Missing, operate, unexpected};
use super::options::{Form, KeyCommand, KeyRole};
use super::output::{Exit, json, line};
use crate::operations::{Operation, Outcome};
use anyhow::Result;
use scanledger_domain::id::{OrganizationId, ProjectId};
use scanledger_domain::identity::Role;

pub(super) async fn run(command: KeyCommand) -> Result<Exit> {
    let KeyCommand::Create { store, name, form, role, project, organization, expires_at, json: as_json } =
        command;
    let Form::Ppr = form;
    let role = match role {
        KeyRole::Viewer => Role::Viewer,
        KeyRole::Developer => Role::Developer,
        KeyRole::Security => Role::Security,
        KeyRole::Admin => Role::Admin,
    };
    let operation = Operation::CreateKey {
        name,
        role,
        project: project.map(ProjectId),
        organization: organization.map(OrganizationId),
        expires_at,
    };
    let outcome = operate(&store, Missing::Refuse, operation).await?;
    let Outcome::KeyCreated { id, token, prefix } = outcome else { return unexpected() };
    if as_json.wanted {
        json(&serde_json::json!({ "id": id, "apiKey": token, "prefix": prefix }));
    } else {
        line(&token);
    }
    Ok(Exit::Done)
}
