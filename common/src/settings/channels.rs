use std::fmt::Display;
use std::str::FromStr;

use super::{AppEnv, Reader};
use crate::notification::Channel;

/// An enum of the providers that a channel can have, by the names that its variable takes.
macro_rules! providers {
    ($(#[$doc:meta])* $name:ident, $wrong:literal, $($(#[$variant_doc:meta])* $variant:ident = $text:literal),+) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)+
        }

        impl $name {
            /// The name that its variable takes.
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
    /// Who delivers e-mail.
    EmailProvider,
    "must be smtp, sendgrid or sandbox",
    /// Any mail server.
    Smtp = "smtp",
    /// `SendGrid`, by its v3 Mail Send.
    Sendgrid = "sendgrid",
    /// A folder.
    Sandbox = "sandbox"
);

providers!(
    /// Who delivers text messages.
    SmsProvider,
    "must be twilio or sandbox",
    /// Twilio's Messages resource.
    Twilio = "twilio",
    /// A folder.
    Sandbox = "sandbox"
);

providers!(
    /// Who delivers push messages.
    PushProvider,
    "must be fcm or sandbox",
    /// Firebase Cloud Messaging, HTTP v1.
    Fcm = "fcm",
    /// A folder.
    Sandbox = "sandbox"
);

providers!(
    /// Who delivers webhooks.
    WebhookProvider,
    "must be http or sandbox",
    /// Tidings itself, by signed HTTP requests.
    Http = "http",
    /// A folder.
    Sandbox = "sandbox"
);

/// Who delivers for each channel. A channel without a provider is off: the API takes nothing for it and
/// no worker serves it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ChannelProviders {
    /// `EMAIL_PROVIDER`: `smtp`, `sendgrid` or `sandbox`; off where it is not set.
    pub email: Option<EmailProvider>,
    /// `SMS_PROVIDER`: `twilio` or `sandbox`; off where it is not set.
    pub sms: Option<SmsProvider>,
    /// `PUSH_PROVIDER`: `fcm` or `sandbox`; off where it is not set.
    pub push: Option<PushProvider>,
    /// `WEBHOOK_PROVIDER`: `http` or `sandbox`; off where it is not set.
    pub webhook: Option<WebhookProvider>,
}

impl ChannelProviders {
    /// Reads the section. `sandbox` delivers to nobody, so production refuses it.
    pub fn read(reader: &mut Reader) -> Self {
        Self {
            email: provider(reader, "EMAIL_PROVIDER", EmailProvider::Sandbox),
            sms: provider(reader, "SMS_PROVIDER", SmsProvider::Sandbox),
            push: provider(reader, "PUSH_PROVIDER", PushProvider::Sandbox),
            webhook: provider(reader, "WEBHOOK_PROVIDER", WebhookProvider::Sandbox),
        }
    }

    /// Whether somebody delivers for `channel`. In-app always: it is delivered by being recorded.
    #[must_use]
    pub const fn is_configured(&self, channel: Channel) -> bool {
        match channel {
            Channel::InApp => true,
            Channel::Email => self.email.is_some(),
            Channel::Sms => self.sms.is_some(),
            Channel::Push => self.push.is_some(),
            Channel::Webhook => self.webhook.is_some(),
        }
    }

    /// The variable that names the channel's provider; `None` for in-app, which needs none.
    #[must_use]
    pub const fn variable(channel: Channel) -> Option<&'static str> {
        match channel {
            Channel::InApp => None,
            Channel::Email => Some("EMAIL_PROVIDER"),
            Channel::Sms => Some("SMS_PROVIDER"),
            Channel::Push => Some("PUSH_PROVIDER"),
            Channel::Webhook => Some("WEBHOOK_PROVIDER"),
        }
    }

    /// Those of `channels` alone.
    #[must_use]
    pub fn of(&self, channels: &[Channel]) -> Self {
        let wanted = |channel| channels.contains(&channel);
        Self {
            email: self.email.filter(|_| wanted(Channel::Email)),
            sms: self.sms.filter(|_| wanted(Channel::Sms)),
            push: self.push.filter(|_| wanted(Channel::Push)),
            webhook: self.webhook.filter(|_| wanted(Channel::Webhook)),
        }
    }

    /// The channels with a delivery stage that somebody delivers for.
    pub fn configured(&self) -> impl Iterator<Item = Channel> + use<> {
        let providers = *self;
        Channel::DELIVERED
            .into_iter()
            .filter(move |channel| providers.is_configured(*channel))
    }
}

fn provider<T>(reader: &mut Reader, name: &'static str, sandbox: T) -> Option<T>
where
    T: FromStr<Err: Display> + PartialEq + Copy,
{
    let provider = reader.optional(name)?;
    if provider == sandbox && is_production(reader) {
        reader.problem(
            name,
            "sandbox delivers to a folder, not to people: it needs APP_ENV=development",
        );
    }
    Some(provider)
}

/// As [`AppEnv::read`], without noting a second time that `APP_ENV` is wrong.
fn is_production(reader: &Reader) -> bool {
    let environment = reader.text("APP_ENV").and_then(|text| text.parse().ok());
    environment.is_none_or(AppEnv::is_production)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Problems;

    fn read(vars: &[(&str, &str)]) -> Result<ChannelProviders, Problems> {
        let vars = vars
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let mut reader = Reader::from_vars(vars);
        let providers = ChannelProviders::read(&mut reader);
        reader.finish(Some(providers))
    }

    #[test]
    fn every_channel_but_in_app_is_off_unless_its_variable_says_otherwise() {
        let off = read(&[]).expect("no provider is needed");
        assert_eq!(off, ChannelProviders::default());
        for channel in Channel::ALL {
            let in_app = channel == Channel::InApp;
            assert_eq!(off.is_configured(channel), in_app);
            assert_eq!(ChannelProviders::variable(channel).is_none(), in_app);
        }
        assert_eq!(off.configured().count(), 0);
    }

    #[test]
    fn a_variable_turns_on_its_own_channel_alone() {
        for (name, provider, channel) in [
            ("EMAIL_PROVIDER", "smtp", Channel::Email),
            ("EMAIL_PROVIDER", "sendgrid", Channel::Email),
            ("SMS_PROVIDER", "twilio", Channel::Sms),
            ("PUSH_PROVIDER", "fcm", Channel::Push),
            ("WEBHOOK_PROVIDER", "http", Channel::Webhook),
        ] {
            let on = read(&[(name, provider)]).expect("right");
            assert_eq!(on.configured().collect::<Vec<_>>(), [channel]);
            assert_eq!(ChannelProviders::variable(channel), Some(name));
        }
    }

    #[test]
    fn a_wrong_provider_is_reported_with_the_right_ones() {
        for (name, right) in [
            ("EMAIL_PROVIDER", "smtp, sendgrid or sandbox"),
            ("SMS_PROVIDER", "twilio or sandbox"),
            ("PUSH_PROVIDER", "fcm or sandbox"),
            ("WEBHOOK_PROVIDER", "http or sandbox"),
        ] {
            let problems = read(&[(name, "pigeon")]).expect_err(name);
            assert_eq!((problems.0.len(), problems.0[0].name), (1, name));
            assert!(problems.0[0].message.contains(right), "{problems}");
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
            for environment in ["production", "", "developmnet"] {
                let problems = read(&[(name, "sandbox"), ("APP_ENV", environment)]);
                assert_eq!(problems.expect_err(name).0[0].name, name);
            }
            assert!(read(&[(name, "sandbox"), ("APP_ENV", "development")]).is_ok());
        }
    }
}
