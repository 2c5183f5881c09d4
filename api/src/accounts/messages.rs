//! The messages of accounts: notifications that Tidings sends like those of others, rendered by templates that the operator
//! can change.

use jiff::Timestamp;
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Value, json};
use tidings_db::templates::{TemplateKey, insert_first_version};
use tidings_db::{DbError, GenericClient, notifications};
use tidings_domain::category::CategoryName;
use tidings_domain::content::TemplateRef;
use tidings_domain::notification::{Channel, MessageId, Notification};
use tidings_domain::time::DeliveryWindow;
use tidings_runtime::traces;
use tidings_templates::{Locale, TemplateName, TemplateSource};

use super::notices::Notice;

/// The sender of these messages.
pub(super) const SENDER: &str = "tidings";

/// A message to an address that no notification may show: a user who reads the code or the link with a token would not
/// have shown to read the address. So the message has no user, and is sensitive.
pub(super) struct SecretMessage<'a> {
    pub(super) template: &'static str,
    pub(super) channel: Channel,
    pub(super) to: &'a str,
    pub(super) locale: Option<&'a str>,
    /// An object.
    pub(super) variables: Value,
    pub(super) expires_at: Timestamp,
}

/// Records a message, in the transaction of its cause. A scheduler sends it at once.
pub(super) async fn record(
    transaction: &impl GenericClient,
    message: SecretMessage<'_>,
) -> Result<(), DbError> {
    let mut payload = message.variables;
    payload["to"] = json!(message.to);
    // An object of texts can be written.
    let payload = to_raw_value(&payload).unwrap_or_else(|_| RawValue::NULL.to_owned());
    let notification = Notification {
        message_id: MessageId::generate(),
        user_id: None,
        channel: message.channel,
        accepted_at: Timestamp::now(),
        payload,
        template: Some(TemplateRef {
            name: message.template.to_owned(),
            locale: message.locale.map(str::to_owned),
        }),
        sender: Some(SENDER.to_owned()),
        group: None,
        window: DeliveryWindow {
            not_before: None,
            expires_at: Some(message.expires_at),
        },
        fingerprint: None,
        sensitive: true,
        category: Some(CategoryName::security()),
        digest_key: None,
        trace: traces::current(),
    };
    notifications::insert_for_scheduler(transaction, &notification).await
}

/// A template of accounts.
struct AccountTemplate {
    name: &'static str,
    channel: Channel,
    locale: &'static str,
    source: TemplateSource<'static>,
}

/// With a link to set a new password.
pub(super) const RESET_PASSWORD: &str = "account-reset-password";

/// With a code that verifies a contact.
pub(super) const VERIFY_CONTACT: &str = "account-verify-contact";

/// A template of a notice, in English and in German.
macro_rules! notice {
    ($notice:ident, $subject:literal, $text:literal, $subject_de:literal, $text_de:literal) => {
        [
            AccountTemplate {
                name: Notice::$notice.template(),
                channel: Channel::Email,
                locale: "default",
                source: TemplateSource {
                    subject: Some($subject),
                    text: concat!(
                        "Hello {{ username }},\n\n",
                        $text,
                        "\n\nTime: {{ time }}\nAddress: {{ ip }}\nDevice: {{ device }}\n"
                    ),
                    html: None,
                },
            },
            AccountTemplate {
                name: Notice::$notice.template(),
                channel: Channel::Email,
                locale: "de",
                source: TemplateSource {
                    subject: Some($subject_de),
                    text: concat!(
                        "Hallo {{ username }},\n\n",
                        $text_de,
                        "\n\nZeit: {{ time }}\nAdresse: {{ ip }}\nGerät: {{ device }}\n"
                    ),
                    html: None,
                },
            },
        ]
    };
}

const NOTICES: [[AccountTemplate; 2]; 5] = [
    notice!(
        Login,
        "New login to your account",
        "somebody has logged in to your account. If it was not you, set another password.",
        "Neue Anmeldung bei Ihrem Konto",
        "jemand hat sich bei Ihrem Konto angemeldet. Wenn Sie das nicht waren, setzen Sie ein anderes Passwort."
    ),
    notice!(
        PasswordChanged,
        "Your password has changed",
        "your account has another password. If it was not you, ask for a new one.",
        "Ihr Passwort wurde geändert",
        "Ihr Konto hat ein anderes Passwort. Wenn Sie das nicht waren, fordern Sie ein neues an."
    ),
    notice!(
        RefreshReuse,
        "A session of your account has ended",
        "a token of your account was used twice, so the session has ended. If you do not know why, set another password.",
        "Eine Sitzung Ihres Kontos wurde beendet",
        "ein Token Ihres Kontos wurde zweimal verwendet. Deshalb wurde die Sitzung beendet. Wenn Sie nicht wissen, warum, setzen Sie ein anderes Passwort."
    ),
    notice!(
        EmailChanged,
        "The e-mail address of your account has changed",
        "your account has another e-mail address, or none. If it was not you, set another password, and tell those who run this service.",
        "Die E-Mail-Adresse Ihres Kontos wurde geändert",
        "Ihr Konto hat eine andere oder keine E-Mail-Adresse. Wenn Sie das nicht waren, setzen Sie ein anderes Passwort und wenden Sie sich an die Betreiber dieses Dienstes."
    ),
    notice!(
        KeyCreated,
        "New API key",
        "an API key was created with your account. If it was not you, revoke it and set another password.",
        "Neuer API-Schlüssel",
        "mit Ihrem Konto wurde ein API-Schlüssel erstellt. Wenn Sie das nicht waren, widerrufen Sie ihn und setzen Sie ein anderes Passwort."
    ),
];

