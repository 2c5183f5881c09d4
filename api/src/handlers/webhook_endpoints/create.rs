//! `POST /api/webhook-endpoints`.

use actix_web::http::header::{CACHE_CONTROL, LOCATION};
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use secrecy::ExposeSecret;
use serde::Serialize;
use tidings_db::audit::{self, Action, TargetKind};
use tidings_db::webhook_endpoints::{self, MAX_PER_USER, NewEndpoint};
use tidings_db::{LimitedInsert, TransactionOptions, generate_secret};
use tidings_domain::content::WebhookUrl;
use tidings_domain::notification::UserId;
use tidings_egress::EgressPolicy;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{EndpointView, MAX_DESCRIPTION};
use crate::audit::Origin;
use crate::auth::Caller;
use crate::error::ApiError;
use crate::json_body::{ObjectReader, values};
use crate::request_body::read_json;
use crate::state::AppState;

/// The request body.
#[derive(ToSchema)]
#[schema(as = NewWebhookEndpoint)]
#[expect(dead_code, reason = "documents the body for OpenAPI")]
pub struct NewEndpointBody {
    /// The user whose webhooks go to this endpoint.
    #[schema(rename = "userId", example = "9fc81fdd-fc9c-49e3-9df1-a36df7e1ec5a")]
    user_id: Uuid,
    /// An https URL on the public internet, unless the operator allows others.
    #[schema(example = "https://example.com/hooks")]
    url: String,
    /// A description for people, at most 500 characters.
    description: Option<String>,
}

/// The endpoint that was created.
#[derive(Serialize, ToSchema)]
#[schema(as = CreatedWebhookEndpoint)]
pub struct CreatedEndpoint {
    #[serde(flatten)]
    endpoint: EndpointView,
    /// The signing secret (Standard Webhooks). No other response contains it.
    #[schema(example = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")]
    secret: String,
}

/// Creates a webhook endpoint. Only this response contains its secret.
#[utoipa::path(post, path = "/api/webhook-endpoints", operation_id = "createWebhookEndpoint", tag = "webhook endpoints",
    request_body = NewEndpointBody,
    responses(
        (status = 201, description = "The endpoint is created and enabled", body = CreatedEndpoint, headers(("Location", description = "URL of the endpoint"))),
        (status = 400, description = "`details` lists everything that is wrong", body = crate::error::ErrorBody),
        (status = 401, description = "The token is missing or invalid", body = crate::error::ErrorBody),
        (status = 403, description = "The token does not allow managing this user's endpoints", body = crate::error::ErrorBody),
        (status = 404, description = "The user does not exist", body = crate::error::ErrorBody),
        (status = 409, description = "`too_many_contacts`: a user may have 20", body = crate::error::ErrorBody),
        (status = 413, description = "The body is too large", body = crate::error::ErrorBody),
        (status = 415, description = "The body is not JSON", body = crate::error::ErrorBody),
        (status = 503, description = "The database is unavailable; `secrets_key_missing`: the operator has not set SECRETS_KEY", body = crate::error::ErrorBody),
    ),
    security(("bearer" = [])),
)]
pub async fn handle(
    http_request: HttpRequest,
    state: Data<AppState>,
    caller: Caller,
    origin: Origin,
    payload: Payload,
) -> Result<HttpResponse, ApiError> {
    caller.check_contacts()?;
    let body = read_json(&http_request, payload, &state).await?;
    let request = CreateRequest::parse(&body, &state.egress)?;
    caller.check_contacts_of(request.user)?;
    let secret = generate_secret()?;
    let stored_secret = state.secret_keys.seal(Uuid::now_v7(), &secret)?;
    let endpoint = NewEndpoint {
        user: request.user,
        url: &request.url,
        description: request.description.as_deref(),
        secret: &stored_secret,
    };
    let added = state
        .database
        .transaction(TransactionOptions::default(), async |transaction| {
            let added = webhook_endpoints::insert(transaction, endpoint).await?;
            if let LimitedInsert::Inserted(row) = &added {
                let entry = origin
                    .0
                    .entry(Action::WebhookEndpointCreate)
                    .on(TargetKind::WebhookEndpoint, row.id)
                    .with("user", row.user_id.to_string());
                audit::record(transaction, &entry).await?;
            }
            Ok(added)
        })
        .await?;
    match added {
        LimitedInsert::Inserted(row) | LimitedInsert::Existing(row) => Ok(HttpResponse::Created()
            .insert_header((LOCATION, format!("/api/webhook-endpoints/{}", row.id)))
            .insert_header((CACHE_CONTROL, "no-store"))
            .json(CreatedEndpoint {
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

/// The validated body.
#[derive(Debug)]
struct CreateRequest {
    user: UserId,
    url: WebhookUrl,
    description: Option<String>,
}

impl CreateRequest {
    fn parse(body: &[u8], policy: &EgressPolicy) -> Result<Self, ApiError> {
        let fields = ["userId", "url", "description"];
        let mut body = ObjectReader::parse(body, &fields, "webhook endpoint")?;
        let user = body.required("userId", values::uuid::<UserId>);
        let url = body.required("url", values::webhook_url(policy));
        let description = body.optional("description", values::line(MAX_DESCRIPTION));
        let request = user.zip(url).map(|(user, url)| Self {
            user,
            url,
            description: description.filter(|text| !text.is_empty()),
        });
        body.finish(request)
    }
}
