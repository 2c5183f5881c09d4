//! `GET /api/notifications`.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use tidings_db::notifications::{self, IdCursor, NotificationFilter};

use super::{NotificationPage, NotificationView};
use crate::auth::{AllowedUsers, Caller};
use crate::error::ApiError;
use crate::page_turn::PageTurn;
use crate::query::{self, PageRequest};
use crate::state::AppState;

/// Returns notifications, newest first.
#[utoipa::path(get, path = "/api/notifications", operation_id = "listNotifications", tag = "notifications",
    params(
        ("targetUserId" = Option<uuid::Uuid>, Query, description = "Return only this user's"),
        ("status" = Option<String>, Query, description = "Return only notifications with this status"),
        ("type" = Option<String>, Query, description = "Return only notifications of this channel"),
        ("limit" = Option<u32>, Query, description = "1 to 200, default 50"),
        ("cursor" = Option<String>, Query, description = "`nextCursor` of the previous page"),
    ),
    responses(
        (status = 200, description = "A page", body = NotificationPage),
        (status = 400, description = "`details` lists everything that is wrong", body = crate::error::ErrorBody),
        (status = 401, description = "The token is missing or invalid", body = crate::error::ErrorBody),
        (status = 403, description = "The token does not allow reading these", body = crate::error::ErrorBody),
        (status = 503, description = "The database is unavailable", body = crate::error::ErrorBody),
    ),
    security(("bearer" = [])),
)]
pub async fn handle(
    request: HttpRequest,
    state: Data<AppState>,
    caller: Caller,
) -> Result<HttpResponse, ApiError> {
    let users = caller.check_read()?;
    let NotificationQuery { mut filter, page } = NotificationQuery::parse(request.query_string())?;
    if let AllowedUsers::Only(own) = users {
        if filter.user_id.is_some_and(|user| user != own) {
            return Err(ApiError::forbidden(
                "The token allows reading its own user's notifications only",
            ));
        }
        filter.user_id = Some(own);
    }
    let _turn = PageTurn::wait(&request, &state).await?;
    let (rows, next) = state
        .database
        .run(async |client| notifications::list(client, filter, page.after, page.limit).await)
        .await?;
    let notifications = rows
        .into_iter()
        .map(|row| NotificationView::new(row, &caller))
        .collect::<Result<_, _>>()?;
    Ok(HttpResponse::Ok().json(NotificationPage {
        notifications,
        next_cursor: next.map(|cursor| cursor.to_string()),
    }))
}

/// The validated query.
#[derive(Debug)]
struct NotificationQuery {
    filter: NotificationFilter,
    page: PageRequest<IdCursor>,
}

impl NotificationQuery {
    /// Parses a query string.
    ///
    /// # Errors
    ///
    /// Returns 400 with everything that is wrong, unknown and repeated parameters included.
    fn parse(query: &str) -> Result<Self, ApiError> {
        let (mut filter, mut page) = (NotificationFilter::default(), PageRequest::first());
        query::read(query, |name, value, problems| {
            match name {
                "targetUserId" => {
                    filter.user_id = query::value(problems, name, value, Some("must be a UUID"));
                }
                "status" => filter.status = query::value(problems, name, value, None),
                "type" => filter.channel = query::value(problems, name, value, None),
                _ => return page.read_parameter(name, value, problems),
            }
            true
        })?;
        Ok(Self { filter, page })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_read() {
        let query = NotificationQuery::parse(
            "limit=200&status=failed&type=in-app&targetUserId=9fc81fdd-fc9c-49e3-9df1-a36df7e1ec5a",
        )
        .expect("valid");
        assert_eq!(query.page.limit, 200);
        assert!(
            query.filter.status.is_some()
                && query.filter.channel.is_some()
                && query.filter.user_id.is_some()
        );
        assert_eq!(NotificationQuery::parse("").expect("valid").page.limit, 50);
    }

    #[test]
    fn everything_that_is_wrong_is_reported_at_once() {
        let error = NotificationQuery::parse(
            "limit=0&limit=5&status=lost&type=pigeon&targetUserId=7&cursor=x&offset=3",
        )
        .expect_err("all wrong");
        let fields: Vec<_> = error
            .details
            .iter()
            .map(|detail| detail.field.as_str())
            .collect();
        assert_eq!(
            fields,
            [
                "limit",
                "limit",
                "status",
                "type",
                "targetUserId",
                "cursor",
                "offset"
            ]
        );
    }

    #[test]
    fn limits_out_of_range_are_refused() {
        for limit in ["0", "201", "-1", "1.5", "", "all"] {
            assert!(
                NotificationQuery::parse(&format!("limit={limit}")).is_err(),
                "{limit}"
            );
        }
    }
}
