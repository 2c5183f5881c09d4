//! Records dead letters that have no row in `notifications`.
//!
//! A dead letter is in its queue before it is recorded, and recorded before its original is acknowledged: while PostgreSQL is
//! unavailable, the original is held. The sweep of the queue finds what PostgreSQL refuses.

use std::collections::HashMap;

use tidings_broker::{
    BodySensitivity, DeadLetter, Envelope, EventKind, Failure, LetterParts, Stage, header,
};
use tidings_db::dead_letters::{
    self, CopyState, LetterIdentity, NewLetter, OpenLetter, QueueCopy, RecordedLetter, WhereRow,
};
use tidings_db::{Database, DbError, DbErrorKind};
use tidings_domain::notification::{Fingerprint, KeyNamespace, MessageId, Notification};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// How many letters are looked at in one query.
const PAGE: u32 = 1000;

/// Records a message that is a dead letter without a row.
///
/// # Errors
///
/// As [`record_unless_row`].
pub async fn record_without_row(
    database: &Database,
    message: &Envelope,
    stage: Option<Stage>,
    failure: &Failure,
) -> Result<(), DbError> {
    unless_refused(insert(database, message, stage, failure, None).await)
}

/// Records a message that is a dead letter, unless it has a row.
///
/// # Errors
///
/// Fails if PostgreSQL is unavailable. Any other error is only logged.
pub async fn record_unless_row(
    database: &Database,
    message: &Envelope,
    failure: &Failure,
    row: WhereRow,
) -> Result<(), DbError> {
    unless_refused(insert(database, message, None, failure, Some(row)).await)
}

/// Passes on that PostgreSQL is unavailable.
fn unless_refused(recorded: Result<(), DbError>) -> Result<(), DbError> {
    match recorded {
        Err(error) if error.kind() != DbErrorKind::Environment => {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(
                error,
                "a dead letter is only in its queue; a sweep of the queue will record it"
            );
            Ok(())
        }
        recorded => recorded,
    }
}

async fn insert(
    database: &Database,
    message: &Envelope,
    stage: Option<Stage>,
    failure: &Failure,
    row: Option<WhereRow>,
) -> Result<(), DbError> {
    let parts = message.letter_parts(stage);
    let letter = NewLetter {
        reason: failure.reason,
        detail: Some(&failure.detail),
        attempts: Some(message.attempts().into()),
        ..new_letter(&parts)
    };
    database
        .run(async |client| dead_letters::record_letter(client, &letter, row).await)
        .await?;
    Ok(())
}

/// Records dead letters of the queue that PostgreSQL does not know, and lists those again that were replayed or purged and may
/// have failed later.
///
/// # Errors
///
/// Returns the error of the query that fails.
pub async fn record_unknown(database: &Database, letters: &[&DeadLetter]) -> Result<u32, DbError> {
    let states = states(database, letters).await?;
    let mut recorded = 0;
    let unlisted = |state: &CopyState| matches!(state, CopyState::Unknown | CopyState::Unclear);
    let unknown = letters.iter().zip(states);
    for (letter, _) in unknown.filter(|(_, state)| unlisted(state)) {
        let parts = letter.letter_parts();
        let new = NewLetter {
            reason: &letter.reason,
            detail: letter.detail.as_deref(),
            attempts: letter.attempts,
            failed_at: letter.dead_since(),
            ..new_letter(&parts)
        };
        let inserted = database
            .run(async |client| dead_letters::record_letter(client, &new, None).await)
            .await?;
        recorded += u32::from(inserted);
    }
    Ok(recorded)
}

