use std::fmt::Display;
use std::iter;
use std::sync::atomic::{AtomicBool, Ordering};

use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::AsyncSmtpConnection;
use lettre::transport::smtp::commands::{Data, Mail as MailFrom, Rcpt, Rset};
use lettre::transport::smtp::extension::{Extension, MailBodyParameter, MailParameter};
use lettre::transport::smtp::response::Response;
use secrecy::ExposeSecret;

use super::error::{SmtpError, SmtpErrorCause};
use super::message::Mail;
use super::phase::SmtpPhase;
use super::settings::SmtpLogin;

/// A connection that sends one message after another.
pub(super) struct SmtpConnection {
    smtp: AsyncSmtpConnection,
    /// Whether the last transaction was not completed, so that `RSET` is needed.
    needs_reset: bool,
}

impl SmtpConnection {
    pub(super) const fn new(smtp: AsyncSmtpConnection) -> Self {
        Self {
            smtp,
            needs_reset: false,
        }
    }

    pub(super) async fn log_in(&mut self, login: &SmtpLogin) -> Result<(), SmtpErrorCause> {
        const KNOWN: [Mechanism; 2] = [Mechanism::Plain, Mechanism::Login];
        if self.smtp.server_info().get_auth_mechanism(&KNOWN).is_none() {
            let error = "the server offers neither AUTH PLAIN nor AUTH LOGIN";
            return Err(SmtpErrorCause::NoLogin(error.to_owned()));
        }
        let password = login.password.expose_secret().to_owned();
        let credentials = Credentials::new(login.user.clone(), password);
        let answer = self.smtp.auth(&KNOWN, &credentials).await?;
        expect(answer, &[235]).map(drop)
    }

    /// Sends one message. Sets `ended` just before the line that ends the message is written.
    ///
    /// Every reply must be one that is defined for its command (RFC 5321 §4.3.2). If commands and replies got
    /// out of step, the reply to one message would be taken for the reply to another.
    pub(super) async fn send(
        &mut self,
        mail: &Mail,
        ended: &AtomicBool,
    ) -> Result<Response, SmtpError> {
        self.envelope(mail).await?;
        // lettre polls the iterator again after it has written the content, and then writes the line that ends
        // the message.
        let end = iter::from_fn(|| {
            ended.store(true, Ordering::Relaxed);
            None
        });
        // lettre writes the CRLF before that line.
        let content = mail.content.strip_suffix(b"\r\n");
        let content = content.unwrap_or(&mail.content);
        let answer = self.smtp.message_iter(iter::once(content).chain(end)).await;
        let answer = answer.map_err(SmtpErrorCause::from);
        match answer.and_then(|answer| expect(answer, &[250])) {
            Ok(answer) => {
                self.needs_reset = false;
                Ok(answer)
            }
            Err(cause) if ended.load(Ordering::Relaxed) => Err(cause.at(SmtpPhase::Ended)),
            Err(cause) => Err(cause.at(SmtpPhase::Recipient)),
        }
    }

    async fn envelope(&mut self, mail: &Mail) -> Result<(), SmtpError> {
        let from = self.name_sender(mail).await;
        from.map_err(|cause| cause.at(SmtpPhase::Sender))?;
        let to = self.name_recipient(mail).await;
        to.map_err(|cause| cause.at(SmtpPhase::Recipient))
    }

    async fn name_sender(&mut self, mail: &Mail) -> Result<(), SmtpErrorCause> {
        if std::mem::replace(&mut self.needs_reset, true) {
            self.command(Rset, &[250]).await?;
        }
        let mut parameters = Vec::new();
        if mail.needs_utf8() {
            if !self
                .smtp
                .server_info()
                .supports_feature(Extension::SmtpUtfEight)
            {
                return Err(SmtpErrorCause::Refused {
                    // The reply of a server to such an address (RFC 6531 §3.5).
                    code: 553,
                    text: "5.6.7 the server accepts only ASCII addresses (no SMTPUTF8)".to_owned(),
                });
            }
            parameters.push(MailParameter::SmtpUtfEight);
            parameters.push(MailParameter::Body(MailBodyParameter::EightBitMime));
        }
        self.command(MailFrom::new(Some(mail.from.clone()), parameters), &[250])
            .await
    }

    async fn name_recipient(&mut self, mail: &Mail) -> Result<(), SmtpErrorCause> {
        self.command(Rcpt::new(mail.to.clone(), Vec::new()), &[250, 251, 252])
            .await?;
        self.command(Data, &[354]).await
    }

    async fn command(
        &mut self,
        command: impl Display,
        codes: &[u16],
    ) -> Result<(), SmtpErrorCause> {
        expect(self.smtp.command(command).await?, codes).map(drop)
    }

    /// Sends `QUIT` and closes the connection.
    pub(super) async fn close(mut self) {
        self.smtp.abort().await;
    }
}

fn expect(answer: Response, codes: &[u16]) -> Result<Response, SmtpErrorCause> {
    if codes.contains(&answer.code().into()) {
        Ok(answer)
    } else {
        Err(SmtpErrorCause::unexpected(&answer))
    }
}
