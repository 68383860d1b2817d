//! Honeytokens as answers show them (reference §11).

use super::incident_shape::CustomTagOut;
use super::people::{Doers, token};
use super::shape::Moment;
use crate::app::App;
use crate::problem::Problem;
use crate::rest::people::open_texts;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use scanledger_commands::honeytoken::DecoyCredential;
use scanledger_domain::honeytoken::HoneytokenStatus;
use scanledger_domain::id::{HoneytokenId, OrganizationId};
use scanledger_projections::honeytoken::HoneytokenRow;
use serde::{Deserialize, Serialize};
use std::convert::Infallible;
use utoipa::ToSchema;
use uuid::Uuid;

/// What stands where something was that the client does not want to see (reference §1.2).
const OBFUSCATED: &str = "<GG>OBFUSCATED</GG>";

/// Where a honeytoken stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = gitguardian::HoneytokenStatus)]
pub enum HoneytokenStatusWord {
    /// Nobody has used it since it was made or reset.
    Active,
    /// Somebody has.
    Triggered,
    /// It tells nothing any more.
    Revoked,
}

impl From<HoneytokenStatus> for HoneytokenStatusWord {
    fn from(status: HoneytokenStatus) -> Self {
        match status {
            HoneytokenStatus::Active => Self::Active,
            HoneytokenStatus::Triggered => Self::Triggered,
            HoneytokenStatus::Revoked => Self::Revoked,
        }
    }
}

impl From<HoneytokenStatusWord> for HoneytokenStatus {
    fn from(word: HoneytokenStatusWord) -> Self {
        match word {
            HoneytokenStatusWord::Active => Self::Active,
            HoneytokenStatusWord::Triggered => Self::Triggered,
            HoneytokenStatusWord::Revoked => Self::Revoked,
        }
    }
}

/// What a honeytoken looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[schema(as = gitguardian::HoneytokenType)]
pub enum HoneytokenType {
    /// An access key of Amazon Web Services.
    #[default]
    #[serde(rename = "AWS")]
    Aws,
}

/// Whether the client wants to see what is sensitive: the header `X-Privacy-Mode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Privacy {
    /// It does.
    Off,
    /// It does not.
    On,
}

impl FromRequestParts<App> for Privacy {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Infallible> {
        let value = parts.headers.get("x-privacy-mode").map(|value| value.as_bytes());
        Ok(if value.is_some_and(|value| value.eq_ignore_ascii_case(b"true")) { Self::On } else { Self::Off })
    }
}

impl Privacy {
    /// The text, or what stands for it.
    pub fn shown(self, text: String) -> String {
        match self {
            Self::Off => text,
            Self::On => OBFUSCATED.to_owned(),
        }
    }
}

/// Whether credentials are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Credentials {
    /// They are left out.
    LeftOut,
    /// They are shown, as far as the client wants to see them.
    Shown(Privacy),
}

/// A credential that opens nothing.
#[derive(Serialize, ToSchema)]
#[schema(as = gitguardian::HoneytokenCredential)]
pub struct CredentialOut {
    access_token_id: String,
    secret_key: String,
}

impl From<&DecoyCredential> for CredentialOut {
    fn from(credential: &DecoyCredential) -> Self {
        Self {
            access_token_id: credential.access_id().to_owned(),
            secret_key: credential.secret_key().to_owned(),
        }
    }
}

/// A credential that tells who uses it.
#[derive(Serialize, ToSchema)]
#[schema(as = gitguardian::Honeytoken)]
pub struct HoneytokenOut {
    id: Uuid,
    name: String,
    description: Option<String>,
    created_at: Moment,
    gitguardian_url: String,
    status: HoneytokenStatusWord,
    /// When it was first used since it was made or reset.
    triggered_at: Option<Moment>,
    revoked_at: Option<Moment>,
    /// Uses that nobody has dealt with.
    open_events_count: u64,
    r#type: HoneytokenType,
    creator_id: Option<u64>,
    revoker_id: Option<u64>,
    creator_api_token_id: Option<Uuid>,
    revoker_api_token_id: Option<Uuid>,
    /// Only if it is asked for, and when it was just made.
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<CredentialOut>,
    /// Empty: whether one is public is not known here.
    tags: Vec<String>,
    /// Empty: there are none.
    custom_tags: Vec<CustomTagOut>,
}

