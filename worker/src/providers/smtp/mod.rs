//! E-mail through an SMTP server (RFC 5321), with lettre.

mod connection;
mod connector;
mod error;
mod header;
pub(super) mod message;
mod phase;
mod pool;
mod reply;
mod settings;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::client::Certificate;
use lettre::transport::smtp::response::Response;
use tidings_domain::content::Mailbox;

use super::{EmailMessage, Provider, SendOutcome};
use connection::SmtpConnection;
use connector::SmtpConnector;
use error::SmtpError;
use message::Mail;
use pool::SmtpPool;
pub use settings::{SmtpLogin, SmtpSettings, SmtpTls};

/// Sends e-mail through an SMTP server.
pub struct Smtp {
    connector: SmtpConnector,
    pool: SmtpPool,
    sender: Mailbox,
    timeout: Duration,
}

impl Smtp {
    /// Builds a client that sends at most `connections` messages concurrently, each within `timeout`. Trusts
    /// the certificate authorities of the system (or of `SSL_CERT_FILE`).
    ///
    /// # Errors
    ///
    /// Fails if TLS cannot be set up.
    pub fn new(
        settings: SmtpSettings,
        timeout: Duration,
        connections: usize,
    ) -> Result<Self, Error> {
        Self::build(settings, timeout, connections, None)
    }

    /// As [`Smtp::new`], but also trusts the certificate authority `pem`.
    ///
    /// # Errors
    ///
    /// Fails if TLS cannot be set up, or if `pem` is not a certificate.
    pub fn trusting(
        settings: SmtpSettings,
        timeout: Duration,
        connections: usize,
        pem: &str,
    ) -> Result<Self, Error> {
        let authority = Certificate::from_pem(pem.as_bytes())?;
        Self::build(settings, timeout, connections, Some(authority))
    }

    fn build(
        settings: SmtpSettings,
        timeout: Duration,
        connections: usize,
        authority: Option<Certificate>,
    ) -> Result<Self, Error> {
        Ok(Self {
            sender: settings.sender.clone(),
            // Half, so that there is time to try a second address of the host.
            connector: SmtpConnector::new(settings, authority, timeout / 2)?,
            pool: SmtpPool::new(connections),
            timeout,
        })
    }

    async fn send(&self, message: &EmailMessage) -> SendOutcome {
        let mail = match Mail::compose(message, &self.sender, Timestamp::now()) {
            Ok(mail) => mail,
            Err(error) => return SendOutcome::NotSent { error },
        };
        let ended = AtomicBool::new(false);
        // Servers quote the address in the form that they received.
        let recipient = [message.to.as_str(), mail.to.as_ref()];
        // On a timeout, the connection is dropped with the future.
        match tokio::time::timeout(self.timeout, self.deliver(&mail, &ended)).await {
            Ok(Ok(answer)) => error::delivered_outcome(&answer, &recipient),
            Ok(Err(error)) => error::error_outcome(error, &recipient),
            Err(_) => self.timed_out(ended.load(Ordering::Relaxed)),
        }
    }

    async fn deliver(&self, mail: &Mail, ended: &AtomicBool) -> Result<Response, SmtpError> {
        let _slot = self.pool.slot().await;
        if let Some(connection) = self.pool.take() {
            match self.send_over(connection, mail, ended).await {
                // The server closed the idle connection, or accepts no further message on it.
                Err(error) if error.may_be_stale() => {}
                outcome => return outcome,
            }
        }
        let connection = self.connector.connect().await?;
        self.send_over(connection, mail, ended).await
    }

    async fn send_over(
        &self,
        mut connection: SmtpConnection,
        mail: &Mail,
        ended: &AtomicBool,
    ) -> Result<Response, SmtpError> {
        let outcome = connection.send(mail, ended).await;
        if outcome
            .as_ref()
            .err()
            .is_none_or(SmtpError::leaves_connection)
        {
            self.pool.keep(connection);
        }
        outcome
    }

    fn timed_out(&self, ended: bool) -> SendOutcome {
        let limit = self.timeout;
        if ended {
            let error = format!("no answer to the message within {limit:?}");
            SendOutcome::Unknown { error }
        } else {
            let error = format!("the message was not sent within {limit:?}");
            SendOutcome::Failed { error }
        }
    }
}

impl Provider<EmailMessage> for Smtp {
    fn name(&self) -> &'static str {
        "smtp"
    }

    fn send<'a>(&'a self, message: &'a EmailMessage) -> BoxFuture<'a, SendOutcome> {
        self.send(message).boxed()
    }
}
