//! `GET /api/templates`.

use actix_web::web::{Data, Query};
use actix_web::{HttpRequest, HttpResponse};
use tidings_db::templates::{self, TemplateCursor};

use super::TemplatePage;
use crate::auth::Caller;
use crate::error::{ApiError, ErrorDetail};
use crate::json_body::shown;
use crate::query::{DEFAULT_LIMIT, MAX_LIMIT};
use crate::state::AppState;

/// Returns templates, ordered by name, channel and locale.
#[utoipa::path(get, path = "/api/templates", operation_id = "listTemplates", tag = "templates",
    params(
        ("limit" = Option<u32>, Query, description = "1 to 200, default 50"),
        ("cursor" = Option<String>, Query, description = "`nextCursor` of the previous page"),
    ),
    responses(
        (status = 200, description = "A page", body = TemplatePage),
        (status = 400, description = "`details` lists everything that is wrong", body = crate::error::ErrorBody),
        (status = 401, description = "The token is missing or invalid", body = crate::error::ErrorBody),
        (status = 403, description = "The token does not allow this", body = crate::error::ErrorBody),
        (status = 503, description = "The database is unavailable", body = crate::error::ErrorBody),
    ),
    security(("bearer" = [])),
)]
pub async fn handle(
    request: HttpRequest,
    state: Data<AppState>,
    caller: Caller,
) -> Result<HttpResponse, ApiError> {
    caller.check_templates()?;
    let (after, limit) = page_parameters(request.query_string())?;
    let (versions, next) = state
        .database
        .run(async |client| templates::list(client, after.as_ref(), limit).await)
        .await?;
    Ok(HttpResponse::Ok().json(TemplatePage {
        templates: versions.into_iter().map(Into::into).collect(),
        next_cursor: next.map(|cursor| cursor.to_string()),
    }))
}

/// Parses the cursor and the limit of a page.
fn page_parameters(query: &str) -> Result<(Option<TemplateCursor>, u32), ApiError> {
    let pairs = Query::<Vec<(String, String)>>::from_query(query);
    let Query(pairs) = pairs.map_err(|_| {
        let message = "The query string cannot be read";
        ApiError::bad_request("invalid_query", message, Vec::new())
    })?;
    let (mut after, mut limit) = (None, None);
    let mut problems = Vec::new();
    for (name, value) in &pairs {
        let problem = match name.as_str() {
            "cursor" if after.is_none() => match value.parse::<TemplateCursor>() {
                Ok(cursor) => {
                    after = Some(cursor);
                    continue;
                }
                Err(error) => error.to_string(),
            },
            "limit" if limit.is_none() => match value.parse() {
                Ok(number) if (1..=MAX_LIMIT).contains(&number) => {
                    limit = Some(number);
                    continue;
                }
                _ => format!("must be a whole number from 1 to {MAX_LIMIT}"),
            },
            "cursor" | "limit" => "is given more than once".to_owned(),
            _ => "is not a parameter of this path".to_owned(),
        };
        problems.push(ErrorDetail::new(shown(name), problem));
    }
    if problems.is_empty() {
        return Ok((after, limit.unwrap_or(DEFAULT_LIMIT)));
    }
    let names: Vec<&str> = problems.iter().take(10).map(|p| p.field.as_str()).collect();
    let message = format!("Invalid query parameters: {}", names.join(", "));
    Err(ApiError::bad_request("invalid_query", message, problems))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_read() {
        let (after, limit) = page_parameters("limit=200&cursor=welcome~email~de").expect("valid");
        let cursor = after.map(|cursor| cursor.to_string());
        assert_eq!((cursor.as_deref(), limit), (Some("welcome~email~de"), 200));
        assert_eq!(page_parameters("").expect("valid"), (None, 50));
    }

    #[test]
    fn everything_that_is_wrong_is_reported_at_once() {
        let error =
            page_parameters("limit=0&cursor=x&offset=3&limit=5&limit=6").expect_err("wrong");
        let fields: Vec<_> = error.details.iter().map(|d| d.field.as_str()).collect();
        assert_eq!(fields, ["limit", "cursor", "offset", "limit"]);
    }
}
