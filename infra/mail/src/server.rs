//! Which server, and how to connect to it.

use crate::Transport;
use crate::error::SetupError;
use lettre::AsyncSmtpTransport;
use lettre::Tokio1Executor;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::transport::smtp::{AsyncSmtpTransportBuilder, PoolConfig};
use percent_encoding::percent_decode_str;
use std::net::IpAddr;
use std::time::Duration;
use url::{Host, Url};

/// How many connections are kept while there is nothing to send.
const KEPT: u32 = 4;

/// How long they are kept; servers have to wait five minutes (RFC 5321 §4.5.3.2.7).
const KEPT_FOR: Duration = Duration::from_secs(60);

/// How long connecting may take, of the time that a message may take.
const CONNECTING: Duration = Duration::from_secs(10);

/// How what is sent is protected on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Protection {
    Clear,
    StartTls,
    Tls,
}

impl Protection {
    fn of(url: &Url) -> Option<Self> {
        match (url.scheme(), url.query()) {
            ("smtps", None) => Some(Self::Tls),
            ("smtp", Some("tls=required")) => Some(Self::StartTls),
            ("smtp", None) => Some(Self::Clear),
            _ => None,
        }
    }

    /// RFC 8314 §7.3, RFC 6409 §3.1, RFC 5321 §4.5.4.2.
    const fn port(self) -> u16 {
        match self {
            Self::Tls => 465,
            Self::StartTls => 587,
            Self::Clear => 25,
        }
    }
}

/// A mail server, and who signs in there.
pub(crate) struct Server {
    builder: AsyncSmtpTransportBuilder,
}

impl Server {
    pub(crate) fn parse(url: &str, certificates: Option<&[u8]>) -> Result<Self, SetupError> {
        let url = Url::parse(url).map_err(|_| SetupError::Url)?;
        let protection = Protection::of(&url).ok_or(SetupError::Url)?;
        let host = host(&url).ok_or(SetupError::Url)?;
        if !matches!(url.path(), "" | "/") || url.fragment().is_some() {
            return Err(SetupError::Url);
        }
        let credentials = credentials(&url)?;
        if credentials.is_some() && protection == Protection::Clear && !is_this_machine(&host) {
            return Err(SetupError::PasswordInClear);
        }
        let tls = match protection {
            Protection::Clear => Tls::None,
            Protection::StartTls => Tls::Required(trust(&host, certificates)?),
            Protection::Tls => Tls::Wrapper(trust(&host, certificates)?),
        };
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(host)
            .port(url.port().unwrap_or(protection.port()))
            .tls(tls)
            .timeout(Some(CONNECTING))
            .pool_config(PoolConfig::new().max_size(KEPT).idle_timeout(KEPT_FOR));
        if let Some(credentials) = credentials {
            builder = builder.credentials(credentials);
        }
        Ok(Self { builder })
    }

    /// New connections, as they are needed.
    pub(crate) fn connections(&self) -> Transport {
        self.builder.clone().build()
    }
}

/// As the system's resolver takes it: an address of version 6 without brackets.
fn host(url: &Url) -> Option<String> {
    match url.host()? {
        Host::Domain("") => None,
        Host::Domain(name) => Some(name.to_owned()),
        Host::Ipv4(address) => Some(address.to_string()),
        Host::Ipv6(address) => Some(address.to_string()),
    }
}

fn is_this_machine(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn credentials(url: &Url) -> Result<Option<Credentials>, SetupError> {
    let decode = |text: &str| {
        let decoded = percent_decode_str(text).decode_utf8().map_err(|_| SetupError::Url)?;
        Ok::<_, SetupError>(decoded.into_owned())
    };
    match (url.username(), url.password()) {
        ("", None) => Ok(None),
        ("", Some(_)) | (_, None) => Err(SetupError::Url),
        (user, Some(password)) => Ok(Some(Credentials::new(decode(user)?, decode(password)?))),
    }
}

fn trust(host: &str, certificates: Option<&[u8]>) -> Result<TlsParameters, SetupError> {
    let mut parameters = TlsParameters::builder(host.to_owned());
    if let Some(pem) = certificates {
        let certificates = Certificate::from_pem(pem).map_err(|_| SetupError::Certificates)?;
        parameters = parameters.add_root_certificate(certificates);
    }
    // Only a host that no certificate can be for, or a certificate that is none, is refused here.
    parameters.build().map_err(|_| match certificates {
        Some(_) => SetupError::Certificates,
        None => SetupError::Url,
    })
}

#[cfg(test)]
mod tests {
    use super::{Server, SetupError};

    fn parse(url: &str) -> Result<(), SetupError> {
        Server::parse(url, None).map(drop)
    }

    #[test]
    fn every_way_to_reach_a_server_has_its_port() {
        for (url, port, host) in [
            ("smtps://mail.example.com", 465, "mail.example.com"),
            ("smtps://ana:s%40fe@mail.example.com/", 465, "mail.example.com"),
            ("smtp://mail.example.com?tls=required", 587, "mail.example.com"),
            ("smtp://relay", 25, "relay"),
            ("smtp://127.0.0.1:2525", 2525, "127.0.0.1"),
            ("smtp://ana:pass@[::1]:2525", 2525, "::1"),
            ("smtp://ana:pass@localhost", 25, "localhost"),
        ] {
            let server = Server::parse(url, None).unwrap_or_else(|error| panic!("{url}: {error}"));
            // The driver tells what it was given only in this way.
            let shown = format!("{:?}", server.builder);
            assert!(shown.contains(&format!("port: {port},")), "{url}: {shown}");
            assert!(shown.contains(&format!("server: {host:?}")), "{url}: {shown}");
        }
    }

    #[test]
    fn a_password_does_not_leave_this_machine_in_clear() {
        for url in
            ["smtp://ana:s3cret@relay", "smtp://ana:s3cret@10.0.0.1:25", "smtp://a:b@localhost.example"]
        {
            let error = parse(url).unwrap_err();
            assert!(matches!(error, SetupError::PasswordInClear), "{url}: {error}");
        }
    }

    #[test]
    fn other_urls_are_refused_without_showing_them() {
        for url in [
            "",
            "mail.example.com",
            "https://ana:s3cret@host",
            "smtp://",
            "smtp://ana:s3cret@host:port",
            "smtp://ana:s3cret@host?tls=opportunistic",
            "smtp://ana:s3cret@host?tls=none",
            "smtps://ana:s3cret@host?tls=required",
            "smtps://ana:s3cret@host/path",
            "smtps://ana:s3cret@host#fragment",
            "smtps://s3cret@host",
            "smtps://:s3cret@host",
            "smtps://ana:s3cret%ff@host",
        ] {
            let error = parse(url).err().unwrap_or_else(|| panic!("{url}"));
            assert!(matches!(error, SetupError::Url), "{url}: {error}");
            assert!(!format!("{error} {error:?}").contains("s3cret"), "{url}");
        }
    }

    #[test]
    fn certificates_that_are_none_are_refused() {
        let pem: &[u8] = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        for pem in [pem, b"-----BEGIN CERTIFICATE-----\n?\n-----END CERTIFICATE-----\n"] {
            let error = Server::parse("smtps://host", Some(pem)).err();
            assert!(matches!(error, Some(SetupError::Certificates)), "{error:?}");
        }
    }
}
