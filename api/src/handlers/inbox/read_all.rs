//! `POST /api/inbox/read-all`.

use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use tidings_db::TransactionOptions;
use tidings_db::inbox::{self, ReadAll, SeenPosition};
use utoipa::ToSchema;

use super::outdated_position;
use super::owner::InboxOwner;
use crate::audit::Origin;
use crate::error::ApiError;
use crate::json_body::{ObjectReader, values};
use crate::page_turn::PageTurn;
use crate::request_body::read_json;
use crate::state::AppState;

/// The request body.
#[derive(ToSchema)]
#[schema(as = InboxReadAll)]
#[expect(dead_code, reason = "documents the body for OpenAPI")]
pub struct ReadAllBody {
    /// The `upTo` of a page, or the id of an event of the stream: only what it had seen is marked.
    #[schema(rename = "upTo")]
    up_to: String,
    /// Only notifications of this category.
    #[schema(min_length = 1, max_length = 255)]
    category: Option<String>,
}

/// What the request has marked.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = InboxMarked)]
pub struct Marked {
    /// How many notifications were unread before, at most 1000.
    marked: u64,
    /// Whether there are more: repeat the request.
    more: bool,
}

/// Marks the unread notifications as read that the client has seen, up to 1000 at once.
#[utoipa::path(post, path = "/api/inbox/read-all", operation_id = "markAllRead", tag = "inbox",
    params(
        ("userId" = Option<uuid::Uuid>, Query, description = "The owner of the inbox. Required unless the token is that of a user"),
    ),
    request_body = ReadAllBody,
    responses(
        (status = 200, description = "The notifications are read", body = Marked),
        (status = 400, description = "`details` lists everything that is wrong", body = crate::error::ErrorBody),
        (status = 401, description = "The token is missing or invalid", body = crate::error::ErrorBody),
        (status = 403, description = "The token does not allow this inbox", body = crate::error::ErrorBody),
        (status = 408, description = "The body does not arrive in time", body = crate::error::ErrorBody),
        (status = 409, description = "`outdated_position`: the database was replaced since the page was read", body = crate::error::ErrorBody),
        (status = 413, description = "The body is too large", body = crate::error::ErrorBody),
        (status = 415, description = "The body is not JSON", body = crate::error::ErrorBody),
        (status = 503, description = "The database is unavailable, or too many such requests run", body = crate::error::ErrorBody),
    ),
    security(("bearer" = [])),
)]
pub async fn handle(
    request: HttpRequest,
    state: Data<AppState>,
    owner: InboxOwner,
    origin: Origin,
    payload: Payload,
) -> Result<HttpResponse, ApiError> {
    let InboxOwner(user) = owner;
    let body = read_json(&request, payload, &state).await?;
    let (up_to, category) = parse(&body)?;
    let _turn = PageTurn::wait_for_part(&state).await?;
    let (up_to, category) = (&up_to, category.as_deref());
    let done = state
        .database
        .transaction(TransactionOptions::default(), async |transaction| {
            inbox::read_all(transaction, user, up_to, category, &origin.0).await
        })
        .await?;
    let ReadAll::Marked { marked, more } = done else {
        return Err(outdated_position());
    };
    if marked > 0 {
        state.inbox.changed(user);
    }
    Ok(HttpResponse::Ok().json(Marked { marked, more }))
}

fn parse(body: &[u8]) -> Result<(SeenPosition, Option<String>), ApiError> {
    let mut reader = ObjectReader::parse(body, &["upTo", "category"], "request")?;
    let up_to = reader.required("upTo", values::parsed);
    let category = reader.optional("category", |value| {
        let text = values::line(255)(value)?;
        if text.is_empty() {
            return Err("must not be empty".to_owned());
        }
        Ok(text)
    });
    reader.finish(up_to.map(|up_to| (up_to, category)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_positions_are_taken() {
        for (body, fields) in [
            (r"{}", &["upTo"][..]),
            (r#"{"upTo": null}"#, &["upTo"]),
            (r#"{"upTo": "10:20:14,19"}"#, &["upTo"]),
            (r#"{"upTo": "0:0:"}"#, &["upTo"]),
            (
                r#"{"upTo": "AQAAAAAAAAAAAAA", "category": ""}"#,
                &["upTo", "category"],
            ),
        ] {
            let error = parse(body.as_bytes()).expect_err(body);
            let found: Vec<_> = error.details.iter().map(|d| d.field.as_str()).collect();
            assert_eq!(found, fields, "{body}");
        }
    }
}
