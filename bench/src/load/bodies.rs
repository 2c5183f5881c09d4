//! The bodies of the requests.

use std::fmt::Write;

use bytes::Bytes;
use jiff::Timestamp;
use tidings_domain::notification::{Channel, UserId};

use super::destinations::WebhookUrls;

/// Builds request bodies: notifications of one channel with consecutive numbers, for each user in turn.
#[derive(Clone, Debug)]
pub struct RequestBodies {
    users: Vec<UserId>,
    payload: PayloadKind,
    /// Fills a payload up to its size.
    filler: String,
    /// When the notifications are sent; `None` is at once.
    send_at: Option<Timestamp>,
}

/// The payloads of a load.
#[derive(Clone, Debug)]
pub enum PayloadKind {
    /// In-app notifications.
    InApp,
    /// Webhooks, to each of these URLs in turn.
    Webhook(WebhookUrls),
    /// E-mails, each to an address of its own.
    Email,
}

impl PayloadKind {
    /// The channel of the notifications.
    #[must_use]
    pub const fn channel(&self) -> Channel {
        match self {
            Self::InApp => Channel::InApp,
            Self::Webhook(_) => Channel::Webhook,
            Self::Email => Channel::Email,
        }
    }
}

impl RequestBodies {
    /// In-app notifications for `users`, with payloads of `payload_bytes` bytes, or a little more if that is too few
    /// for the required fields.
    #[must_use]
    pub fn new(users: &[UserId], payload_bytes: usize) -> Self {
        Self::of(PayloadKind::InApp, users, payload_bytes)
    }

    /// As [`RequestBodies::new`], with payloads of another channel. Those of webhooks differ in size as their URLs do.
    #[must_use]
    pub fn of(payload: PayloadKind, users: &[UserId], payload_bytes: usize) -> Self {
        let empty = Self {
            users: users.to_vec(),
            payload,
            filler: String::new(),
            send_at: None,
        };
        let least = empty.payload(0).len();
        Self {
            filler: "x".repeat(payload_bytes.saturating_sub(least)),
            ..empty
        }
    }

    /// The same notifications, scheduled for `send_at`.
    #[must_use]
    pub fn scheduled(self, send_at: Timestamp) -> Self {
        Self {
            send_at: Some(send_at),
            ..self
        }
    }

    /// The body of a request with the notification `number`.
    #[must_use]
    pub fn single(&self, number: u64) -> Bytes {
        let mut text = String::with_capacity(160 + self.filler.len());
        self.write(&mut text, number);
        text.into()
    }

    /// The body of a batch request with the notifications `numbers`.
    #[must_use]
    pub fn batch(&self, numbers: std::ops::Range<u64>) -> Bytes {
        let mut text = String::from(r#"{"notifications":["#);
        for number in numbers.clone() {
            if number > numbers.start {
                text.push(',');
            }
            self.write(&mut text, number);
        }
        text.push_str("]}");
        text.into()
    }

    /// The user of the notification `number`.
    #[must_use]
    pub fn user(&self, number: u64) -> UserId {
        let place = usize::try_from(number).unwrap_or(0) % self.users.len();
        self.users[place]
    }

    /// The channel of the notifications.
    #[must_use]
    pub const fn channel(&self) -> Channel {
        self.payload.channel()
    }

    /// The payload of the notification `number`.
    #[must_use]
    pub fn payload(&self, number: u64) -> String {
        let filler = &self.filler;
        match &self.payload {
            PayloadKind::InApp => format!(
                r#"{{"number":"{number:012}","title":"Your order has shipped!","text":"{filler}"}}"#
            ),
            PayloadKind::Webhook(urls) => format!(
                r#"{{"to":"{}","event":"order.shipped","data":{{"number":"{number:012}","text":"{filler}"}}}}"#,
                urls.of(number)
            ),
            PayloadKind::Email => format!(
                r#"{{"to":"user{number:012}@bench.example.com","subject":"Your order has shipped!","text":"{filler}"}}"#
            ),
        }
    }

    fn write(&self, text: &mut String, number: u64) {
        // Writing to a String does not fail.
        let _ = write!(
            text,
            r#"{{"targetUserId":"{}","type":"{}","payload":{}"#,
            self.user(number),
            self.channel(),
            self.payload(number)
        );
        if let Some(send_at) = self.send_at {
            let _ = write!(text, r#","sendAt":"{send_at}""#);
        }
        text.push('}');
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;
    use tidings_domain::content::{Content, Json};
    use uuid::Uuid;

    use super::*;

    #[test]
    fn payloads_have_the_requested_size() {
        let bodies = RequestBodies::new(&[Uuid::nil().into()], 256);
        assert_eq!(bodies.payload(7).len(), 256);
        let small = RequestBodies::new(&[Uuid::nil().into()], 1);
        assert!(serde_json::from_str::<Value>(&small.payload(7)).is_ok());
    }

    #[test]
    fn payloads_of_delivered_channels_have_the_fields_of_their_content() {
        let urls = WebhookUrls::new(8080, 2);
        let users = [Uuid::nil().into()];
        for kind in [PayloadKind::Webhook(urls), PayloadKind::Email] {
            let channel = kind.channel();
            let payload = RequestBodies::of(kind, &users, 256).payload(7);
            assert_eq!(payload.len(), 256);
            let object = Json::object(&payload).expect("a JSON object");
            let content = Content::read(channel, &object).expect("valid");
            assert!(content.expect("delivered").chooses_addresses());
        }
    }

    #[test]
    fn scheduled_notifications_contain_their_time() {
        let bodies = RequestBodies::new(&[Uuid::nil().into()], 0);
        let read = |body: Bytes| serde_json::from_slice::<Value>(&body).expect("JSON");
        assert!(read(bodies.single(1))["sendAt"].is_null());
        let send_at = Timestamp::from_microsecond(1_800_000_000_123_456).expect("a time");
        let scheduled = read(bodies.scheduled(send_at).single(1));
        assert_eq!(scheduled["sendAt"], "2027-01-15T08:00:00.123456Z");
    }

    #[test]
    fn a_batch_contains_its_numbers() {
        let bodies = RequestBodies::new(&[Uuid::nil().into()], 0);
        let batch: Value = serde_json::from_slice(&bodies.batch(3..5)).expect("JSON");
        let numbers: Vec<_> = batch["notifications"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|one| one["payload"]["number"].as_str().expect("text"))
            .collect();
        assert_eq!(numbers, ["000000000003", "000000000004"]);
    }
}
