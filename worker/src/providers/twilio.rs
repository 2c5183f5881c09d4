//! Twilio, the Messages resource
//! (<https://www.twilio.com/docs/messaging/api/message-resource#create-a-message-resource>).
//!
//! Twilio supports no idempotency key and no other field for the message id, so a text message that is sent
//! again arrives twice. (`I-Twilio-Idempotency-Token` is a header of Twilio's own webhooks.)

mod response;

use std::fmt;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use reqwest::Client;
use secrecy::{ExposeSecret, SecretString};
use tidings_domain::content::PhoneNumber;
use tidings_settings::{Reader, table};
use url::Url;

use super::{BaseUrl, Provider, SendOutcome, SmsMessage, http};

/// The settings of the Twilio provider.
#[derive(Clone, Debug)]
pub struct TwilioSettings {
    /// `TWILIO_ACCOUNT_SID`: the account's id, `AC…`.
    pub account_sid: String,
    /// `TWILIO_AUTH_TOKEN`: the account's token.
    pub auth_token: SecretString,
    /// `TWILIO_FROM_NUMBER`: a sender of the account, or a messaging service (`MG…`).
    pub sender: TwilioSender,
    /// `TWILIO_BASE_URL`, default `https://api.twilio.com`.
    pub base_url: BaseUrl,
}

/// The sender of text messages.
#[derive(Clone, PartialEq, Eq)]
pub enum TwilioSender {
    /// A telephone number, a short code or an alphanumeric sender of the account. Twilio decides which of them may
    /// send to a recipient.
    From(String),
    /// A messaging service, which selects one of its numbers.
    Service(String),
}

/// Logs must not contain addresses.
impl fmt::Debug for TwilioSender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TwilioSender(***)")
    }
}

impl TwilioSettings {
    /// Reads the section. Returns `None` after a mistake, which `reader` records.
    pub fn read(reader: &mut Reader) -> Option<Self> {
        let account_sid = account_sid(reader);
        let auth_token = reader.required_secret(table::TWILIO_AUTH_TOKEN);
        let sender = sender(reader);
        let base_url = BaseUrl::read(reader, table::TWILIO_BASE_URL);
        Some(Self {
            account_sid: account_sid?,
            auth_token: auth_token?,
            sender: sender?,
            base_url: base_url?,
        })
    }
}

/// Whether `text` is a resource id with this prefix.
fn is_sid(text: &str, prefix: &str) -> bool {
    let rest = text.strip_prefix(prefix);
    rest.is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_alphanumeric()))
}

fn account_sid(reader: &mut Reader) -> Option<String> {
    let sid: String = reader.required(table::TWILIO_ACCOUNT_SID)?;
    if is_sid(&sid, "AC") {
        return Some(sid);
    }
    // The message does not quote the value, because it may be the token in the wrong variable.
    let message = "must be AC and 32 hexadecimal digits";
    reader.problem(table::TWILIO_ACCOUNT_SID, message);
    None
}

fn sender(reader: &mut Reader) -> Option<TwilioSender> {
    let text: String = reader.required(table::TWILIO_FROM_NUMBER)?;
    if is_sid(&text, "MG") {
        return Some(TwilioSender::Service(text));
    }
    if text.parse::<PhoneNumber>().is_ok() || is_short_code(&text) || is_alphanumeric_sender(&text)
    {
        return Some(TwilioSender::From(text));
    }
    let message = "must be a telephone number (+ and 8 to 15 digits), a short code (3 to 8 digits), \
                   an alphanumeric sender (at most 11 letters, digits, spaces and +, -, _ and &, with a letter) \
                   or a messaging service (MG…)";
    reader.problem(table::TWILIO_FROM_NUMBER, message);
    None
}

fn is_short_code(text: &str) -> bool {
    (3..=8).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether `text` has the form of an alphanumeric sender
/// (<https://www.twilio.com/docs/glossary/what-alphanumeric-sender-id>).
fn is_alphanumeric_sender(text: &str) -> bool {
    let valid = |byte: u8| byte.is_ascii_alphanumeric() || b" +-_&".contains(&byte);
    (1..=11).contains(&text.len())
        && text.bytes().all(valid)
        && text.bytes().any(|byte| byte.is_ascii_alphabetic())
}

/// Sends text messages through Twilio.
pub struct Twilio {
    client: Client,
    url: Url,
    settings: TwilioSettings,
}

impl Twilio {
    /// Builds a client whose requests take at most `timeout`.
    ///
    /// # Errors
    ///
    /// Fails if the TLS client cannot be built.
    pub fn new(settings: TwilioSettings, timeout: Duration) -> Result<Self, reqwest::Error> {
        let account = settings.account_sid.as_str();
        let path = ["2010-04-01", "Accounts", account, "Messages.json"];
        Ok(Self {
            client: http::client(timeout).build()?,
            url: settings.base_url.join(&path),
            settings,
        })
    }

    async fn post(&self, message: &SmsMessage) -> SendOutcome {
        let sender = match &self.settings.sender {
            TwilioSender::From(sender) => ("From", sender.as_str()),
            TwilioSender::Service(sid) => ("MessagingServiceSid", sid.as_str()),
        };
        let token = self.settings.auth_token.expose_secret();
        let request = self
            .client
            .post(self.url.clone())
            .basic_auth(&self.settings.account_sid, Some(token))
            .form(&[
                ("To", message.to.as_str()),
                sender,
                ("Body", &message.sms.text),
            ]);
        let response = match request.send().await {
            Ok(response) => response,
            Err(error) => return http::connection_outcome(error),
        };
        let (status, headers) = (response.status(), response.headers().clone());
        let body = http::body(response).await;
        response::outcome(status, &headers, &body, &message.to, Timestamp::now())
    }
}

impl Provider<SmsMessage> for Twilio {
    fn name(&self) -> &'static str {
        "twilio"
    }

    fn send<'a>(&'a self, message: &'a SmsMessage) -> BoxFuture<'a, SendOutcome> {
        self.post(message).boxed()
    }
}

#[cfg(test)]
mod tests;
