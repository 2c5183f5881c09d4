//! `POST /api/v1/users`.

use actix_web::http::header::LOCATION;
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use jiff::Timestamp;
use serde::Serialize;
use tidings_db::users::UserProfile;
use tidings_domain::access::Scope;
use tidings_domain::notification::UserId;
use utoipa::ToSchema;

use crate::accounts::{self, NewPassword};
use crate::audit::Origin;
use crate::auth::Caller;
use crate::error::ApiError;
use crate::handlers::users::create::{create, location};
use crate::json_body::{ObjectReader, values};
use crate::request_body::read_json;
use crate::state::AppState;

const FIELDS: [&str; 3] = ["username", "email", PASSWORD];

const PASSWORD: &str = "password";

/// A user of an older service.
#[derive(ToSchema)]
#[schema(as = V1NewUser)]
#[expect(dead_code, reason = "documents the body for OpenAPI")]
pub struct NewUserBody {
    /// The name. No other user may have it.
    #[schema(min_length = 1, max_length = 100, example = "anna")]
    username: String,
    /// One address without a display name. No other user may have it, in whatever spelling.
    #[schema(max_length = 254, example = "anna@example.com")]
    email: String,
    /// With which the user logs in: 12 to 128 characters. Only while accounts are on.
    #[schema(min_length = 12, max_length = 128)]
    password: Option<String>,
}

/// The user that was created.
#[derive(Serialize, ToSchema)]
#[schema(as = V1User)]
pub struct UserResponse {
    /// The id, which `user_id` of a notification names.
    #[schema(value_type = uuid::Uuid)]
    id: UserId,
    /// The address.
    email: Option<String>,
    /// The name.
    username: String,
    /// When the user was created.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
}

/// Creates a user, like `POST /api/users`. With a `password`, the user can log in; it is refused while accounts are off.
#[utoipa::path(post, path = "/api/v1/users", operation_id = "v1CreateUser", tag = "v1",
    request_body = NewUserBody,
    responses(
        (status = 201, description = "The user is created", body = UserResponse, headers(("Location", description = "URL of the user"))),
        (status = 400, description = "`details` lists everything that is wrong", body = crate::error::ErrorBody),
        (status = 401, description = "The token is missing or invalid", body = crate::error::ErrorBody),
        (status = 403, description = "The token does not allow writing users", body = crate::error::ErrorBody),
        (status = 409, description = "`username_taken` or `email_taken`: another user has this name or address", body = crate::error::ErrorBody),
        (status = 413, description = "The body is too large", body = crate::error::ErrorBody),
        (status = 415, description = "The body is not JSON", body = crate::error::ErrorBody),
        (status = 503, description = "The database is unavailable", body = crate::error::ErrorBody),
    ),
    security(("bearer" = [])),
)]
pub async fn handle(
    request: HttpRequest,
    state: Data<AppState>,
    caller: Caller,
    origin: Origin,
    payload: Payload,
) -> Result<HttpResponse, ApiError> {
    caller.check(Scope::UsersWrite)?;
    let body = read_json(&request, payload, &state).await?;
    let (profile, password) = parse(&body, state.accounts.is_some())?;
    let hash = match password {
        Some(password) => Some(accounts::hash_password(state.accounts()?, password).await?),
        None => None,
    };
    let row = create(&state, &caller, &origin, &profile, hash.as_ref()).await?;
    Ok(HttpResponse::Created()
        .insert_header((LOCATION, location(&row)))
        .json(UserResponse {
            id: row.id,
            email: row.email,
            username: row.username,
            created_at: row.created_at,
        }))
}

fn parse(body: &[u8], has_accounts: bool) -> Result<(UserProfile, Option<NewPassword>), ApiError> {
    let mut reader = ObjectReader::parse(body, &FIELDS, "user")?;
    let username = reader.required("username", values::parsed);
    let email = reader.required("email", values::parsed);
    let password = if has_accounts {
        reader.optional(PASSWORD, values::parsed)
    } else {
        reader.reject(
            PASSWORD,
            "is not taken: accounts are off, so the user could not log in",
        );
        None
    };
    let profile = username.zip(email).map(|(username, email)| UserProfile {
        username,
        email: Some(email),
        locale: None,
        timezone: None,
        phone_numbers: None,
    });
    let profile = reader.finish(profile)?;
    Ok((profile, password))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_that_would_not_be_stored_is_refused() {
        let body = br#"{"username": "anna", "email": "anna@example.com", "password": null}"#;
        assert!(parse(body, false).is_ok());
        let body = br#"{"username": "anna", "email": "anna@example.com", "password": "secret"}"#;
        for has_accounts in [false, true] {
            // With accounts, it is too short.
            let error = parse(body, has_accounts).expect_err("a password");
            assert_eq!(error.code, "invalid_fields");
            assert_eq!(error.details[0].field, "password");
        }
        assert_eq!(
            parse(b"{}", true).expect_err("nothing").code,
            "missing_fields"
        );
    }
}
