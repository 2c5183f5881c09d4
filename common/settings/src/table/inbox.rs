use super::group;
use crate::Setting;

group! {
    "Inbox"
    /// How often the API looks for what the streams of inboxes have not got: notifications that no message of RabbitMQ has
    /// announced, and numbers of unread notifications of which some have expired. A look without streams costs nothing.
    INBOX_POLL_MS: [Api] = Setting::number(100, 60_000).default("15000").unit("ms");
}
