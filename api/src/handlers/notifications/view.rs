use jiff::Timestamp;
use serde::Serialize;
use serde_json::value::RawValue;
use tidings_db::notifications::{NotificationRow, PayloadReader, WithheldBy};
use tidings_db::sending_switches::SendingSwitches;
use tidings_domain::content::TemplateRef;
use tidings_domain::notification::{Channel, DigestId, MessageId, Status, UserId};
use tidings_domain::trace::{TraceId, TraceUrlTemplate};
use utoipa::ToSchema;

use super::decision::DecisionView;
use crate::auth::Caller;
use crate::error::ApiError;

/// The error of a template, for callers that may not read templates.
pub const TEMPLATE_ERROR: &str = "the template cannot render the message with these variables";

/// A recorded notification.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Notification)]
pub struct NotificationView {
    /// The notification's id.
    #[schema(value_type = uuid::Uuid)]
    pub message_id: MessageId,
    /// The user that the notification is for; null if only the payload names the recipient.
    #[schema(value_type = Option<uuid::Uuid>)]
    pub target_user_id: Option<UserId>,
    /// The channel.
    #[schema(example = "in-app")]
    pub r#type: String,
    /// The content, or the variables of the template; null if it is hidden.
    #[schema(value_type = Option<Object>)]
    pub payload: Option<Box<RawValue>>,
    /// Present and true if the payload is hidden: from everybody if the notification is sensitive, except that a user sees
    /// those of their own in-app notifications; and from callers with the scope `dashboard`, who ask for
    /// `/api/notifications/{messageId}/payload`.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    payload_hidden: bool,
    /// When the payload was erased: by retention, or because a sensitive notification ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    payload_removed_at: Option<Timestamp>,
    /// The template that renders the message (email, sms and push only).
    #[serde(skip_serializing_if = "Option::is_none")]
    template: Option<NotificationTemplate>,
    /// `scheduled`, `pending`, `retrying`, `processed`, `failed`, `cancelled`, `expired`, `suppressed` or `digested`.
    #[schema(example = "processed")]
    pub status: String,
    /// How many delivery attempts have failed.
    retries_attempted: i32,
    /// When the notification was accepted.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When the notification was delivered.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub processed_at: Option<Timestamp>,
    /// Why the last attempt failed.
    pub error_message: Option<String>,
    /// The category that the recipient chooses by.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "order-updates")]
    category: Option<String>,
    /// The digest that it is a part of, or that it is the message of.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<uuid::Uuid>)]
    digest_id: Option<DigestId>,
    /// The notification in which it was sent, if it is `digested`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<uuid::Uuid>)]
    digest_message_id: Option<MessageId>,
    /// When no send begins any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Timestamp>,
    /// The trace that it belongs to (W3C Trace Context), if its request named one, or began one that is recorded.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "0af7651916cd43dd8448eb211c80319c")]
    trace_id: Option<TraceId>,
    /// Where the trace can be seen (`TRACE_URL_TEMPLATE`). Only for callers that may read the notifications of every user, and
    /// not in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "https://traces.example.com/trace/0af7651916cd43dd8448eb211c80319c")]
    trace_url: Option<String>,
    /// Whether the notification is sent, waits, or was not sent, and why.
    decision: DecisionView,
}

/// The template that renders a notification.
#[derive(Debug, Serialize, ToSchema)]
pub struct NotificationTemplate {
    /// The template's name.
    #[schema(example = "welcome")]
    name: String,
    /// The preferred language; the default template if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "de-AT")]
    locale: Option<String>,
}

impl From<TemplateRef> for NotificationTemplate {
    fn from(TemplateRef { name, locale }: TemplateRef) -> Self {
        Self { name, locale }
    }
}

