//! The provider of each channel.

use std::fmt::Display;
use std::str::FromStr;

use crate::notification::DeliveredChannel;

/// Declares an enum of the providers of a channel, with the values of its environment variable.
macro_rules! providers {
    ($(#[$doc:meta])* $name:ident, $wrong:literal, $($(#[$variant_doc:meta])* $variant:ident = $text:literal),+) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)+
        }

        impl $name {
            /// The value of the environment variable.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)+
                }
            }
        }

        impl FromStr for $name {
            type Err = &'static str;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                match text {
                    $($text => Ok(Self::$variant),)+
                    _ => Err($wrong),
                }
            }
        }
    };
}

providers!(
    /// A provider for e-mail.
    EmailProvider,
    "must be smtp, sendgrid or sandbox",
    /// A mail server.
    Smtp = "smtp",
    /// `SendGrid`, v3 Mail Send.
    Sendgrid = "sendgrid",
    /// Writes to a folder instead of sending.
    Sandbox = "sandbox"
);

providers!(
    /// A provider for text messages.
    SmsProvider,
    "must be twilio or sandbox",
    /// Twilio, the Messages resource.
    Twilio = "twilio",
    /// Writes to a folder instead of sending.
    Sandbox = "sandbox"
);

providers!(
    /// A provider for push messages.
    PushProvider,
    "must be fcm or sandbox",
    /// Firebase Cloud Messaging, HTTP v1.
    Fcm = "fcm",
    /// Writes to a folder instead of sending.
    Sandbox = "sandbox"
);

providers!(
    /// A provider for webhooks.
    WebhookProvider,
    "must be http or sandbox",
    /// Signed HTTP requests, sent by Tidings itself.
    Http = "http",
    /// Writes to a folder instead of sending.
    Sandbox = "sandbox"
);

/// The provider of each channel. A channel without a provider is off: the API refuses its notifications, and no worker
/// serves it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ChannelProviders {
    /// `EMAIL_PROVIDER`: `smtp`, `sendgrid` or `sandbox`; off if not set.
    pub email: Option<EmailProvider>,
    /// `SMS_PROVIDER`: `twilio` or `sandbox`; off if not set.
    pub sms: Option<SmsProvider>,
    /// `PUSH_PROVIDER`: `fcm` or `sandbox`; off if not set.
    pub push: Option<PushProvider>,
    /// `WEBHOOK_PROVIDER`: `http` or `sandbox`; off if not set.
    pub webhook: Option<WebhookProvider>,
}

impl ChannelProviders {
    /// Parses the variables; `value_of` returns the value of a variable. Also returns all mistakes, with the names of
    /// their variables. `sandbox` sends nothing, so production refuses it.
    pub fn parse<'a>(
        value_of: impl Fn(&'static str) -> Option<&'a str>,
        production: bool,
    ) -> (Self, Vec<ProviderMistake>) {
        let mut mistakes = Vec::new();
        let mut variables = Variables {
            value_of,
            production,
            mistakes: &mut mistakes,
        };
        let providers = Self {
            email: variables.provider("EMAIL_PROVIDER", EmailProvider::Sandbox),
            sms: variables.provider("SMS_PROVIDER", SmsProvider::Sandbox),
            push: variables.provider("PUSH_PROVIDER", PushProvider::Sandbox),
            webhook: variables.provider("WEBHOOK_PROVIDER", WebhookProvider::Sandbox),
        };
        (providers, mistakes)
    }

    /// Whether `channel` has a provider.
    #[must_use]
    pub const fn is_configured(&self, channel: DeliveredChannel) -> bool {
        match channel {
            DeliveredChannel::Email => self.email.is_some(),
            DeliveredChannel::Sms => self.sms.is_some(),
            DeliveredChannel::Push => self.push.is_some(),
            DeliveredChannel::Webhook => self.webhook.is_some(),
        }
    }

