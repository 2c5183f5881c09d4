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
    EmailMessage, Fcm, FcmSettings, Provider, PushMessage, Sendgrid, SendgridSettings, SmsMessage,
    Twilio, TwilioSettings, WebhookMessage,
};

/// The settings of each channel's provider. `None` for a channel that this process does not serve, so that the
/// process does not need its secrets.
#[derive(Clone, Debug, Default)]
pub struct ProviderSettings {
    /// The e-mail provider.
    pub email: Option<EmailProviderSettings>,
    /// The provider of text messages.
    pub sms: Option<SmsProviderSettings>,
    /// The provider of push messages.
    pub push: Option<PushProviderSettings>,
    /// The provider of webhooks.
    pub webhook: Option<WebhookProviderSettings>,
}

/// The settings of the e-mail provider.
#[derive(Clone, Debug)]
pub enum EmailProviderSettings {
    /// A mail server.
    Smtp(SmtpSettings),
    /// `SendGrid`.
    Sendgrid(SendgridSettings),
    /// A folder.
    Sandbox(SandboxSettings),
}

/// The settings of the provider of text messages.
#[derive(Clone, Debug)]
pub enum SmsProviderSettings {
    /// Twilio.
    Twilio(TwilioSettings),
    /// A folder.
    Sandbox(SandboxSettings),
}

/// The settings of the provider of push messages.
#[derive(Clone, Debug)]
pub enum PushProviderSettings {
    /// Firebase Cloud Messaging.
    Fcm(Box<FcmSettings>),
    /// A folder.
    Sandbox(SandboxSettings),
}

/// The settings of the provider of webhooks.
#[derive(Clone, Debug)]
pub enum WebhookProviderSettings {
    /// Signed HTTP requests.
    Http(WebhookSettings),
    /// A folder.
    Sandbox(SandboxSettings),
}

impl ProviderSettings {
    /// Reads the settings of `providers`. Records every mistake in `reader`.
    pub fn read(reader: &mut Reader, providers: ChannelProviders) -> Self {
        let r = reader;
        Self {
            email: providers.email.and_then(|provider| match provider {
                EmailProvider::Smtp => SmtpSettings::read(r).map(EmailProviderSettings::Smtp),
                EmailProvider::Sendgrid => {
                    SendgridSettings::read(r).map(EmailProviderSettings::Sendgrid)
                }
                EmailProvider::Sandbox => {
                    SandboxSettings::read(r).map(EmailProviderSettings::Sandbox)
                }
            }),
            sms: providers.sms.and_then(|provider| match provider {
                SmsProvider::Twilio => TwilioSettings::read(r).map(SmsProviderSettings::Twilio),
                SmsProvider::Sandbox => SandboxSettings::read(r).map(SmsProviderSettings::Sandbox),
            }),
            push: providers.push.and_then(|provider| match provider {
                PushProvider::Fcm => FcmSettings::read(r)
                    .map(|settings| PushProviderSettings::Fcm(Box::new(settings))),
                PushProvider::Sandbox => {
                    SandboxSettings::read(r).map(PushProviderSettings::Sandbox)
                }
            }),
            webhook: providers.webhook.and_then(|provider| match provider {
                WebhookProvider::Http => {
                    WebhookSettings::read(r).map(WebhookProviderSettings::Http)
                }
                WebhookProvider::Sandbox => {
                    SandboxSettings::read(r).map(WebhookProviderSettings::Sandbox)
                }
            }),
        }
    }
}

impl EmailProviderSettings {
    /// Builds the provider. It makes up to `concurrency` sends concurrently, each within `timeout`.
    ///
    /// # Errors
    ///
    /// Fails if the client cannot be built from the settings.
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

impl SmsProviderSettings {
    /// Builds the provider. Each send ends within `timeout`.
    ///
    /// # Errors
    ///
    /// Fails if the client cannot be built from the settings.
    pub fn provider(self, timeout: Duration) -> anyhow::Result<Box<dyn Provider<SmsMessage>>> {
        Ok(match self {
            Self::Twilio(settings) => {
                Box::new(Twilio::new(settings, timeout).context("cannot send by Twilio")?)
            }
            Self::Sandbox(settings) => Box::new(Sandbox::new(settings)),
        })
    }
}

impl PushProviderSettings {
    /// Builds the provider. Each send ends within `timeout`.
    ///
    /// # Errors
    ///
    /// Fails if the client cannot be built from the settings.
    pub fn provider(self, timeout: Duration) -> anyhow::Result<Box<dyn Provider<PushMessage>>> {
        Ok(match self {
            Self::Fcm(settings) => {
                Box::new(Fcm::new(*settings, timeout).context("cannot send by FCM")?)
            }
            Self::Sandbox(settings) => Box::new(Sandbox::new(settings)),
        })
    }
}

impl WebhookProviderSettings {
    /// Builds the provider. Each send ends within `timeout`.
    ///
    /// # Errors
    ///
    /// Fails if the client cannot be built from the settings.
    pub fn provider(&self, timeout: Duration) -> anyhow::Result<Box<dyn Provider<WebhookMessage>>> {
        Ok(match self {
            Self::Http(settings) => {
                let sender = WebhookSender::new(settings, timeout);
                Box::new(sender.context("cannot send webhooks")?)
            }
            Self::Sandbox(settings) => Box::new(Sandbox::new(settings.clone())),
        })
    }

    /// Returns the secrets that sign webhooks to URLs in payloads, newest first.
    #[must_use]
    pub fn signing_secrets(&self) -> Vec<SecretString> {
        match self {
            Self::Http(settings) => settings.signing_secrets(),
            Self::Sandbox(_) => Vec::new(),
        }
    }
}
