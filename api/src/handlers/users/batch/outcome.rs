use serde::Serialize;
use tidings_domain::notification::UserId;
use utoipa::ToSchema;

use crate::error::ErrorBody;
use crate::handlers::notifications::batch::ItemError;

/// The results of a batch.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = UserBatchOutcome)]
pub struct UserBatchOutcome {
    /// One for each item, in the order of the items.
    pub results: Vec<UserResult>,
    /// How many users were created or updated.
    pub accepted: usize,
    /// How many items were not accepted.
    pub refused: usize,
}

/// The result of one item.
#[derive(Debug, Serialize, ToSchema)]
#[serde(tag = "status", rename_all = "lowercase")]
#[schema(as = UserBatchItemResult)]
pub enum UserResult {
    /// The user is created.
    Created {
        /// The item's place in the batch, counted from 0.
        index: usize,
        /// The user's id.
        #[schema(value_type = uuid::Uuid)]
        id: UserId,
    },
    /// The user existed, and is so now.
    Updated {
        /// The item's place in the batch, counted from 0.
        index: usize,
        /// The user's id.
        #[schema(value_type = uuid::Uuid)]
        id: UserId,
    },
    /// Nothing has changed.
    Refused {
        /// The item's place in the batch, counted from 0.
        index: usize,
        /// Whether a retry may succeed: nothing is wrong with the item itself.
        retryable: bool,
        /// Why.
        error: ItemError,
    },
}

/// The error of a batch, with the result of each item if the items were examined.
#[derive(Serialize, ToSchema)]
#[schema(as = UserBatchError)]
pub struct UserBatchError<'a> {
    #[serde(flatten)]
    pub error: ErrorBody<'a>,
    /// One for each item, in the order of the items.
    #[schema(required = false)]
    pub results: &'a [UserResult],
    /// Always 0.
    #[schema(required = false, example = 0)]
    pub accepted: usize,
    /// The number of items.
    #[schema(required = false)]
    pub refused: usize,
}
