//! The e-mail that tells a user of the deletion, with a link that cancels it.

use jiff::Timestamp;
use serde_json::json;
use serde_json::value::{RawValue, to_raw_value};
use tidings_domain::category::CategoryName;
use tidings_domain::content::TemplateRef;
use tidings_domain::notification::{Channel, MessageId, Notification, UserId};
use tidings_domain::time::DeliveryWindow;
use tidings_runtime::traces;
use tidings_templates::{Locale, TemplateName, TemplateSource};
use uuid::Uuid;

use super::link::link_to;
use super::recovery_mail::count_recovery_mail;
use super::{DeletionRow, DeletionSettings};
use crate::error::DbError;
use crate::templates::{TemplateKey, insert_first_version};
use crate::{GenericClient, Transaction, clock, contact_codes, notifications, users};

/// The template of the e-mail.
const TEMPLATE: &str = "account-deletion";

/// The sender of the messages of Tidings itself.
const SENDER: &str = "tidings";

/// The locales of the template, with subject and text.
const SOURCES: [(&str, &str, &str); 2] = [
    (
        "default",
        "Your account will be deleted",
        "Hello {{ username }},\n\nthe deletion of your account was requested. After {{ dueAt }}, everything that belongs to it is erased, and nobody can bring it back.\n\n{% if url %}If you want to keep your account, open this page and press the button:\n\n{{ url }}{% else %}If you want to keep your account, tell those who run this service before that. They need this id:\n\n{{ userId }}{% endif %}\n\nOtherwise, you need not do anything. Until then, you cannot log in.\n",
    ),
    (
        "de",
        "Ihr Konto wird gelöscht",
        "Hallo {{ username }},\n\ndie Löschung Ihres Kontos wurde angefordert. Nach {{ dueAt }} wird alles gelöscht, was dazu gehört, und niemand kann es wiederherstellen.\n\n{% if url %}Wenn Sie Ihr Konto behalten wollen, öffnen Sie diese Seite und drücken Sie den Knopf:\n\n{{ url }}{% else %}Wenn Sie Ihr Konto behalten wollen, wenden Sie sich vorher an die Betreiber dieses Dienstes. Sie brauchen diese Kennung:\n\n{{ userId }}{% endif %}\n\nAndernfalls müssen Sie nichts tun. Bis dahin können Sie sich nicht anmelden.\n",
    ),
];

/// Inserts the template if it has no version yet. One that the operator has changed or deleted stays so.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn insert_templates(client: &impl GenericClient) -> Result<(), DbError> {
    for (locale, subject, text) in SOURCES {
        // Constants; a test parses each.
        let (name, locale) = (TEMPLATE.parse::<TemplateName>(), locale.parse::<Locale>());
        let (Ok(name), Ok(locale)) = (name, locale) else {
            continue;
        };
        let key = TemplateKey {
            name: &name,
            channel: Channel::Email,
            locale: &locale,
        };
        let source = TemplateSource {
            subject: Some(subject),
            text,
            html: None,
        };
        insert_first_version(client, key, source).await?;
    }
    Ok(())
}

