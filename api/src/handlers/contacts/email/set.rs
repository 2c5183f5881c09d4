//! `PUT /api/users/{userId}/contacts/email`.

use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use tidings_db::TransactionOptions;
use tidings_db::audit::Action;
use tidings_db::users::{self, SetEmailResult};
use tidings_domain::content::EmailAddress;
use utoipa::ToSchema;

use super::EmailView;
use crate::accounts::AddressesBefore;
use crate::audit::Origin;
use crate::auth::Caller;
use crate::client_info::client_info;
use crate::error::ApiError;
use crate::handlers::contacts::change::ContactChange;
use crate::handlers::contacts::owner::Owner;
use crate::json_body::{ObjectReader, values};
use crate::request_body::read_json;
use crate::state::AppState;

/// The request body.
#[derive(ToSchema)]
#[schema(as = NewEmailContact)]
#[expect(dead_code, reason = "documents the body for OpenAPI")]
pub struct NewEmailBody {
    /// One address without a display name. No other user may have it.
    #[schema(example = "anna@example.com")]
    email: String,
}

/// Sets a user's e-mail address.
#[utoipa::path(put, path = "/api/users/{userId}/contacts/email", operation_id = "setEmail", tag = "contacts",
    params(("userId" = uuid::Uuid, Path, description = "The user")),
    request_body = NewEmailBody,
    responses(
        (status = 200, description = "Set", body = EmailView),
        (status = 400, description = "`details` lists everything that is wrong", body = crate::error::ErrorBody),
        (status = 401, description = "The token is missing or invalid", body = crate::error::ErrorBody),
        (status = 403, description = "The token does not allow managing this user's contacts", body = crate::error::ErrorBody),
        (status = 404, description = "The user does not exist", body = crate::error::ErrorBody),
        (status = 409, description = "`email_taken`: another user has this address", body = crate::error::ErrorBody),
        (status = 413, description = "The body is too large", body = crate::error::ErrorBody),
        (status = 415, description = "The body is not JSON", body = crate::error::ErrorBody),
        (status = 503, description = "The database is unavailable", body = crate::error::ErrorBody),
    ),
    security(("bearer" = [])),
)]
pub async fn handle(
    request: HttpRequest,
    state: Data<AppState>,
    owner: Owner,
    caller: Caller,
    origin: Origin,
    payload: Payload,
) -> Result<HttpResponse, ApiError> {
    let body = read_json(&request, payload, &state).await?;
    let address = parse(&body)?;
    let change = ContactChange {
        origin: &origin,
        caller: &caller,
        owner,
        contact: "email",
    };
    let client = client_info(&request);
    let set = state
        .database
        .transaction(TransactionOptions::default(), async |transaction| {
            let accounts = state.accounts.as_deref();
            let before = AddressesBefore::read(transaction, accounts, &[owner.0]).await?;
            change.begin(transaction, &state).await?;
            let set = users::set_email(transaction, owner.0, Some(&address)).await?;
            if set == SetEmailResult::Updated {
                before.tell(transaction, caller.changer(&client)).await?;
                change
                    .record(transaction, Action::ContactPut, |entry| {
                        entry.with("email", address.as_str())
                    })
                    .await?;
            }
            Ok(set)
        })
        .await?;
    match set {
        SetEmailResult::Updated => Ok(HttpResponse::Ok().json(EmailView {
            email: Some(address.as_str().to_owned()),
        })),
        SetEmailResult::AddressTaken => Err(ApiError::conflict(
            "email_taken",
            "Another user has this e-mail address",
        )),
        SetEmailResult::UnknownUser => Err(Owner::not_found()),
    }
}

fn parse(body: &[u8]) -> Result<EmailAddress, ApiError> {
    let mut body = ObjectReader::parse(body, &["email"], "contact")?;
    let email = body.required("email", values::parsed);
    body.finish(email)
}