/// Closes letters whose notifications were recorded since: another program has published their messages again. Returns how many.
///
/// # Errors
///
/// Returns the error of the query that fails.
pub async fn close_recorded(database: &Database, stop: &CancellationToken) -> Result<u64, DbError> {
    let (mut closed, mut last) = (0, None);
    while !stop.is_cancelled() {
        let after = last.as_ref();
        let page = database
            .run(async |client| {
                dead_letters::open_letters(client, after, header::IDEMPOTENCY_KEY, PAGE).await
            })
            .await?;
        let rows: HashMap<Uuid, (MessageId, &OpenLetter)> = page
            .iter()
            .filter_map(|letter| Some((letter.id, (notification_of(letter)?, letter))))
            .collect();
        let ids: Vec<(Uuid, MessageId)> = rows.iter().map(|(id, (row, _))| (*id, *row)).collect();
        let recorded = database
            .run(async |client| dead_letters::recorded_letters(client, &ids).await)
            .await?;
        let done = recorded.iter().filter(|one| {
            rows.get(&one.id)
                .is_some_and(|(_, letter)| needs_no_replay(letter, one))
        });
        let done: Vec<Uuid> = done.map(|one| one.id).collect();
        if !done.is_empty() {
            closed += database
                .run(async |client| dead_letters::close_letters(client, &done, false).await)
                .await?;
        }
        if page.len() < PAGE as usize {
            break;
        }
        last = page.into_iter().next_back();
    }
    Ok(closed)
}

/// The notification of a letter, if its stage leads to one.
fn notification_of(letter: &OpenLetter) -> Option<MessageId> {
    if letter.reason == Failure::IDEMPOTENCY_KEY_REUSED {
        return None;
    }
    let message_id = letter.message_id.as_deref();
    match letter.stage.as_deref().and_then(Stage::from_name)? {
        Stage::Intake | Stage::Delivery(_) => message_id?.parse().ok(),
        Stage::Event(EventKind::UserDelete) => None,
        Stage::Event(kind) => {
            let key = letter.idempotency_key.as_deref().or(message_id)?;
            let namespace = KeyNamespace::of_event(kind.routing_key());
            Some(MessageId::for_key(namespace, &key.parse().ok()?))
        }
    }
}

/// Whether a letter is of no use, because its notification is recorded.
fn needs_no_replay(letter: &OpenLetter, recorded: &RecordedLetter) -> bool {
    let stage = letter.stage.as_deref().and_then(Stage::from_name);
    if stage == Some(Stage::Intake) {
        let Some(body) = &recorded.body else {
            // It is not known whether the notification is that of this request.
            return false;
        };
        let Ok(notification) = Notification::decode(body) else {
            return false;
        };
        if Fingerprint::differ(notification.fingerprint, recorded.fingerprint) {
            return false;
        }
    }
    // The message may be the only one of a notification that waits.
    let may_be_needed = matches!(stage, Some(Stage::Delivery(_)))
        || DeadLetter::is_reason_of_broker(&letter.reason);
    !(recorded.is_waiting && may_be_needed)
}

/// What PostgreSQL knows about dead letters of the queue, in their order.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn states(
    database: &Database,
    letters: &[&DeadLetter],
) -> Result<Vec<CopyState>, DbError> {
    let copies: Vec<QueueCopy> = letters
        .iter()
        .map(|letter| {
            let (message_id, fingerprint) = letter.notification().unzip();
            QueueCopy {
                message_id,
                fingerprint: fingerprint.flatten(),
                letter: identity(&letter.letter_parts()).id(),
                failed_at: letter.dead_since(),
                is_moved_by_broker: letter.is_moved_by_broker(),
            }
        })
        .collect();
    database
        .run(async |client| dead_letters::copy_states(client, &copies).await)
        .await
}

fn identity<'a>(parts: &LetterParts<'a>) -> LetterIdentity<'a> {
    LetterIdentity {
        message_id: parts.message_id,
        stage: parts.stage.map(Stage::as_str),
        idempotency_key: parts.idempotency_key,
        body: parts.body,
    }
}

/// A letter without its failure.
fn new_letter<'a>(parts: &'a LetterParts<'_>) -> NewLetter<'a> {
    let template = match &parts.sensitivity {
        BodySensitivity::OfTemplate { name, channel } => Some((name.as_str(), channel.as_str())),
        BodySensitivity::Plain | BodySensitivity::Sensitive => None,
    };
    NewLetter {
        identity: identity(parts),
        reason: "",
        detail: None,
        attempts: None,
        failed_at: None,
        headers: parts.headers.clone(),
        user: parts.user,
        sensitive: parts.sensitivity == BodySensitivity::Sensitive,
        template,
    }
}
