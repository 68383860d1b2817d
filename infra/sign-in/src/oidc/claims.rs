//! What a provider says about a person, in the identity token or at the userinfo endpoint.

use openidconnect::core::CoreGenderClaim;
use openidconnect::{
    AdditionalClaims, EndUserEmail, EndUserName, EndUserUsername, IdTokenClaims, LocalizedClaim,
    UserInfoClaims,
};
use scanledger_commands::ports::{EmailStanding, Vouched, VouchedEmail};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::HashMap;

/// Claims that OpenID Connect Core does not name.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Extra {
    #[serde(flatten)]
    claims: HashMap<String, Value>,
}

impl AdditionalClaims for Extra {}

/// What both kinds of claims have.
pub(crate) trait Claims {
    fn email(&self) -> Option<&EndUserEmail>;
    fn email_verified(&self) -> Option<bool>;
    fn name(&self) -> Option<&LocalizedClaim<EndUserName>>;
    fn preferred_username(&self) -> Option<&EndUserUsername>;
    fn extra(&self) -> &Extra;
}

macro_rules! claims {
    ($($kind:ident),*) => {$(
        impl Claims for $kind<Extra, CoreGenderClaim> {
            fn email(&self) -> Option<&EndUserEmail> {
                self.email()
            }

            fn email_verified(&self) -> Option<bool> {
                self.email_verified()
            }

            fn name(&self) -> Option<&LocalizedClaim<EndUserName>> {
                self.name()
            }

            fn preferred_username(&self) -> Option<&EndUserUsername> {
                self.preferred_username()
            }

            fn extra(&self) -> &Extra {
                self.additional_claims()
            }
        }
    )*};
}

claims!(IdTokenClaims, UserInfoClaims);

/// What is known about a person so far.
pub(crate) struct Known {
    email: Option<VouchedEmail>,
    name: Option<String>,
    /// `None` if the claim is not there.
    groups: Option<Vec<String>>,
}

impl Known {
    /// What `claims` say; without a name for the claim there are no groups.
    pub(crate) fn of(claims: &impl Claims, groups_claim: Option<&str>) -> Self {
        let email = claims.email().map(|email| VouchedEmail {
            address: email.to_string(),
            standing: match claims.email_verified() {
                Some(true) => EmailStanding::Verified,
                Some(false) | None => EmailStanding::Unverified,
            },
        });
        let name = claims.name().and_then(|name| name.get(None)).map(|name| name.to_string());
        let user_name = || claims.preferred_username().map(|name| name.to_string());
        let groups = match groups_claim {
            Some(claim) => claims.extra().claims.get(claim).map(names),
            None => Some(Vec::new()),
        };
        Self { email, name: name.filter(|name| !name.trim().is_empty()).or_else(user_name), groups }
    }

    /// Whether there is nothing more to ask for.
    pub(crate) const fn is_complete(&self) -> bool {
        self.email.is_some() && self.name.is_some() && self.groups.is_some()
    }

    /// Takes what was missing from `more`.
    pub(crate) fn add(&mut self, more: Self) {
        self.email = self.email.take().or(more.email);
        self.name = self.name.take().or(more.name);
        self.groups = self.groups.take().or(more.groups);
    }

    pub(crate) fn into_vouched(self, subject: String) -> Vouched {
        Vouched { subject, email: self.email, name: self.name, groups: self.groups.unwrap_or_default() }
    }
}

/// A list of texts, or one text; anything else names no group.
fn names(claim: &Value) -> Vec<String> {
    match claim {
        Value::String(name) => vec![name.clone()],
        Value::Array(names) => names.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => Vec::new(),
    }
}