impl HoneytokenOut {
    /// The same with a credential that was just made.
    pub fn with(self, credential: &DecoyCredential) -> Self {
        Self { token: Some(credential.into()), ..self }
    }
}

/// Where a honeytoken is to be read.
pub fn url_of(app: &App, honeytoken: HoneytokenId) -> String {
    format!("{}/v1/honeytokens/{honeytoken}", app.entrance.public_url)
}

/// Honeytokens of an organization, in their order.
pub async fn shown(
    app: &App,
    organization: OrganizationId,
    rows: &[HoneytokenRow],
    credentials: Credentials,
) -> Result<Vec<HoneytokenOut>, Problem> {
    let revokers = rows.iter().filter_map(|row| row.revoked.map(|revoked| revoked.by));
    let actors = rows.iter().map(|row| row.creator).chain(revokers);
    let doers = Doers::of(app, organization, [], actors).await?;
    let mut tokens = tokens(app, rows, credentials).await?.into_iter();
    Ok(rows.iter().map(|row| honeytoken(app, &doers, row, tokens.next())).collect())
}

/// A credential for each row, if they are to be shown.
async fn tokens(
    app: &App,
    rows: &[HoneytokenRow],
    credentials: Credentials,
) -> Result<Vec<CredentialOut>, Problem> {
    let Credentials::Shown(privacy) = credentials else { return Ok(vec![]) };
    let sealed = rows.iter().flat_map(|row| [row.access_id.clone(), row.secret_key.clone()]).collect();
    let mut opened = open_texts(app, sealed).await?.into_iter().map(Option::unwrap_or_default);
    let mut tokens = Vec::with_capacity(rows.len());
    while let (Some(id), Some(key)) = (opened.next(), opened.next()) {
        tokens.push(CredentialOut { access_token_id: privacy.shown(id), secret_key: privacy.shown(key) });
    }
    Ok(tokens)
}

fn honeytoken(
    app: &App,
    doers: &Doers,
    row: &HoneytokenRow,
    token_out: Option<CredentialOut>,
) -> HoneytokenOut {
    let (creator, revoker) = (Some(row.creator), row.revoked.map(|revoked| revoked.by));
    HoneytokenOut {
        id: row.id.0,
        name: row.name.clone(),
        description: row.description.clone(),
        created_at: Moment(row.created_at),
        gitguardian_url: url_of(app, row.id),
        status: row.status.into(),
        triggered_at: row.triggered_at.map(Moment),
        revoked_at: row.revoked.map(|revoked| Moment(revoked.at)),
        open_events_count: row.open_events,
        r#type: HoneytokenType::Aws,
        creator_id: doers.member(creator),
        revoker_id: doers.member(revoker),
        creator_api_token_id: token(creator),
        revoker_api_token_id: token(revoker),
        token: token_out,
        tags: vec![],
        custom_tags: vec![],
    }
}

#[cfg(test)]
mod tests {
    use super::{HoneytokenStatusWord, OBFUSCATED, Privacy};
    use scanledger_domain::honeytoken::HoneytokenStatus;

    #[test]
    fn words_lead_back() {
        for status in HoneytokenStatus::ALL {
            let word = HoneytokenStatusWord::from(status);
            assert_eq!(HoneytokenStatus::from(word), status);
            assert_eq!(serde_json::to_value(word).unwrap(), status.as_str());
        }
    }

    #[test]
    fn what_the_client_does_not_want_to_see_is_not_shown() {
        assert_eq!(Privacy::On.shown("x".to_owned()), OBFUSCATED);
        assert_eq!(Privacy::Off.shown("x".to_owned()), "x");
    }
}
