//! `GET /messaging/sent`.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use tidings_db::notifications::{self, NotificationFilter, NotificationRow, PayloadReader};
use tidings_domain::notification::{Channel, MessageId};
use utoipa::ToSchema;

use super::sent_query::SentQuery;
use crate::auth::Caller;
use crate::error::ApiError;
use crate::page_turn::PageTurn;
use crate::state::AppState;

/// `sending_status` of a message that was sent. The older service had also 0, which waited, and 2, which had failed.
const SENT: u8 = 1;

/// A page of text messages.
#[derive(Debug, Serialize, ToSchema)]
pub struct SentMessages {
    /// The last one first.
    messages: Vec<SentMessage>,
    /// The `limit` of the request.
    limit: u32,
    /// The `offset` of the request.
    offset: u32,
}

/// A text message that was sent.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct SentMessage {
    /// The notification's id.
    #[schema(value_type = uuid::Uuid)]
    id: MessageId,
    /// The text. Empty if a template rendered it, because the result is not stored, and if the message was sensitive.
    content: String,
    /// The number of the recipient. Empty if it was a contact that is deleted.
    #[schema(example = "+4915112345678")]
    recipient_phone_number: String,
    /// 0 waits, 1 was sent, 2 has failed. Here always 1.
    #[schema(example = 1)]
    sending_status: u8,
    /// When the message was accepted.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When the message was sent.
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
}

impl SentMessage {
    /// `number` is that of the user's contact.
    fn new(row: &NotificationRow, number: Option<String>) -> Self {
        let shown = row.payload_for(PayloadReader::Other).unwrap_or("{}");
        let payload: Value = serde_json::from_str(shown).unwrap_or_default();
        let text = |names: [&str; 2]| {
            let mut values = names.iter().filter_map(|name| payload[*name].as_str());
            values.next().map(str::to_owned)
        };
        let content = match row.template {
            None => text(["text", "message"]).unwrap_or_default(),
            // The payload contains the variables.
            Some(_) => String::new(),
        };
        Self {
            id: row.message_id,
            content,
            recipient_phone_number: text(["to", "phoneNumber"]).or(number).unwrap_or_default(),
            sending_status: SENT,
            created_at: row.created_at,
            updated_at: row.processed_at.unwrap_or(row.created_at),
        }
    }
}

/// Returns the text messages that were sent, the last one first.
#[utoipa::path(get, path = "/messaging/sent", operation_id = "listSentMessages", tag = "messaging",
    params(
        ("limit" = Option<u32>, Query, description = "1 to 200, default 50"),
        ("offset" = Option<u32>, Query, description = "0 to 10000, default 0"),
    ),
    responses(
        (status = 200, description = "A page", body = SentMessages),
        (status = 400, description = "`details` lists everything that is wrong", body = crate::error::ErrorBody),
        (status = 401, description = "The token is missing or invalid", body = crate::error::ErrorBody),
        (status = 403, description = "The token does not have the scope `notifications:read` (for its own user's messages) or `admin`", body = crate::error::ErrorBody),
        (status = 503, description = "The database is unavailable", body = crate::error::ErrorBody),
    ),
    security(("bearer" = [])),
)]
pub async fn handle(
    request: HttpRequest,
    state: Data<AppState>,
    caller: Caller,
) -> Result<HttpResponse, ApiError> {
    let filter = NotificationFilter {
        user_id: caller.check_read()?.owner(),
        channel: Some(Channel::Sms),
        ..NotificationFilter::default()
    };
    let SentQuery { limit, offset } = SentQuery::parse(request.query_string())?;
    let _turn = PageTurn::wait(&request, &state).await?;
    let reading = state.database.run(async |client| {
        let mut after = None;
        if offset > 0 {
            after = notifications::sent_cursor_after(client, &filter, offset).await?;
            if after.is_none() {
                return Ok(Vec::new());
            }
        }
        let (rows, _) = notifications::list_sent(client, &filter, after, limit).await?;
        let ids: Vec<MessageId> = rows.iter().map(|row| row.message_id).collect();
        let numbers = notifications::numbers_sent_to(client, &ids).await?;
        let pairs = rows.iter().zip(numbers);
        Ok(pairs
            .map(|(row, number)| SentMessage::new(row, number))
            .collect())
    });
    Ok(HttpResponse::Ok().json(SentMessages {
        messages: reading.await?,
        limit,
        offset,
    }))
}
