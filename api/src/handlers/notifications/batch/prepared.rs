use std::future::ready;

use futures_util::future::join_all;
use serde_json::value::RawValue;
use tidings_broker::Outgoing;
use tidings_domain::notification::{Channel, MessageId, Notification};
use tidings_requests::NewNotification;

use super::item::BatchItem;
use crate::acceptance::{NotStored, StoredBy};
use crate::auth::Caller;
use crate::error::ApiError;
use crate::handlers::notifications::accept::{
    Accepted, accept_keyed, check_caller, count_accepted, count_not_accepted, create_notification,
    keyed_request,
};
use crate::idempotency::{Begun, BegunTogether, FirstRequest, KeyedRequest};
use crate::state::AppState;

/// After this many bytes, preparing a batch yields to the other requests of the thread, so that a batch
/// delays them no longer than a large notification does.
const BYTES_PER_YIELD: usize = 65_536;

/// A batch whose items are validated, compared with earlier requests and turned into messages.
#[derive(Default)]
pub struct PreparedBatch {
    items: Vec<PreparedItem>,
    /// What is stored together.
    messages: Vec<(Channel, Outgoing)>,
    /// The notification of each message.
    notifications: Vec<MessageId>,
    /// The request of each message that has a key.
    first_requests: Vec<Option<FirstRequest>>,
    /// What is begun after that, in the order of the items.
    later: Vec<(KeyedRequest, Result<Notification, ApiError>)>,
}

/// What is known about an item.
enum PreparedItem {
    /// Its result.
    Answered(Result<Accepted, ApiError>),
    /// The index of its message.
    ToStore(usize),
    /// Another request with its key is under way, perhaps an earlier item.
    Later,
}

/// An item that its caller may send.
struct ValidItem<'a> {
    new: NewNotification<'a>,
    /// `None` without an idempotency key.
    request: Option<KeyedRequest>,
}

impl PreparedBatch {
    /// Validates each item like a single request, and creates the messages of those that are to be stored. Their
    /// correlation id is `request_id`.
    pub async fn new(
        items: Vec<&RawValue>,
        state: &AppState,
        caller: &Caller,
        request_id: &str,
    ) -> Self {
        let mut pace = Pace::default();
        let mut valid = Vec::with_capacity(items.len());
        for json in items {
            valid.push((validate(json, state, caller), json.get().len()));
            pace.yield_after(json.get().len()).await;
        }
        let items = || valid.iter().filter_map(|(item, _)| item.as_ref().ok());
        let keyed: Vec<KeyedRequest> = items().filter_map(|item| item.request).collect();
        let begun = if keyed.is_empty() {
            Vec::new()
        } else {
            let sender = caller.sender();
            state.idempotency.begin_together(&keyed, &sender).await
        };
        let mut begun = begun.into_iter();
        let mut batch = Self::default();
        for (item, bytes) in valid {
            let prepared = match item {
                Err(error) => PreparedItem::Answered(Err(error)),
                Ok(ValidItem { new, request }) => {
                    let create = create_notification(state, caller, new, request.as_ref());
                    match request.zip(request.and_then(|_| begun.next())) {
                        None => batch.store_with(None, create.await, state, request_id),
                        Some((request, begun)) => {
                            let adding = batch.add_keyed(request, begun, create, state, request_id);
                            adding.await
                        }
                    }
                }
            };
            batch.items.push(prepared);
            pace.yield_after(bytes).await;
        }
        batch
    }

    async fn add_keyed(
        &mut self,
        request: KeyedRequest,
        begun: BegunTogether,
        create: impl Future<Output = Result<Notification, ApiError>>,
        state: &AppState,
        request_id: &str,
    ) -> PreparedItem {
        match begun {
            BegunTogether::Begun(Begun::Answered(result)) => {
                let accepted = result.map(|()| Accepted {
                    message_id: request.id,
                    replayed: true,
                });
                PreparedItem::Answered(accepted.map_err(ApiError::from))
            }
            BegunTogether::Begun(Begun::First(first)) => {
                self.store_with(Some(first), create.await, state, request_id)
            }
            BegunTogether::UnderWay => {
                self.later.push((request, create.await));
                PreparedItem::Later
            }
        }
    }

    /// Adds the message of a notification to those that are stored together.
    fn store_with(
        &mut self,
        first: Option<FirstRequest>,
        notification: Result<Notification, ApiError>,
        state: &AppState,
        request_id: &str,
    ) -> PreparedItem {
        let notification = match notification {
            Ok(notification) => notification,
            Err(error) => return PreparedItem::Answered(Err(error)),
        };
        let message = state.message_factory.intake(&notification, request_id);
        self.messages.push((notification.channel, message));
        self.notifications.push(notification.message_id);
        self.first_requests.push(first);
        PreparedItem::ToStore(self.messages.len() - 1)
    }

    /// Stores all notifications at once, and then those that waited for others. Returns for each item whether it was
    /// accepted, or why not.
    pub async fn store(
        self,
        state: &AppState,
        caller: &Caller,
        request_id: &str,
    ) -> Vec<Result<Accepted, ApiError>> {
        let channels: Vec<Channel> = self.messages.iter().map(|(channel, _)| *channel).collect();
        let stored = state.acceptance.store_all(self.messages).await;
        for (first, result) in self.first_requests.into_iter().zip(&stored) {
            if let Some(first) = first {
                first.finish(result);
            }
        }
        count_all(&channels, &stored);
        let later = self.later.into_iter().map(|(request, created)| {
            accept_keyed(state, caller, request, ready(created), request_id)
        });
        let mut later = join_all(later).await.into_iter();
        let result = |item| match item {
            PreparedItem::Answered(result) => result,
            PreparedItem::ToStore(index) => match &stored[index] {
                Ok(_) => Ok(Accepted {
                    message_id: self.notifications[index],
                    replayed: false,
                }),
                Err(error) => Err(error.clone().into()),
            },
            PreparedItem::Later => later
                .next()
                .unwrap_or_else(|| Err(ApiError::internal("an item was not begun"))),
        };
        let results: Vec<_> = self.items.into_iter().map(result).collect();
        let refused = results.iter().filter_map(|result| result.as_ref().err());
        refused.for_each(count_not_accepted);
        results
    }
}

/// Validates an item.
fn validate<'a>(
    json: &'a RawValue,
    state: &AppState,
    caller: &Caller,
) -> Result<ValidItem<'a>, ApiError> {
    let BatchItem { new, key } = BatchItem::parse(json, state.http.max_body_bytes)?;
    check_caller(caller, &new)?;
    let request = key.map(|key| keyed_request(caller, &new, &key));
    Ok(ValidItem { new, request })
}

/// Adds the notifications that were stored to the metric.
fn count_all(channels: &[Channel], stored: &[Result<StoredBy, NotStored>]) {
    for channel in Channel::ALL {
        for by in StoredBy::ALL {
            let is_its = |(its, result): &(&Channel, &Result<StoredBy, _>)| {
                **its == channel && matches!(result, Ok(stored_by) if *stored_by == by)
            };
            let its = channels.iter().zip(stored).filter(is_its);
            count_accepted(channel, by, its.map(|_| 1).sum());
        }
    }
}

/// Lets the other requests of the thread run now and then.
#[derive(Default)]
struct Pace {
    bytes: usize,
}

impl Pace {
    async fn yield_after(&mut self, bytes: usize) {
        self.bytes += bytes;
        if self.bytes >= BYTES_PER_YIELD {
            self.bytes = 0;
            tokio::task::yield_now().await;
        }
    }
}
