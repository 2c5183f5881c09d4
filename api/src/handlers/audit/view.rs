use std::net::IpAddr;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use tidings_db::audit::AuditRow;
use utoipa::ToSchema;
use uuid::Uuid;

/// A page of the audit log.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AuditPage {
    /// The newest first.
    pub(super) entries: Vec<AuditEntryView>,
    /// The `cursor` of the next page; null on the last page.
    pub(super) next_cursor: Option<String>,
}

/// An action of a caller or an operator.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = AuditEntry)]
pub struct AuditEntryView {
    id: Uuid,
    /// When the action began.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    actor: AuditActor,
    /// The name of the action. Later versions have more.
    #[schema(example = "template.put")]
    action: String,
    /// What the action changes.
    target: Option<AuditTarget>,
    /// `ok`, `refused` or `failed`.
    #[schema(example = "ok")]
    outcome: String,
    /// The `X-Request-Id` of the request.
    request_id: Option<String>,
    /// The address of the client, or of the proxy in front of the API. Null once it is erased.
    #[schema(value_type = Option<String>, example = "192.0.2.1")]
    ip: Option<IpAddr>,
    /// The `User-Agent` of the request, at most 256 bytes.
    user_agent: Option<String>,
    /// What else is to know about the action.
    #[schema(value_type = Object, example = json!({"version": 3}))]
    details: Value,
}

/// Who acts.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuditActor {
    /// `user`, `service` or `key`: a caller of the API. `cli`: the tool `tidings`. `system`: a program by itself.
    #[schema(example = "service")]
    kind: String,
    /// The subject of the token, or the user of the operating system.
    #[schema(example = "billing")]
    id: String,
}

/// What an action changes.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuditTarget {
    /// The kind, such as `template`.
    #[schema(example = "template")]
    kind: String,
    /// Identifies it within its kind.
    #[schema(example = "welcome/email/de")]
    id: String,
}

impl From<AuditRow> for AuditEntryView {
    fn from(row: AuditRow) -> Self {
        let target = row.target_kind.zip(row.target_id);
        Self {
            id: row.id,
            at: row.at,
            actor: AuditActor {
                kind: row.actor_kind,
                id: row.actor_id,
            },
            action: row.action,
            target: target.map(|(kind, id)| AuditTarget { kind, id }),
            outcome: row.outcome,
            request_id: row.request_id,
            ip: row.ip,
            user_agent: row.user_agent,
            details: row.details,
        }
    }
}
