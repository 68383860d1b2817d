//! Logs, metrics, alerts, and what counts visitors.

use super::{Detector, named, specific, token, uuid};
use crate::secrets::checks;
use scanledger_domain::secret::SecretFamily::{ApiKey, Token};
use scanledger_domain::secret::{DetectorFacts, SecretCategory, SecretFamily};
use scanledger_domain::severity::Severity::{High, Low, Medium};

const fn monitoring(
    id: &'static str,
    title: &'static str,
    provider: &'static str,
    family: SecretFamily,
) -> DetectorFacts {
    specific(id, title, provider, family, SecretCategory::Monitoring)
}

pub(super) const LIST: &[Detector] = &[
    Detector::token(
        monitoring("GRAFANA_TOKEN", "Grafana service account token", "Grafana", Token),
        High,
        "reads dashboards and the data behind them",
        &["glsa_"],
        r"\b(?P<secret>glsa_(?P<body>[A-Za-z0-9]{32})_[0-9a-f]{8})\b",
    )
    .checked(checks::is_grafana_token),
    Detector::token(
        monitoring("GRAFANA_CLOUD_TOKEN", "Grafana Cloud token", "Grafana", Token),
        High,
        "writes to and reads from Grafana Cloud",
        &["glc_eyJ"],
        r"\b(?P<secret>glc_(?P<body>eyJ[A-Za-z0-9+/]{40,400}={0,2}))",
    )
    .entropy(4.3)
    .checked(checks::is_grafana_cloud_token),
    Detector::token(
        monitoring("NEW_RELIC_KEY", "New Relic user key", "New Relic", ApiKey),
        High,
        "queries and configures New Relic",
        &["NRAK-"],
        token!("NRAK-", "[A-Z0-9]{27}"),
    ),
    Detector::token(
        monitoring("DYNATRACE_TOKEN", "Dynatrace token", "Dynatrace", Token),
        High,
        "reads and configures Dynatrace",
        &["dt0"],
        token!(r"dt0[a-z][0-9]{2}\.", r"[A-Z0-9]{24}\.[A-Z0-9]{64}"),
    ),
    Detector::token(
        monitoring("HONEYCOMB_KEY", "Honeycomb ingest key", "Honeycomb", ApiKey),
        Medium,
        "sends traces to Honeycomb",
        &["hcaik_"],
        token!("hcaik_", "[0-9A-Za-z]{58}"),
    ),
    Detector::token(
        monitoring("AXIOM_TOKEN", "Axiom token", "Axiom", Token),
        High,
        "reads and writes logs at Axiom",
        &["xaat-", "xapt-"],
        concat!(r"\b(?P<secret>xa[ap]t-(?P<body>", uuid!(), r"))\b"),
    ),
    Detector::token(
        monitoring("CHECKLY_API_KEY", "Checkly API key", "Checkly", ApiKey),
        Medium,
        "reads and changes checks, and the secrets that they use",
        &["cu_"],
        token!("cu_", "[0-9a-f]{32}"),
    ),
    Detector::token(
        monitoring("ROOTLY_API_KEY", "Rootly API key", "Rootly", ApiKey),
        Medium,
        "reads and changes incidents",
        &["rootly_"],
        token!("rootly_", "[0-9a-f]{64}"),
    ),
    Detector::token(
        monitoring("SENTRY_TOKEN", "Sentry token", "Sentry", Token),
        Medium,
        "reads and changes projects in Sentry",
        &["sntrys_", "sntryu_"],
        r"\b(?P<secret>sntry(?:u_[0-9a-f]{64}|s_eyJ[A-Za-z0-9+/=_-]{80,300}))(?:[^A-Za-z0-9_+/=-]|$)",
    )
    .checked(checks::is_sentry_token),
    Detector::token(
        monitoring("POSTHOG_PERSONAL_KEY", "PostHog personal API key", "PostHog", ApiKey),
        High,
        "reads and changes everything that its owner sees in PostHog",
        &["phx_"],
        token!("phx_", "[A-Za-z0-9]{43,48}"),
    ),
    Detector::token(
        monitoring("POSTHOG_PROJECT_KEY", "PostHog project key", "PostHog", ApiKey),
        Low,
        "sends events to PostHog; it is often meant to be public",
        &["phc_"],
        token!("phc_", "[A-Za-z0-9]{43}"),
    )
    .confidence(0.5),
    Detector::token(
        monitoring("SEGMENT_TOKEN", "Segment public API token", "Segment", Token),
        High,
        "reads and changes where data about visitors goes",
        &["sgp_"],
        token!("sgp_", "[A-Za-z0-9]{64}"),
    )
    .entropy(4.0),
    Detector::on_line(
        monitoring("NEW_RELIC_LICENSE_KEY", "New Relic license key", "New Relic", ApiKey),
        Medium,
        "sends metrics and logs to New Relic",
        &["NRAL"],
        r"\b(?P<secret>[0-9a-f]{36}NRAL)\b",
    ),
    Detector::named(
        monitoring("DATADOG_KEY", "Datadog key", "Datadog", ApiKey),
        High,
        "sends to or reads from Datadog",
        &["datadog", "dd_api_key", "dd_app_key"],
        named!(r"datadog|\bdd_", "[0-9a-f]{40}|[0-9a-f]{32}"),
    )
    .confidence(0.85),
    Detector::named(
        monitoring("PAGERDUTY_API_KEY", "PagerDuty API key", "PagerDuty", ApiKey),
        High,
        "reads and changes incidents",
        &["pagerduty"],
        named!("pagerduty", "[A-Za-z0-9_+-]{20}"),
    )
    .entropy(3.5),
    Detector::named(
        monitoring("OPSGENIE_API_KEY", "Opsgenie API key", "Opsgenie", ApiKey),
        High,
        "reads and changes alerts",
        &["opsgenie"],
        named!("opsgenie", "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"),
    ),
    Detector::named(
        monitoring("ROLLBAR_TOKEN", "Rollbar token", "Rollbar", Token),
        Medium,
        "sends or reads errors",
        &["rollbar"],
        named!("rollbar", "[0-9a-f]{32}"),
    ),
    Detector::named(
        monitoring("BUGSNAG_API_KEY", "Bugsnag API key", "Bugsnag", ApiKey),
        Low,
        "sends errors to Bugsnag",
        &["bugsnag"],
        named!("bugsnag", "[0-9a-f]{32}"),
    ),
    Detector::named(
        monitoring("SPLUNK_HEC_TOKEN", "Splunk event collector token", "Splunk", Token),
        Medium,
        "sends events to Splunk",
        &["splunk"],
        named!("splunk", "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"),
    ),
    Detector::named(
        monitoring("SUMOLOGIC_ACCESS_KEY", "Sumo Logic access key", "Sumo Logic", ApiKey),
        High,
        "reads and configures Sumo Logic",
        &["sumologic", "sumo_logic", "sumo-logic"],
        named!("sumo[_-]?logic", "[A-Za-z0-9]{64}"),
    )
    .entropy(4.0),
];
