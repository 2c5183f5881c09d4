//! `GET /api/keys`.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use tidings_db::NumberCursor;
use tidings_db::api_keys::{self, KeyFilter};
use tidings_domain::access::Scope;

use super::view::{KeyPage, KeyView};
use crate::auth::Caller;
use crate::error::ApiError;
use crate::page_turn::PageTurn;
use crate::query::{self, PageRequest};
use crate::state::AppState;

/// Returns API keys without their secrets, the newest first. Needs the scope `keys:write`.
#[utoipa::path(get, path = "/api/keys", operation_id = "listApiKeys", tag = "API keys",
    params(
        ("userId" = Option<uuid::Uuid>, Query, description = "Return only keys of this user"),
        ("revoked" = Option<bool>, Query, description = "Whether to return revoked keys, too; default false"),
        ("limit" = Option<u32>, Query, description = "1 to 200, default 50"),
        ("cursor" = Option<String>, Query, description = "`nextCursor` of the previous page"),
    ),
    responses(
        (status = 200, description = "A page", body = KeyPage),
        (status = 400, description = "`details` lists everything that is wrong", body = crate::error::ErrorBody),
        (status = 401, description = "The token is missing or invalid", body = crate::error::ErrorBody),
        (status = 403, description = "The token has neither the scope `keys:write` nor `dashboard`", body = crate::error::ErrorBody),
        (status = 503, description = "The database is unavailable", body = crate::error::ErrorBody),
    ),
    security(("bearer" = [])),
)]
pub async fn handle(
    request: HttpRequest,
    state: Data<AppState>,
    caller: Caller,
) -> Result<HttpResponse, ApiError> {
    caller.check_any([Scope::KeysWrite, Scope::Dashboard])?;
    let (filter, page) = parse(request.query_string())?;
    let _turn = PageTurn::wait(&request, &state).await?;
    let (rows, next) = state
        .database
        .run(async |client| api_keys::list(client, filter, page.after, page.limit).await)
        .await?;
    Ok(HttpResponse::Ok().json(KeyPage {
        keys: rows.into_iter().map(KeyView::from).collect(),
        next_cursor: next.map(|cursor| cursor.to_string()),
    }))
}

fn parse(text: &str) -> Result<(KeyFilter, PageRequest<NumberCursor>), ApiError> {
    let (mut filter, mut page) = (KeyFilter::default(), PageRequest::first());
    query::read(text, |name, value, problems| {
        match name {
            "userId" => filter.user = query::value(problems, name, value, Some("must be a UUID")),
            "revoked" => {
                let read = query::value(problems, name, value, Some("must be true or false"));
                filter.revoked = read.unwrap_or_default();
            }
            _ => return page.read_parameter(name, value, problems),
        }
        true
    })?;
    Ok((filter, page))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_that_is_wrong_is_reported_at_once() {
        let (filter, page) = parse("revoked=true&limit=7&cursor=3").expect("valid");
        assert!(filter.revoked && filter.user.is_none() && page.limit == 7);
        assert!(!parse("").expect("valid").0.revoked);
        let error = parse("userId=me&revoked=yes&cursor=x&name=a").expect_err("wrong");
        let fields: Vec<_> = error.details.iter().map(|d| d.field.as_str()).collect();
        assert_eq!(fields, ["userId", "revoked", "cursor", "name"]);
    }
}
