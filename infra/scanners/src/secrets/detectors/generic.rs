//! Secrets without a shape of their own: they are known by what stands around them.

use super::Detector;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use scanledger_domain::severity::Severity::{Critical, High, Medium};

pub(super) const LIST: &[Detector] = &[
    Detector::token(
        "JWT_TOKEN",
        "JSON Web Token",
        Medium,
        "signs in as whoever it was issued for until it expires",
        &["eyJ"],
        r"\b(?P<secret>eyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.(?P<body>[A-Za-z0-9_-]{20,}))",
    )
    .confidence(0.85)
    .checked(is_jwt),
    Detector::token(
        "DOCKER_AUTH",
        "Container registry password",
        High,
        "pushes and pulls images as its owner",
        &["\"auth\""],
        r#""auth"\s*:\s*"(?P<secret>[A-Za-z0-9+/]{12,400}={0,2})""#,
    )
    .confidence(0.9)
    .checked(is_basic_auth),
    Detector::token(
        "DATABASE_URL",
        "Database password in a URL",
        Critical,
        "opens a database",
        &["postgres", "mysql", "mariadb", "mongodb", "redis", "amqp", "mssql", "clickhouse"],
        r#"(?i)\b(?:postgres(?:ql)?|mysql|mariadb|mongodb|rediss?|amqps?|mssql|clickhouse)(?:\+[a-z0-9]{1,20})?://[^\s:/@"'<>`]{0,64}:(?P<secret>[^\s@/"'<>`]{6,128})@[^\s"'<>`]"#,
    )
    .entropy(2.3)
    .confidence(0.9)
    .checked(is_no_default_password),
    Detector::token(
        "HARDCODED_CONN_STRING",
        "Database password in a connection string",
        Critical,
        "opens a database",
        &["password", "pwd"],
        r#"(?i)\b(?:server|data source|host|address)\s*=\s*[^;"'\n]{1,200};[^"'\n]{0,300}?\b(?:password|pwd)\s*=\s*(?P<secret>[^;"'\s]{6,128})"#,
    )
    .entropy(2.3)
    .confidence(0.85)
    .checked(is_no_default_password),
    Detector::token(
        "URL_CREDENTIALS",
        "Password in a URL",
        High,
        "signs in to the server that the URL names",
        &["http://", "https://", "ftp://", "ftps://", "smtp://", "smtps://", "ldap://", "ldaps://"],
        r#"(?i)\b(?:https?|ftps?|smtps?|ldaps?)://[^\s:/@"'<>`]{1,64}:(?P<secret>[^\s@/:"'<>`]{6,128})@[a-z0-9]"#,
    )
    .entropy(2.5)
    .confidence(0.75)
    .checked(is_no_default_password),
    Detector::token(
        "OAUTH_CLIENT_SECRET",
        "OAuth client secret",
        High,
        "identifies an application to its sign-in server",
        &["client_secret", "clientsecret", "client-secret"],
        r#"(?i)client[_-]?secret["'\]]{0,2}\s*(?:=|:|=>|:=)\s*["'`]?(?P<secret>[A-Za-z0-9_.~+/=-]{16,128})"#,
    )
    .entropy(3.3)
    .confidence(0.75)
    .checked(is_mixed),
    Detector::token(
        "GENERIC_API_KEY",
        "API key",
        High,
        "calls some service in the owner's name",
        &["api_key", "apikey", "api-key", "access_key", "accesskey", "access-key", "signing_key", "encryption_key"],
        r#"(?i)(?:api|access|signing|encryption)[_.-]?key[a-z0-9_]{0,20}["'\]]{0,2}\s*(?:=|:|=>|:=)\s*["'`]?(?P<secret>[A-Za-z0-9_.~+/=-]{16,128})"#,
    )
    .entropy(3.3)
    .confidence(0.6)
    .checked(is_mixed),
    Detector::token(
        "GENERIC_SECRET",
        "Secret",
        High,
        "is named like a secret and looks random",
        &["secret", "token", "credential", "private_key"],
        r#"(?i)(?:secret|token|credentials?|private_key)[a-z0-9_]{0,20}["'\]]{0,2}\s*(?:=|:|=>|:=)\s*["'`]?(?P<secret>[A-Za-z0-9_.~+/=-]{16,128})"#,
    )
    .entropy(3.5)
    .confidence(0.5)
    .checked(is_mixed),
    Detector::token(
        "HARDCODED_PASSWORD",
        "Password",
        High,
        "is named like a password",
        &["password", "passwd", "passphrase", "pwd"],
        r#"(?im)(?:password|passwd|passphrase|pwd)[a-z0-9_]{0,20}["'\]]{0,2}\s*(?:=|:|=>|:=)\s*["'`](?P<secret>[^\s"'`]{8,128})["'`]"#,
    )
    .entropy(2.5)
    .confidence(0.5)
    .checked(is_password),
    Detector::token(
        "ENV_PASSWORD",
        "Password in an environment file",
        High,
        "is named like a password",
        &["password=", "passwd=", "passphrase="],
        r#"(?m)^\s*(?:export\s+)?[A-Z0-9_]{0,60}(?:PASSWORD|PASSWD|PASSPHRASE)=(?P<secret>[^\s"'`]{8,128})\s*$"#,
    )
    .entropy(2.5)
    .confidence(0.6)
    .checked(is_password),
];

