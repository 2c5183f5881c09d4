use super::outcome::{BatchError, BatchOutcome, ItemError, ItemResult};
use crate::cors::CorsHeaders;
use crate::error::{ApiError, ErrorResponse};
use crate::handlers::notifications::accept::Accepted;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;

/// The response to a batch.
#[derive(Debug)]
pub struct BatchResponse {
    outcome: BatchOutcome,
    /// The error of the first item that can be retried, if there is one.
    unavailable: Option<ApiError>,
}

/// The status for the given numbers of items. `unavailable`: whether a refused item can be retried.
fn status(accepted: usize, refused: usize, unavailable: bool) -> StatusCode {
    match (accepted, refused) {
        (_, 0) => StatusCode::ACCEPTED,
        (1.., _) => StatusCode::MULTI_STATUS,
        (0, _) if unavailable => StatusCode::SERVICE_UNAVAILABLE,
        (0, _) => StatusCode::BAD_REQUEST,
    }
}

impl BatchResponse {
    /// Creates the response from the results of the items, in their order.
    pub fn new(items: Vec<Result<Accepted, ApiError>>) -> Self {
        let (mut accepted, mut unavailable) = (0, None);
        let result = |(index, item)| match item {
            Ok(Accepted {
                message_id,
                replayed,
            }) => {
                accepted += 1;
                ItemResult::Queued {
                    index,
                    message_id,
                    replayed,
                }
            }
            Err(error) => {
                let error: ApiError = error;
                let refused = ItemResult::Refused {
                    index,
                    retryable: error.status.is_server_error(),
                    error: ItemError::from(&error),
                };
                if error.status.is_server_error() {
                    unavailable.get_or_insert(error);
                }
                refused
            }
        };
        let results: Vec<_> = items.into_iter().enumerate().map(result).collect();
        Self {
            outcome: BatchOutcome {
                accepted,
                refused: results.len() - accepted,
                results,
            },
            unavailable,
        }
    }

    /// Logs the batch in one line, and each item at the level `debug`.
    pub fn log(&self, request_id: &str) {
        for result in &self.outcome.results {
            match result {
                ItemResult::Queued {
                    index, message_id, ..
                } => {
                    tracing::debug!(request_id, index, %message_id, "item accepted");
                }
                ItemResult::Refused { index, error, .. } => {
                    tracing::debug!(request_id, index, code = error.code, "item refused");
                }
            }
        }
        let BatchOutcome {
            accepted, refused, ..
        } = self.outcome;
        match &self.unavailable {
            None => tracing::info!(request_id, accepted, refused, "batch answered"),
            Some(ApiError { code, cause, .. }) => {
                let cause = cause.as_deref();
                tracing::warn!(
                    request_id,
                    accepted,
                    refused,
                    code,
                    cause,
                    "batch answered; some items must be retried"
                );
            }
        }
    }

    /// The number of items that were accepted, and of those that were not.
    pub const fn counts(&self) -> (usize, usize) {
        (self.outcome.accepted, self.outcome.refused)
    }

    /// The results, in the order of the items, whether or not an item was accepted.
    pub fn results(&self) -> &[ItemResult] {
        &self.outcome.results
    }

    /// Returns the error of the batch if nothing is accepted and each item can be retried, which is all that the results say.
    ///
    /// # Errors
    ///
    /// Returns 503, as in the HTTP response.
    pub fn or_unavailable(mut self) -> Result<Self, ApiError> {
        let can_be_retried = |result: &ItemResult| {
            matches!(
                result,
                ItemResult::Refused {
                    retryable: true,
                    ..
                }
            )
        };
        if !self.outcome.results.iter().all(can_be_retried) {
            return Ok(self);
        }
        match self.unavailable.take() {
            Some(error) => Err(ApiError {
                status: StatusCode::SERVICE_UNAVAILABLE,
                ..error
            }),
            None => Ok(self),
        }
    }

