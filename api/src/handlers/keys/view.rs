use jiff::Timestamp;
use serde::Serialize;
use tidings_db::api_keys::ApiKeyRow;
use tidings_domain::access::{ApiKey, Scope};
use tidings_domain::notification::UserId;
use utoipa::ToSchema;

use super::scope_name::ScopeName;

/// An API key without its secret.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ApiKey)]
pub struct KeyView {
    /// The id, which is also a part of the key. The sender of what the key sends is `key:` and this id.
    #[schema(example = "4nB7xQz0Ld")]
    id: String,
    /// What the key is for.
    #[schema(example = "billing, production")]
    name: String,
    /// What it may do.
    #[schema(value_type = Vec<ScopeName>, example = json!(["notifications:send:any"]))]
    scopes: Vec<&'static str>,
    /// The user to whom it is limited; null for a service.
    #[schema(value_type = Option<uuid::Uuid>)]
    user_id: Option<UserId>,
    /// How many requests a minute it may send; null: as many as other callers.
    rate_per_minute: Option<u32>,
    /// When it expires; null: never.
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Timestamp>,
    /// Who created it: the subject of a token, or the user of the tool.
    created_by: String,
    /// When it was created.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When it was last used, to about a minute; null: never.
    #[schema(value_type = Option<String>, format = DateTime)]
    last_used_at: Option<Timestamp>,
    /// Until when the secret before the last rotation is valid; null if there is none.
    #[schema(value_type = Option<String>, format = DateTime)]
    previous_valid_until: Option<Timestamp>,
    /// Since when it is refused because its user is to be deleted.
    #[schema(value_type = Option<String>, format = DateTime)]
    suspended_at: Option<Timestamp>,
    /// When it was revoked.
    #[schema(value_type = Option<String>, format = DateTime)]
    revoked_at: Option<Timestamp>,
}

impl From<ApiKeyRow> for KeyView {
    fn from(row: ApiKeyRow) -> Self {
        Self {
            id: row.id.to_string(),
            name: row.name,
            scopes: row.scopes.stated().map(Scope::as_str).collect(),
            user_id: row.user_id,
            rate_per_minute: row.rate_per_minute,
            expires_at: row.expires_at,
            created_by: row.created_by,
            created_at: row.created_at,
            last_used_at: row.last_used_at,
            previous_valid_until: row.previous_until.filter(|until| *until > Timestamp::now()),
            suspended_at: row.suspended_at,
            revoked_at: row.revoked_at,
        }
    }
}

/// An API key with its secret.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ApiKeyWithSecret)]
pub struct KeyWithSecret {
    #[serde(flatten)]
    view: KeyView,
    /// The key. No other response contains it.
    #[schema(example = "tdk_4nB7xQz0Ld_…")]
    key: String,
}

impl KeyWithSecret {
    pub fn new(row: ApiKeyRow, key: &ApiKey) -> Self {
        Self {
            view: row.into(),
            key: key.expose(),
        }
    }
}

/// An API key after its revocation.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = RevokedApiKey)]
pub struct RevokedKey {
    #[serde(flatten)]
    pub view: KeyView,
    /// Within how many seconds all processes that reach PostgreSQL refuse the key.
    pub effective_within_secs: u32,
}

/// A page of API keys.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ApiKeyPage)]
pub struct KeyPage {
    /// The newest first.
    pub keys: Vec<KeyView>,
    /// The `cursor` of the next page; null on the last page.
    pub next_cursor: Option<String>,
}
