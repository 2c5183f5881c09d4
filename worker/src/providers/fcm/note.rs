use std::collections::BTreeMap;

use serde::Serialize;
use tidings_domain::notification::MessageId;

use super::super::PushMessage;

/// The body of a request.
///
/// FCM takes no idempotency key. What it does take is an identifier by which the device shows a notification in
/// the place of one that it shows already, and a message that was sent twice should be seen
/// once: so the message id is Android's `tag`, APNs' `apns-collapse-id` (at most 64 bytes) and the web's `tag`.
/// Two notifications with different ids are never in each other's way by that.
///
/// Not `collapse_key`: FCM holds messages of four keys for a device that is offline, and an own key for every
/// message would lose all but the last few of them.
#[derive(Serialize)]
pub(super) struct Note<'a> {
    message: Message<'a>,
}

#[derive(Serialize)]
struct Message<'a> {
    token: &'a str,
    notification: Notification<'a>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    data: &'a BTreeMap<String, String>,
    android: Platform<Tag>,
    apns: Apns,
    webpush: Platform<Tag>,
}

#[derive(Serialize)]
struct Notification<'a> {
    title: &'a str,
    body: &'a str,
}

/// Title and body are `message.notification`'s where the platform has none of its own.
#[derive(Serialize)]
struct Platform<N> {
    notification: N,
}

#[derive(Serialize)]
struct Tag {
    tag: MessageId,
}

#[derive(Serialize)]
struct Apns {
    headers: ApnsHeaders,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct ApnsHeaders {
    apns_collapse_id: MessageId,
}

impl<'a> Note<'a> {
    pub(super) fn of(message: &'a PushMessage) -> Self {
        let tag = || Platform {
            notification: Tag { tag: message.id },
        };
        Self {
            message: Message {
                token: message.to.as_str(),
                notification: Notification {
                    title: &message.push.title,
                    body: &message.push.body,
                },
                data: &message.push.data,
                android: tag(),
                apns: Apns {
                    headers: ApnsHeaders {
                        apns_collapse_id: message.id,
                    },
                },
                webpush: tag(),
            },
        }
    }
}
