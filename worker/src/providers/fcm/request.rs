use std::collections::BTreeMap;

use serde::Serialize;
use tidings_domain::notification::MessageId;

use super::super::PushMessage;

/// The body of a send request.
///
/// FCM supports no idempotency key, but a device replaces a notification by another one with the same
/// identifier. The message id is that identifier, so that a message that was sent twice is shown once:
/// Android's `tag`, APNs' `apns-collapse-id` (at most 64 bytes) and the web's `tag`. Notifications with
/// different ids do not replace each other.
///
/// `collapse_key` is not used: FCM stores messages with at most four keys for an offline device, so a key for
/// each message would lose all but the last four.
#[derive(Serialize)]
pub(super) struct SendRequest<'a> {
    message: FcmMessage<'a>,
}

#[derive(Serialize)]
struct FcmMessage<'a> {
    token: &'a str,
    notification: FcmNotification<'a>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    data: &'a BTreeMap<String, String>,
    android: PlatformMessage<Tag>,
    apns: Apns,
    webpush: PlatformMessage<Tag>,
}

#[derive(Serialize)]
struct FcmNotification<'a> {
    title: &'a str,
    body: &'a str,
}

/// Title and body come from `message.notification`.
#[derive(Serialize)]
struct PlatformMessage<N> {
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

impl<'a> SendRequest<'a> {
    pub(super) fn new(message: &'a PushMessage) -> Self {
        let tag = || PlatformMessage {
            notification: Tag { tag: message.id },
        };
        Self {
            message: FcmMessage {
                token: message.to.as_str(),
                notification: FcmNotification {
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
