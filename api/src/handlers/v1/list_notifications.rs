//! `GET /api/v1/notifications`.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use tidings_db::notifications::{self, IdCursor, NotificationFilter};

use super::view::{V1NotificationPage, V1NotificationView};
use crate::auth::Caller;
use crate::error::ApiError;
use crate::handlers::notifications::list::restrict;
use crate::page_turn::PageTurn;
use crate::query::{self, PageRequest};
use crate::state::AppState;

/// Returns notifications, newest first, like `GET /api/notifications`.
#[utoipa::path(get, path = "/api/v1/notifications", operation_id = "v1ListNotifications", tag = "v1",
    params(
        ("user_id" = Option<uuid::Uuid>, Query, description = "Return only this user's"),
        ("status" = Option<String>, Query, description = "Return only notifications with this status"),
        ("limit" = Option<u32>, Query, description = "1 to 200, default 50"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the previous page"),
    ),
    responses(
        (status = 200, description = "A page", body = V1NotificationPage),
        (status = 400, description = "`details` lists everything that is wrong", body = crate::error::ErrorBody),
        (status = 401, description = "The token is missing or invalid", body = crate::error::ErrorBody),
        (status = 403, description = "The token does not allow reading these", body = crate::error::ErrorBody),
        (status = 503, description = "The database is unavailable, or too many long pages are read", body = crate::error::ErrorBody),
    ),
    security(("bearer" = [])),
)]
pub async fn handle(
    request: HttpRequest,
    state: Data<AppState>,
    caller: Caller,
) -> Result<HttpResponse, ApiError> {
    let users = caller.check_read()?;
    let mut filter = NotificationFilter::default();
    let mut page = PageRequest::<IdCursor>::first();
    query::read(request.query_string(), |name, value, problems| {
        match name {
            "user_id" => {
                filter.user_id = query::value(problems, name, value, Some("must be a UUID"));
            }
            "status" => filter.status = query::value(problems, name, value, None),
            _ => return page.read_parameter(name, value, problems),
        }
        true
    })?;
    restrict(users, &mut filter)?;
    let PageRequest { after, limit } = page;
    let _turn = PageTurn::wait(&request, &state).await?;
    let (rows, next) = state
        .database
        .run(async |client| notifications::list(client, &filter, after, limit).await)
        .await?;
    let views = rows.into_iter();
    let views = views.map(|row| V1NotificationView::new(row, &caller, state.providers));
    Ok(HttpResponse::Ok().json(V1NotificationPage {
        notifications: views.collect::<Result<_, _>>()?,
        next_cursor: next.map(|cursor| cursor.to_string()),
    }))
}
