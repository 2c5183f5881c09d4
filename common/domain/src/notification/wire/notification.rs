use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{
    DecodeError, PLAIN, RESTRICTED, WITH_CATEGORY, WITH_DIGEST, WITHOUT_USER, check_version,
    decode, write,
};
use crate::category::CategoryName;
use crate::content::TemplateRef;
use crate::digest::DigestKey;
use crate::notification::{Channel, Fingerprint, GroupKey, MessageId, UserId};
use crate::time::DeliveryWindow;
use crate::trace::TraceContext;

/// A notification, as the API publishes it to the intake.
///
/// The wire form is one JSON object:
///
/// ```json
/// {"v": 1, "messageId": "…", "targetUserId": "…", "type": "in-app",
///  "acceptedAt": "2026-01-31T12:00:00.123456Z", "payload": {"title": "…"},
///  "template": {"name": "…", "locale": "de"}, "sender": "orders",
///  "fingerprint": "01…"}
/// ```
///
/// `template`, and in it `locale`, are present only if the client set them, `fingerprint` only if it gave an idempotency key.
/// A notification with `sendAt`, `expiresAt`, `group` or `sensitive` has version 2, one without `targetUserId` has version 3,
/// one with `category` has version 4, and one with `digest` has version 5.
///
/// Unknown fields are ignored, so that a newer API may run with an older worker. The payload stays the text that the
/// client sent, without parsing.
#[derive(Clone, Debug)]
pub struct Notification {
    /// The id of the notification.
    pub message_id: MessageId,
    /// The user that receives the notification. `None` if only the payload says who does; an in-app notification has a user.
    pub user_id: Option<UserId>,
    /// The channel.
    pub channel: Channel,
    /// When the API accepted the notification, in microseconds.
    pub accepted_at: Timestamp,
    /// The payload: a JSON object.
    pub payload: Box<RawValue>,
    /// The template, if the payload contains only its variables.
    pub template: Option<TemplateRef>,
    /// The subject of the caller's token; `None` in messages of older versions.
    pub sender: Option<String>,
    /// The group that the sender can cancel as a whole, if any.
    pub group: Option<GroupKey>,
    /// When the notification may be sent.
    pub window: DeliveryWindow,
    /// The fingerprint of the request; `None` without an idempotency key, and in messages of older versions. A program that
    /// ignores it keeps the first of two requests with the same key, so it needs no other version.
    pub fingerprint: Option<Fingerprint>,
    /// Whether the payload is never shown and is erased once the notification has ended.
    pub sensitive: bool,
    /// The category that the recipient chooses by, if any.
    pub category: Option<CategoryName>,
    /// The key by which it is collected to a digest, apart from others of its category.
    pub digest_key: Option<DigestKey>,
    /// The trace that it belongs to, if any. It is no part of the wire form: it is in the headers of messages, and in columns of
    /// the row.
    pub trace: Option<TraceContext>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct IntakeOut<'a> {
    v: u32,
    message_id: MessageId,
    #[serde(skip_serializing_if = "Option::is_none")]
    target_user_id: Option<UserId>,
    r#type: &'static str,
    accepted_at: Timestamp,
    payload: &'a RawValue,
    #[serde(skip_serializing_if = "Option::is_none")]
    template: Option<&'a TemplateRef>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sender: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    send_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    group: Option<&'a GroupKey>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fingerprint: Option<Fingerprint>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    sensitive: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    category: Option<&'a CategoryName>,
    #[serde(skip_serializing_if = "Option::is_none")]
    digest: Option<DigestOut<'a>>,
}

#[derive(Serialize)]
struct DigestOut<'a> {
    key: &'a DigestKey,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct IntakeIn {
    v: u32,
    message_id: MessageId,
    target_user_id: Option<UserId>,
    r#type: String,
    accepted_at: Timestamp,
    payload: Box<RawValue>,
    template: Option<TemplateIn>,
    sender: Option<String>,
    send_at: Option<Timestamp>,
    expires_at: Option<Timestamp>,
    group: Option<GroupKey>,
    /// That of a newer version may have another form.
    fingerprint: Option<Box<RawValue>>,
    #[serde(default)]
    sensitive: bool,
    category: Option<CategoryName>,
    digest: Option<DigestIn>,
}

#[derive(Deserialize)]
struct DigestIn {
    key: DigestKey,
}

/// Like [`TemplateRef`], but ignores unknown fields, because a newer API may add some.
#[derive(Deserialize)]
struct TemplateIn {
    name: String,
    locale: Option<String>,
}

impl Notification {
    /// Encodes the wire form.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut body = Vec::with_capacity(288 + self.payload.get().len());
        let out = IntakeOut {
            v: self.version(),
            message_id: self.message_id,
            target_user_id: self.user_id,
            r#type: self.channel.as_str(),
            accepted_at: self.accepted_at,
            payload: &self.payload,
            template: self.template.as_ref(),
            sender: self.sender.as_deref(),
            send_at: self.window.not_before,
            expires_at: self.window.expires_at,
            group: self.group.as_ref(),
            fingerprint: self.fingerprint,
            sensitive: self.sensitive,
            category: self.category.as_ref(),
            digest: self.digest_key.as_ref().map(|key| DigestOut { key }),
        };
        write(&mut body, &out);
        body
    }

    /// Decodes the wire form.
    ///
    /// # Errors
    ///
    /// Returns an error if `body` is not a notification of this version.
    pub fn decode(body: &[u8]) -> Result<Self, DecodeError> {
        let read: IntakeIn = decode(body)?;
        check_version(read.v)?;
        let channel = read
            .r#type
            .parse()
            .map_err(|_| DecodeError::UnknownChannel(read.r#type.chars().take(64).collect()))?;
        let may_lack_user = read.v >= WITHOUT_USER && channel != Channel::InApp;
        if read.target_user_id.is_none() && !may_lack_user {
            return Err(DecodeError::UserMissing);
        }
        if !read.payload.get().starts_with('{') {
            return Err(DecodeError::PayloadNotAnObject);
        }
        Ok(Self {
            message_id: read.message_id,
            user_id: read.target_user_id,
            channel,
            accepted_at: read.accepted_at,
            payload: read.payload,
            template: read
                .template
                .map(|TemplateIn { name, locale }| TemplateRef { name, locale }),
            sender: read.sender,
            group: read.group,
            window: DeliveryWindow {
                not_before: read.send_at,
                expires_at: read.expires_at,
            },
            fingerprint: read
                .fingerprint
                .and_then(|value| serde_json::from_str(value.get()).ok()),
            sensitive: read.sensitive,
            category: read.category,
            digest_key: read.digest.map(|digest| digest.key),
            trace: None,
        })
    }

    fn version(&self) -> u32 {
        if self.digest_key.is_some() {
            WITH_DIGEST
        } else if self.category.is_some() {
            WITH_CATEGORY
        } else if self.user_id.is_none() {
            WITHOUT_USER
        } else if self.window == DeliveryWindow::default()
            && self.group.is_none()
            && !self.sensitive
        {
            PLAIN
        } else {
            RESTRICTED
        }
    }
}
