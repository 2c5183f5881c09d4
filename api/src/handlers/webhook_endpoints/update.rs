//! `PATCH /api/webhook-endpoints/{id}`.

use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use tidings_db::webhook_endpoints::{self, EndpointChanges};
use tidings_egress::EgressPolicy;
use utoipa::ToSchema;

use super::access::Wanted;
use super::{EndpointView, MAX_DESCRIPTION};
use crate::error::ApiError;
use crate::json_body::{ObjectReader, values};
use crate::receive::receive;
use crate::state::AppState;

/// The body of a request.
#[derive(ToSchema)]
#[schema(as = WebhookEndpointChanges)]
#[expect(
    dead_code,
    reason = "its fields are the documentation of what is parsed"
)]
pub struct ChangesBody {
    /// Where it is to be from now on.
    #[schema(example = "https://example.com/hooks")]
    url: Option<String>,
    /// What people are to call it; null or empty for nothing.
    description: Option<String>,
    /// Whether anything is to be sent there. `true` also clears why it was disabled.
    enabled: Option<bool>,
}

/// Changes what the body names and leaves the rest.
#[utoipa::path(patch, path = "/api/webhook-endpoints/{id}", operation_id = "updateWebhookEndpoint", tag = "webhook endpoints",
    params(("id" = uuid::Uuid, Path, description = "The endpoint")),
    request_body = ChangesBody,
    responses(
        (status = 200, description = "As it is now", body = EndpointView),
        (status = 400, description = "What is wrong stands in `details`, all of it", body = crate::error::ErrorBody),
        (status = 401, description = "No valid token", body = crate::error::ErrorBody),
        (status = 403, description = "The token does not allow managing endpoints", body = crate::error::ErrorBody),
        (status = 404, description = "No such endpoint, or not for this caller", body = crate::error::ErrorBody),
        (status = 413, description = "The body is too large", body = crate::error::ErrorBody),
        (status = 415, description = "The body is not JSON", body = crate::error::ErrorBody),
        (status = 503, description = "The database is away", body = crate::error::ErrorBody),
    ),
    security(("bearer" = [])),
)]
pub async fn handle(
    request: HttpRequest,
    state: Data<AppState>,
    wanted: Wanted,
    payload: Payload,
) -> Result<HttpResponse, ApiError> {
    let body = receive(&request, payload, &state).await?;
    let changes = parse(&body, &state.egress)?;
    let Wanted { id, owner } = wanted;
    let row = state
        .database
        .run(async |client| {
            if changes.is_empty() {
                return webhook_endpoints::find(client, id, owner).await;
            }
            webhook_endpoints::update(client, id, owner, &changes).await
        })
        .await?;
    let row = row.ok_or_else(Wanted::not_found)?;
    Ok(HttpResponse::Ok().json(EndpointView::from(row)))
}

/// Of the fields, only the description can be taken away by `null`.
fn parse(body: &[u8], policy: &EgressPolicy) -> Result<EndpointChanges, ApiError> {
    let fields = ["url", "description", "enabled"];
    let mut body = ObjectReader::parse(body, &fields, "webhook endpoint")?;
    let mut changes = EndpointChanges::default();
    if body.has("url") {
        changes.url = body.required("url", values::webhook_url(policy));
    }
    if body.has("description") {
        let line = body.optional("description", values::line(MAX_DESCRIPTION));
        changes.description = Some(line.unwrap_or_default());
    }
    if body.has("enabled") {
        changes.enabled = body.required("enabled", values::boolean);
    }
    body.finish(Some(changes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changes(body: &str) -> Result<EndpointChanges, ApiError> {
        parse(body.as_bytes(), &EgressPolicy::default())
    }

    #[test]
    fn what_is_not_named_stays() {
        assert!(changes("{}").expect("right").is_empty());
        let enabled = changes(r#"{"enabled": false}"#).expect("right");
        assert_eq!(enabled.enabled, Some(false));
        assert!(enabled.url.is_none() && enabled.description.is_none());
    }

    #[test]
    fn a_description_can_be_taken_away() {
        for body in [r#"{"description": null}"#, r#"{"description": ""}"#] {
            let changes = changes(body).expect("right");
            assert_eq!(changes.description.as_deref(), Some(""), "{body}");
        }
    }

    #[test]
    fn everything_that_is_wrong_is_reported_at_once() {
        let body =
            r#"{"url": "http://example.com/", "description": 7, "enabled": null, "secret": ""}"#;
        let error = changes(body).expect_err("all wrong");
        let fields: Vec<_> = error.details.iter().map(|d| d.field.as_str()).collect();
        assert_eq!(fields, ["url", "description", "enabled", "secret"]);
    }
}