const TEMPLATES: [AccountTemplate; 6] = [
    AccountTemplate {
        name: RESET_PASSWORD,
        channel: Channel::Email,
        locale: "default",
        source: TemplateSource {
            subject: Some("Set a new password"),
            text: "Hello {{ username }},\n\nsomebody has asked for a new password of your account. If it was you, {% if url %}open this page within an hour:\n\n{{ url }}{% else %}use this token within an hour:\n\n{{ token }}{% endif %}\n\nOtherwise, ignore this message: your password stays as it is.\n",
            html: None,
        },
    },
    AccountTemplate {
        name: RESET_PASSWORD,
        channel: Channel::Email,
        locale: "de",
        source: TemplateSource {
            subject: Some("Neues Passwort setzen"),
            text: "Hallo {{ username }},\n\njemand hat ein neues Passwort für Ihr Konto angefordert. Wenn Sie das waren, {% if url %}öffnen Sie innerhalb einer Stunde diese Seite:\n\n{{ url }}{% else %}verwenden Sie innerhalb einer Stunde dieses Token:\n\n{{ token }}{% endif %}\n\nAndernfalls ignorieren Sie diese Nachricht: Ihr Passwort bleibt, wie es ist.\n",
            html: None,
        },
    },
    AccountTemplate {
        name: VERIFY_CONTACT,
        channel: Channel::Email,
        locale: "default",
        source: TemplateSource {
            subject: Some("Your code is {{ code }}"),
            text: "Your code is {{ code }}. It is valid for 10 minutes.\n\nIf you have not asked for it, ignore this message.\n",
            html: None,
        },
    },
    AccountTemplate {
        name: VERIFY_CONTACT,
        channel: Channel::Email,
        locale: "de",
        source: TemplateSource {
            subject: Some("Ihr Code lautet {{ code }}"),
            text: "Ihr Code lautet {{ code }}. Er gilt 10 Minuten.\n\nWenn Sie ihn nicht angefordert haben, ignorieren Sie diese Nachricht.\n",
            html: None,
        },
    },
    AccountTemplate {
        name: VERIFY_CONTACT,
        channel: Channel::Sms,
        locale: "default",
        source: TemplateSource {
            subject: None,
            text: "Your code is {{ code }}. It is valid for 10 minutes.",
            html: None,
        },
    },
    AccountTemplate {
        name: VERIFY_CONTACT,
        channel: Channel::Sms,
        locale: "de",
        source: TemplateSource {
            subject: None,
            text: "Ihr Code lautet {{ code }}. Er gilt 10 Minuten.",
            html: None,
        },
    },
];

/// Inserts the templates that have no version yet. One that the operator has changed or deleted stays so.
///
/// # Errors
///
/// Returns the error of the query.
pub(super) async fn insert_templates(client: &impl GenericClient) -> Result<(), DbError> {
    for template in TEMPLATES.iter().chain(NOTICES.iter().flatten()) {
        // Names and locales are constants; a test parses each.
        let name = template.name.parse::<TemplateName>();
        let locale = template.locale.parse::<Locale>();
        if let (Ok(name), Ok(locale)) = (name, locale) {
            let key = TemplateKey {
                name: &name,
                channel: template.channel,
                locale: &locale,
            };
            insert_first_version(client, key, template.source).await?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use tidings_domain::content::Json;
    use tidings_templates::render;

    use super::*;

    #[test]
    fn every_template_renders_what_the_user_needs() {
        let notices = NOTICES.iter().flatten();
        for (template, needed) in TEMPLATES
            .iter()
            .map(|one| (one, "T0KEN"))
            .chain(notices.map(|one| (one, "192.0.2.1")))
        {
            assert!(template.name.parse::<TemplateName>().is_ok());
            assert!(template.locale.parse::<Locale>().is_ok());
            let variables = r#"{"username": "anna", "token": "T0KEN", "url": null, "code": "T0KEN", "ip": "192.0.2.1", "time": "now", "device": "unknown"}"#;
            let variables = Json::object(variables).expect("an object");
            let rendered = render(template.source, &variables).expect(template.name);
            assert!(rendered.text.contains(needed), "{}", rendered.text);
        }
    }
}
