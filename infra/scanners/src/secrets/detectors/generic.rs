//! Secrets without a shape of their own: they are known by what stands around them.

use super::Detector;
use crate::secrets::checks;
use scanledger_domain::secret::SecretCategory::{
    self, DataStorage, IdentityProvider, VersionControlPlatform,
};
use scanledger_domain::secret::SecretFamily::{self, ApiKey, Credentials, Token};
use scanledger_domain::secret::{DetectorFacts, DetectorNature};
use scanledger_domain::severity::Severity::{Critical, High, Medium};

/// What belongs to nobody in particular.
const fn generic(
    id: &'static str,
    title: &'static str,
    category: SecretCategory,
    family: SecretFamily,
) -> DetectorFacts {
    DetectorFacts { id, title, provider: "Generic", nature: DetectorNature::Generic, family, category }
}

pub(super) const LIST: &[Detector] = &[
    Detector::on_line(
        generic("JWT_TOKEN", "JSON Web Token", IdentityProvider, Token),
        Medium,
        "signs in as whoever it was issued for until it expires",
        &["eyJ"],
        r"\b(?P<secret>eyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.(?P<body>[A-Za-z0-9_-]{20,}))",
    )
    .confidence(0.85)
    .checked(checks::is_jwt),
    Detector::on_line(
        generic("DOCKER_AUTH", "Container registry password", VersionControlPlatform, Credentials),
        High,
        "pushes and pulls images as its owner",
        &["\"auth\""],
        r#""auth"\s*:\s*"(?P<secret>[A-Za-z0-9+/]{12,400}={0,2})""#,
    )
    .confidence(0.9)
    .checked(checks::is_basic_auth),
    Detector::on_line(
        generic("DATABASE_URL", "Database password in a URL", DataStorage, Credentials),
        Critical,
        "opens a database",
        &["postgres", "mysql", "mariadb", "mongodb", "redis", "amqp", "mssql", "clickhouse"],
        r#"(?i)\b(?:postgres(?:ql)?|mysql|mariadb|mongodb|rediss?|amqps?|mssql|clickhouse)(?:\+[a-z0-9]{1,20})?://[^\s:/@"'<>`]{0,64}:(?P<secret>[^\s@/"'<>`\[\]\\]{6,128})@[^\s"'<>`]"#,
    )
    .entropy(2.3)
    .confidence(0.9)
    .checked(checks::is_no_default_password),
    Detector::on_line(
        generic("HARDCODED_CONN_STRING", "Database password in a connection string", DataStorage, Credentials),
        Critical,
        "opens a database",
        &["password", "pwd"],
        r#"(?i)\b(?:server|data source|host|address)\s*=\s*[^;"'\n]{1,200};[^"'\n]{0,300}?\b(?:password|pwd)\s*=\s*(?P<secret>[^;"'\s]{6,128})"#,
    )
    .entropy(2.3)
    .confidence(0.85)
    .checked(checks::is_no_default_password),
    Detector::on_line(
        generic("URL_CREDENTIALS", "Password in a URL", SecretCategory::Other, Credentials),
        High,
        "signs in to the server that the URL names",
        &["http://", "https://", "ftp://", "ftps://", "smtp://", "smtps://", "ldap://", "ldaps://"],
        r#"(?i)\b(?:https?|ftps?|smtps?|ldaps?)://[^\s:/@"'<>`]{1,64}:(?P<secret>[^\s@/:"'<>`\[\]\\]{6,128})@[a-z0-9]"#,
    )
    .entropy(2.5)
    .confidence(0.75)
    .checked(checks::is_no_default_password),
    Detector::on_line(
        generic("OAUTH_CLIENT_SECRET", "OAuth client secret", IdentityProvider, Credentials),
        High,
        "identifies an application to its sign-in server",
        &["client_secret", "clientsecret", "client-secret"],
        r#"(?i)client[_-]?secret["'\]]{0,2}\s*(?:=|:|=>|:=)\s*["'`]?(?P<secret>[A-Za-z0-9_.~+/=-]{16,128})"#,
    )
    .entropy(3.3)
    .confidence(0.75)
    .checked(checks::is_mixed),
    Detector::on_line(
        generic("GENERIC_API_KEY", "API key", SecretCategory::Other, ApiKey),
        High,
        "calls some service in the owner's name",
        &["api_key", "apikey", "api-key", "access_key", "accesskey", "access-key", "signing_key", "encryption_key"],
        r#"(?i)(?:api|access|signing|encryption)[_.-]?key[a-z0-9_]{0,20}["'\]]{0,2}\s*(?:=|:|=>|:=)\s*["'`]?(?P<secret>[A-Za-z0-9_.~+/=-]{16,128})"#,
    )
    .entropy(3.3)
    .confidence(0.6)
    .checked(checks::is_mixed),
    Detector::on_line(
        generic("GENERIC_SECRET", "Secret", SecretCategory::Other, SecretFamily::Other),
        High,
        "is named like a secret and looks random",
        &["secret", "token", "credential", "private_key"],
        r#"(?i)(?:secret|token|credentials?|private_key)[a-z0-9_]{0,20}["'\]]{0,2}\s*(?:=|:|=>|:=)\s*["'`]?(?P<secret>[A-Za-z0-9_.~+/=-]{16,128})"#,
    )
    .entropy(3.5)
    .confidence(0.5)
    .checked(checks::is_mixed),
    Detector::on_line(
        generic("HARDCODED_PASSWORD", "Password", SecretCategory::Other, Credentials),
        High,
        "is named like a password",
        &["password", "passwd", "passphrase", "pwd"],
        r#"(?im)(?:password|passwd|passphrase|pwd)[a-z0-9_]{0,20}["'\]]{0,2}\s*(?:=|:|=>|:=)\s*["'`](?P<secret>[^\s"'`]{8,128})["'`]"#,
    )
    .entropy(2.5)
    .confidence(0.5)
    .checked(checks::is_password),
    Detector::on_line(
        generic("ENV_PASSWORD", "Password in an environment file", SecretCategory::Other, Credentials),
        High,
        "is named like a password",
        &["password=", "passwd=", "passphrase="],
        r#"(?m)^\s*(?:export\s+)?[A-Z0-9_]{0,60}(?:PASSWORD|PASSWD|PASSPHRASE)=(?P<secret>[^\s"'`]{8,128})\s*$"#,
    )
    .entropy(2.5)
    .confidence(0.6)
    .checked(checks::is_password),
];
