use std::time::Duration;

use anyhow::Context;
use secrecy::SecretString;
use tidings_domain::providers::{
    ChannelProviders, EmailProvider, PushProvider, SmsProvider, WebhookProvider,
};
use tidings_settings::Reader;

use super::sandbox::{Sandbox, SandboxSettings};

use super::smtp::{Smtp, SmtpSettings};

use super::webhook::{WebhookSender, WebhookSettings};
use super::{
    EmailMessage, Fcm, FcmSettings, Provider, PushMessage, Sendgrid, SendgridSettings, TextMessage,
    Twilio, TwilioSettings, WebhookMessage,
};

/// Who delivers for each channel, and what they need. `None` for a channel that this process does not
/// serve: it is not told the secrets of others.
#[derive(Clone, Debug, Default)]
pub struct ProviderSettings {
    /// Of e-mail.
    pub email: Option<EmailSettings>,
    /// Of text messages.
    pub sms: Option<SmsSettings>,
    /// Of push messages.
    pub push: Option<PushSettings>,
    /// Of webhooks.
    pub webhook: Option<WebhookChoice>,
}

/// Who delivers e-mail.
#[derive(Clone, Debug)]
pub enum EmailSettings {
    /// A mail server.
    Smtp(SmtpSettings),
    /// `SendGrid`.
    Sendgrid(SendgridSettings),
    /// A folder.
    Sandbox(SandboxSettings),
}

/// Who delivers text messages.
#[derive(Clone, Debug)]
pub enum SmsSettings {
    /// Twilio.
    Twilio(TwilioSettings),
    /// A folder.
    Sandbox(SandboxSettings),
}

/// Who delivers push messages.
#[derive(Clone, Debug)]
pub enum PushSettings {
    /// Firebase Cloud Messaging.
    Fcm(Box<FcmSettings>),
    /// A folder.
    Sandbox(SandboxSettings),
}

/// Who delivers webhooks.
#[derive(Clone, Debug)]
pub enum WebhookChoice {
    /// We do.
    Http(WebhookSettings),
    /// A folder.
    Sandbox(SandboxSettings),
}

impl ProviderSettings {
    /// Reads what `providers` need. That of one which is wrong is `None`, and noted.
    pub fn read(reader: &mut Reader, providers: ChannelProviders) -> Self {
        let r = reader;
        Self {
            email: providers.email.and_then(|provider| match provider {
                EmailProvider::Smtp => SmtpSettings::read(r).map(EmailSettings::Smtp),
                EmailProvider::Sendgrid => SendgridSettings::read(r).map(EmailSettings::Sendgrid),
                EmailProvider::Sandbox => SandboxSettings::read(r).map(EmailSettings::Sandbox),
            }),
            sms: providers.sms.and_then(|provider| match provider {
                SmsProvider::Twilio => TwilioSettings::read(r).map(SmsSettings::Twilio),
                SmsProvider::Sandbox => SandboxSettings::read(r).map(SmsSettings::Sandbox),
            }),
            push: providers.push.and_then(|provider| match provider {
                PushProvider::Fcm => {
                    FcmSettings::read(r).map(|settings| PushSettings::Fcm(Box::new(settings)))
                }
                PushProvider::Sandbox => SandboxSettings::read(r).map(PushSettings::Sandbox),
            }),
            webhook: providers.webhook.and_then(|provider| match provider {
                WebhookProvider::Http => WebhookSettings::read(r).map(WebhookChoice::Http),
                WebhookProvider::Sandbox => SandboxSettings::read(r).map(WebhookChoice::Sandbox),
            }),
        }
    }
}

impl EmailSettings {
    /// The provider, which makes up to `concurrency` sends at once, each within `timeout`.
    ///
    /// # Errors
    ///
    /// Where the settings cannot be used.
    pub fn provider(
        self,
        timeout: Duration,
        concurrency: u16,
    ) -> anyhow::Result<Box<dyn Provider<EmailMessage>>> {
        Ok(match self {
            Self::Smtp(settings) => {
                let smtp = Smtp::new(settings, timeout, concurrency.into());
                Box::new(smtp.context("cannot send by SMTP")?)
            }
            Self::Sendgrid(settings) => {
                Box::new(Sendgrid::new(settings, timeout).context("cannot send by SendGrid")?)
            }
            Self::Sandbox(settings) => Box::new(Sandbox::new(settings)),
        })
    }
}

impl SmsSettings {
    /// The provider, whose every send ends within `timeout`.
    ///
    /// # Errors
    ///
    /// Where the settings cannot be used.
    pub fn provider(self, timeout: Duration) -> anyhow::Result<Box<dyn Provider<TextMessage>>> {
        Ok(match self {
            Self::Twilio(settings) => {
                Box::new(Twilio::new(settings, timeout).context("cannot send by Twilio")?)
            }
            Self::Sandbox(settings) => Box::new(Sandbox::new(settings)),
        })
    }
}

impl PushSettings {
    /// The provider, whose every send ends within `timeout`.
    ///
    /// # Errors
    ///
    /// Where the settings cannot be used.
    pub fn provider(self, timeout: Duration) -> anyhow::Result<Box<dyn Provider<PushMessage>>> {
        Ok(match self {
            Self::Fcm(settings) => {
                Box::new(Fcm::new(*settings, timeout).context("cannot send by FCM")?)
            }
            Self::Sandbox(settings) => Box::new(Sandbox::new(settings)),
        })
    }
}

impl WebhookChoice {
    /// The provider, whose every send ends within `timeout`.
    ///
    /// # Errors
    ///
    /// Where the settings cannot be used.
    pub fn provider(&self, timeout: Duration) -> anyhow::Result<Box<dyn Provider<WebhookMessage>>> {
        Ok(match self {
            Self::Http(settings) => {
                let sender = WebhookSender::new(settings, timeout);
                Box::new(sender.context("cannot send webhooks")?)
            }
            Self::Sandbox(settings) => Box::new(Sandbox::new(settings.clone())),
        })
    }

    /// What signs webhooks to addresses that payloads name.
    #[must_use]
    pub fn signing_secrets(&self) -> Vec<SecretString> {
        match self {
            Self::Http(settings) => settings.signing_secrets(),
            Self::Sandbox(_) => Vec::new(),
        }
    }
}
