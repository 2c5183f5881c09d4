//! The gRPC status of an error: one pure mapping from the errors of the HTTP API.

use std::collections::HashMap;

use actix_web::http::StatusCode;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, FieldViolation, StatusExt};

use crate::error::ApiError;

/// The domain of `google.rpc.ErrorInfo`.
const DOMAIN: &str = "tidings";

/// The status code for an error.
pub fn code(error: &ApiError) -> Code {
    match (error.status, error.code) {
        // Another notification exists under the key.
        (_, "idempotency_key_reused") => Code::AlreadyExists,
        (StatusCode::CONFLICT, code) if code.ends_with("_taken") => Code::AlreadyExists,
        (StatusCode::CONFLICT, _) => Code::FailedPrecondition,
        (StatusCode::UNAUTHORIZED, _) => Code::Unauthenticated,
        (StatusCode::FORBIDDEN, _) => Code::PermissionDenied,
        (StatusCode::NOT_FOUND | StatusCode::GONE, _) => Code::NotFound,
        (StatusCode::METHOD_NOT_ALLOWED, _) => Code::Unimplemented,
        (StatusCode::REQUEST_TIMEOUT, _) => Code::DeadlineExceeded,
        (
            StatusCode::PAYLOAD_TOO_LARGE
            | StatusCode::TOO_MANY_REQUESTS
            | StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            _,
        ) => Code::ResourceExhausted,
        (StatusCode::SERVICE_UNAVAILABLE, _) => Code::Unavailable,
        (status, _) if status.is_client_error() => Code::InvalidArgument,
        _ => Code::Internal,
    }
}

/// The status for an error of the request with this id, with details: `ErrorInfo`, whose `reason` is our code in upper case
/// and whose metadata have `code` and `requestId`, `RequestInfo`, `BadRequest` if fields are wrong, and `RetryInfo` if the
/// caller should wait.
pub fn status(error: &ApiError, request_id: &str) -> Status {
    let metadata = HashMap::from([
        ("code".to_owned(), error.code.to_owned()),
        ("requestId".to_owned(), request_id.to_owned()),
    ]);
    let mut details = ErrorDetails::with_error_info(error.code.to_uppercase(), DOMAIN, metadata);
    details.set_request_info(request_id, "");
    if !error.details.is_empty() {
        let violation = |detail: &crate::error::ErrorDetail| {
            FieldViolation::new(&detail.field, &detail.message)
        };
        details.set_bad_request(error.details.iter().map(violation).collect::<Vec<_>>());
    }
    if let Some(delay) = error.retry_after() {
        details.set_retry_info(Some(delay));
    }
    Status::with_error_details(code(error), error.message.clone(), details)
}

/// The error for a status that tonic returned by itself, before a handler of ours was asked.
///
/// Source: `tonic::codec::decode`, `tonic::server::Grpc`, `tonic::service::Routes`.
pub fn of_library(status: &Status, limit: usize) -> ApiError {
    match status.code() {
        // The announced length of a message is above the limit.
        Code::OutOfRange => ApiError::payload_too_large("The message", limit),
        Code::Unimplemented => ApiError {
            code: "unknown_method",
            message: "There is no such method, or the message is compressed".to_owned(),
            ..ApiError::method_not_allowed("the methods that reflection lists")
        },
        _ => ApiError::bad_request(
            "malformed_message",
            "The request is not one valid message of the method",
            Vec::new(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::error::ErrorDetail;

    #[test]
    fn every_error_has_a_status_code() {
        let bad = |code| ApiError::bad_request(code, "wrong", Vec::new());
        for (error, expected) in [
            (bad("missing_fields"), Code::InvalidArgument),
            (ApiError::unauthorized("no"), Code::Unauthenticated),
            (ApiError::forbidden("no"), Code::PermissionDenied),
            (ApiError::not_found("nothing"), Code::NotFound),
            (ApiError::method_not_allowed("GET"), Code::Unimplemented),
            (ApiError::request_timeout(), Code::DeadlineExceeded),
            (
                ApiError::conflict("email_taken", "taken"),
                Code::AlreadyExists,
            ),
            (
                ApiError::being_sent(jiff::Timestamp::UNIX_EPOCH),
                Code::FailedPrecondition,
            ),
            (crate::idempotency::key_reused(), Code::AlreadyExists),
            (
                ApiError::unprocessable("other", "wrong"),
                Code::InvalidArgument,
            ),
            (
                ApiError::payload_too_large("The message", 7),
                Code::ResourceExhausted,
            ),
            (
                ApiError::unsupported_media_type("no"),
                Code::InvalidArgument,
            ),
            (
                ApiError::too_many("too_many_attempts", "wait", Duration::from_secs(30)),
                Code::ResourceExhausted,
            ),
            (ApiError::overloaded(), Code::Unavailable),
            (
                tidings_broker::PublishError::TimedOut.into(),
                Code::Unavailable,
            ),
            (ApiError::internal("a cause"), Code::Internal),
        ] {
            assert_eq!(code(&error), expected, "{error:?}");
        }
    }

    #[test]
    fn the_details_have_our_code_the_fields_and_when_to_retry() {
        let fields = vec![ErrorDetail::new("type", "is required")];
        let error = ApiError::bad_request("missing_fields", "Missing", fields);
        let details = status(&error, "r-1").get_error_details();
        let info = details.error_info().expect("info");
        assert_eq!(
            (info.reason.as_str(), info.domain.as_str()),
            ("MISSING_FIELDS", "tidings")
        );
        assert_eq!(info.metadata["code"], "missing_fields");
        assert_eq!(info.metadata["requestId"], "r-1");
        assert_eq!(details.request_info().expect("id").request_id, "r-1");
        let violations = &details.bad_request().expect("fields").field_violations;
        assert_eq!(violations[0].field, "type");
        assert_eq!(violations[0].description, "is required");
        assert!(details.retry_info().is_none());

        for (error, expected) in [
            (ApiError::overloaded(), 2),
            (
                ApiError::too_many("too_many_attempts", "wait", Duration::from_secs(30)),
                30,
            ),
        ] {
            let details = status(&error, "r-1").get_error_details();
            let delay = details.retry_info().expect("a delay").retry_delay;
            assert_eq!(delay, Some(Duration::from_secs(expected)));
            assert!(details.bad_request().is_none());
        }
    }

    #[test]
    fn no_cause_reaches_the_client() {
        let status = status(&ApiError::internal("a secret cause"), "r-1");
        assert!(!format!("{status:?}").contains("secret"));
    }

    #[test]
    fn what_the_library_refuses_is_an_error_of_the_client() {
        for (status, expected) in [
            (Status::out_of_range("too large"), "payload_too_large"),
            (Status::internal("cannot decode"), "malformed_message"),
            (Status::unimplemented(""), "unknown_method"),
        ] {
            assert_eq!(of_library(&status, 7).code, expected);
        }
    }
}
