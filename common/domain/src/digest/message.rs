use jiff::Timestamp;
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

use crate::category::CategoryName;
use crate::content::{Json, Object};
use crate::notification::{Channel, MessageId};

/// How many items a message shows: the newest.
pub const MAX_SHOWN_ITEMS: u32 = 50;

/// The maximum size of the payloads of all items that a message shows, in bytes.
pub const MAX_SHOWN_BYTES: i64 = 262_144;

/// The longest summary, in characters.
const MAX_SUMMARY: usize = 120;

/// The members of a payload that say in a line what it is about: the first one that is a text.
const SUMMARIES: [&str; 6] = ["subject", "title", "text", "body", "message", "event"];

/// The name of the template of the digests of a category.
#[must_use]
pub fn template_name(category: &CategoryName) -> String {
    format!("digest/{category}")
}

/// An item that the message of a digest shows.
#[derive(Debug)]
pub struct DigestItem {
    /// The notification.
    pub message_id: MessageId,
    /// When it was accepted.
    pub created_at: Timestamp,
    /// Its template, if the payload contains only its variables.
    pub template: Option<String>,
    /// Its payload: a JSON object.
    pub payload: Box<RawValue>,
}

/// The message of a digest.
#[derive(Clone, Copy, Debug)]
pub struct DigestMessage<'a> {
    /// The category.
    pub category: &'a CategoryName,
    /// The newest items, the newest first.
    pub items: &'a [DigestItem],
    /// The number of all items.
    pub total: usize,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Payload<'a> {
    items: Vec<Item<'a>>,
    total: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    unsubscribe_url: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Item<'a> {
    message_id: MessageId,
    created_at: Timestamp,
    summary: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    template: Option<&'a str>,
    payload: &'a RawValue,
}

#[derive(Serialize)]
struct WebhookPayload<'a> {
    event: String,
    data: Payload<'a>,
}

impl DigestMessage<'_> {
    /// The payload of the notification: `{items, total}`, the variables of its template. A webhook has no template: there,
    /// they are the data of an event with the name of the template.
    ///
    /// # Errors
    ///
    /// Does not fail: all members are texts, numbers and JSON.
    pub fn payload(&self, channel: Channel) -> Result<Box<RawValue>, serde_json::Error> {
        let objects = self.items.iter().map(|item| object(&item.payload));
        let objects: Vec<Object> = objects.collect();
        let items = self.items.iter().zip(&objects).map(|(item, payload)| Item {
            message_id: item.message_id,
            created_at: item.created_at,
            summary: self.summary(item, payload),
            template: item.template.as_deref(),
            payload: &item.payload,
        });
        let urls = objects.iter().filter_map(|one| text(one, "unsubscribeUrl"));
        let url = urls.map(str::to_owned).next();
        let payload = Payload {
            items: items.collect(),
            total: self.total,
            // The API has checked that each e-mail that needs one has one, unless the worker makes the links.
            unsubscribe_url: url.filter(|_| channel == Channel::Email),
        };
        if channel == Channel::Webhook {
            let event = template_name(self.category);
            return to_raw_value(&WebhookPayload {
                event,
                data: payload,
            });
        }
        to_raw_value(&payload)
    }

    /// What an item is about, in a line.
    fn summary(&self, item: &DigestItem, payload: &Object) -> String {
        let mut texts = SUMMARIES.iter().filter_map(|name| text(payload, name));
        let text = texts
            .next()
            .or(item.template.as_deref())
            .unwrap_or(self.category.as_str());
        line(text)
    }
}

fn object(payload: &RawValue) -> Object {
    Json::object(payload.get()).unwrap_or_default()
}

/// A member that is a text and not blank.
fn text<'o>(object: &'o Object, name: &str) -> Option<&'o str> {
    let text = object.get(name).and_then(Json::as_str)?;
    (!text.trim().is_empty()).then_some(text)
}

/// One line without control characters.
fn line(text: &str) -> String {
    let words = text.split(|c: char| c.is_whitespace() || c.is_control());
    let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
    let line = words.join(" ");
    if line.chars().count() <= MAX_SUMMARY {
        return line;
    }
    let mut cut: String = line.chars().take(MAX_SUMMARY - 1).collect();
    cut.push('…');
    cut
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn item(payload: &Value, template: Option<&str>) -> DigestItem {
        DigestItem {
            message_id: uuid::Uuid::nil().into(),
            created_at: "2027-01-31T12:00:00Z".parse().expect("an instant"),
            template: template.map(str::to_owned),
            payload: to_raw_value(payload).expect("JSON"),
        }
    }

    fn payload(items: &[DigestItem], channel: Channel) -> Value {
        let category = "news".parse().expect("a name");
        let message = DigestMessage {
            category: &category,
            items,
            total: 70,
        };
        let payload = message.payload(channel).expect("JSON");
        serde_json::from_str(payload.get()).expect("JSON")
    }

    #[test]
    fn the_payload_has_the_items_and_their_number() {
        let first = json!({"subject": "Your\n order  ships", "text": "…", "unsubscribeUrl": "https://example.com/u"});
        let items = [
            item(&first, None),
            item(&json!({"name": "Anna"}), Some("welcome")),
        ];
        let email = payload(&items, Channel::Email);
        assert_eq!(email["total"], 70);
        assert_eq!(email["unsubscribeUrl"], "https://example.com/u");
        let shown = email["items"].as_array().expect("a list");
        assert_eq!(shown[0]["summary"], "Your order ships");
        assert_eq!(shown[0]["payload"], first);
        assert_eq!(shown[0]["createdAt"], "2027-01-31T12:00:00Z");
        assert_eq!(shown[1]["summary"], "welcome");
        assert_eq!(shown[1]["template"], "welcome");
        let sms = payload(&items, Channel::Sms);
        assert!(sms.get("unsubscribeUrl").is_none());
    }

    #[test]
    fn a_webhook_has_them_as_the_data_of_an_event() {
        let items = [item(&json!({"event": "order.shipped", "data": 1}), None)];
        let webhook = payload(&items, Channel::Webhook);
        assert_eq!(webhook["event"], "digest/news");
        assert_eq!(webhook["data"]["total"], 70);
        assert_eq!(webhook["data"]["items"][0]["summary"], "order.shipped");
    }

    #[test]
    fn a_summary_is_a_short_line() {
        let long = "ä".repeat(200);
        let items = [
            item(&json!({"title": " ", "body": long}), None),
            item(&json!({"subject": 7}), None),
        ];
        let push = payload(&items, Channel::Push);
        let summary = push["items"][0]["summary"].as_str().expect("a text");
        assert_eq!(summary, format!("{}…", "ä".repeat(119)));
        assert_eq!(push["items"][1]["summary"], "news");
    }
}
