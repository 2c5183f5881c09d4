//! `GET /api/users`.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use tidings_db::notifications::IdCursor;
use tidings_db::users::{self, UserFilter};
use tidings_domain::access::Scope;

use super::view::{UserPage, UserView};
use crate::auth::Caller;
use crate::error::ApiError;
use crate::page_turn::PageTurn;
use crate::query::{self, PageRequest};
use crate::state::AppState;

/// Returns users, ordered by id, the largest first. Needs the scope `users:read`.
#[utoipa::path(get, path = "/api/users", operation_id = "listUsers", tag = "users",
    params(
        ("email" = Option<String>, Query, description = "Only the user with this address, in whatever spelling"),
        ("username" = Option<String>, Query, description = "Only the user with exactly this name"),
        ("limit" = Option<u32>, Query, description = "1 to 200, default 50"),
        ("cursor" = Option<String>, Query, description = "`nextCursor` of the previous page"),
    ),
    responses(
        (status = 200, description = "A page", body = UserPage),
        (status = 400, description = "`details` lists everything that is wrong", body = crate::error::ErrorBody),
        (status = 401, description = "The token is missing or invalid", body = crate::error::ErrorBody),
        (status = 403, description = "The token does not allow reading users", body = crate::error::ErrorBody),
        (status = 503, description = "The database is unavailable", body = crate::error::ErrorBody),
    ),
    security(("bearer" = [])),
)]
pub async fn handle(
    request: HttpRequest,
    state: Data<AppState>,
    caller: Caller,
) -> Result<HttpResponse, ApiError> {
    caller.check(Scope::UsersRead)?;
    let (filter, page) = parse(request.query_string())?;
    let _turn = PageTurn::wait(&request, &state).await?;
    let (rows, next) = state
        .database
        .run(async |client| users::list(client, &filter, page.after, page.limit).await)
        .await?;
    Ok(HttpResponse::Ok().json(UserPage {
        users: rows.into_iter().map(UserView::from).collect(),
        next_cursor: next.map(|cursor| cursor.to_string()),
    }))
}

fn parse(text: &str) -> Result<(UserFilter, PageRequest<IdCursor>), ApiError> {
    let (mut filter, mut page) = (UserFilter::default(), PageRequest::first());
    query::read(text, |name, value, problems| {
        match name {
            "email" => filter.email = query::value(problems, name, value, None),
            "username" => filter.username = query::text(problems, name, value),
            _ => return page.read_parameter(name, value, problems),
        }
        true
    })?;
    Ok((filter, page))
}

#[cfg(test)]
mod tests {
    use tidings_domain::content::EmailAddress;

    use super::*;

    #[test]
    fn an_address_is_looked_up_in_its_normal_form_and_a_name_exactly() {
        let (filter, page) =
            parse("email=Anna%40Example.COM&username=Anna&limit=7").expect("valid");
        let email = filter.email.as_ref().map(EmailAddress::as_str);
        assert_eq!(
            (email, filter.username.as_deref()),
            (Some("anna@example.com"), Some("Anna"))
        );
        assert_eq!((page.limit, page.after), (7, None));
    }

    #[test]
    fn everything_that_is_wrong_is_reported_at_once() {
        let error = parse("email=anna&username=&cursor=x&limit=0&id=1").expect_err("wrong");
        let fields: Vec<_> = error
            .details
            .iter()
            .map(|detail| detail.field.as_str())
            .collect();
        assert_eq!(fields, ["email", "username", "cursor", "limit", "id"]);
    }
}
