//! Messages to people, over SMTP.
//!
//! | URL of the mail server | how it is reached | port |
//! |---|---|---|
//! | `smtps://[user:password@]host[:port]` | TLS from the first byte (RFC 8314) | 465 |
//! | `smtp://[user:password@]host[:port]?tls=required` | STARTTLS, or not at all (RFC 3207) | 587 |
//! | `smtp://host[:port]` | in clear, for a relay on this machine or in its network | 25 |
//!
//! User and password are percent-encoded. They are never sent in clear, except to this machine itself.
//!
//! Needs a tokio runtime with time and IO. TLS is rustls with aws-lc-rs.

mod error;
mod message;
mod server;

pub use error::{SendError, SetupError};

use crate::server::Server;
use lettre::message::Mailbox;
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor};
use parking_lot::Mutex;
use scanledger_commands::ports::{Mail, Mailer};
use scanledger_domain::{BoxFuture, Cause};
use std::sync::Arc;
use std::time::Duration;

type Transport = AsyncSmtpTransport<Tokio1Executor>;

/// How long a message may take, connecting included. A person waits for some of them; servers that greet late to
/// annoy spammers rarely take more than 20 s.
const PATIENCE: Duration = Duration::from_secs(30);

/// A mail server. Keeps connections for a minute, so that several messages in a row share one.
pub struct SmtpMailer {
    from: Mailbox,
    patience: Duration,
    connections: Arc<Connections>,
}

/// The connections of a mailer.
struct Connections {
    server: Server,
    transport: Mutex<Transport>,
}

impl SmtpMailer {
    /// Sends through the server at `url` (the table above says which) and as `from`
    /// (`Scanledger <no-reply@example.com>`). Trusts the authorities that browsers trust. Does not connect yet. Called
    /// in a tokio runtime, because connections are looked after in the background.
    ///
    /// # Errors
    /// [`SetupError`], which never shows the URL.
    pub fn new(url: &str, from: &str) -> Result<Self, SetupError> {
        Self::of(Server::parse(url, None)?, from)
    }

    /// Like [`SmtpMailer::new`], and trusts the authorities in `certificates` (PEM) too.
    ///
    /// # Errors
    /// [`SetupError`], which never shows the URL.
    pub fn trusting(url: &str, from: &str, certificates: &[u8]) -> Result<Self, SetupError> {
        Self::of(Server::parse(url, Some(certificates))?, from)
    }

    /// How long a message may take, connecting included; 30 s unless this is called.
    #[must_use]
    pub fn with_patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    fn of(server: Server, from: &str) -> Result<Self, SetupError> {
        let from = from.parse().map_err(|_| SetupError::Sender)?;
        let transport = Mutex::new(server.connections());
        Ok(Self { from, patience: PATIENCE, connections: Arc::new(Connections { server, transport }) })
    }
}

impl Mailer for SmtpMailer {
    fn send(&self, mail: Mail) -> BoxFuture<'_, Result<(), Cause>> {
        Box::pin(async move {
            let message = message::compose(self.from.clone(), mail)?;
            let connections = Arc::clone(&self.connections);
            let patience = self.patience;
            // A task of its own: were it dropped half-way together with its caller, the connection would go back to
            // the others in the middle of a command, and the answers to it be taken for answers to the next message.
            tokio::spawn(async move { connections.hand_over(message, patience).await }).await??;
            Ok(())
        })
    }
}

impl Connections {
    async fn hand_over(&self, message: Message, patience: Duration) -> Result<(), SendError> {
        let transport = self.transport.lock().clone();
        match tokio::time::timeout(patience, transport.send(message)).await {
            Ok(sent) => sent.map(drop).map_err(SendError::from),
            Err(_) => {
                // The connection was left in the middle of a command; none of these are used again.
                *self.transport.lock() = self.server.connections();
                Err(SendError::TooSlow { patience_ms: patience.as_millis() })
            }
        }
    }
}