    /// The HTTP response: 202, 207, or an error that includes the results.
    pub fn into_http(self, request_id: String) -> HttpResponse {
        let Self {
            outcome,
            unavailable,
        } = self;
        let status = status(outcome.accepted, outcome.refused, unavailable.is_some());
        if status.is_success() {
            return HttpResponse::build(status).json(outcome);
        }
        let error = unavailable.unwrap_or_else(|| {
            let message = format!(
                "None of the {} notifications can be accepted: results says why",
                outcome.refused
            );
            ApiError::bad_request("no_item_accepted", message, Vec::new())
        });
        let error = ErrorResponse {
            error: ApiError { status, ..error },
            request_id,
            close: false,
            cors: CorsHeaders::default(),
            rate_limit: None,
        };
        error.with_body(&BatchError {
            error: error.body(),
            results: &outcome.results,
            accepted: outcome.accepted,
            refused: outcome.refused,
        })
    }
}

#[cfg(test)]
mod tests {
    use actix_web::body::to_bytes;
    use actix_web::http::header::RETRY_AFTER;
    use serde_json::{Value, json};
    use tidings_broker::PublishError;
    use tidings_domain::notification::MessageId;

    use super::*;
    use crate::error::ErrorDetail;

    fn wrong() -> Result<Accepted, ApiError> {
        let details = vec![ErrorDetail::new("type", "is required")];
        Err(ApiError::bad_request("missing_fields", "Missing", details))
    }

    fn lost() -> Result<Accepted, ApiError> {
        Err(PublishError::TimedOut.into())
    }

    async fn answered(
        items: Vec<Result<Accepted, ApiError>>,
    ) -> (StatusCode, Option<String>, Value) {
        let response = BatchResponse::new(items).into_http("r-1".to_owned());
        let after = response.headers().get(RETRY_AFTER);
        let after = after.map(|value| value.to_str().expect("text").to_owned());
        let status = response.status();
        let body = to_bytes(response.into_body()).await.expect("a body");
        (status, after, serde_json::from_slice(&body).expect("JSON"))
    }

    #[test]
    fn the_status_depends_on_what_is_accepted_and_what_can_be_retried() {
        for (accepted, refused, unavailable, expected) in [
            (3, 0, false, 202),
            (1, 2, false, 207),
            (1, 2, true, 207),
            (0, 3, true, 503),
            (0, 3, false, 400),
        ] {
            let status = status(accepted, refused, unavailable);
            assert_eq!(status.as_u16(), expected, "{accepted} {refused}");
        }
    }

    #[test]
    fn a_batch_is_unavailable_if_all_of_it_can_be_retried() {
        for (items, expected) in [
            (vec![lost(), lost()], Some(503)),
            (vec![lost(), wrong()], None),
            (vec![wrong()], None),
        ] {
            let response = BatchResponse::new(items).or_unavailable();
            assert_eq!(response.err().map(|error| error.status.as_u16()), expected);
        }
    }

    #[actix_web::test]
    async fn results_have_the_order_of_the_items() {
        let id = MessageId::generate();
        let queued = |replayed| {
            Ok(Accepted {
                message_id: id,
                replayed,
            })
        };
        let (status, after, body) =
            answered(vec![wrong(), queued(false), lost(), queued(true)]).await;
        assert_eq!((status, after), (StatusCode::MULTI_STATUS, None));
        let details = json!([{"field": "type", "message": "is required"}]);
        let message = &body["results"][2]["error"]["message"];
        let expected = json!({
            "results": [
                {"index": 0, "status": "refused", "retryable": false,
                 "error": {"code": "missing_fields", "message": "Missing", "details": details}},
                {"index": 1, "status": "queued", "messageId": id},
                {"index": 2, "status": "refused", "retryable": true,
                 "error": {"code": "broker_unavailable", "message": message, "details": []}},
                {"index": 3, "status": "queued", "messageId": id, "replayed": true},
            ],
            "accepted": 2,
            "refused": 2,
        });
        assert_eq!(body, expected);
    }

    #[actix_web::test]
    async fn if_no_item_is_accepted_the_error_includes_the_results() {
        for (items, expected, code) in [
            (vec![wrong(), wrong()], 400, "no_item_accepted"),
            (vec![wrong(), lost()], 503, "broker_unavailable"),
        ] {
            let (status, after, body) = answered(items).await;
            assert_eq!(status.as_u16(), expected);
            assert_eq!(after.is_some(), expected == 503);
            assert_eq!(
                (&body["code"], &body["requestId"]),
                (&code.into(), &"r-1".into())
            );
            assert_eq!(body["details"], json!([]));
            assert_eq!(
                (&body["accepted"], &body["refused"]),
                (&0.into(), &2.into())
            );
            assert_eq!(body["results"][1]["index"], 1);
        }
    }
}
