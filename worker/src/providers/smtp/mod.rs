//! E-mail by any server that speaks SMTP (RFC 5321), by lettre.

mod connection;
mod header;
pub(super) mod message;
mod pool;
mod refusal;
mod report;
mod server;
mod settings;
mod stage;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::client::Certificate;
use lettre::transport::smtp::response::Response;
use tidings_domain::content::Mailbox;

use super::{EmailMessage, Provider, Report};
use connection::Connection;
use message::Mail;
use pool::Pool;
use report::Trouble;
use server::Server;
pub use settings::{SmtpLogin, SmtpSettings, SmtpTls};

/// Sends e-mail by an SMTP server.
pub struct Smtp {
    server: Server,
    pool: Pool,
    sender: Mailbox,
    timeout: Duration,
}

impl Smtp {
    /// Sends at most `connections` messages at once, each for no longer than `timeout`. Trusts the
    /// certificate authorities of the system (or of `SSL_CERT_FILE`).
    ///
    /// # Errors
    ///
    /// Where TLS cannot be set up.
    pub fn new(
        settings: SmtpSettings,
        timeout: Duration,
        connections: usize,
    ) -> Result<Self, Error> {
        Self::build(settings, timeout, connections, None)
    }

    /// The same, trusting also the authority whose certificate `pem` is.
    ///
    /// # Errors
    ///
    /// Where TLS cannot be set up, or `pem` holds no certificate.
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
            // A host has several addresses; where the first does not answer, another should have time.
            server: Server::new(settings, authority, timeout / 2)?,
            pool: Pool::new(connections),
            timeout,
        })
    }

    async fn send(&self, message: &EmailMessage) -> Report {
        let mail = match Mail::compose(message, &self.sender, Timestamp::now()) {
            Ok(mail) => mail,
            Err(error) => return Report::Rejected { error },
        };
        let ended = AtomicBool::new(false);
        // Servers quote the address as they were given it.
        let recipient = [message.to.as_str(), mail.to.as_ref()];
        // A connection that is in use when the time is over goes down with it.
        match tokio::time::timeout(self.timeout, self.deliver(&mail, &ended)).await {
            Ok(Ok(answer)) => report::delivered(&answer, &recipient),
            Ok(Err(trouble)) => report::not_taken(trouble, &recipient),
            Err(_) => self.timed_out(ended.load(Ordering::Relaxed)),
        }
    }

    async fn deliver(&self, mail: &Mail, ended: &AtomicBool) -> Result<Response, Trouble> {
        let _slot = self.pool.slot().await;
        if let Some(connection) = self.pool.take() {
            match self.over(connection, mail, ended).await {
                // The server may have closed it while it was idle, or wants no more messages over it.
                Err(trouble) if trouble.may_be_stale() => {}
                outcome => return outcome,
            }
        }
        let connection = self.server.connect().await?;
        self.over(connection, mail, ended).await
    }

    async fn over(
        &self,
        mut connection: Connection,
        mail: &Mail,
        ended: &AtomicBool,
    ) -> Result<Response, Trouble> {
        let outcome = connection.send(mail, ended).await;
        if outcome
            .as_ref()
            .err()
            .is_none_or(Trouble::leaves_connection)
        {
            self.pool.keep(connection);
        }
        outcome
    }

    fn timed_out(&self, ended: bool) -> Report {
        let limit = self.timeout;
        if ended {
            let error = format!("no answer to the message within {limit:?}");
            Report::Unknown { error }
        } else {
            let error = format!("the message was not sent within {limit:?}");
            Report::Failed { error }
        }
    }
}

impl Provider<EmailMessage> for Smtp {
    fn name(&self) -> &'static str {
        "smtp"
    }

    fn send<'a>(&'a self, message: &'a EmailMessage) -> BoxFuture<'a, Report> {
        self.send(message).boxed()
    }
}