    /// The name of the provider of `channel`, if there is one: the value of its variable.
    #[must_use]
    pub fn name(&self, channel: DeliveredChannel) -> Option<&'static str> {
        match channel {
            DeliveredChannel::Email => self.email.map(EmailProvider::as_str),
            DeliveredChannel::Sms => self.sms.map(SmsProvider::as_str),
            DeliveredChannel::Push => self.push.map(PushProvider::as_str),
            DeliveredChannel::Webhook => self.webhook.map(WebhookProvider::as_str),
        }
    }

    /// The environment variable for the provider of `channel`.
    #[must_use]
    pub const fn variable(channel: DeliveredChannel) -> &'static str {
        match channel {
            DeliveredChannel::Email => "EMAIL_PROVIDER",
            DeliveredChannel::Sms => "SMS_PROVIDER",
            DeliveredChannel::Push => "PUSH_PROVIDER",
            DeliveredChannel::Webhook => "WEBHOOK_PROVIDER",
        }
    }

    /// The providers of `channels` only.
    #[must_use]
    pub fn of(&self, channels: &[DeliveredChannel]) -> Self {
        let wanted = |channel| channels.contains(&channel);
        Self {
            email: self.email.filter(|_| wanted(DeliveredChannel::Email)),
            sms: self.sms.filter(|_| wanted(DeliveredChannel::Sms)),
            push: self.push.filter(|_| wanted(DeliveredChannel::Push)),
            webhook: self.webhook.filter(|_| wanted(DeliveredChannel::Webhook)),
        }
    }

    /// The channels that have a provider.
    pub fn configured(&self) -> impl Iterator<Item = DeliveredChannel> + use<> {
        let providers = *self;
        DeliveredChannel::ALL
            .into_iter()
            .filter(move |channel| providers.is_configured(*channel))
    }
}

/// A variable with an unknown provider, or one that is not allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderMistake {
    /// The environment variable.
    pub variable: &'static str,
    /// What is wrong, and which values are valid.
    pub message: String,
}

struct Variables<'m, F> {
    value_of: F,
    production: bool,
    mistakes: &'m mut Vec<ProviderMistake>,
}

impl<'a, F: Fn(&'static str) -> Option<&'a str>> Variables<'_, F> {
    fn provider<T>(&mut self, variable: &'static str, sandbox: T) -> Option<T>
    where
        T: FromStr<Err: Display> + PartialEq + Copy,
    {
        let value = (self.value_of)(variable)?;
        let mut mistake = |message| self.mistakes.push(ProviderMistake { variable, message });
        match value.parse() {
            Ok(provider) => {
                if provider == sandbox && self.production {
                    mistake(
                        "sandbox writes to a folder and sends nothing: it needs APP_ENV=development"
                            .to_owned(),
                    );
                }
                Some(provider)
            }
            Err(error) => {
                mistake(format!("{value:?}: {error}"));
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(vars: &[(&str, &str)], production: bool) -> (ChannelProviders, Vec<ProviderMistake>) {
        let value_of = |name| {
            vars.iter()
                .find(|(n, _)| *n == name)
                .map(|(_, value)| *value)
        };
        ChannelProviders::parse(value_of, production)
    }

    fn read(vars: &[(&str, &str)]) -> ChannelProviders {
        let (providers, mistakes) = parse(vars, true);
        assert_eq!(mistakes, []);
        providers
    }

    #[test]
    fn a_channel_is_off_unless_its_variable_is_set() {
        let off = read(&[]);
        assert_eq!(off, ChannelProviders::default());
        for channel in DeliveredChannel::ALL {
            assert!(!off.is_configured(channel));
        }
        assert_eq!(off.configured().count(), 0);
    }

    #[test]
    fn a_variable_turns_on_only_its_own_channel() {
        for (name, provider, channel) in [
            ("EMAIL_PROVIDER", "smtp", DeliveredChannel::Email),
            ("EMAIL_PROVIDER", "sendgrid", DeliveredChannel::Email),
            ("SMS_PROVIDER", "twilio", DeliveredChannel::Sms),
            ("PUSH_PROVIDER", "fcm", DeliveredChannel::Push),
            ("WEBHOOK_PROVIDER", "http", DeliveredChannel::Webhook),
        ] {
            let on = read(&[(name, provider)]);
            assert_eq!(on.configured().collect::<Vec<_>>(), [channel]);
            assert_eq!(ChannelProviders::variable(channel), name);
        }
    }

    #[test]
    fn an_unknown_provider_is_reported_with_the_valid_ones() {
        for (name, right) in [
            ("EMAIL_PROVIDER", "smtp, sendgrid or sandbox"),
            ("SMS_PROVIDER", "twilio or sandbox"),
            ("PUSH_PROVIDER", "fcm or sandbox"),
            ("WEBHOOK_PROVIDER", "http or sandbox"),
        ] {
            let (_, mistakes) = parse(&[(name, "pigeon")], true);
            assert_eq!((mistakes.len(), mistakes[0].variable), (1, name));
            assert!(mistakes[0].message.contains(right), "{mistakes:?}");
        }
    }

    #[test]
    fn production_refuses_the_sandbox() {
        for name in [
            "EMAIL_PROVIDER",
            "SMS_PROVIDER",
            "PUSH_PROVIDER",
            "WEBHOOK_PROVIDER",
        ] {
            let (_, mistakes) = parse(&[(name, "sandbox")], true);
            assert_eq!(mistakes[0].variable, name);
            assert_eq!(parse(&[(name, "sandbox")], false).1, []);
        }
    }
}
