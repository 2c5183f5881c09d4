//! The content of push messages.

use std::collections::BTreeMap;

use super::fields::Fields;
use super::{DeviceToken, Json};

/// The largest total size of title, body and data, in bytes. Push services accept 4096 (FCM and APNs).
const MAX_BYTES: usize = 4000;

/// A push message: `{to?, title, body, data?}`.
#[derive(Clone, Debug, PartialEq)]
pub struct Push {
    /// The device; by default all devices of the user.
    pub to: Option<DeviceToken>,
    /// The title, not empty.
    pub title: String,
    /// The text, not empty.
    pub body: String,
    /// Data for the app. Push services accept only texts, so other values are sent as JSON text.
    pub data: BTreeMap<String, String>,
}

impl Push {
    pub(super) fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let to = fields.parsed(&["to"]);
        let title = fields.required_text(&["title"]);
        let body = fields.required_text(&["body"]);
        let data = data(fields);
        let push = Self {
            to,
            title: title?,
            body: body?,
            data,
        };
        let data = push
            .data
            .iter()
            .map(|(name, value)| name.len() + value.len());
        if push.title.len() + push.body.len() + data.sum::<usize>() > MAX_BYTES {
            let message =
                format!("title, body and data must have at most {MAX_BYTES} bytes together");
            fields.invalid("body", message);
        }
        Some(push)
    }
}

/// Whether FCM reserves the name ("Send messages … data payload").
fn is_reserved(name: &str) -> bool {
    ["from", "message_type", "collapse_key", "notification"].contains(&name)
        || ["google.", "gcm."]
            .iter()
            .any(|prefix| name.starts_with(prefix))
}

pub(super) fn data(fields: &mut Fields<'_>) -> BTreeMap<String, String> {
    match fields.value("data") {
        None => BTreeMap::new(),
        Some(Json::Object(members)) => {
            if let Some(name) = members.keys().find(|name| is_reserved(name)) {
                fields.invalid(
                    "data",
                    format!("{name:?} is a reserved name of push services"),
                );
            }
            let text = |value: &Json| {
                value
                    .as_str()
                    .map_or_else(|| value.to_string(), ToOwned::to_owned)
            };
            members
                .iter()
                .map(|(name, value)| (name.clone(), text(value)))
                .collect()
        }
        Some(_) => {
            fields.invalid("data", "must be an object");
            BTreeMap::new()
        }
    }
}
