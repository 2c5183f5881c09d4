//! The queries of `tidings_db::delivery_attempts`.

mod merging;
mod recording;
mod settled;
mod unknown;

use std::time::Duration;

use jiff::Timestamp;
use serde_json::value::RawValue;
use tidings_db::delivery_attempts::{
    AttemptOutcome, AttemptRow, FinishedAttempt, NewAttempt, SettledContact, UnknownAttempts, list,
    list_settled_contacts, list_unknown,
};
use tidings_db::notifications::LeaseToken;
use tidings_db::{Client, DedicatedClient, notifications};
use tidings_domain::notification::{Channel, MessageId, Notification, UserId};
use tidings_domain::time::DeliveryWindow;
use tidings_tests::{ServerUrls, TestDatabase};
use uuid::Uuid;

/// A database with one user, and a connection to it.
async fn database() -> (TestDatabase, UserId, DedicatedClient) {
    let db = TestDatabase::migrated(&ServerUrls::shared()).await;
    let user = db.user().await;
    let client = db.pool.dedicated_client().await.expect("a connection");
    (db, user, client)
}

/// Records a notification.
async fn recorded(client: &Client, user_id: UserId) -> MessageId {
    let notification = Notification {
        message_id: MessageId::generate(),
        user_id: Some(user_id),
        channel: Channel::Push,
        accepted_at: Timestamp::now(),
        payload: RawValue::from_string("{}".to_owned()).expect("JSON"),
        template: None,
        sender: None,
        group: None,
        window: DeliveryWindow::default(),
        fingerprint: None,
        sensitive: false,
        category: None,
        digest_key: None,
        trace: None,
    };
    let made = notifications::insert_batch(client, &[&notification]).await;
    assert_eq!(made.expect("recorded").len(), 1);
    notification.message_id
}

fn new(message_id: MessageId, attempt: u32, contact_id: Option<Uuid>) -> NewAttempt<'static> {
    NewAttempt {
        message_id,
        attempt,
        provider: "fcm",
        contact_id,
        template: None,
        token: LeaseToken::generate(),
    }
}

fn finished(id: i64, outcome: AttemptOutcome) -> FinishedAttempt<'static> {
    FinishedAttempt {
        id,
        duration: Duration::from_millis(12),
        outcome,
        reference: None,
        error: None,
    }
}

async fn settled_contacts(client: &Client, id: MessageId) -> Vec<SettledContact> {
    let settled = list_settled_contacts(client, &[id]).await;
    settled.expect("the query").remove(&id).unwrap_or_default()
}

/// As a new claim sees them.
async fn unknown_attempts(client: &Client, id: MessageId) -> Vec<UnknownAttempts> {
    let unknown = list_unknown(client, &[(id, LeaseToken::generate())]).await;
    unknown.expect("the query").remove(&id).unwrap_or_default()
}

async fn rows(client: &Client, id: MessageId) -> Vec<AttemptRow> {
    let (rows, next) = list(client, id, None, 200).await.expect("the query");
    assert_eq!(next, None);
    rows
}

fn outcomes(rows: &[AttemptRow]) -> Vec<&str> {
    rows.iter().map(|row| row.outcome.as_str()).collect()
}

async fn reset_for_replay(client: &Client, id: MessageId) {
    let failed = notifications::mark_failed(client, id, "rejected", "given up").await;
    assert!(failed.expect("the query"));
    let reset = notifications::reset_for_replay(client, id).await;
    assert!(reset.expect("the query"));
}
