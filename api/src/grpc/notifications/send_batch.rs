//! `SendBatch`.

use tidings_proto::tidings_v1::{SendBatchRequest, SendBatchResponse};
use tonic::Request;

use super::{json, result, send};
use crate::error::ApiError;
use crate::grpc::call::Call;
use crate::handlers::notifications::batch::{BatchResponse, PreparedBatch};
use crate::json_body::items;

/// Fails with UNAVAILABLE if nothing is accepted and everything can be retried: clients repeat such calls by themselves. Any
/// other status of a call has no results, which a client needs if the items differ.
pub async fn handle(
    call: &Call,
    request: Request<SendBatchRequest>,
) -> Result<SendBatchResponse, ApiError> {
    send::reject_key(request.metadata())?;
    let json = json::batch(request.get_ref())?;
    drop(request);
    let (state, limit) = (&call.state, call.state.http.max_batch_body_bytes);
    if json.len() > limit {
        return Err(ApiError::payload_too_large("The batch", limit));
    }
    let (caller, id) = (call.caller()?, &call.request_id);
    let items = items(&json, "notifications")?;
    state.rate_limits.count_call_items(caller, items.len());
    let preparing = PreparedBatch::new(items, state, caller, id);
    let batch = call.in_trace(preparing).await;
    // The messages hold copies of all that they need.
    drop(json);
    let storing = call.in_trace(batch.store(state, caller, id));
    let response = BatchResponse::new(storing.await);
    response.log(id);
    let response = response.or_unavailable()?;
    let (accepted, refused) = response.counts();
    let count = |count: usize| u32::try_from(count).map_err(ApiError::internal);
    Ok(SendBatchResponse {
        results: response.results().iter().map(result::of_item).collect(),
        accepted: count(accepted)?,
        refused: count(refused)?,
    })
}
