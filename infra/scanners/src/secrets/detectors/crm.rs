//! Customers: sales, support and marketing.

use super::{Detector, named, specific, token, uuid};
use crate::secrets::checks;
use scanledger_domain::secret::SecretFamily::{ApiKey, Token};
use scanledger_domain::secret::{DetectorFacts, SecretCategory, SecretFamily};
use scanledger_domain::severity::Severity::{Critical, High};

const fn crm(
    id: &'static str,
    title: &'static str,
    provider: &'static str,
    family: SecretFamily,
) -> DetectorFacts {
    specific(id, title, provider, family, SecretCategory::Crm)
}

pub(super) const LIST: &[Detector] = &[
    Detector::token(
        crm("HUBSPOT_TOKEN", "HubSpot private app token", "HubSpot", Token),
        High,
        "reads and changes customers in HubSpot",
        &["pat-na", "pat-eu", "pat-ap"],
        concat!(r"\b(?P<secret>pat-(?:na|eu|ap)[0-9]-(?P<body>", uuid!(), r"))\b"),
    ),
    // An organization's id, 15 characters, then the session.
    Detector::token(
        crm("SALESFORCE_TOKEN", "Salesforce access token", "Salesforce", Token),
        Critical,
        "reads and changes customers in Salesforce until it expires",
        &["00D"],
        r"\b(?P<secret>00D[A-Za-z0-9]{12}!(?P<body>[A-Za-z0-9._]{90,120}))(?:[^A-Za-z0-9._]|$)",
    ),
    Detector::token(
        crm("INTERCOM_TOKEN", "Intercom access token", "Intercom", Token),
        High,
        "reads and writes conversations with customers",
        &["dG9rO"],
        r"\b(?P<secret>dG9rO(?P<body>[A-Za-z0-9+/]{54})=)",
    )
    .entropy(3.8)
    .checked(checks::is_intercom_token),
    Detector::token(
        crm("KLAVIYO_API_KEY", "Klaviyo private key", "Klaviyo", ApiKey),
        High,
        "reads customers and sends campaigns",
        &["pk_"],
        token!("pk_", "[0-9a-f]{34}"),
    ),
    Detector::named(
        crm("ZENDESK_TOKEN", "Zendesk token", "Zendesk", Token),
        High,
        "reads and answers what customers ask",
        &["zendesk"],
        named!("zendesk", "[A-Za-z0-9]{40}"),
    )
    .entropy(3.7),
    Detector::named(
        crm("PIPEDRIVE_TOKEN", "Pipedrive token", "Pipedrive", Token),
        High,
        "reads and changes customers",
        &["pipedrive"],
        named!("pipedrive", "[0-9a-f]{40}"),
    ),
];
