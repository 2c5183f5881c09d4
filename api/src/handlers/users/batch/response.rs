use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use tidings_db::users::PutResult;

use super::outcome::{UserBatchError, UserBatchOutcome, UserResult};
use crate::cors::CorsHeaders;
use crate::error::{ApiError, ErrorResponse};
use crate::handlers::users::taken::{taken, user_erased, user_has_role};

/// The response to a batch of users.
#[derive(Debug, Default)]
pub struct UserBatchResponse {
    results: Vec<UserResult>,
    accepted: usize,
    /// Why some valid items were not stored.
    unavailable: Option<ApiError>,
}

impl UserBatchResponse {
    /// Adds the result of an item that was stored, or that other users prevent.
    pub fn add(&mut self, result: PutResult) {
        let index = self.results.len();
        let result = match result {
            PutResult::Created(row) => UserResult::Created { index, id: row.id },
            PutResult::Updated(row) | PutResult::Unchanged(row) => {
                UserResult::Updated { index, id: row.id }
            }
            PutResult::Taken(fields) => return self.add_refused(&taken(fields)),
            PutResult::Erased => return self.add_refused(&user_erased()),
            PutResult::HasRole => return self.add_refused(&user_has_role()),
        };
        self.accepted += 1;
        self.results.push(result);
    }

    /// Adds an item that was refused.
    pub fn add_refused(&mut self, error: &ApiError) {
        self.results.push(refused(self.results.len(), error));
    }

    /// Adds a valid item that was not stored.
    pub fn add_unavailable(&mut self) {
        let index = self.results.len();
        let unavailable = self
            .unavailable
            .get_or_insert_with(|| ApiError::internal("an item was not stored"));
        self.results.push(refused(index, unavailable));
    }

    /// Says why valid items are not stored.
    pub fn set_unavailable(&mut self, error: ApiError) {
        self.unavailable = Some(error);
    }

    /// Whether valid items are not stored any more.
    pub const fn is_unavailable(&self) -> bool {
        self.unavailable.is_some()
    }

    fn refused(&self) -> usize {
        self.results.len() - self.accepted
    }

    /// Logs the batch in one line, without names and addresses.
    pub fn log(&self, request_id: &str, subject: &str) {
        let (accepted, refused) = (self.accepted, self.refused());
        match &self.unavailable {
            None => tracing::info!(request_id, subject, accepted, refused, "users stored"),
            Some(ApiError { code, cause, .. }) => {
                let cause = cause.as_deref();
                tracing::warn!(
                    request_id,
                    subject,
                    accepted,
                    refused,
                    code,
                    cause,
                    "users stored; some items must be retried"
                );
            }
        }
    }

    /// The HTTP response: 200, 207, or an error that includes the results.
    pub fn into_http(self, request_id: String) -> HttpResponse {
        let (accepted, refused) = (self.accepted, self.refused());
        let status = match (accepted, refused) {
            (_, 0) => StatusCode::OK,
            (1.., _) => StatusCode::MULTI_STATUS,
            (0, _) => StatusCode::BAD_REQUEST,
        };
        let results = self.results;
        if status.is_success() {
            return HttpResponse::build(status).json(UserBatchOutcome {
                results,
                accepted,
                refused,
            });
        }
        let error = self.unavailable.unwrap_or_else(|| {
            let message = format!("None of the {refused} users can be stored: results says why");
            ApiError::bad_request("no_item_accepted", message, Vec::new())
        });
        let error = ErrorResponse {
            error,
            request_id,
            close: false,
            cors: CorsHeaders::default(),
            rate_limit: None,
        };
        error.with_body(&UserBatchError {
            error: error.body(),
            results: &results,
            accepted,
            refused,
        })
    }
}

fn refused(index: usize, error: &ApiError) -> UserResult {
    UserResult::Refused {
        index,
        retryable: error.status.is_server_error(),
        error: error.into(),
    }
}

#[cfg(test)]
mod tests {
    use actix_web::body::to_bytes;
    use serde_json::{Value, json};
    use tidings_db::users::TakenFields;

    use super::*;

    async fn answered(response: UserBatchResponse) -> (u16, Value) {
        let response = response.into_http("r-1".to_owned());
        let status = response.status().as_u16();
        let body = to_bytes(response.into_body()).await.expect("a body");
        (status, serde_json::from_slice(&body).expect("JSON"))
    }

    fn email_taken() -> PutResult {
        PutResult::Taken(TakenFields {
            email: true,
            username: false,
        })
    }

    #[actix_web::test]
    async fn if_no_user_is_stored_the_error_includes_the_results() {
        let mut refused = UserBatchResponse::default();
        refused.add(email_taken());
        let (status, body) = answered(refused).await;
        assert_eq!((status, &body["code"]), (400, &json!("no_item_accepted")));
        let result = &body["results"][0];
        assert_eq!(result["status"], "refused");
        assert_eq!(
            (&result["retryable"], &result["error"]["code"]),
            (&json!(false), &json!("email_taken"))
        );
        assert_eq!(result["error"]["details"][0]["field"], "email");
        assert_eq!(
            (&body["accepted"], &body["refused"]),
            (&json!(0), &json!(1))
        );
    }

    #[actix_web::test]
    async fn items_that_meet_no_database_can_be_retried() {
        let mut lost = UserBatchResponse::default();
        lost.add(email_taken());
        lost.set_unavailable(ApiError::unavailable(
            "database_unavailable",
            "away",
            "cause",
        ));
        lost.add_unavailable();
        assert!(lost.is_unavailable());
        let (status, body) = answered(lost).await;
        assert_eq!(
            (status, &body["code"]),
            (503, &json!("database_unavailable"))
        );
        let retryable = |index: usize| &body["results"][index]["retryable"];
        assert_eq!((retryable(0), retryable(1)), (&json!(false), &json!(true)));
        assert!(!body.to_string().contains("cause"), "{body}");
    }
}
