use jiff::Timestamp;
use serde::Serialize;
use tidings_db::webhook_endpoints::WebhookEndpointRow;
use tidings_domain::notification::UserId;
use utoipa::ToSchema;
use uuid::Uuid;

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
