//! How to reach the server, and how long it keeps events.

use crate::error::BusError;
use async_nats::rustls::RootCertStore;
use async_nats::rustls::pki_types::CertificateDer;
use async_nats::rustls::pki_types::pem::PemObject;
use async_nats::{ConnectOptions, ServerAddr};
use percent_encoding::percent_decode_str;
use scanledger_domain::Cause;
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The longest pause between two attempts to reach a server.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// The pause after the first failed attempt.
const FIRST_PAUSE: Duration = Duration::from_millis(20);

/// How the bus is set up. What is not given here is left as the operator of the server has it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BusOptions {
    /// A file with a user's JWT and key, as `nsc` writes it; goes before what stands in the URL.
    pub credentials: Option<PathBuf>,
    /// Certificates (PEM) of the authorities to trust in place of those of the system. With them nothing is said
    /// without TLS, whatever the URL and the server say.
    pub root_certificates: Option<PathBuf>,
    /// How long the stream of events keeps them.
    pub retention: Retention,
    /// On how many servers of a cluster an event is kept: 1, 3 or 5. A stream that is made without it has 1.
    pub replicas: Option<u8>,
}

/// When the stream of events forgets the oldest. Nothing is lost by that, because the log has everything; but who
/// follows the bus must not be further behind. A stream that is made without them forgets nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Retention {
    /// Events older than that; the server takes no less than 100 ms.
    pub max_age: Option<Limit<Duration>>,
    /// What is more than that.
    pub max_bytes: Option<Limit<NonZeroU64>>,
}

/// A limit as somebody wants it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit<T> {
    /// There is to be none.
    Off,
    /// It is to be this.
    At(T),
}

/// Who connects.
enum Login {
    Token(String),
    User { name: String, password: String },
}

/// Reads one or more URLs with commas between, and takes the credentials out of them, so that they stand in no
/// message of the driver.
fn parse(url: &str) -> Result<(Vec<ServerAddr>, Option<Login>), BusError> {
    let mut login = None;
    let mut addresses = Vec::new();
    for part in url.split(',').map(str::trim) {
        let address: ServerAddr = part.parse().map_err(|_| BusError::Url)?;
        let mut address = address.into_inner();
        let is_known = matches!(address.scheme(), "nats" | "tls");
        if !is_known || address.host_str().is_none_or(str::is_empty) {
            return Err(BusError::Url);
        }
        let found = match (address.username(), address.password()) {
            ("", _) => None,
            (token, None) => Some(Login::Token(decode(token)?)),
            (name, Some(password)) => Some(Login::User { name: decode(name)?, password: decode(password)? }),
        };
        login = login.or(found);
        address.set_username("").and_then(|()| address.set_password(None)).map_err(|()| BusError::Url)?;
        addresses.push(ServerAddr::from_url(address).map_err(|_| BusError::Url)?);
    }
    Ok((addresses, login))
}

fn decode(text: &str) -> Result<String, BusError> {
    Ok(percent_decode_str(text).decode_utf8().map_err(|_| BusError::Url)?.into_owned())
}

impl BusOptions {
    /// The servers at `url`, and how to connect to them.
    pub(crate) async fn prepare(&self, url: &str) -> Result<(Vec<ServerAddr>, ConnectOptions), BusError> {
        let (addresses, login) = parse(url)?;
        let mut options = ConnectOptions::new()
            .name("scanledger")
            .retry_on_initial_connect()
            .reconnect_delay_callback(pause)
            .no_echo();
        options = match (&self.credentials, login) {
            (Some(file), _) => options
                .credentials_file(file)
                .await
                .map_err(|source| BusError::File { what: "credentials file", source: source.into() })?,
            (None, Some(Login::Token(token))) => options.token(token),
            (None, Some(Login::User { name, password })) => options.user_and_password(name, password),
            (None, None) => options,
        };
        if let Some(file) = &self.root_certificates {
            check_authorities(file)
                .await
                .map_err(|source| BusError::File { what: "root certificates", source })?;
            options = options.add_root_certificates(file.clone()).require_tls(true);
        }
        Ok((addresses, options))
    }
}

/// Whether the driver can use the certificates: it reads them when a server speaks TLS, and then says nothing that is
/// heard.
async fn check_authorities(file: &Path) -> Result<(), Cause> {
    let text = tokio::fs::read(file).await?;
    let mut authorities = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&text) {
        authorities.add(certificate?)?;
    }
    if authorities.is_empty() { Err("it holds no certificate".into()) } else { Ok(()) }
}

/// How long to wait before the attempt of this number, from 1.
fn pause(attempt: usize) -> Duration {
    let doublings = u32::try_from(attempt.saturating_sub(1)).unwrap_or(u32::MAX);
    match attempt {
        0 | 1 => Duration::ZERO,
        _ => FIRST_PAUSE.saturating_mul(2_u32.saturating_pow(doublings - 1)).min(LONGEST_PAUSE),
    }
}

#[cfg(test)]
mod tests {
    use super::{Login, parse, pause};
    use std::time::Duration;

    #[test]
    fn a_url_gives_its_credentials_away_before_the_driver_sees_it() {
        let (addresses, login) = parse("nats://ana:s%40fe@one:4222,tls://two").unwrap();
        let shown: Vec<_> = addresses.iter().map(|address| address.as_url_str().to_owned()).collect();
        assert_eq!(shown, ["nats://one:4222", "tls://two"]);
        assert!(matches!(login, Some(Login::User { name, password }) if name == "ana" && password == "s@fe"));
    }

    #[test]
    fn a_name_without_a_password_is_a_token() {
        let (addresses, login) = parse("t0ken@host").unwrap();
        assert_eq!(addresses[0].as_url_str(), "nats://host");
        assert!(matches!(login, Some(Login::Token(token)) if token == "t0ken"));
    }

    #[test]
    fn other_urls_are_refused_without_showing_them() {
        for url in ["", "https://ana:s3cret@host", "nats://", "nats://ana:s3cret@host:port", "a,,b"] {
            let error = parse(url).err().unwrap_or_else(|| panic!("{url}"));
            assert!(!format!("{error} {error:?}").contains("s3cret"), "{url}");
        }
    }

    #[test]
    fn pauses_grow_up_to_two_seconds() {
        assert_eq!(pause(1), Duration::ZERO);
        assert_eq!(pause(2), Duration::from_millis(20));
        assert_eq!(pause(3), Duration::from_millis(40));
        assert_eq!(pause(9), Duration::from_secs(2));
        assert_eq!(pause(usize::MAX), Duration::from_secs(2));
    }
}
