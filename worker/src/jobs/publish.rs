use futures_util::future::join_all;
use tidings_broker::{EventKind, Failure, Outgoing, PublishError, Stage};
use tidings_db::replay_jobs::{ChunkResult, InFlight, StoredLetter};
use tidings_domain::notification::{DeliveryRequest, Notification};
use tidings_requests::{EmailEvent, NewNotification, UserDeleteEvent};
use tidings_runtime::traces::{Kind, Span};

use super::{JobRunner, replayed};

impl JobRunner {
    /// Publishes the messages of a chunk, all concurrently, and waits for their confirms.
    pub(super) async fn publish(&self, chunk: Vec<InFlight>) -> ChunkResult {
        let publishing = chunk.into_iter().map(async |one| {
            let id = one.id();
            match self.message(one) {
                Some((message, span)) => {
                    let published = self.publisher.publish(message).await;
                    if let Err(error) = &published {
                        span.fail(error.code());
                    }
                    (id, published)
                }
                // Cannot happen: `skip_reason` leaves these out.
                None => (id, Err(PublishError::Unroutable)),
            }
        });
        let mut result = ChunkResult::default();
        for (id, published) in join_all(publishing).await {
            let Err(error) = published else {
                replayed("done").increment(1);
                continue;
            };
            tracing::warn!(%id, %error, "a dead letter cannot be published");
            match refusal(&error) {
                Some(reason) => {
                    replayed("failed").increment(1);
                    result.refused.push((id, reason));
                }
                None => result.left.push(id),
            }
            result.error = Some(error.to_string());
        }
        result
    }

    /// The message, and the span of its replay.
    fn message(&self, one: InFlight) -> Option<(Outgoing, Span)> {
        let message = match one {
            InFlight::Row(request, channel, trace) => {
                let message = self.message_factory.delivery(channel, request, None);
                Some(message.in_trace(trace))
            }
            InFlight::Letter(letter) => {
                let stage = letter.stage.as_deref().and_then(Stage::from_name);
                let id = letter.message_id.as_deref();
                let body = letter.body?;
                let factory = &self.message_factory;
                Some(factory.replay_stored(stage, id, &letter.headers, body))
            }
        };
        message.map(in_trace_of_replay)
    }
}

/// A replay begins a trace of its own, which is linked to that of the message: it may be months later. If it is not recorded, the
/// message stays in its trace.
fn in_trace_of_replay(message: Outgoing) -> (Outgoing, Span) {
    let trace = message.trace();
    let span = Span::root(Kind::Internal, trace.iter(), || {
        ("replay notification", message.id_attributes())
    });
    let trace = span.context().or(trace);
    (message.in_trace(trace), span)
}

/// The code of an error that is the message's own. The others end when the broker is back, or its queue has room.
const fn refusal(error: &PublishError) -> Option<&'static str> {
    match error {
        PublishError::TooLarge => Some("too_large"),
        PublishError::Unroutable => Some("unrouted"),
        _ => None,
    }
}

/// Why a letter without a row cannot be replayed: its stage would reject it again.
pub(super) fn skip_reason(letter: &StoredLetter) -> Option<&'static str> {
    if letter.reason == Failure::IDEMPOTENCY_KEY_REUSED {
        return Some("idempotency_key_reused");
    }
    let Some(stage) = letter.stage.as_deref().and_then(Stage::from_name) else {
        return Some("no_channel");
    };
    let Some(body) = &letter.body else {
        return Some("body_not_stored");
    };
    let is_readable = match stage {
        Stage::Intake => Notification::decode(body).is_ok(),
        // Whether there is something to deliver is seen when it is taken.
        Stage::Delivery(_) => DeliveryRequest::decode(body).is_ok(),
        Stage::Event(EventKind::EmailSend) => EmailEvent::parse(body).is_ok(),
        Stage::Event(EventKind::UserDelete) => UserDeleteEvent::parse(body).is_ok(),
        Stage::Event(EventKind::NotificationSend) => NewNotification::parse(body).is_ok(),
    };
    (!is_readable).then_some("undecodable")
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use uuid::Uuid;

    use super::*;

    fn letter(stage: Option<&str>, reason: &str, body: Option<&[u8]>) -> StoredLetter {
        StoredLetter {
            id: Uuid::now_v7(),
            message_id: None,
            stage: stage.map(str::to_owned),
            reason: reason.to_owned(),
            headers: json!({}),
            body: body.map(<[u8]>::to_vec),
        }
    }

    #[test]
    fn a_letter_that_its_stage_would_reject_again_is_skipped() {
        let event: &[u8] = br#"{"user_id": "0190f3c1-1f7e-7a61-8f10-6a2f5a3c0d11"}"#;
        let user_delete = Stage::Event(EventKind::UserDelete).as_str();
        for (stage, reason, body, expected) in [
            (None, "unrouted", Some(event), Some("no_channel")),
            (
                Some("intake"),
                "undecodable",
                Some(&b"{"[..]),
                Some("undecodable"),
            ),
            (Some("intake"), "too_large", None, Some("body_not_stored")),
            (
                Some("email"),
                "row_missing",
                Some(event),
                Some("undecodable"),
            ),
            (
                Some("intake"),
                "idempotency_key_reused",
                Some(event),
                Some("idempotency_key_reused"),
            ),
            (Some(user_delete), "unknown_user", Some(event), None),
        ] {
            let skipped = skip_reason(&letter(stage, reason, body));
            assert_eq!(skipped, expected, "{stage:?} {reason}");
        }
    }

    #[test]
    fn only_an_error_of_the_message_itself_makes_it_a_dead_letter_again() {
        assert_eq!(refusal(&PublishError::TooLarge), Some("too_large"));
        assert_eq!(refusal(&PublishError::Unroutable), Some("unrouted"));
        for error in [
            PublishError::Refused,
            PublishError::Blocked,
            PublishError::TimedOut,
        ] {
            assert_eq!(refusal(&error), None, "{error}");
        }
    }
}
