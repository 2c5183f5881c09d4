//! `PATCH /api/webhook-endpoints/{id}`.

use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use tidings_db::TransactionOptions;
use tidings_db::audit::{self, Action, TargetKind};
use tidings_db::webhook_endpoints::{self, EndpointChanges};
use tidings_egress::EgressPolicy;
use utoipa::ToSchema;

use super::access::EndpointAccess;
use super::{EndpointView, MAX_DESCRIPTION};
use crate::audit::Origin;
use crate::error::ApiError;
use crate::json_body::{ObjectReader, values};
use crate::request_body::read_json;
use crate::state::AppState;

/// The request body.
#[derive(ToSchema)]
#[schema(as = WebhookEndpointChanges)]
#[expect(dead_code, reason = "documents the body for OpenAPI")]
pub struct ChangesBody {
    /// The new URL.
    #[schema(example = "https://example.com/hooks")]
    url: Option<String>,
    /// The new description; null or an empty string removes it.
    description: Option<String>,
    /// Whether webhooks are sent to the endpoint. `true` also clears `disabledReason`.
    enabled: Option<bool>,
}

/// Changes the fields in the body and keeps the others.
#[utoipa::path(patch, path = "/api/webhook-endpoints/{id}", operation_id = "updateWebhookEndpoint", tag = "webhook endpoints",
    params(("id" = uuid::Uuid, Path, description = "The endpoint")),
    request_body = ChangesBody,
    responses(
        (status = 200, description = "The endpoint after the change", body = EndpointView),
        (status = 400, description = "`details` lists everything that is wrong", body = crate::error::ErrorBody),
        (status = 401, description = "The token is missing or invalid", body = crate::error::ErrorBody),
        (status = 403, description = "The token does not allow managing endpoints", body = crate::error::ErrorBody),
        (status = 404, description = "The endpoint does not exist or belongs to another user", body = crate::error::ErrorBody),
        (status = 413, description = "The body is too large", body = crate::error::ErrorBody),
        (status = 415, description = "The body is not JSON", body = crate::error::ErrorBody),
        (status = 503, description = "The database is unavailable", body = crate::error::ErrorBody),
    ),
    security(("bearer" = [])),
)]
pub async fn handle(
    request: HttpRequest,
    state: Data<AppState>,
    access: EndpointAccess,
    origin: Origin,
    payload: Payload,
) -> Result<HttpResponse, ApiError> {
    let body = read_json(&request, payload, &state).await?;
    let changes = parse(&body, &state.egress)?;
    let EndpointAccess { id, owner } = access;
    let row = state
        .database
        .transaction(TransactionOptions::default(), async |transaction| {
            if changes.is_empty() {
                return webhook_endpoints::find(transaction, id, owner).await;
            }
            let row = webhook_endpoints::update(transaction, id, owner, &changes).await?;
            if let Some(row) = &row {
                let entry = origin
                    .0
                    .entry(Action::WebhookEndpointUpdate)
                    .on(TargetKind::WebhookEndpoint, id)
                    .with("user", row.user_id.to_string())
                    .with("changed", changed(&changes));
                audit::record(transaction, &entry).await?;
            }
            Ok(row)
        })
        .await?;
    let row = row.ok_or_else(EndpointAccess::not_found)?;
    Ok(HttpResponse::Ok().json(EndpointView::from(row)))
}

/// The names of the fields that change. A URL may contain a secret.
fn changed(changes: &EndpointChanges) -> Vec<&'static str> {
    let fields = [
        ("url", changes.url.is_some()),
        ("description", changes.description.is_some()),
        ("enabled", changes.enabled.is_some()),
    ];
    let given = fields.into_iter().filter(|(_, is_given)| *is_given);
    given.map(|(name, _)| name).collect()
}

/// Parses the body. `null` removes the description and is an error for the other fields.
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
    fn absent_fields_are_kept() {
        assert!(changes("{}").expect("right").is_empty());
        let enabled = changes(r#"{"enabled": false}"#).expect("right");
        assert_eq!(enabled.enabled, Some(false));
        assert!(enabled.url.is_none() && enabled.description.is_none());
    }

    #[test]
    fn a_description_can_be_removed() {
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
