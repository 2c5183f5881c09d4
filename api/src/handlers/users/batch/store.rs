use serde_json::value::RawValue;
use tidings_db::TransactionOptions;
use tidings_db::users::{self, PutResult};
use tidings_domain::notification::UserId;

use super::item::UserItem;
use super::response::UserBatchResponse;
use crate::accounts::{AddressesBefore, Changer};
use crate::audit::Origin;
use crate::auth::Caller;
use crate::error::ApiError;
use crate::handlers::preferences::claim_wait;
use crate::page_turn::PageTurn;
use crate::state::AppState;

/// So many users are stored in one transaction. Each that changes takes a savepoint, and PostgreSQL keeps 64 of them in fast
/// memory.
/// Batches take turns after each chunk.
const CHUNK: usize = 50;

/// Stores users in chunks, each independently of the others. If the database becomes unavailable, it is not asked for
/// later items.
pub async fn store(
    state: &AppState,
    caller: &Caller,
    origin: &Origin,
    changer: Changer<'_>,
    items: &[&RawValue],
) -> UserBatchResponse {
    let mut response = UserBatchResponse::default();
    for chunk in items.chunks(CHUNK) {
        let parsed: Vec<Result<UserItem, ApiError>> = chunk
            .iter()
            .map(|item| UserItem::parse(item, state.http.max_body_bytes))
            .collect();
        let stored = if response.is_unavailable() {
            Vec::new()
        } else {
            let valid: Vec<&UserItem> = parsed.iter().flatten().collect();
            match store_chunk(state, caller, origin, changer, &valid).await {
                Ok(stored) => {
                    // What is stored then counts as not stored: a repetition waits again.
                    if let Err(error) = until_timezones_seen(state, &stored).await {
                        response.set_unavailable(error);
                    }
                    stored
                }
                Err(error) => {
                    response.set_unavailable(error);
                    Vec::new()
                }
            }
        };
        let mut stored = stored.into_iter();
        for item in parsed {
            match item {
                Err(error) => response.add_refused(&error),
                Ok(_) => match stored.next() {
                    Some(result) if is_incomplete(&result, &response) => response.add_unavailable(),
                    Some(result) => response.add(result),
                    None => response.add_unavailable(),
                },
            }
        }
    }
    response
}

/// Waits until no delivery begins that has not seen the time zones of users who existed.
async fn until_timezones_seen(state: &AppState, stored: &[PutResult]) -> Result<(), ApiError> {
    let existed = |result: &PutResult| match result {
        PutResult::Updated(row) | PutResult::Unchanged(row) => Some(row.id),
        PutResult::Created(_) | PutResult::Taken(_) | PutResult::Erased | PutResult::HasRole => {
            None
        }
    };
    let users: Vec<UserId> = stored.iter().filter_map(existed).collect();
    claim_wait::until_timezone_seen(state, &users).await
}

/// Whether a delivery may not have seen the time zone of a stored user.
const fn is_incomplete(result: &PutResult, response: &UserBatchResponse) -> bool {
    response.is_unavailable() && matches!(result, PutResult::Updated(_) | PutResult::Unchanged(_))
}

/// Stores users in one transaction. A user that cannot be stored does not prevent the others.
async fn store_chunk(
    state: &AppState,
    caller: &Caller,
    origin: &Origin,
    changer: Changer<'_>,
    items: &[&UserItem],
) -> Result<Vec<PutResult>, ApiError> {
    // Batches leave connections to other requests.
    let _turn = PageTurn::wait_for_part(state).await?;
    let users: Vec<_> = items.iter().map(|item| (item.id, &item.profile)).collect();
    let ids: Vec<_> = users.iter().filter_map(|(id, _)| *id).collect();
    let stored = state
        .database
        .transaction(TransactionOptions::default(), async |transaction| {
            let accounts = state.accounts.as_deref();
            let before = AddressesBefore::read(transaction, accounts, &ids).await?;
            let results = users::put_all(transaction, &users, caller.contact_rights()).await?;
            users::record_puts(transaction, &origin.0, &results).await?;
            before.tell(transaction, changer).await?;
            Ok(results)
        })
        .await?;
    Ok(stored)
}
