//! `POST /api/inbox/state`.

use std::collections::HashSet;

use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use serde_json::value::RawValue;
use tidings_db::inbox::InboxChange;
use tidings_domain::notification::MessageId;
use utoipa::ToSchema;
use uuid::Uuid;

use super::mark::mark_all;
use super::owner::InboxOwner;
use crate::audit::Origin;
use crate::error::ApiError;
use crate::json_body::{ObjectReader, values};
use crate::request_body::read_json;
use crate::state::AppState;

/// The most notifications in a request.
const MAX_IDS: usize = 200;

/// The request body.
#[derive(ToSchema)]
#[schema(as = InboxStateChange)]
#[expect(dead_code, reason = "documents the body for OpenAPI")]
pub struct StateBody {
    /// The notifications' ids.
    #[schema(min_items = 1, max_items = 200)]
    ids: Vec<Uuid>,
    /// Whether they are read. `false` also takes them out of the archive. `read` or `archived` is required.
    read: Option<bool>,
    /// Whether they are archived. `true` also marks them as read.
    archived: Option<bool>,
}

/// What the request has changed.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct StateChanged {
    /// How many were in another state before.
    changed: u64,
    /// Those of the given ids that are not in the inbox.
    #[schema(value_type = Vec<Uuid>)]
    not_found: Vec<MessageId>,
}

/// Marks notifications of an inbox as read, unread or archived, or takes them out of the archive.
#[utoipa::path(post, path = "/api/inbox/state", operation_id = "setInboxState", tag = "inbox",
    params(
        ("userId" = Option<uuid::Uuid>, Query, description = "The owner of the inbox. Required unless the token is that of a user"),
    ),
    request_body = StateBody,
    responses(
        (status = 200, description = "All that are in the inbox are in this state", body = StateChanged),
        (status = 400, description = "`details` lists everything that is wrong", body = crate::error::ErrorBody),
        (status = 401, description = "The token is missing or invalid", body = crate::error::ErrorBody),
        (status = 403, description = "The token does not allow this inbox", body = crate::error::ErrorBody),
        (status = 408, description = "The body does not arrive in time", body = crate::error::ErrorBody),
        (status = 413, description = "The body is too large", body = crate::error::ErrorBody),
        (status = 415, description = "The body is not JSON", body = crate::error::ErrorBody),
        (status = 503, description = "The database is unavailable", body = crate::error::ErrorBody),
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
    let body = read_json(&request, payload, &state).await?;
    let (ids, change) = parse(&body)?;
    let changed = mark_all(&state, owner.0, &origin, &ids, change).await?;
    let found: HashSet<MessageId> = changed.found.into_iter().collect();
    Ok(HttpResponse::Ok().json(StateChanged {
        changed: changed.changed,
        not_found: ids.into_iter().filter(|id| !found.contains(id)).collect(),
    }))
}

fn parse(body: &[u8]) -> Result<(Vec<MessageId>, InboxChange), ApiError> {
    let mut reader = ObjectReader::parse(body, &["ids", "read", "archived"], "change")?;
    let ids = reader.required("ids", ids);
    let change = InboxChange {
        read: reader.optional("read", values::boolean),
        archived: reader.optional("archived", values::boolean),
    };
    if reader.value("read").is_none() && reader.value("archived").is_none() {
        reader.missing("read", "or archived is required");
    }
    if change.read == Some(false) && change.archived == Some(true) {
        reader.invalid(
            "read",
            "must not be false if archived is true: what is archived is read",
        );
    }
    reader.finish(ids.map(|ids| (ids, change)))
}

fn ids(value: &RawValue) -> Result<Vec<MessageId>, String> {
    let wrong = || format!("must be a list of 1 to {MAX_IDS} message ids");
    let ids: Vec<&str> = serde_json::from_str(value.get()).map_err(|_| wrong())?;
    if !(1..=MAX_IDS).contains(&ids.len()) {
        return Err(wrong());
    }
    let mut seen = HashSet::new();
    let mut unique = Vec::new();
    for id in ids {
        let id: MessageId = id.parse().map_err(|_| wrong())?;
        if seen.insert(id) {
            unique.push(id);
        }
    }
    Ok(unique)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "550e8400-e29b-41d4-a716-446655440000";

    #[test]
    fn a_change_is_read() {
        let body = format!(r#"{{"ids": ["{ID}", "{ID}"], "read": false, "archived": false}}"#);
        let (ids, change) = parse(body.as_bytes()).expect("valid");
        assert_eq!(ids.len(), 1, "an id counts once");
        assert_eq!((change.read, change.archived), (Some(false), Some(false)));
    }

    #[test]
    fn wrong_changes_are_refused() {
        let many = vec![format!("\"{ID}\""); MAX_IDS + 1].join(",");
        for (body, fields) in [
            (r"{}".to_owned(), &["ids", "read"][..]),
            (format!(r#"{{"ids": ["{ID}"]}}"#), &["read"]),
            (r#"{"ids": [], "read": true}"#.to_owned(), &["ids"]),
            (format!(r#"{{"ids": [{many}], "read": true}}"#), &["ids"]),
            (r#"{"ids": ["7"], "read": 1}"#.to_owned(), &["ids", "read"]),
            (
                r#"{"ids": [["\u0061"]], "read": true}"#.to_owned(),
                &["ids"],
            ),
            (
                format!(r#"{{"ids": ["{ID}"], "read": false, "archived": true, "user": 1}}"#),
                &["read", "user"],
            ),
        ] {
            let error = parse(body.as_bytes()).expect_err(&body);
            let found: Vec<_> = error.details.iter().map(|d| d.field.as_str()).collect();
            assert_eq!(found, fields, "{body}");
        }
    }
}
