//! `GET /api/inbox`.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use tidings_db::inbox::{self, InboxCursor, InboxFilter, InboxState};
use tidings_domain::notification::UserId;
use utoipa::ToSchema;

use super::owner::read_user;
use super::view::reader;
use super::{InboxItem, outdated_position};
use crate::auth::Caller;
use crate::error::ApiError;
use crate::page_turn::PageTurn;
use crate::query::{self, PageRequest};
use crate::state::AppState;

/// A page of an inbox.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct InboxPageView {
    /// Newest first.
    items: Vec<InboxItem>,
    /// The `cursor` of the next page; null on the last page.
    next_cursor: Option<String>,
    /// What the first page had seen: the `upTo` of `POST /api/inbox/read-all`, and the position from which a stream may begin.
    up_to: String,
}

/// Returns a page of an inbox, newest first, without notifications that have expired.
#[utoipa::path(get, path = "/api/inbox", operation_id = "listInbox", tag = "inbox",
    params(
        ("userId" = Option<uuid::Uuid>, Query, description = "The owner of the inbox. Required unless the token is that of a user"),
        ("state" = Option<String>, Query, description = "Default `unread`. `read`: those that are read and not archived"),
        ("category" = Option<String>, Query, description = "Return only notifications of this category"),
        ("limit" = Option<u32>, Query, description = "1 to 200, default 50"),
        ("cursor" = Option<String>, Query, description = "`nextCursor` of the previous page"),
    ),
    responses(
        (status = 200, description = "A page", body = InboxPageView),
        (status = 400, description = "`details` lists everything that is wrong", body = crate::error::ErrorBody),
        (status = 401, description = "The token is missing or invalid", body = crate::error::ErrorBody),
        (status = 403, description = "The token does not allow this inbox", body = crate::error::ErrorBody),
        (status = 409, description = "`outdated_position`: the database was replaced since the previous page", body = crate::error::ErrorBody),
        (status = 503, description = "The database is unavailable, or too many long pages are read", body = crate::error::ErrorBody),
    ),
    security(("bearer" = [])),
)]
pub async fn handle(
    request: HttpRequest,
    state: Data<AppState>,
    caller: Caller,
) -> Result<HttpResponse, ApiError> {
    let query = InboxQuery::parse(request.query_string())?;
    let user = caller.check_inbox(query.user)?;
    let filter = InboxFilter {
        user,
        state: query.state,
        category: query.category,
    };
    let page = query.page;
    let _turn = PageTurn::wait(&request, &state).await?;
    let listed = inbox::list(&state.database, &filter, page.after.as_ref(), page.limit).await?;
    let listed = listed.ok_or_else(outdated_position)?;
    let reader = reader(&caller, user);
    let items = listed
        .rows
        .into_iter()
        .map(|row| InboxItem::new(row, reader))
        .collect::<Result<_, _>>()?;
    Ok(HttpResponse::Ok().json(InboxPageView {
        items,
        next_cursor: listed.next.map(|cursor| cursor.to_string()),
        up_to: listed.up_to.to_string(),
    }))
}

/// The validated query.
struct InboxQuery {
    user: Option<UserId>,
    state: InboxState,
    category: Option<String>,
    page: PageRequest<InboxCursor>,
}

impl InboxQuery {
    fn parse(text: &str) -> Result<Self, ApiError> {
        let (mut user, mut state, mut category) = (None, None, None);
        let mut page = PageRequest::first();
        query::read(text, |name, value, problems| {
            match name {
                "state" => state = query::value(problems, name, value, None),
                "category" => category = query::text(problems, name, value),
                _ => {
                    return read_user(&mut user, name, value, problems)
                        || page.read_parameter(name, value, problems);
                }
            }
            true
        })?;
        Ok(Self {
            user,
            state: state.unwrap_or_default(),
            category,
            page,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_read() {
        let query = InboxQuery::parse("state=archived&category=news&limit=7").expect("valid");
        assert_eq!(query.state, InboxState::Archived);
        assert_eq!(query.category.as_deref(), Some("news"));
        assert_eq!((query.page.limit, query.user), (7, None));
        let none = InboxQuery::parse("").expect("valid");
        assert_eq!((none.state, none.page.limit), (InboxState::Unread, 50));
    }

    #[test]
    fn everything_that_is_wrong_is_reported_at_once() {
        let wrong = "state=new&category=&limit=201&cursor=1:1:&userId=7&upTo=x";
        let error = InboxQuery::parse(wrong).err().expect("all wrong");
        let fields: Vec<_> = error.details.iter().map(|d| d.field.as_str()).collect();
        assert_eq!(
            fields,
            ["state", "category", "limit", "cursor", "userId", "upTo"]
        );
    }
}