impl NotificationView {
    /// Converts a row. A template may contain texts of the operator, so its errors, which quote it, are only for
    /// callers that may read it.
    ///
    /// # Errors
    ///
    /// Returns an error if the payload of the row is not JSON.
    pub fn new(row: NotificationRow, caller: &Caller) -> Result<Self, ApiError> {
        let reader = caller.payload_reader(row.user_id);
        let trace_id = row.trace_id;
        let view = Self::for_reader(row, reader, caller.may_see_template_errors())?;
        Ok(Self { trace_id, ..view })
    }

    /// Adds where its trace can be seen.
    pub fn with_trace_url(self, template: Option<&TraceUrlTemplate>) -> Self {
        Self {
            trace_url: trace_url(self.trace_id, template),
            ..self
        }
    }

    /// Names the rule that decided, if the row alone does not.
    pub fn withheld_by(self, rule: Option<&WithheldBy>) -> Self {
        Self {
            decision: self.decision.by(rule),
            ..self
        }
    }

    /// Whether the notification is sent unless its channel is stopped.
    pub fn is_open(row: &NotificationRow) -> bool {
        is_open(&row.status)
    }

    /// Says that an open notification waits if its channel is stopped now.
    pub fn unless_stopped(self, switches: &SendingSwitches) -> Self {
        let channel = self.r#type.parse().ok().and_then(Channel::delivered);
        if is_open(&self.status)
            && channel.is_some_and(|channel| switches.stop_of(channel).is_some())
        {
            Self {
                decision: DecisionView::stopped(),
                ..self
            }
        } else {
            self
        }
    }

    /// Converts a row for a reader, without its trace. `with_template_errors`: whether the reader may see errors that quote a template.
    ///
    /// # Errors
    ///
    /// Returns an error if the payload of the row is not JSON.
    pub fn for_reader(
        row: NotificationRow,
        reader: PayloadReader,
        with_template_errors: bool,
    ) -> Result<Self, ApiError> {
        let quotes_template = |error: &str| error.starts_with("template_error:");
        let decision = DecisionView::of(&row);
        let payload = row.payload_for(reader).map(ToOwned::to_owned);
        let payload = payload.map(RawValue::from_string).transpose();
        let error_message = row.error_message.map(|error| {
            if quotes_template(&error) && !with_template_errors {
                format!("template_error: {TEMPLATE_ERROR}")
            } else {
                error
            }
        });
        let is_digested = row.status == Status::Digested.as_str();
        Ok(Self {
            digest_id: row.digest_id,
            digest_message_id: row
                .digest_id
                .filter(|_| is_digested)
                .map(MessageId::for_digest),
            decision,
            expires_at: row.window.expires_at,
            message_id: row.message_id,
            target_user_id: row.user_id,
            r#type: row.r#type,
            payload_hidden: matches!(payload, Ok(None)),
            payload: payload.map_err(ApiError::internal)?,
            payload_removed_at: row.payload_removed_at,
            template: row.template.map(NotificationTemplate::from),
            status: row.status,
            retries_attempted: row.retries_attempted,
            created_at: row.created_at,
            processed_at: row.processed_at,
            error_message,
            category: row.category,
            trace_id: None,
            trace_url: None,
        })
    }
}

/// Where the trace of a notification can be seen, if it has one.
pub fn trace_url(id: Option<TraceId>, template: Option<&TraceUrlTemplate>) -> Option<String> {
    Some(template?.url(id?))
}

/// Whether it still waits for its delivery.
fn is_open(status: &str) -> bool {
    matches!(status.parse(), Ok(Status::Pending | Status::Retrying))
}

/// A page of notifications.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct NotificationPage {
    /// Newest first.
    pub notifications: Vec<NotificationView>,
    /// The `cursor` of the next page; null on the last page.
    pub next_cursor: Option<String>,
    /// Present if the page ended early, perhaps without any notification, because too many did not match: it has looked at
    /// what was accepted at this time or later, and the next page continues from there.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime, required = false)]
    pub searched_until: Option<Timestamp>,
}
