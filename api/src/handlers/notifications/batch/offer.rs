use std::collections::HashMap;

use serde_json::value::RawValue;
use tidings_broker::Outgoing;
use tidings_domain::notification::{Channel, MessageId, Notification};

use super::item::Item;
use crate::auth::Caller;
use crate::error::ApiError;
use crate::handlers::notifications::acceptance::{admit, count};
use crate::state::AppState;

/// After so many bytes the thread's other requests have their turn. A batch may be large, and none
/// shall wait for it longer than for a large notification.
const TURN: usize = 65_536;

/// A batch whose items have been looked at.
#[derive(Default)]
pub struct Offer {
    /// Of each item its place among the messages, or why there is none.
    items: Vec<Result<usize, ApiError>>,
    messages: Vec<Outgoing>,
    /// What the messages are, by their places.
    offered: Vec<(MessageId, Channel)>,
    places: HashMap<MessageId, usize>,
}

impl Offer {
    /// Looks at each item as if it were a request of its own, and makes messages of those that are
    /// right. `request_id` becomes their correlation id.
    pub async fn of(
        items: Vec<&RawValue>,
        state: &AppState,
        caller: &Caller,
        request_id: &str,
    ) -> Self {
        let mut offer = Self::default();
        let mut bytes = 0;
        for json in items {
            let admitted = Item::parse(json, state.http.max_body_bytes)
                .and_then(|Item { new, key }| admit(state, caller, new, key.as_ref()));
            let place = admitted.map(|notification| {
                let message = || state.router.intake(&notification, request_id);
                offer.place(&notification, message)
            });
            offer.items.push(place);
            bytes += json.get().len();
            if bytes >= TURN {
                bytes = 0;
                tokio::task::yield_now().await;
            }
        }
        offer
    }

    /// The place of a notification's message. What comes again under the same key is the same
    /// notification, of which there is one message: the first.
    fn place(&mut self, notification: &Notification, message: impl FnOnce() -> Outgoing) -> usize {
        let Self {
            messages,
            offered,
            places,
            ..
        } = self;
        *places.entry(notification.message_id).or_insert_with(|| {
            messages.push(message());
            offered.push((notification.message_id, notification.channel));
            messages.len() - 1
        })
    }

    /// Publishes all messages at once. Returns of each item the message id, or why it was not
    /// accepted.
    pub async fn publish(self, state: &AppState) -> Vec<Result<MessageId, ApiError>> {
        let confirms = state.publisher.publish_all(self.messages).await;
        for channel in Channel::ALL {
            let offered = self.offered.iter().zip(&confirms);
            let confirmed =
                offered.filter(|((_, its), confirm)| *its == channel && confirm.is_ok());
            count(channel, confirmed.map(|_| 1).sum());
        }
        let result = |place: usize| match &confirms[place] {
            Ok(()) => Ok(self.offered[place].0),
            Err(error) => Err(error.clone().into()),
        };
        self.items
            .into_iter()
            .map(|item| item.and_then(result))
            .collect()
    }
}
