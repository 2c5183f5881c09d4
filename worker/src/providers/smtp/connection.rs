use std::fmt::Display;
use std::iter;
use std::sync::atomic::{AtomicBool, Ordering};

use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::AsyncSmtpConnection;
use lettre::transport::smtp::commands::{Data, Mail as MailFrom, Rcpt, Rset};
use lettre::transport::smtp::extension::{Extension, MailBodyParameter, MailParameter};
use lettre::transport::smtp::response::Response;
use secrecy::ExposeSecret;

use super::message::Mail;
use super::report::{Cause, Trouble};
use super::settings::SmtpLogin;
use super::stage::Stage;

/// A connection that messages can be sent over, one after another.
pub(super) struct Connection {
    smtp: AsyncSmtpConnection,
    /// Whether the server may still be at a message that came to nothing.
    needs_reset: bool,
}

impl Connection {
    pub(super) const fn new(smtp: AsyncSmtpConnection) -> Self {
        Self {
            smtp,
            needs_reset: false,
        }
    }

    pub(super) async fn log_in(&mut self, login: &SmtpLogin) -> Result<(), Cause> {
        const KNOWN: [Mechanism; 2] = [Mechanism::Plain, Mechanism::Login];
        if self.smtp.server_info().get_auth_mechanism(&KNOWN).is_none() {
            let error = "the server offers neither AUTH PLAIN nor AUTH LOGIN";
            return Err(Cause::NoLogin(error.to_owned()));
        }
        let password = login.password.expose_secret().to_owned();
        let credentials = Credentials::new(login.user.clone(), password);
        let answer = self.smtp.auth(&KNOWN, &credentials).await?;
        expect(answer, &[235]).map(drop)
    }

    /// Sends one message. `ended` is set when the line that ends it is about to be written.
    ///
    /// Every answer must be the one that its command has (RFC 5321 §4.3.2). Were the two ever to get out
    /// of step, the server's answer to one message would pass for its answer to another.
    pub(super) async fn send(
        &mut self,
        mail: &Mail,
        ended: &AtomicBool,
    ) -> Result<Response, Trouble> {
        self.envelope(mail).await?;
        // The iterator is asked for more when the content has been written, and lettre then writes
        // the line that ends the message.
        let end = iter::from_fn(|| {
            ended.store(true, Ordering::Relaxed);
            None
        });
        // lettre begins that line itself.
        let content = mail.content.strip_suffix(b"\r\n");
        let content = content.unwrap_or(&mail.content);
        let answer = self.smtp.message_iter(iter::once(content).chain(end)).await;
        let answer = answer.map_err(Cause::from);
        match answer.and_then(|answer| expect(answer, &[250])) {
            Ok(answer) => {
                self.needs_reset = false;
                Ok(answer)
            }
            Err(cause) if ended.load(Ordering::Relaxed) => Err(cause.at(Stage::Ended)),
            Err(cause) => Err(cause.at(Stage::Recipient)),
        }
    }

    async fn envelope(&mut self, mail: &Mail) -> Result<(), Trouble> {
        let from = self.name_sender(mail).await;
        from.map_err(|cause| cause.at(Stage::Sender))?;
        let to = self.name_recipient(mail).await;
        to.map_err(|cause| cause.at(Stage::Recipient))
    }

    async fn name_sender(&mut self, mail: &Mail) -> Result<(), Cause> {
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
                return Err(Cause::Refused {
                    // What a server says to such an address (RFC 6531 §3.5).
                    code: 553,
                    words: "5.6.7 the server takes no addresses beyond ASCII (no SMTPUTF8)"
                        .to_owned(),
                });
            }
            parameters.push(MailParameter::SmtpUtfEight);
            parameters.push(MailParameter::Body(MailBodyParameter::EightBitMime));
        }
        self.command(MailFrom::new(Some(mail.from.clone()), parameters), &[250])
            .await
    }

    async fn name_recipient(&mut self, mail: &Mail) -> Result<(), Cause> {
        self.command(Rcpt::new(mail.to.clone(), Vec::new()), &[250, 251, 252])
            .await?;
        self.command(Data, &[354]).await
    }

    async fn command(&mut self, command: impl Display, codes: &[u16]) -> Result<(), Cause> {
        expect(self.smtp.command(command).await?, codes).map(drop)
    }

    /// Takes leave of the server.
    pub(super) async fn close(mut self) {
        self.smtp.abort().await;
    }
}

fn expect(answer: Response, codes: &[u16]) -> Result<Response, Cause> {
    if codes.contains(&answer.code().into()) {
        Ok(answer)
    } else {
        Err(Cause::unexpected(&answer))
    }
}
