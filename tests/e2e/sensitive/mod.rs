//! Sensitive notifications: their payload is never shown, and is erased once they have ended.

mod dead_letters;
mod ends;
mod reading;

use serde_json::{Value, json};
use tidings_domain::notification::{Channel, MessageId};
use tidings_tests::{World, notification};

/// What nobody may see.
const SECRET: &str = "code-4711-hunter2";

/// The body of a POST of a sensitive notification, which contains [`SECRET`].
fn sensitive(world: &World, channel: Channel) -> Value {
    let mut body = notification(world.user, channel);
    body["payload"]["text"] = json!(SECRET);
    if channel == Channel::Webhook {
        body["payload"] = json!({"event": "code", "data": {"code": SECRET}});
    }
    body["sensitive"] = json!(true);
    body
}

fn path(id: MessageId) -> String {
    format!("/api/notifications/{id}")
}

/// The number of rows whose payload is erased.
async fn erased(world: &World, condition: &str) -> i64 {
    let erased = "payload = '{}' AND payload_removed_at IS NOT NULL";
    let sql = format!("sensitive AND {erased} AND {condition}");
    world.database.count(&sql).await
}
