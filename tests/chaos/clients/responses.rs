//! The responses of the API, read strictly: `None` stands for a response that a valid request must not get.

use serde_json::Value;
use uuid::Uuid;

use crate::ledger::CancelAnswer;

/// The error code of a notification whose time is over.
const EXPIRED: &str = "expires_before_send";

/// The outcome of one notification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotificationOutcome {
    /// Accepted under this message id.
    Accepted(Uuid),
    /// Not accepted, but a retry may succeed.
    Refused,
    /// Not accepted, because its time is over.
    Expired,
}

/// The answer to the cancellation of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupAnswer {
    pub cancelled: u64,
    pub maybe_more: bool,
}

/// Reads the response to a POST of one notification.
pub(super) fn posted(status: u16, body: &Value) -> Option<NotificationOutcome> {
    match (status, body["code"].as_str()) {
        (202, _) => message_id(body).map(NotificationOutcome::Accepted),
        (400, Some(EXPIRED)) => Some(NotificationOutcome::Expired),
        _ => None,
    }
}

/// Reads the response to a batch of `items` notifications.
pub(super) fn posted_batch(
    status: u16,
    body: &Value,
    items: usize,
) -> Option<Vec<NotificationOutcome>> {
    // With 400, no item can be retried.
    matches!(status, 202 | 207 | 400).then_some(())?;
    let results = body["results"].as_array()?;
    let outcomes: Option<Vec<_>> = results.iter().map(item_outcome).collect();
    outcomes.filter(|outcomes| outcomes.len() == items)
}

/// Returns `None` if a valid item must not get this result.
fn item_outcome(result: &Value) -> Option<NotificationOutcome> {
    match (result["status"].as_str()?, result["retryable"].as_bool()) {
        ("queued", _) => message_id(result).map(NotificationOutcome::Accepted),
        ("refused", Some(true)) => Some(NotificationOutcome::Refused),
        ("refused", _) if result["error"]["code"] == EXPIRED => Some(NotificationOutcome::Expired),
        _ => None,
    }
}

/// Reads the response to the cancellation of a notification.
pub(super) fn cancelled(status: u16, body: &Value) -> Option<CancelAnswer> {
    match (status, body["status"].as_str(), body["code"].as_str()) {
        (200, Some("cancelled"), _) if body["maybeSent"] == true => Some(CancelAnswer::MaybeSent),
        (200, Some("cancelled"), _) => Some(CancelAnswer::Cancelled),
        (202, Some("cancelling"), _) => Some(CancelAnswer::Cancelling),
        (409, _, Some("being_sent")) => Some(CancelAnswer::BeingSent),
        (409, _, Some("already_sent")) => Some(CancelAnswer::AlreadySent),
        (409, _, Some("already_ended")) => Some(CancelAnswer::AlreadyEnded),
        _ => None,
    }
}

/// Reads the response to the cancellation of a group.
pub(super) fn group_cancelled(status: u16, body: &Value) -> Option<GroupAnswer> {
    (status == 200).then_some(())?;
    Some(GroupAnswer {
        cancelled: body["cancelled"].as_u64()?,
        maybe_more: body["maybeMore"].as_bool()?,
    })
}

fn message_id(body: &Value) -> Option<Uuid> {
    body["messageId"].as_str()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_response_that_a_valid_post_must_not_get_is_no_answer() {
        let id = Uuid::from_u128(7);
        let accepted = json!({"messageId": id});
        assert_eq!(
            posted(202, &accepted),
            Some(NotificationOutcome::Accepted(id))
        );
        let over = json!({"code": "expires_before_send"});
        assert_eq!(posted(400, &over), Some(NotificationOutcome::Expired));
        for (status, body) in [
            (202, json!({})),
            (200, accepted),
            (400, json!({"code": "invalid_fields"})),
            (503, over),
        ] {
            assert_eq!(posted(status, &body), None, "{status} {body}");
        }
    }

    #[test]
    fn each_item_of_a_batch_has_an_outcome() {
        let id = Uuid::from_u128(7);
        let queued = json!({"status": "queued", "messageId": id});
        let retry = json!({"status": "refused", "retryable": true, "error": {"code": "x"}});
        let over = json!({"status": "refused", "retryable": false, "error": {"code": EXPIRED}});
        let wrong = json!({"status": "refused", "retryable": false, "error": {"code": "x"}});
        let outcomes = posted_batch(207, &json!({"results": [queued, retry, over]}), 3);
        let expected = vec![
            NotificationOutcome::Accepted(id),
            NotificationOutcome::Refused,
            NotificationOutcome::Expired,
        ];
        assert_eq!(outcomes, Some(expected));
        assert_eq!(posted_batch(207, &json!({"results": [queued]}), 2), None);
        assert_eq!(posted_batch(207, &json!({"results": [wrong]}), 1), None);
        assert_eq!(posted_batch(503, &json!({"results": [retry]}), 1), None);
        assert_eq!(posted_batch(400, &json!({"code": "invalid_json"}), 1), None);
    }

    #[test]
    fn a_cancellation_has_one_of_six_answers() {
        for (status, body, answer) in [
            (200, json!({"status": "cancelled"}), CancelAnswer::Cancelled),
            (
                200,
                json!({"status": "cancelled", "maybeSent": true}),
                CancelAnswer::MaybeSent,
            ),
            (
                202,
                json!({"status": "cancelling"}),
                CancelAnswer::Cancelling,
            ),
            (409, json!({"code": "being_sent"}), CancelAnswer::BeingSent),
            (
                409,
                json!({"code": "already_sent"}),
                CancelAnswer::AlreadySent,
            ),
            (
                409,
                json!({"code": "already_ended"}),
                CancelAnswer::AlreadyEnded,
            ),
        ] {
            assert_eq!(cancelled(status, &body), Some(answer), "{body}");
        }
        assert_eq!(cancelled(404, &json!({"code": "not_found"})), None);
    }
}
