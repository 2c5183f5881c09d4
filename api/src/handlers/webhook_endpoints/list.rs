//! `GET /api/webhook-endpoints`.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use tidings_db::notifications::IdCursor;
use tidings_db::webhook_endpoints;
use tidings_domain::notification::UserId;

use super::{EndpointPage, EndpointView};
use crate::auth::Caller;
use crate::error::ApiError;
use crate::page_turn::PageTurn;
use crate::query::{self, PageRequest};
use crate::state::AppState;

/// Returns webhook endpoints, newest first.
#[utoipa::path(get, path = "/api/webhook-endpoints", operation_id = "listWebhookEndpoints", tag = "webhook endpoints",
    params(
        ("userId" = Option<uuid::Uuid>, Query, description = "Return only this user's"),
        ("limit" = Option<u32>, Query, description = "1 to 200, default 50"),
        ("cursor" = Option<String>, Query, description = "`nextCursor` of the previous page"),
    ),
    responses(
        (status = 200, description = "A page", body = EndpointPage),
        (status = 400, description = "`details` lists everything that is wrong", body = crate::error::ErrorBody),
        (status = 401, description = "The token is missing or invalid", body = crate::error::ErrorBody),
        (status = 403, description = "The token does not allow managing these", body = crate::error::ErrorBody),
        (status = 503, description = "The database is unavailable", body = crate::error::ErrorBody),
    ),
    security(("bearer" = [])),
)]
pub async fn handle(
    request: HttpRequest,
    state: Data<AppState>,
    caller: Caller,
) -> Result<HttpResponse, ApiError> {
    let manageable = caller.check_contacts()?;
    let EndpointQuery { user, page } = EndpointQuery::parse(request.query_string())?;
    if let Some(user) = user {
        caller.check_contacts_of(user)?;
    }
    let user = user.or_else(|| manageable.owner());
    let _turn = PageTurn::wait(&request, &state).await?;
    let (rows, next) = state
        .database
        .run(async |client| webhook_endpoints::list(client, user, page.after, page.limit).await)
        .await?;
    Ok(HttpResponse::Ok().json(EndpointPage {
        webhook_endpoints: rows.into_iter().map(EndpointView::from).collect(),
        next_cursor: next.map(|cursor| cursor.to_string()),
    }))
}

/// The validated query.
struct EndpointQuery {
    user: Option<UserId>,
    page: PageRequest<IdCursor>,
}

impl EndpointQuery {
    fn parse(query: &str) -> Result<Self, ApiError> {
        let (mut user, mut page) = (None, PageRequest::first());
        query::read(query, |name, value, problems| {
            if name == "userId" {
                user = query::value(problems, name, value, Some("must be a UUID"));
                return true;
            }
            page.read_parameter(name, value, problems)
        })?;
        Ok(Self { user, page })
    }
}
