//! `GET /api/webhook-endpoints`.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use tidings_db::notifications::IdCursor;
use tidings_db::webhook_endpoints::{self, EndpointFilter, WebhookEndpointRow};

use super::access::ReadableEndpoints;
use super::{EndpointPage, EndpointView};
use crate::auth::Caller;
use crate::error::ApiError;
use crate::page_turn::PageTurn;
use crate::query::{self, PageRequest};
use crate::state::AppState;

/// Returns webhook endpoints, newest first. With no more than the scope `dashboard`, `url` ends after the host and port.
#[utoipa::path(get, path = "/api/webhook-endpoints", operation_id = "listWebhookEndpoints", tag = "webhook endpoints",
    params(
        ("userId" = Option<uuid::Uuid>, Query, description = "Return only this user's"),
        ("state" = Option<String>, Query, description = "Return only those that are `enabled`, `disabled`, `disabled_by_tidings` because of an answer, or `away`: their host and port are down, as a worker sees them"),
        ("limit" = Option<u32>, Query, description = "1 to 200, default 50"),
        ("cursor" = Option<String>, Query, description = "`nextCursor` of the previous page"),
    ),
    responses(
        (status = 200, description = "A page", body = EndpointPage),
        (status = 400, description = "`details` lists everything that is wrong", body = crate::error::ErrorBody),
        (status = 401, description = "The token is missing or invalid", body = crate::error::ErrorBody),
        (status = 403, description = "The token allows neither managing these nor has the scope `dashboard`", body = crate::error::ErrorBody),
        (status = 503, description = "The database is unavailable", body = crate::error::ErrorBody),
    ),
    security(("bearer" = [])),
)]
pub async fn handle(
    request: HttpRequest,
    state: Data<AppState>,
    caller: Caller,
) -> Result<HttpResponse, ApiError> {
    let readable = ReadableEndpoints::of(&caller)?;
    let EndpointQuery { mut filter, page } = EndpointQuery::parse(request.query_string())?;
    if let (Some(user), Some(_)) = (filter.user, readable.owner) {
        caller.check_contacts_of(user)?;
    }
    filter.user = filter.user.or(readable.owner);
    let _turn = PageTurn::wait(&request, &state).await?;
    let (rows, next, health) = state
        .database
        .run(async |client| {
            let (rows, next) =
                webhook_endpoints::list(client, filter, page.after, page.limit).await?;
            let health = webhook_endpoints::health(client, &rows).await?;
            Ok((rows, next, health))
        })
        .await?;
    let view = |row: WebhookEndpointRow| {
        let health = health.get(&row.id);
        EndpointView::read(row, health, readable)
    };
    Ok(HttpResponse::Ok().json(EndpointPage {
        webhook_endpoints: rows.into_iter().map(view).collect(),
        next_cursor: next.map(|cursor| cursor.to_string()),
    }))
}

/// The validated query.
struct EndpointQuery {
    filter: EndpointFilter,
    page: PageRequest<IdCursor>,
}

impl EndpointQuery {
    fn parse(query: &str) -> Result<Self, ApiError> {
        let (mut filter, mut page) = (EndpointFilter::default(), PageRequest::first());
        query::read(query, |name, value, problems| {
            match name {
                "userId" => {
                    filter.user = query::value(problems, name, value, Some("must be a UUID"));
                }
                "state" => filter.state = query::value(problems, name, value, None),
                _ => return page.read_parameter(name, value, problems),
            }
            true
        })?;
        Ok(Self { filter, page })
    }
}
