use serde::Serialize;
use tidings_domain::notification::MessageId;
use utoipa::ToSchema;

use crate::error::{ApiError, ErrorBody, ErrorDetail};

/// The results of a batch.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = BatchOutcome)]
pub struct BatchOutcome {
    /// One for each item, in the order of the items.
    pub results: Vec<ItemResult>,
    /// How many items were accepted.
    pub accepted: usize,
    /// How many items were not accepted.
    pub refused: usize,
}

/// The result of one item.
#[derive(Debug, Serialize, ToSchema)]
#[serde(tag = "status", rename_all = "lowercase")]
#[schema(as = BatchItemResult)]
pub enum ItemResult {
    /// The notification is stored.
    Queued {
        /// The item's place in the batch, counted from 0.
        index: usize,
        /// The notification's id.
        #[serde(rename = "messageId")]
        #[schema(value_type = uuid::Uuid)]
        message_id: MessageId,
        /// Whether an earlier request, or an earlier item, with the same key has created it. Absent if not.
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        #[schema(required = false)]
        replayed: bool,
    },
    /// The notification is not accepted.
    Refused {
        /// The item's place in the batch, counted from 0.
        index: usize,
        /// Whether a retry may succeed: nothing is wrong with the item itself.
        retryable: bool,
        /// Why.
        error: ItemError,
    },
}

/// Why an item was refused: the error that a single request would get.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = BatchItemError)]
pub struct ItemError {
    /// A stable code for programs.
    #[schema(example = "missing_fields")]
    pub code: &'static str,
    /// A description for people.
    #[schema(example = "Missing required fields: type, payload")]
    pub message: String,
    /// The fields that the error is about.
    pub details: Vec<ErrorDetail>,
}

impl From<&ApiError> for ItemError {
    fn from(error: &ApiError) -> Self {
        Self {
            code: error.code,
            message: error.message.clone(),
            details: error.details.clone(),
        }
    }
}

/// The error of a batch, with the result of each item if the items were examined.
#[derive(Serialize, ToSchema)]
#[schema(as = BatchError)]
pub struct BatchError<'a> {
    #[serde(flatten)]
    pub error: ErrorBody<'a>,
    /// One for each item, in the order of the items.
    #[schema(required = false)]
    pub results: &'a [ItemResult],
    /// Always 0.
    #[schema(required = false, example = 0)]
    pub accepted: usize,
    /// The number of items.
    #[schema(required = false)]
    pub refused: usize,
}
