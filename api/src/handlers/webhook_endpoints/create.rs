//! `POST /api/webhook-endpoints`.

use actix_web::http::header::{CACHE_CONTROL, LOCATION};
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use secrecy::ExposeSecret;
use serde::Serialize;
use tidings_db::webhook_endpoints::{self, MAX_PER_USER, NewEndpoint};
use tidings_db::{LimitedInsert, TransactionOptions};
use tidings_domain::content::WebhookUrl;
use tidings_domain::notification::UserId;
use tidings_egress::EgressPolicy;
use utoipa::ToSchema;

use super::{EndpointView, MAX_DESCRIPTION, secret};
use crate::auth::Caller;
use crate::error::ApiError;
use crate::json_body::{ObjectReader, values};
use crate::receive::receive;
use crate::state::AppState;

/// The body of a request.
#[derive(ToSchema)]
#[schema(as = NewWebhookEndpoint)]
#[expect(
    dead_code,
    reason = "its fields are the documentation of what `New` parses"
)]
pub struct NewEndpointBody {
    /// Whose webhooks go there.
    #[schema(rename = "userId", example = "9fc81fdd-fc9c-49e3-9df1-a36df7e1ec5a")]
    user_id: uuid::Uuid,
    /// Where it is: an https URL on the public internet, unless the operator allows more.
    #[schema(example = "https://example.com/hooks")]
    url: String,
    /// What people call it: at most 500 characters.
    description: Option<String>,
}

/// A new endpoint.
#[derive(Serialize, ToSchema)]
#[schema(as = CreatedWebhookEndpoint)]
pub struct Created {
    #[serde(flatten)]
    endpoint: EndpointView,
    /// Signs what is sent there (Standard Webhooks). It is never shown again.
    #[schema(example = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")]
    secret: String,
}

/// Makes a webhook endpoint of a user's. Its secret is in this answer and in no other.
#[utoipa::path(post, path = "/api/webhook-endpoints", operation_id = "createWebhookEndpoint", tag = "webhook endpoints",
    request_body = NewEndpointBody,
    responses(
        (status = 201, description = "Made, and enabled", body = Created, headers(("Location", description = "Where it can be read"))),
        (status = 400, description = "What is wrong stands in `details`, all of it", body = crate::error::ErrorBody),
        (status = 401, description = "No valid token", body = crate::error::ErrorBody),
        (status = 403, description = "The token does not allow managing this user's endpoints", body = crate::error::ErrorBody),
        (status = 404, description = "No such user", body = crate::error::ErrorBody),
        (status = 409, description = "`too_many_contacts`: a user may have 20", body = crate::error::ErrorBody),
        (status = 413, description = "The body is too large", body = crate::error::ErrorBody),
        (status = 415, description = "The body is not JSON", body = crate::error::ErrorBody),
        (status = 503, description = "The database is away", body = crate::error::ErrorBody),
    ),
    security(("bearer" = [])),
)]
pub async fn handle(
    request: HttpRequest,
    state: Data<AppState>,
    caller: Caller,
    payload: Payload,
) -> Result<HttpResponse, ApiError> {
    caller.check_contacts()?;
    let body = receive(&request, payload, &state).await?;
    let new = New::parse(&body, &state.egress)?;
    caller.check_contacts_of(new.user)?;
    let secret = secret::generate()?;
    let endpoint = NewEndpoint {
        user: new.user,
        url: &new.url,
        description: new.description.as_deref(),
        secret: &secret,
    };
    let added = state
        .database
        .transaction(TransactionOptions::default(), async |transaction| {
            webhook_endpoints::insert(transaction, endpoint).await
        })
        .await?;
    match added {
        LimitedInsert::Inserted(row) | LimitedInsert::Existing(row) => Ok(HttpResponse::Created()
            .insert_header((LOCATION, format!("/api/webhook-endpoints/{}", row.id)))
            .insert_header((CACHE_CONTROL, "no-store"))
            .json(Created {
                endpoint: row.into(),
                secret: secret.expose_secret().to_owned(),
            })),
        LimitedInsert::LimitReached => Err(ApiError::conflict(
            "too_many_contacts",
            format!("A user may have {MAX_PER_USER} webhook endpoints at most"),
        )),
        LimitedInsert::UnknownUser => Err(ApiError::not_found("There is no user with this id")),
    }
}

/// What a client asks for, checked.
#[derive(Debug)]
struct New {
    user: UserId,
    url: WebhookUrl,
    description: Option<String>,
}

impl New {
    fn parse(body: &[u8], policy: &EgressPolicy) -> Result<Self, ApiError> {
        let fields = ["userId", "url", "description"];
        let mut body = ObjectReader::parse(body, &fields, "webhook endpoint")?;
        let user = body.required("userId", values::uuid::<UserId>);
        let url = body.required("url", values::webhook_url(policy));
        let description = body.optional("description", values::line(MAX_DESCRIPTION));
        let new = user.zip(url).map(|(user, url)| Self {
            user,
            url,
            description: description.filter(|text| !text.is_empty()),
        });
        body.finish(new)
    }
}
