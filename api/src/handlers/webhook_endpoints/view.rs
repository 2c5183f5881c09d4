use jiff::Timestamp;
use serde::Serialize;
use tidings_db::webhook_endpoints::{EndpointHealth, WebhookEndpointRow};
use tidings_domain::content::WebhookUrl;
use tidings_domain::notification::UserId;
use utoipa::ToSchema;
use uuid::Uuid;

use super::access::ReadableEndpoints;

/// A webhook endpoint of a user. Only the responses that create a secret contain it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = WebhookEndpoint)]
pub struct EndpointView {
    /// The id.
    pub id: Uuid,
    /// The owner.
    #[schema(value_type = uuid::Uuid)]
    user_id: UserId,
    /// The URL.
    #[schema(example = "https://example.com/hooks")]
    url: String,
    /// A description for people.
    description: Option<String>,
    /// Whether webhooks are sent to the endpoint.
    enabled: bool,
    /// Why Tidings disabled the endpoint. Cleared when the endpoint is enabled.
    disabled_reason: Option<String>,
    /// When the endpoint was created.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When the endpoint was last changed.
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
    /// How it fares. Absent from the answers to changes.
    #[schema(required = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    health: Option<HealthView>,
}

/// How an endpoint fares.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = WebhookEndpointHealth)]
pub struct HealthView {
    /// Whether its host and port are down, as a worker sees them: webhooks wait until they respond.
    is_away: bool,
    /// When it last accepted a webhook; null if it never has.
    #[schema(value_type = Option<String>, format = DateTime)]
    last_success_at: Option<Timestamp>,
    /// When it last failed to accept one; null if it never has.
    #[schema(value_type = Option<String>, format = DateTime)]
    last_failure_at: Option<Timestamp>,
    /// Attempts that succeeded, in the hours that began within the last 24 hours.
    succeeded: i64,
    /// Attempts that failed, in these hours. What was deferred or throttled counts as neither.
    failed: i64,
    /// The share of those that failed; null if there was none.
    failure_ratio: Option<f64>,
}

impl From<&EndpointHealth> for HealthView {
    fn from(health: &EndpointHealth) -> Self {
        Self {
            is_away: health.is_away,
            last_success_at: health.last_delivered_at,
            last_failure_at: health.last_failed_at,
            succeeded: health.delivered,
            failed: health.failed,
            failure_ratio: health.failure_ratio(),
        }
    }
}

impl EndpointView {
    /// The endpoint with what is known of its health, for somebody who reads it.
    pub fn read(
        mut row: WebhookEndpointRow,
        health: Option<&EndpointHealth>,
        readable: ReadableEndpoints,
    ) -> Self {
        if readable.hides_paths {
            row.url = origin(&row.url);
        }
        Self {
            health: health.map(HealthView::from),
            ..Self::from(row)
        }
    }
}

/// A URL without what may contain a secret.
fn origin(url: &str) -> String {
    let url: Option<WebhookUrl> = url.parse().ok();
    url.map(|url| url.as_url().origin().ascii_serialization())
        .unwrap_or_default()
}

impl From<WebhookEndpointRow> for EndpointView {
    fn from(row: WebhookEndpointRow) -> Self {
        Self {
            id: row.id,
            user_id: row.user_id,
            url: row.url,
            description: row.description,
            enabled: row.enabled,
            disabled_reason: row.disabled_reason,
            created_at: row.created_at,
            updated_at: row.updated_at,
            health: None,
        }
    }
}

/// A page of endpoints.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = WebhookEndpointPage)]
pub struct EndpointPage {
    /// Newest first.
    pub webhook_endpoints: Vec<EndpointView>,
    /// The `cursor` of the next page; null on the last page.
    pub next_cursor: Option<String>,
}
