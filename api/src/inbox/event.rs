//! Server-sent events, as text (HTML standard, "Server-sent events").

use std::fmt::Write;

use bytes::Bytes;
use jiff::Timestamp;
use serde::Serialize;
use tidings_db::inbox::{ChangedState, InboxNews, SeenPosition, UnreadCount};
use tidings_db::notifications::PayloadReader;
use tidings_domain::notification::MessageId;
use tidings_domain::time::Timezone;

use crate::error::ApiError;
use crate::handlers::inbox::{InboxCounts, InboxItem};

/// The data of the event `notification`.
#[derive(Serialize)]
struct NotificationData {
    #[serde(flatten)]
    item: InboxItem,
    /// Whether it is in the quiet hours of the user: clients must not disturb then. Absent if not.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    quiet: bool,
}

/// The data of the event `state`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StateData {
    items: Vec<StateItem>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StateItem {
    message_id: MessageId,
    read_at: Option<jiff::Timestamp>,
    archived_at: Option<jiff::Timestamp>,
}

impl From<&ChangedState> for StateItem {
    fn from(state: &ChangedState) -> Self {
        Self {
            message_id: state.message_id,
            read_at: state.read_at,
            archived_at: state.archived_at,
        }
    }
}

/// The client must read the list again.
pub(super) fn reset() -> Bytes {
    Bytes::from_static(b"event: reset\ndata: {}\n\n")
}

/// Keeps proxies from closing the connection. Also tells the client a position, if there is a new one.
pub(super) fn keep_alive(position: Option<&SeenPosition>) -> Bytes {
    let mut text = ": keep-alive\n".to_owned();
    add_id(&mut text, position);
    text.push('\n');
    text.into()
}

/// The first lines of a stream.
pub(super) fn beginning(retry_ms: u64) -> Bytes {
    format!("retry: {retry_ms}\n\n").into()
}

/// An event without data that tells the client a position.
pub(super) fn position(position: &SeenPosition) -> Bytes {
    format!("id: {position}\n\n").into()
}

pub(super) fn counts(unread: UnreadCount) -> Result<Bytes, ApiError> {
    event("counts", None, &InboxCounts::from(unread))
}

/// The events of what a look has found, for a reader. `before` is the position of the look before, `after` the one of this
/// look: only the last notification has it, because a client that gets a part of them resumes after this part. `timezone` is
/// that of users who have set none.
pub(super) fn of_news(
    news: &InboxNews,
    reader: PayloadReader,
    timezone: &Timezone,
    before: &SeenPosition,
    after: &SeenPosition,
) -> Result<Vec<Bytes>, ApiError> {
    if news.is_incomplete {
        return Ok(vec![reset(), position(after), counts(news.unread)?]);
    }
    let now = Timestamp::now();
    let mut events = Vec::with_capacity(news.rows.len() + 2);
    for (nth, row) in news.rows.iter().enumerate() {
        let is_last = nth + 1 == news.rows.len();
        let id = if is_last { after } else { before };
        let quiet_hours = news.quiet_hours.get(&row.notification.message_id);
        let data = NotificationData {
            item: InboxItem::new(row.clone(), reader)?,
            quiet: quiet_hours.is_some_and(|hours| hours.is_quiet(timezone, now)),
        };
        events.push(event("notification", Some(id), &data)?);
    }
    let is_new = |state: &&ChangedState| {
        let rows = news.rows.iter();
        rows.map(|row| row.notification.message_id)
            .any(|id| id == state.message_id)
    };
    // A new notification has its state.
    let states = news.states.iter().filter(|state| !is_new(state));
    let items: Vec<StateItem> = states.map(StateItem::from).collect();
    if !items.is_empty() {
        events.push(event("state", None, &StateData { items })?);
    }
    events.push(counts(news.unread)?);
    Ok(events)
}

fn event(name: &str, id: Option<&SeenPosition>, data: &impl Serialize) -> Result<Bytes, ApiError> {
    let data = serde_json::to_string(data).map_err(ApiError::internal)?;
    let mut text = format!("event: {name}\n");
    add_id(&mut text, id);
    // The text forms of PostgreSQL and of the serializer contain no line breaks, which would end the field.
    for line in data.lines() {
        let _ = writeln!(text, "data: {line}");
    }
    text.push('\n');
    Ok(text.into())
}

fn add_id(text: &mut String, id: Option<&SeenPosition>) {
    if let Some(id) = id {
        let _ = writeln!(text, "id: {id}");
    }
}
