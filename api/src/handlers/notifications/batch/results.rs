use serde::Serialize;
use tidings_domain::notification::MessageId;
use utoipa::ToSchema;

use crate::error::{Detail, ErrorBody};

/// What became of the items of a batch.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = BatchOutcome)]
pub struct Outcome {
    /// One for each item, in their order.
    pub results: Vec<ItemResult>,
    /// How many items are queued.
    pub accepted: usize,
    /// How many are not.
    pub refused: usize,
}

/// What became of one item.
#[derive(Debug, Serialize, ToSchema)]
#[serde(tag = "status", rename_all = "lowercase")]
#[schema(as = BatchItemResult)]
pub enum ItemResult {
    /// It is safe with the broker.
    Queued {
        /// The item's place in the batch, counted from 0.
        index: usize,
        /// Names the notification from now on.
        #[serde(rename = "messageId")]
        #[schema(value_type = uuid::Uuid)]
        message_id: MessageId,
    },
    /// Nothing is promised.
    Refused {
        /// The item's place in the batch, counted from 0.
        index: usize,
        /// Whether to try again may help: nothing is wrong with the item.
        retryable: bool,
        /// Why.
        error: ItemError,
    },
}

/// Why an item was refused: what a request of its own would have been told.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = BatchItemError)]
pub struct ItemError {
    /// Stable, for programs.
    #[schema(example = "missing_fields")]
    pub code: &'static str,
    /// For people.
    #[schema(example = "Missing required fields: type, payload")]
    pub message: String,
    /// The fields concerned.
    pub details: Vec<Detail>,
}

/// An error of a batch; with the result of each item where the items were looked at.
#[derive(Serialize, ToSchema)]
#[schema(as = BatchError)]
pub struct RefusedBatch<'a> {
    #[serde(flatten)]
    pub error: ErrorBody<'a>,
    /// One for each item, in their order.
    #[schema(required = false)]
    pub results: &'a [ItemResult],
    /// 0.
    #[schema(required = false, example = 0)]
    pub accepted: usize,
    /// How many items there are.
    #[schema(required = false)]
    pub refused: usize,
}
