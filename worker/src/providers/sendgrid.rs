//! Twilio SendGrid, v3 Mail Send
//! (<https://www.twilio.com/docs/sendgrid/api-reference/mail-send/mail-send>).
//!
//! SendGrid supports no idempotency key. The message id is sent as `Message-ID` and in `custom_args`, so that
//! the event webhook and mail programs can recognise a duplicate.

mod request;
mod response;

use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use reqwest::Client;
use secrecy::{ExposeSecret, SecretString};
use tidings_domain::content::Mailbox;
use tidings_settings::{Reader, table};
use url::Url;

use super::{BaseUrl, EmailMessage, Provider, SendOutcome, http, read_default_sender};
use request::MailSendRequest;

/// The settings of the SendGrid provider.
#[derive(Clone, Debug)]
pub struct SendgridSettings {
    /// `SENDGRID_API_KEY`: a key with permission to send mail.
    pub api_key: SecretString,
    /// `SENDGRID_BASE_URL`, default `https://api.sendgrid.com`. In the EU region:
    /// `https://api.eu.sendgrid.com`.
    pub base_url: BaseUrl,
    /// `SMTP_FROM`: the sender of an e-mail whose payload names no sender. SendGrid requires that the account
    /// has verified it.
    pub sender: Mailbox,
}

impl SendgridSettings {
    /// Reads the section. Returns `None` after a mistake, which `reader` records.
    pub fn read(reader: &mut Reader) -> Option<Self> {
        let api_key = reader.required_secret(table::SENDGRID_API_KEY);
        let api_key = api_key.filter(|key| {
            let visible = key
                .expose_secret()
                .bytes()
                .all(|byte| byte.is_ascii_graphic());
            if !visible {
                reader.problem(table::SENDGRID_API_KEY, "must be visible ASCII characters");
            }
            visible
        });
        let base_url = BaseUrl::read(reader, table::SENDGRID_BASE_URL);
        let sender = read_default_sender(reader);
        Some(Self {
            api_key: api_key?,
            base_url: base_url?,
            sender: sender?,
        })
    }
}

/// Sends e-mail through SendGrid.
pub struct Sendgrid {
    client: Client,
    url: Url,
    api_key: SecretString,
    sender: Mailbox,
}

impl Sendgrid {
    /// Builds a client whose requests take at most `timeout`.
    ///
    /// # Errors
    ///
    /// Fails if the TLS client cannot be built.
    pub fn new(settings: SendgridSettings, timeout: Duration) -> Result<Self, reqwest::Error> {
        Ok(Self {
            client: http::client(timeout).build()?,
            url: settings.base_url.join(&["v3", "mail", "send"]),
            api_key: settings.api_key,
            sender: settings.sender,
        })
    }

    async fn post(&self, message: &EmailMessage) -> SendOutcome {
        let request = self
            .client
            .post(self.url.clone())
            .bearer_auth(self.api_key.expose_secret())
            .json(&MailSendRequest::new(message, &self.sender));
        let response = match request.send().await {
            Ok(response) => response,
            Err(error) => return http::connection_outcome(error),
        };
        let (status, headers) = (response.status(), response.headers().clone());
        let body = http::body(response).await;
        response::outcome(status, &headers, &body, message, Timestamp::now())
    }
}

impl Provider<EmailMessage> for Sendgrid {
    fn name(&self) -> &'static str {
        "sendgrid"
    }

    fn send<'a>(&'a self, message: &'a EmailMessage) -> BoxFuture<'a, SendOutcome> {
        self.post(message).boxed()
    }
}

#[cfg(test)]
mod tests;
