//! The keys of what webhooks wait for.

use std::borrow::Cow;

use serde::Deserialize;
use sha2::{Digest, Sha256};
use tidings_broker::WaitKey;
use tidings_domain::content::WebhookUrl;
use tidings_domain::notification::{Channel, Notification, UserId};
use url::Url;
use uuid::Uuid;

/// The key of a URL that webhooks are sent to.
pub(super) fn url_key(url: &Url) -> WaitKey {
    key("url", url.as_str().as_bytes())
}

/// The key of the webhook endpoints of a user: all enabled ones, or the one that the payload names. The endpoints
/// of a key can change.
fn endpoints_key(user: UserId, endpoint: Option<Uuid>) -> WaitKey {
    match endpoint {
        Some(endpoint) => endpoint_key(endpoint),
        None => key("user", user.as_uuid().as_bytes()),
    }
}

/// The key of one webhook endpoint.
pub(super) fn endpoint_key(endpoint: Uuid) -> WaitKey {
    key("endpoint", endpoint.as_bytes())
}

fn key(kind: &str, value: &[u8]) -> WaitKey {
    let mut hasher = Sha256::new();
    hasher.update(kind);
    hasher.update([0]);
    hasher.update(value);
    let hash: [u8; 32] = hasher.finalize().into();
    let (start, _) = hash.split_at(16);
    WaitKey::new(
        start
            .iter()
            .fold(0, |all, byte| all << 8 | u128::from(*byte)),
    )
}

/// The part of a webhook's payload that says where it goes.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Target<'a> {
    #[serde(borrow)]
    to: Option<Cow<'a, str>>,
    endpoint_id: Option<Uuid>,
}

/// The key of what a notification will wait for if it has to wait; `None` if its channel does not send to URLs.
///
/// A worker can then defer a message to a receiver that throttles without reading its row. A key that does not fit
/// the row (the payload is invalid, an endpoint was added) is harmless: the row is read again after a while.
#[must_use]
pub fn wait_key(notification: &Notification) -> Option<WaitKey> {
    if notification.channel != Channel::Webhook {
        return None;
    }
    webhook_wait_key(notification.user_id, notification.payload.get())
}

/// Like [`wait_key`], for a webhook to `user` whose payload has these members `to` and `endpointId`. Without a user, only `to`
/// counts.
#[must_use]
pub fn webhook_wait_key(user: Option<UserId>, payload: &str) -> Option<WaitKey> {
    let target: Target<'_> = serde_json::from_str(payload).ok()?;
    let to = target.to.filter(|to| !to.trim().is_empty());
    match to {
        Some(to) => {
            let to: WebhookUrl = to.parse().ok()?;
            Some(url_key(to.as_url()))
        }
        None => user.map(|user| endpoints_key(user, target.endpoint_id)),
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use serde_json::value::RawValue;
    use tidings_domain::notification::MessageId;
    use tidings_domain::time::DeliveryWindow;

    use super::*;

    fn keys(channel: Channel, payload: &str) -> Option<WaitKey> {
        keys_of(Some(Uuid::nil().into()), channel, payload)
    }

    fn keys_of(user: Option<UserId>, channel: Channel, payload: &str) -> Option<WaitKey> {
        wait_key(&Notification {
            message_id: MessageId::generate(),
            user_id: user,
            channel,
            accepted_at: Timestamp::now(),
            payload: RawValue::from_string(payload.to_owned()).expect("JSON"),
            template: None,
            sender: None,
            group: None,
            window: DeliveryWindow::default(),
            fingerprint: None,
            sensitive: false,
            category: None,
            digest_key: None,
            trace: None,
        })
    }

    #[test]
    fn a_webhook_waits_for_its_url_or_for_the_endpoints_of_its_user() {
        let webhook = |payload| keys(Channel::Webhook, payload);
        let url = Url::parse("https://a.example/x").expect("a URL");
        assert_eq!(
            webhook(r#"{"to":"https://A.example/x","data":[{"to":1}]}"#),
            Some(url_key(&url))
        );
        let all = webhook(r#"{"event":"e"}"#);
        assert!(all.is_some() && all != Some(url_key(&url)));
        assert_eq!(webhook(r#"{"to":null}"#), all);
        let one = webhook(r#"{"endpointId":"01a1fe98-0d7a-74bd-bf92-cd0e5bf765d8"}"#);
        assert!(one.is_some() && one != all);
        let of_nobody = |payload| keys_of(None, Channel::Webhook, payload);
        assert_eq!(
            of_nobody(r#"{"to":"https://a.example/x"}"#),
            Some(url_key(&url))
        );
        assert_eq!(of_nobody(r#"{"event":"e"}"#), None);
        assert_eq!(webhook(r#"{"to":"nowhere"}"#), None);
        assert_eq!(webhook("[]"), None);
        assert_eq!(keys(Channel::InApp, r#"{"to":"https://a.example"}"#), None);
    }
}
