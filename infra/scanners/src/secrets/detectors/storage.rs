//! Databases, queues, search, and what computes on data.

use super::{Detector, named, specific, token};
use scanledger_domain::secret::SecretFamily::{ApiKey, Credentials, Token};
use scanledger_domain::secret::{DetectorFacts, SecretCategory, SecretFamily};
use scanledger_domain::severity::Severity::{Critical, High, Medium};

const fn storage(
    id: &'static str,
    title: &'static str,
    provider: &'static str,
    family: SecretFamily,
) -> DetectorFacts {
    specific(id, title, provider, family, SecretCategory::DataStorage)
}

pub(super) const LIST: &[Detector] = &[
    Detector::token(
        storage("DATABRICKS_TOKEN", "Databricks token", "Databricks", Token),
        High,
        "runs jobs and reads data in Databricks",
        &["dapi"],
        r"\b(?P<secret>dapi(?P<body>[0-9a-f]{32})(?:-[0-9])?)\b",
    ),
    Detector::token(
        storage("PLANETSCALE_TOKEN", "PlanetScale credential", "PlanetScale", Credentials),
        Critical,
        "opens a PlanetScale database",
        &["pscale_"],
        token!("pscale_(?:tkn|pw|oauth)_", "[A-Za-z0-9_=.-]{32,64}"),
    ),
    Detector::token(
        storage("SUPABASE_TOKEN", "Supabase access token", "Supabase", Token),
        Critical,
        "manages projects and databases at Supabase",
        &["sbp_"],
        token!("sbp_", "[0-9a-f]{40}"),
    ),
    Detector::token(
        storage("SUPABASE_SECRET_KEY", "Supabase secret key", "Supabase", Token),
        Critical,
        "reads and writes a project's data past every rule of its rows",
        &["sb_secret_"],
        token!("sb_secret_", "[A-Za-z0-9_-]{22}_[A-Za-z0-9_-]{8}"),
    ),
    Detector::token(
        storage("NEON_API_KEY", "Neon API key", "Neon", Token),
        Critical,
        "manages projects and databases at Neon",
        &["napi_"],
        token!("napi_", "[a-z0-9]{64}"),
    ),
    Detector::token(
        storage("MONGODB_ATLAS_SECRET", "MongoDB Atlas service account secret", "MongoDB", Credentials),
        Critical,
        "manages clusters and their users at MongoDB Atlas",
        &["mdb_sa_sk_"],
        token!("mdb_sa_sk_", "[A-Za-z0-9_-]{40}"),
    ),
    Detector::token(
        storage("CONFLUENT_SECRET", "Confluent Cloud API secret", "Confluent", Credentials),
        High,
        "reads and writes streams at Confluent Cloud",
        &["cflt"],
        r"\b(?P<secret>cflt(?P<body>[A-Za-z0-9+/]{60}))(?:[^A-Za-z0-9+/]|$)",
    )
    .entropy(4.0),
    Detector::token(
        storage("CLICKHOUSE_SECRET", "ClickHouse Cloud API secret", "ClickHouse", Credentials),
        Critical,
        "manages services at ClickHouse Cloud",
        &["4b1d"],
        token!("4b1d", "[A-Za-z0-9]{38}"),
    )
    .entropy(4.0)
    .confidence(0.85),
    Detector::token(
        storage("AIVEN_PASSWORD", "Aiven service password", "Aiven", Credentials),
        Critical,
        "opens a database at Aiven",
        &["AVNS_"],
        token!("AVNS_", "[A-Za-z0-9_-]{19}"),
    ),
    Detector::token(
        storage("PINECONE_API_KEY", "Pinecone API key", "Pinecone", Token),
        High,
        "reads and writes vectors at Pinecone",
        &["pcsk_"],
        token!("pcsk_", "[A-Za-z0-9]{5,6}_[A-Za-z0-9]{63}"),
    ),
    Detector::named(
        storage("ALGOLIA_ADMIN_KEY", "Algolia admin key", "Algolia", ApiKey),
        Medium,
        "reads and changes search indexes",
        &["algolia"],
        named!("algolia", "[0-9a-f]{32}"),
    )
    .confidence(0.7),
];
