//! `POST /api/users/{userId}/contacts/phone-numbers`.

use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use tidings_db::{TransactionOptions, phone_numbers};
use tidings_domain::content::PhoneNumber;
use utoipa::ToSchema;

use super::NumberView;
use crate::audit::Origin;
use crate::auth::Caller;
use crate::error::ApiError;
use crate::handlers::contacts::add_response::add_response;
use crate::handlers::contacts::change::ContactChange;
use crate::handlers::contacts::owner::Owner;
use crate::json_body::{ObjectReader, values};
use crate::request_body::read_json;
use crate::state::AppState;

/// The request body.
#[derive(ToSchema)]
#[schema(as = NewPhoneNumber)]
#[expect(dead_code, reason = "documents the body for OpenAPI")]
pub struct NewNumberBody {
    /// `+` and 8 to 15 digits (E.164).
    #[schema(example = "+4915112345678")]
    number: String,
}

/// Adds a phone number. Text messages go to the number that was added last.
#[utoipa::path(post, path = "/api/users/{userId}/contacts/phone-numbers", operation_id = "addPhoneNumber", tag = "contacts",
    params(("userId" = uuid::Uuid, Path, description = "The user")),
    request_body = NewNumberBody,
    responses(
        (status = 201, description = "Added", body = NumberView, headers(("Location", description = "URL at which the contact can be deleted"))),
        (status = 200, description = "The user had the number already", body = NumberView),
        (status = 400, description = "`details` lists everything that is wrong", body = crate::error::ErrorBody),
        (status = 401, description = "The token is missing or invalid", body = crate::error::ErrorBody),
        (status = 403, description = "The token does not allow managing this user's contacts", body = crate::error::ErrorBody),
        (status = 404, description = "The user does not exist", body = crate::error::ErrorBody),
        (status = 409, description = "`too_many_contacts`: a user may have 10", body = crate::error::ErrorBody),
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
    let number = parse(&body)?;
    let change = ContactChange {
        origin: &origin,
        caller: &caller,
        owner,
        contact: "phone_number",
    };
    let added = state
        .database
        .transaction(TransactionOptions::default(), async |transaction| {
            change.begin(transaction, &state).await?;
            let added = phone_numbers::insert(transaction, owner.0, &number).await?;
            change
                .record_added(transaction, &added, |row| row.id)
                .await?;
            Ok(added)
        })
        .await?;
    add_response(owner, added.map(NumberView::from))
}

fn parse(body: &[u8]) -> Result<PhoneNumber, ApiError> {
    let mut body = ObjectReader::parse(body, &["number"], "contact")?;
    let number = body.required("number", values::parsed);
    body.finish(number)
}
