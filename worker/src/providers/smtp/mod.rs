//! E-mail through an SMTP server (RFC 5321), with lettre.

mod connection;
mod connector;
mod error;
mod header;
mod helo_name;
mod installation_refusal;
pub(super) mod message;
mod message_end;
mod phase;
mod pool;
mod reply;
mod reply_lines;
mod settings;
mod starttls;
mod stream;
mod tls;

use std::pin::pin;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use lettre::transport::smtp::response::Response;
use tidings_domain::content::Mailbox;
use url::Url;

use super::{EmailMessage, Provider, SendOutcome};
use connection::SmtpConnection;
use connector::SmtpConnector;
use error::SmtpError;
pub use helo_name::HeloName;
use message::Mail;
use message_end::MessageEnd;
use pool::SmtpPool;
pub use settings::{SmtpLogin, SmtpSettings, SmtpTls};
pub use tls::SmtpTlsError;

/// Sends e-mail through an SMTP server.
pub struct Smtp {
    connector: SmtpConnector,
    pool: SmtpPool,
    sender: Mailbox,
    timeout: Duration,
    /// How long the server may take to reply to the end of the message.
    data_timeout: Duration,
}

impl Smtp {
    /// Builds a client that sends at most `connections` messages concurrently, each within `timeout` and the
    /// settings' `data_timeout`. Trusts the certificate authorities of the system (or of `SSL_CERT_FILE`).
    ///
    /// # Errors
    ///
    /// Fails if TLS cannot be set up.
    pub fn new(
        settings: SmtpSettings,
        timeout: Duration,
        connections: usize,
    ) -> Result<Self, SmtpTlsError> {
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
    ) -> Result<Self, SmtpTlsError> {
        Self::build(settings, timeout, connections, Some(pem))
    }

    fn build(
        settings: SmtpSettings,
        timeout: Duration,
        connections: usize,
        authority: Option<&str>,
    ) -> Result<Self, SmtpTlsError> {
        Ok(Self {
            data_timeout: settings.data_timeout,
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
        let end = MessageEnd::default();
        // Servers quote the address in the form that they received, and links. A link to unsubscribe is a credential.
        let link = message
            .email
            .unsubscribe_url
            .as_ref()
            .map_or("", Url::as_str);
        let recipient = [message.to.as_str(), mail.to.as_ref(), link];
        match self.deliver_in_time(&mail, &end).await {
            Ok(Ok(answer)) => error::delivered_outcome(&answer, &recipient),
            Ok(Err(error)) => error::error_outcome(error, &recipient, message.email.from.is_none()),
            Err(timed_out) => timed_out,
        }
    }

    /// Delivers within `timeout`, without the time for the reply to the end of the message, which has a limit of
    /// its own. On a timeout, the connection is dropped with the future.
    async fn deliver_in_time(
        &self,
        mail: &Mail,
        end: &MessageEnd,
    ) -> Result<Result<Response, SmtpError>, SendOutcome> {
        let mut delivering = pin!(self.deliver(mail, end));
        tokio::select! {
            biased;
            delivered = &mut delivering => return Ok(delivered),
            () = end.wait() => {}
            () = tokio::time::sleep(self.timeout) => {
                let error = format!("the message was not sent within {:?}", self.timeout);
                return Err(SendOutcome::Failed { error });
            }
        }
        let limit = self.data_timeout;
        let delivered = tokio::time::timeout(limit, delivering).await;
        delivered.map_err(|_| SendOutcome::Unknown {
            error: format!("no answer to the message within {limit:?}"),
        })
    }

    async fn deliver(&self, mail: &Mail, end: &MessageEnd) -> Result<Response, SmtpError> {
        let _slot = self.pool.slot().await;
        if let Some(connection) = self.pool.take() {
            match self.send_over(connection, mail, end).await {
                // The server closed the idle connection, or accepts no further message on it.
                Err(error) if error.may_be_stale() => {}
                outcome => return outcome,
            }
        }
        let connection = self.connector.connect().await?;
        self.send_over(connection, mail, end).await
    }

    async fn send_over(
        &self,
        mut connection: SmtpConnection,
        mail: &Mail,
        end: &MessageEnd,
    ) -> Result<Response, SmtpError> {
        let outcome = connection.send(mail, end).await;
        if outcome
            .as_ref()
            .err()
            .is_none_or(SmtpError::leaves_connection)
        {
            self.pool.keep(connection);
        }
        outcome
    }
}

impl Provider<EmailMessage> for Smtp {
    fn name(&self) -> &'static str {
        "smtp"
    }

    fn answer_timeout(&self) -> Duration {
        self.data_timeout
    }

    fn send<'a>(&'a self, message: &'a EmailMessage) -> BoxFuture<'a, SendOutcome> {
        self.send(message).boxed()
    }
}
