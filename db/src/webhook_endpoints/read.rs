use std::str::FromStr;

use jiff::Timestamp;
use tidings_domain::notification::UserId;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::health::away_origins;
use crate::GenericClient;
use crate::error::DbError;
use crate::notifications::IdCursor;
use crate::page::read_page;

/// An endpoint without its secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookEndpointRow {
    /// UUIDv7.
    pub id: Uuid,
    /// The owner.
    pub user_id: UserId,
    /// The URL.
    pub url: String,
    /// The description.
    pub description: Option<String>,
    /// Whether webhooks are sent to the endpoint.
    pub enabled: bool,
    /// Why Tidings disabled the endpoint.
    pub disabled_reason: Option<String>,
    /// When the endpoint was created.
    pub created_at: Timestamp,
    /// When the endpoint was last changed.
    pub updated_at: Timestamp,
}

pub(super) const COLUMNS: &str =
    "id, user_id, url, description, enabled, disabled_reason, created_at, updated_at";

impl From<&tokio_postgres::Row> for WebhookEndpointRow {
    /// Converts a row of `COLUMNS`.
    fn from(row: &tokio_postgres::Row) -> Self {
        Self {
            id: row.get(0),
            user_id: row.get::<_, Uuid>(1).into(),
            url: row.get(2),
            description: row.get(3),
            enabled: row.get(4),
            disabled_reason: row.get(5),
            created_at: row.get(6),
            updated_at: row.get(7),
        }
    }
}

/// Finds the endpoint `id`, of `owner` if one is given.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn find(
    client: &impl GenericClient,
    id: Uuid,
    owner: Option<UserId>,
) -> Result<Option<WebhookEndpointRow>, DbError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM webhook_endpoints
         WHERE id = $1 AND ($2::uuid IS NULL OR user_id = $2)"
    );
    let statement = client.prepare_cached(&sql).await?;
    let owner = owner.map(UserId::as_uuid);
    let row = client.query_opt(&statement, &[&id, &owner]).await?;
    Ok(row.as_ref().map(WebhookEndpointRow::from))
}

/// The state of an endpoint, as a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndpointState {
    /// Webhooks are sent to it.
    Enabled,
    /// Nothing is sent to it.
    Disabled,
    /// Nothing is sent to it, because of what it has answered.
    DisabledByTidings,
    /// Its destination is down, as a worker sees it.
    Away,
}

impl EndpointState {
    /// Every state.
    pub const ALL: [Self; 4] = [
        Self::Enabled,
        Self::Disabled,
        Self::DisabledByTidings,
        Self::Away,
    ];

    /// The name in queries.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Enabled => "enabled",
            Self::Disabled => "disabled",
            Self::DisabledByTidings => "disabled_by_tidings",
            Self::Away => "away",
        }
    }

    /// The literals are those of the partial indexes.
    const fn condition(self) -> &'static str {
        match self {
            Self::Enabled => "enabled",
            Self::Disabled => "NOT enabled",
            Self::DisabledByTidings => "disabled_reason IS NOT NULL",
            Self::Away => "substring(url from '^[a-z]+://[^/?#]+') = ANY($4)",
        }
    }
}

impl FromStr for EndpointState {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut all = Self::ALL.into_iter();
        let found = all.find(|state| state.as_str() == text);
        found.ok_or("must be enabled, disabled, disabled_by_tidings or away")
    }
}

/// Matches endpoints that meet all conditions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EndpointFilter {
    /// Only those of this user.
    pub user: Option<UserId>,
    /// Only those in this state.
    pub state: Option<EndpointState>,
}

/// Returns a page of endpoints, the newest first, and the cursor of the next page if there is one.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn list(
    client: &impl GenericClient,
    filter: EndpointFilter,
    after: Option<IdCursor>,
    limit: u32,
) -> Result<(Vec<WebhookEndpointRow>, Option<IdCursor>), DbError> {
    let EndpointFilter { user, state } = filter;
    // A statement for each filter, so that each plan reads one index in order.
    let whose = if user.is_some() {
        "user_id = $1"
    } else {
        "$1::uuid IS NULL"
    };
    let (condition, origins) = match state {
        Some(EndpointState::Away) => (
            EndpointState::Away.condition(),
            Some(away_origins(client).await?),
        ),
        Some(state) => (state.condition(), None),
        None => ("true", None),
    };
    let sql = format!(
        "SELECT {COLUMNS} FROM webhook_endpoints
         WHERE {whose} AND {condition} AND ($4::text[] IS NULL OR true) AND id < $2 ORDER BY id DESC LIMIT $3"
    );
    let statement = client.prepare_cached(&sql).await?;
    let user = user.map(UserId::as_uuid);
    let query = async |after: Option<&IdCursor>, rows: i64| {
        // Every UUIDv7 is smaller.
        let after = after.map_or(Uuid::max(), |IdCursor(id)| *id);
        let parameters: [&(dyn ToSql + Sync); 4] = [&user, &after, &rows, &origins];
        Ok(client.query_raw(&statement, parameters).await?)
    };
    let cursor_of = |row: &WebhookEndpointRow| IdCursor(row.id);
    read_page(limit, after, query, cursor_of).await
}