/// Whether letters and digits are mixed as in something random: names in code have their digits in one place,
/// as in `ed25519_key`, `TLS13_INTERNAL` or `standard_b64encode`.
fn is_mixed(value: &[u8]) -> bool {
    let letters = value.iter().filter(|byte| byte.is_ascii_alphabetic()).count();
    let numbers = value.chunk_by(|a, b| a.is_ascii_digit() == b.is_ascii_digit());
    let numbers = numbers.filter(|run| run[0].is_ascii_digit()).count();
    letters >= 2 && numbers >= 2 && !is_call_or_path(value)
}

/// `config.value`, `a/b/c`: words with separators and hardly a digit between them.
fn is_call_or_path(value: &[u8]) -> bool {
    let words = value.split(|byte| matches!(byte, b'.' | b'/' | b'-' | b'_')).filter(|word| !word.is_empty());
    let (mut all, mut plain) = (0, 0);
    for word in words {
        all += 1;
        plain +=
            usize::from(word.iter().filter(|byte| byte.is_ascii_digit()).count() <= 1 && word.len() <= 12);
    }
    all >= 3 && plain * 3 >= all * 2
}

/// Whether somebody chose it with care: letters, and digits or signs that names do not have.
fn is_password(value: &[u8]) -> bool {
    let is_sign =
        |byte: &u8| !byte.is_ascii_alphanumeric() && !matches!(byte, b'_' | b'-' | b'.' | b'/' | b':');
    // Dates have a letter or two.
    let has_letters = value.iter().filter(|byte| byte.is_ascii_alphabetic()).count() > 2;
    let is_code = value.iter().any(|byte| matches!(byte, b'(' | b')' | b'{' | b'}' | b'[' | b']' | b';'));
    has_letters
        && !is_code
        && value.iter().any(|byte| byte.is_ascii_digit() || is_sign(byte))
        && !is_call_or_path(value)
}

/// What images and tutorials use, and variables of templates.
fn is_no_default_password(value: &[u8]) -> bool {
    const DEFAULTS: [&[u8]; 14] = [
        b"password",
        b"passwd",
        b"postgres",
        b"mysql",
        b"mariadb",
        b"mongodb",
        b"rabbitmq",
        b"secret",
        b"admin",
        b"username",
        b"user",
        b"guest",
        b"docker",
        b"localhost",
    ];
    let is_variable = matches!(value.first(), Some(b'$' | b'%' | b'{' | b'*'));
    !is_variable && !DEFAULTS.iter().any(|default| value.eq_ignore_ascii_case(default))
}

fn is_jwt(token: &[u8]) -> bool {
    let header = token.split(|byte| *byte == b'.').next().unwrap_or_default();
    URL_SAFE_NO_PAD.decode(header).is_ok_and(|json| json.windows(5).any(|five| five == b"\"alg\""))
}

/// Base64 of `user:password`, as `docker login` writes it.
fn is_basic_auth(value: &[u8]) -> bool {
    let unpadded = value.split(|byte| *byte == b'=').next().unwrap_or_default();
    STANDARD_NO_PAD.decode(unpadded).is_ok_and(|pair| {
        pair.iter().all(|byte| byte.is_ascii_graphic())
            && pair.iter().position(|byte| *byte == b':').is_some_and(|at| at > 0 && pair.len() > at + 6)
    })
}
