//! Recipients without an account: the payload names the recipient, and there is no `targetUserId`.

mod changes;
mod dead_letters;
mod errors;
mod sent;
mod table;

use serde_json::{Value, json};
use tidings_domain::notification::{Channel, DeliveredChannel, UserId};
use tidings_tests::notification;
use uuid::Uuid;

/// An address of the channel that no user has.
fn address(channel: DeliveredChannel) -> &'static str {
    match channel {
        DeliveredChannel::Email => "guest@example.org",
        DeliveredChannel::Sms => "+4915198765432",
        DeliveredChannel::Push => "a-device-of-no-user",
        DeliveredChannel::Webhook => "https://example.org/hook",
    }
}

/// The body of a POST without `targetUserId`, and without an address.
fn without_user(channel: Channel) -> Value {
    let mut body = notification(UserId::from(Uuid::nil()), channel);
    let members = body.as_object_mut().expect("an object");
    members.remove("targetUserId");
    body
}

/// The body of a POST to an address that no user has.
fn to_address(channel: DeliveredChannel) -> Value {
    let mut body = without_user(channel.into());
    body["payload"]["to"] = json!(address(channel));
    body
}

/// Adds members to a body.
fn with(mut body: Value, more: &Value) -> Value {
    let more = more.as_object().expect("an object").clone();
    body.as_object_mut().expect("an object").extend(more);
    body
}
