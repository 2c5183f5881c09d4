use jiff::Timestamp;
use serde::Serialize;
use tidings_db::webhook_endpoints::WebhookEndpointRow;
use tidings_domain::notification::UserId;
use utoipa::ToSchema;
use uuid::Uuid;

/// Where a user's webhooks go. Its secret is shown only when it is made.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = WebhookEndpoint)]
pub struct EndpointView {
    /// Names it.
    pub id: Uuid,
    /// Whose it is.
    #[schema(value_type = uuid::Uuid)]
    user_id: UserId,
    /// Where it is.
    #[schema(example = "https://example.com/hooks")]
    url: String,
    /// What people call it.
    description: Option<String>,
    /// Whether anything is sent there.
    enabled: bool,
    /// Why Tidings itself disabled it; enabling it clears this.
    disabled_reason: Option<String>,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When it was changed last.
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
    /// The next page's `cursor`; null on the last.
    pub next_cursor: Option<String>,
}
