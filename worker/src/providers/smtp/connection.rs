use std::fmt::Display;
use std::iter;
use std::ops::Range;

use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::AsyncSmtpConnection;
use lettre::transport::smtp::commands::{Data, Mail as MailFrom, Rcpt, Rset};
use lettre::transport::smtp::extension::{Extension, MailBodyParameter, MailParameter};
use lettre::transport::smtp::response::Response;
use secrecy::ExposeSecret;

use super::error::{SmtpError, SmtpErrorCause};
use super::message::Mail;
use super::message_end::MessageEnd;
use super::phase::SmtpPhase;
use super::settings::SmtpLogin;

/// The codes of a reply to a command that is completed: 250, or for a recipient 251 and 252. The others are not in use,
/// and count like 250 because of their first digits (RFC 5321 §4.2).
const COMPLETED: Range<u16> = 250..260;

/// The codes of the reply to a message that the server accepts: 250. The others are not in use, or belong to other
/// commands, but a server that replies one of them has accepted the message (RFC 5321 §4.2: the first digit).
const ACCEPTED: Range<u16> = 200..300;

/// The codes of the reply to `DATA`: 354.
const INTERMEDIATE: Range<u16> = 350..360;

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
        expect(answer, 235..236).map(drop)
    }

    /// Sends one message. Reaches `end` just before the line that ends the message is written.
    ///
    /// Every reply to a command must be one that is defined for it (RFC 5321 §4.3.2), and the stream takes no command
    /// while a reply is unread. If commands and replies got out of step, the reply to one message would be taken for
    /// the reply to another.
    pub(super) async fn send(
        &mut self,
        mail: &Mail,
        message_end: &MessageEnd,
    ) -> Result<Response, SmtpError> {
        self.envelope(mail).await?;
        // lettre polls the iterator again after it has written the content, and then writes the line that ends
        // the message.
        let end = iter::from_fn(|| {
            message_end.reach();
            None
        });
        // lettre writes the CRLF before that line.
        let content = mail.content.strip_suffix(b"\r\n");
        let content = content.unwrap_or(&mail.content);
        let answer = self.smtp.message_iter(iter::once(content).chain(end)).await;
        let answer = answer.map_err(SmtpErrorCause::from);
        match answer.and_then(|answer| expect(answer, ACCEPTED)) {
            Ok(answer) => {
                self.needs_reset = false;
                Ok(answer)
            }
            Err(cause) if message_end.is_reached() => Err(cause.at(SmtpPhase::Ended)),
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
            // A refusal of `RSET` is no verdict on the message: it is sent on another connection.
            let reset = self.command(Rset, COMPLETED).await;
            reset.map_err(SmtpErrorCause::into_lost)?;
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
        self.command(
            MailFrom::new(Some(mail.from.clone()), parameters),
            COMPLETED,
        )
        .await
    }

    async fn name_recipient(&mut self, mail: &Mail) -> Result<(), SmtpErrorCause> {
        self.command(Rcpt::new(mail.to.clone(), Vec::new()), COMPLETED)
            .await?;
        self.command(Data, INTERMEDIATE).await
    }

    async fn command(
        &mut self,
        command: impl Display,
        codes: Range<u16>,
    ) -> Result<(), SmtpErrorCause> {
        expect(self.smtp.command(command).await?, codes).map(drop)
    }

    /// Sends `QUIT` and closes the connection.
    pub(super) async fn close(mut self) {
        self.smtp.abort().await;
    }
}

fn expect(answer: Response, codes: Range<u16>) -> Result<Response, SmtpErrorCause> {
    if codes.contains(&u16::from(answer.code())) {
        Ok(answer)
    } else {
        Err(SmtpErrorCause::unexpected(&answer))
    }
}