/// Sends the user an e-mail with a link that cancels the deletion, through the pipeline. Returns whether it is recorded: not if
/// no deletion waits, if the user has no verified address, if no e-mails are sent, or if the user was sent
/// [`DeletionSettings::recovery_mails_per_day`] today.
///
/// # Errors
///
/// Returns the error of the query that fails.
pub async fn send_recovery_mail(
    transaction: &Transaction<'_>,
    user: UserId,
    settings: &DeletionSettings,
) -> Result<bool, DbError> {
    // Locks the user before anything about the user is read.
    let exists = users::lock(transaction, user).await?;
    let is_verified = exists && contact_codes::list(transaction, user).await?.email_verified;
    if !settings.email_is_on || !is_verified {
        return Ok(false);
    }
    let Some(row) = users::find(transaction, user).await? else {
        return Ok(false);
    };
    let now = clock::now(transaction).await?;
    let limit = settings.recovery_mails_per_day;
    let Some(counted) = count_recovery_mail(transaction, user, now, limit).await? else {
        return Ok(false);
    };
    insert_templates(transaction).await?;
    let link = link_to(transaction, counted.deletion.id).await?.to_text();
    let url = settings.public_url.as_deref();
    let payload = json!({
        "username": row.username,
        "userId": user,
        "dueAt": shown(counted.deletion.due_at),
        "url": url.map(|base| format!("{base}/recover/{link}")),
        // For templates of the operator whose page is another one.
        "token": link,
    });
    let notification = Notification {
        message_id: counted.message_id,
        user_id: Some(user),
        channel: Channel::Email,
        accepted_at: now,
        // An object of texts can be written.
        payload: to_raw_value(&payload).unwrap_or_else(|_| RawValue::NULL.to_owned()),
        template: Some(TemplateRef {
            name: TEMPLATE.to_owned(),
            locale: row.locale,
        }),
        sender: Some(SENDER.to_owned()),
        group: None,
        window: DeliveryWindow::default(),
        fingerprint: None,
        // The link cancels the deletion.
        sensitive: true,
        category: Some(CategoryName::security()),
        digest_key: None,
        trace: traces::current(),
    };
    notifications::insert_for_scheduler(transaction, &notification).await?;
    Ok(true)
}

/// Tells the user that the deletion is requested: by the recovery e-mail, and otherwise by an in-app notification.
pub(super) async fn tell(
    transaction: &Transaction<'_>,
    deletion: &DeletionRow,
    settings: &DeletionSettings,
) -> Result<(), DbError> {
    let user = deletion.user_id;
    if send_recovery_mail(transaction, user, settings).await? {
        return Ok(());
    }
    let body = format!(
        "The deletion of your account was requested. After {}, everything that belongs to it is erased. If you want to keep it, tell those who run this service before that.",
        shown(deletion.due_at)
    );
    let payload = json!({"title": "Your account will be deleted", "body": body});
    let notification = Notification {
        message_id: MessageId::from(Uuid::new_v5(&deletion.id, b"deletion")),
        user_id: Some(user),
        channel: Channel::InApp,
        accepted_at: clock::now(transaction).await?,
        payload: to_raw_value(&payload).unwrap_or_else(|_| RawValue::NULL.to_owned()),
        template: None,
        sender: Some(SENDER.to_owned()),
        group: None,
        window: DeliveryWindow::default(),
        fingerprint: None,
        sensitive: false,
        category: Some(CategoryName::security()),
        digest_key: None,
        trace: traces::current(),
    };
    notifications::insert_for_scheduler(transaction, &notification).await
}

/// A time as people read it.
fn shown(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

#[cfg(test)]
mod tests {
    use tidings_domain::content::Json;
    use tidings_templates::render;

    use super::*;

    #[test]
    fn the_mail_has_the_link_or_says_how_to_keep_the_account_without_one() {
        assert!(TEMPLATE.parse::<TemplateName>().is_ok());
        for (locale, subject, text) in SOURCES {
            assert!(locale.parse::<Locale>().is_ok());
            let source = TemplateSource {
                subject: Some(subject),
                text,
                html: None,
            };
            for (url, needed) in [
                (
                    "\"https://a.example/recover/x\"",
                    "https://a.example/recover/x",
                ),
                ("null", "0190-id"),
            ] {
                let variables = format!(
                    r#"{{"username": "anna", "userId": "0190-id", "dueAt": "2027-03-01 12:00 UTC", "url": {url}, "token": "x"}}"#
                );
                let variables = Json::object(&variables).expect("an object");
                let rendered = render(source, &variables).expect(locale);
                assert!(rendered.text.contains(needed), "{}", rendered.text);
                assert!(rendered.text.contains("2027-03-01 12:00 UTC"));
            }
        }
    }
}
