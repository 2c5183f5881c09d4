use std::collections::HashMap;

use serde_json::value::RawValue;
use tidings_broker::Outgoing;
use tidings_domain::notification::{Channel, MessageId, Notification};

use super::item::BatchItem;
use crate::acceptance::StoredBy;
use crate::auth::Caller;
use crate::error::ApiError;
use crate::handlers::notifications::accept::{count_accepted, create_notification};
use crate::state::AppState;

/// After this many bytes, preparing a batch yields to the other requests of the thread, so that a batch
/// delays them no longer than a large notification does.
const BYTES_PER_YIELD: usize = 65_536;

/// A batch whose items are validated and turned into messages.
#[derive(Default)]
pub struct PreparedBatch {
    /// For each item the index of its message, or the error.
    items: Vec<Result<usize, ApiError>>,
    messages: Vec<(Channel, Outgoing)>,
    /// The notification of each message.
    notifications: Vec<MessageId>,
    indices: HashMap<MessageId, usize>,
}

impl PreparedBatch {
    /// Validates each item like a single request, and creates the messages of the valid ones. Their
    /// correlation id is `request_id`.
    pub async fn new(
        items: Vec<&RawValue>,
        state: &AppState,
        caller: &Caller,
        request_id: &str,
    ) -> Self {
        let mut batch = Self::default();
        let mut bytes = 0;
        for json in items {
            let notification = BatchItem::parse(json, state.http.max_body_bytes).and_then(
                |BatchItem { new, key }| create_notification(state, caller, new, key.as_ref()),
            );
            let index = notification.map(|notification| {
                let message = || state.message_factory.intake(&notification, request_id);
                batch.add(&notification, message)
            });
            batch.items.push(index);
            bytes += json.get().len();
            if bytes >= BYTES_PER_YIELD {
                bytes = 0;
                tokio::task::yield_now().await;
            }
        }
        batch
    }

    /// Returns the index of a notification's message. Items with the same key are the same notification
    /// and share the first item's message.
    fn add(&mut self, notification: &Notification, message: impl FnOnce() -> Outgoing) -> usize {
        let Self {
            messages,
            notifications,
            indices,
            ..
        } = self;
        *indices.entry(notification.message_id).or_insert_with(|| {
            messages.push((notification.channel, message()));
            notifications.push(notification.message_id);
            messages.len() - 1
        })
    }

    /// Stores all notifications at once. Returns for each item the message id, or why the item was not
    /// accepted.
    pub async fn store(self, state: &AppState) -> Vec<Result<MessageId, ApiError>> {
        let channels: Vec<Channel> = self.messages.iter().map(|(channel, _)| *channel).collect();
        let stored = state.acceptance.store_all(self.messages).await;
        for channel in Channel::ALL {
            for by in StoredBy::ALL {
                let is_its = |(its, result): &(&Channel, &Result<StoredBy, _>)| {
                    **its == channel && matches!(result, Ok(stored_by) if *stored_by == by)
                };
                let its = channels.iter().zip(&stored).filter(is_its);
                count_accepted(channel, by, its.map(|_| 1).sum());
            }
        }
        let result = |index: usize| match &stored[index] {
            Ok(_) => Ok(self.notifications[index]),
            Err(error) => Err(error.clone().into()),
        };
        self.items
            .into_iter()
            .map(|item| item.and_then(result))
            .collect()
    }
}
