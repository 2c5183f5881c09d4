//! `GET /api/notifications`.

use actix_web::http::header::{ACCEPT, VARY};
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use tidings_db::notifications::{self, NotificationFilter, NotificationRow};
use tidings_db::sending_switches::{self, SendingSwitches};

use super::list_query::{ListOrder, NotificationQuery};
use super::{NotificationPage, NotificationView, csv};
use crate::auth::{AllowedUsers, Caller};
use crate::error::ApiError;
use crate::page_turn::PageTurn;
use crate::state::AppState;

/// Returns notifications, newest first. With `endedFrom` or `endedTo`, those that were delivered, failed, were cancelled,
/// suppressed or digested, or expired in this period, the one that ended last first; those of one user stay in the order of
/// acceptance. With the scope `dashboard`, those of all users without their payloads. With `order=sent`, those that were sent to
/// the outside, the last one first; then `Accept: text/csv` returns a CSV file without the contents, of at most 100,000
/// notifications.
#[utoipa::path(get, path = "/api/notifications", operation_id = "listNotifications", tag = "notifications",
    params(
        ("targetUserId" = Option<uuid::Uuid>, Query, description = "Return only this user's"),
        ("status" = Option<String>, Query, description = "Return only notifications with this status"),
        ("type" = Option<String>, Query, description = "Return only notifications of this channel"),
        ("category" = Option<String>, Query, description = "Return only notifications of this category"),
        ("sender" = Option<String>, Query, description = "Return only notifications that this subject of a token has posted"),
        ("template" = Option<String>, Query, description = "Return only notifications that this template renders"),
        ("reason" = Option<String>, Query, description = "Return only notifications that failed, wait, or were not sent for this reason, such as `provider_rejected` or `quiet_hours`"),
        ("host" = Option<String>, Query, description = "Return only webhooks to this host"),
        ("reference" = Option<String>, Query, description = "Return only notifications to which a provider has given this id"),
        ("messageId" = Option<uuid::Uuid>, Query, description = "Return only this notification"),
        ("createdFrom" = Option<String>, Query, description = "Return only notifications that were accepted at this time or later"),
        ("createdTo" = Option<String>, Query, description = "Return only notifications that were accepted before this time"),
        ("endedFrom" = Option<String>, Query, description = "Return only notifications that ended at this time or later"),
        ("endedTo" = Option<String>, Query, description = "Return only notifications that ended before this time"),
        ("order" = Option<String>, Query, description = "`sent`: what was sent, the last one first"),
        ("sentAfter" = Option<String>, Query, description = "With `order=sent`: sent at this time or later"),
        ("sentBefore" = Option<String>, Query, description = "With `order=sent`: sent before this time"),
        ("limit" = Option<u32>, Query, description = "1 to 200, default 50; for CSV by default 100,000"),
        ("cursor" = Option<String>, Query, description = "`nextCursor` of the previous page, or `cursor` of the last line of a CSV file"),
    ),
    responses(
        (status = 200, description = "A page, or a CSV file", content(
            (NotificationPage = "application/json"),
            (String = "text/csv"),
        )),
        (status = 400, description = "`details` lists everything that is wrong", body = crate::error::ErrorBody),
        (status = 401, description = "The token is missing or invalid", body = crate::error::ErrorBody),
        (status = 403, description = "The token does not allow reading these", body = crate::error::ErrorBody),
        (status = 503, description = "The database is unavailable, or too many long pages or CSV files are read", body = crate::error::ErrorBody),
    ),
    security(("bearer" = [])),
)]
pub async fn handle(
    request: HttpRequest,
    state: Data<AppState>,
    caller: Caller,
) -> Result<HttpResponse, ApiError> {
    let users = caller.check_find()?;
    let as_csv = csv::is_preferred(&request);
    let mut query = NotificationQuery::parse(request.query_string(), as_csv)?;
    restrict(users, &mut query.filter)?;
    let NotificationQuery {
        filter,
        order,
        limit,
        has_limit,
    } = query;
    if let (true, ListOrder::Sent(after)) = (as_csv, &order) {
        let rows = has_limit.then_some(limit);
        return csv::file(state, filter, *after, rows).await;
    }
    let _turn = PageTurn::wait(&request, &state).await?;
    let reading = state.database.run(async |client| {
        let (rows, next, searched_until) = match order {
            ListOrder::Searched(after) => {
                let page = notifications::search(client, &filter, after, limit).await?;
                let next = page.next.map(|cursor| cursor.to_string());
                (page.rows, next, page.searched_until)
            }
            ListOrder::Sent(after) => {
                let (rows, next) = notifications::list_sent(client, &filter, after, limit).await?;
                (rows, next.map(|cursor| cursor.to_string()), None)
            }
        };
        let rules = notifications::withheld_by(client, &rows).await?;
        let switches = if rows.iter().any(NotificationView::is_open) {
            sending_switches::list(client).await?
        } else {
            SendingSwitches::default()
        };
        Ok((rows, rules, switches, next, searched_until))
    });
    let (rows, rules, switches, next_cursor, searched_until) = reading.await?;
    let view = |row: NotificationRow| -> Result<NotificationView, ApiError> {
        let rule = rules.get(&row.message_id);
        let view = NotificationView::new(row, &caller)?.withheld_by(rule);
        Ok(view.unless_stopped(&switches))
    };
    let notifications = rows
        .into_iter()
        .map(view)
        .collect::<Result<_, ApiError>>()?;
    let page = NotificationPage {
        notifications,
        next_cursor,
        searched_until,
    };
    Ok(HttpResponse::Ok()
        .insert_header((VARY, ACCEPT.as_str()))
        .json(page))
}

/// Restricts a list to the users whose notifications the caller may read.
///
/// # Errors
///
/// Returns 403 if the filter names another user.
pub fn restrict(users: AllowedUsers, filter: &mut NotificationFilter) -> Result<(), ApiError> {
    if let AllowedUsers::Only(own) = users {
        if filter.user_id.is_some_and(|user| user != own) {
            return Err(ApiError::forbidden(
                "The token allows reading its own user's notifications only",
            ));
        }
        filter.user_id = Some(own);
    }
    Ok(())
}
