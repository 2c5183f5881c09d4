//! Records dead letters that have no row in `notifications`.
//!
//! A dead letter is in its queue before it is recorded, and recorded before its original is acknowledged. If PostgreSQL cannot
//! record it, the original is acknowledged all the same: the sweep of the queue finds what is not recorded.

use tidings_broker::{BodySensitivity, DeadLetter, Envelope, Failure, LetterParts, Stage};
use tidings_db::dead_letters::{self, CopyState, LetterIdentity, NewLetter, QueueCopy, WhereRow};
use tidings_db::{Database, DbError, DbErrorKind};

/// Records a message that is a dead letter without a row. An error is only logged.
pub async fn record_without_row(
    database: &Database,
    message: &Envelope,
    stage: Option<Stage>,
    failure: &Failure,
) {
    if let Err(error) = insert(database, message, stage, failure, None).await {
        not_recorded(&error);
    }
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
    match insert(database, message, None, failure, Some(row)).await {
        Err(error) if error.kind() != DbErrorKind::Environment => not_recorded(&error),
        result => result?,
    }
    Ok(())
}

fn not_recorded(error: &DbError) {
    let error = error as &dyn std::error::Error;
    tracing::warn!(
        error,
        "a dead letter is only in its queue; a sweep of the queue will record it"
    );
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

/// Records dead letters of the queue that PostgreSQL does not know.
///
/// # Errors
///
/// Returns the error of the query that fails.
pub async fn record_unknown(database: &Database, letters: &[&DeadLetter]) -> Result<u32, DbError> {
    let states = states(database, letters).await?;
    let mut recorded = 0;
    let unknown = letters.iter().zip(states);
    for (letter, _) in unknown.filter(|(_, state)| *state == CopyState::Unknown) {
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
