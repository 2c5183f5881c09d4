use std::collections::BTreeMap;

use jiff::Timestamp;
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
    android: Android,
    apns: Apns,
    webpush: Webpush,
}

#[derive(Serialize)]
struct FcmNotification<'a> {
    title: &'a str,
    body: &'a str,
}

/// Title and body come from `message.notification`.
#[derive(Serialize)]
struct Android {
    notification: Tag,
    /// A duration such as `3600s`.
    #[serde(skip_serializing_if = "Option::is_none")]
    ttl: Option<String>,
}

/// Title and body come from `message.notification`.
#[derive(Serialize)]
struct Webpush {
    notification: Tag,
    #[serde(skip_serializing_if = "Option::is_none")]
    headers: Option<WebpushHeaders>,
}

/// RFC 8030 §5.2.
#[derive(Serialize)]
struct WebpushHeaders {
    /// Seconds.
    #[serde(rename = "TTL")]
    ttl: String,
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
    /// Seconds since 1970 (Apple: "Sending notification requests to APNs").
    #[serde(skip_serializing_if = "Option::is_none")]
    apns_expiration: Option<String>,
}

/// The longest time that FCM keeps a message: four weeks (FCM: "Set the lifespan of a message").
const MAX_TTL_SECS: i64 = 28 * 24 * 3600;

impl<'a> SendRequest<'a> {
    pub(super) fn new(message: &'a PushMessage, now: Timestamp) -> Self {
        let left = message.expires_at.map(|time| {
            let left = time.duration_since(now).as_secs();
            left.clamp(0, MAX_TTL_SECS)
        });
        let tag = || Tag { tag: message.id };
        Self {
            message: FcmMessage {
                token: message.to.as_str(),
                notification: FcmNotification {
                    title: &message.push.title,
                    body: &message.push.body,
                },
                data: &message.push.data,
                android: Android {
                    notification: tag(),
                    ttl: left.map(|seconds| format!("{seconds}s")),
                },
                apns: Apns {
                    headers: ApnsHeaders {
                        apns_collapse_id: message.id,
                        apns_expiration: message
                            .expires_at
                            .map(|time| time.as_second().to_string()),
                    },
                },
                webpush: Webpush {
                    notification: tag(),
                    headers: left.map(|seconds| WebpushHeaders {
                        ttl: seconds.to_string(),
                    }),
                },
            },
        }
    }
}
