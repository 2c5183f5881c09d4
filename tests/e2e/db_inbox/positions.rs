//! What a client has seen: a row can be recorded long after a newer one, and a transaction can commit after a later one.

use std::time::Duration;

use tidings_db::inbox::{self, InboxFilter, InboxState, ReadAll, SeenPosition};
use tidings_db::{TransactionOptions, notifications};
use tidings_domain::notification::{Channel, MessageId, Notification};
use tidings_domain::time::DeliveryWindow;

use super::{Inbox, ids};

fn marked(marked: u64) -> ReadAll {
    ReadAll::Marked {
        marked,
        more: false,
    }
}

/// Both the transaction and the id of the slow one are older than those of a notification that the client has seen.
#[tokio::test]
async fn what_a_slow_transaction_commits_after_the_list_is_not_marked_as_read() {
    let inbox = Inbox::new().await;
    let slow = inbox.notification();
    let client = inbox.client().await;
    client.batch_execute("BEGIN").await.expect("a transaction");
    let inserted = notifications::insert_batch(&*client, &[&slow]).await;
    assert_eq!(inserted.expect("recorded").len(), 1);
    let fast = inbox.record(1).await;

    let page = inbox.page(InboxState::Unread).await;
    assert_eq!(ids(&page), fast);
    let up_to: SeenPosition = page.up_to.to_string().parse().expect("its own text");
    client.batch_execute("COMMIT").await.expect("committed");
    let late = [slow.message_id];
    assert_eq!(inbox.ids(InboxState::Unread).await, [fast[0], late[0]]);

    assert_eq!(inbox.read_all(&up_to, None).await, marked(1));
    assert_eq!(
        inbox.ids(InboxState::Unread).await,
        late,
        "nobody has seen it"
    );
    // A stream that resumes gets it.
    let start = inbox::start_stream(&inbox.db.pool, inbox.user, Some(&up_to)).await;
    let start = start.expect("the queries");
    let rows = start
        .news
        .rows
        .iter()
        .map(|row| row.notification.message_id);
    assert_eq!(rows.collect::<Vec<_>>(), late);
    assert_eq!(inbox.read_all(&start.position, None).await, marked(1));
}

/// A row becomes visible by a later transaction than the one that recorded it.
#[tokio::test]
async fn a_row_that_becomes_processed_later_is_new() {
    let inbox = Inbox::new().await;
    let later = Notification {
        window: DeliveryWindow {
            not_before: Some(jiff::Timestamp::now() + jiff::SignedDuration::from_hours(1)),
            expires_at: None,
        },
        ..inbox.notification()
    };
    let scheduled = inbox.insert(&[later]).await[0];
    let replayed = inbox.record(1).await[0];
    inbox
        .update(replayed, "status = 'pending', processed_at = NULL")
        .await;
    let before = inbox.position().await;
    let news = async |since: &SeenPosition| {
        let looked = inbox::news(&inbox.db.pool, &[(inbox.user, since.clone())]).await;
        let (news, _) = looked.expect("the queries");
        let rows = news[&inbox.user].rows.iter();
        let ids = rows.map(|row| row.notification.message_id);
        ids.collect::<Vec<MessageId>>()
    };
    assert!(news(&before).await.is_empty());

    inbox
        .update(scheduled, "not_before = now() - interval '1 second'")
        .await;
    let pool = &inbox.db.pool;
    let released = pool
        .transaction(TransactionOptions::default(), async |transaction| {
            let lease = Duration::from_mins(1);
            notifications::lease_due(transaction, Channel::InApp, 10, lease).await
        })
        .await;
    assert_eq!(released.expect("the query").processed_users, [inbox.user]);
    assert_eq!(news(&before).await, [scheduled]);
    let between = inbox.position().await;
    let processed = notifications::mark_processed(&*inbox.client().await, replayed).await;
    assert!(processed.expect("the query"));
    assert_eq!(news(&between).await, [replayed]);
    assert_eq!(news(&before).await, [scheduled, replayed]);
}

/// The position of another database, or of a state of this one that is lost.
async fn foreign_positions(inbox: &Inbox) -> Vec<SeenPosition> {
    let client = inbox.client().await;
    let sql = "SELECT system_identifier, pg_snapshot_xmax(pg_current_snapshot())::text::bigint FROM pg_control_system()";
    let row = client.query_one(sql, &[]).await.expect("a row");
    let (epoch, xmax): (i64, i64) = (row.get(0), row.get(1));
    [(epoch + 1, xmax), (epoch, xmax + 1_000_000)]
        .map(|(epoch, xmax)| position(epoch, u64::try_from(xmax).expect("positive")))
        .to_vec()
}

/// The text form of a position that has seen all transactions below `xmax`.
fn position(epoch: i64, xmax: u64) -> SeenPosition {
    use base64::Engine;
    let mut bytes = vec![1];
    bytes.extend(epoch.to_be_bytes());
    let mut rest = xmax;
    while rest >= 0x80 {
        bytes.push(u8::try_from(rest & 0x7f).expect("7 bits") | 0x80);
        rest >>= 7;
    }
    bytes.extend([u8::try_from(rest).expect("7 bits"), 0]);
    let text = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes);
    text.parse().expect("a position")
}

#[tokio::test]
async fn positions_of_another_database_are_not_followed() {
    let inbox = Inbox::new().await;
    inbox.record(2).await;
    let filter = InboxFilter {
        user: inbox.user,
        state: InboxState::All,
        category: None,
    };
    for foreign in foreign_positions(&inbox).await {
        assert_eq!(inbox.read_all(&foreign, None).await, ReadAll::NotCurrent);
        let start = inbox::start_stream(&inbox.db.pool, inbox.user, Some(&foreign)).await;
        let start = start.expect("the queries");
        assert!(start.news.is_incomplete && start.news.rows.is_empty());
        assert_eq!(start.news.unread.unread, 2);
    }
    // A cursor of the list names a position, too.
    let page = inbox::list(&inbox.db.pool, &filter, None, 1).await;
    let cursor = page.expect("the queries").expect("a page").next;
    let cursor = cursor.expect("there is another page");
    let next = inbox::list(&inbox.db.pool, &filter, Some(&cursor), 1).await;
    assert!(next.expect("the queries").is_some());
}

/// Rows of which it is not known when they became visible are old: they are marked, and not sent.
#[tokio::test]
async fn rows_without_a_known_transaction_count_as_old() {
    let inbox = Inbox::new().await;
    let before = inbox.position().await;
    let all = inbox.record(3).await;
    inbox.update(all[0], "recorded_xid = NULL").await;
    // From a database that was ahead.
    inbox
        .update(all[1], "recorded_xid = '9000000000000000'::xid8")
        .await;
    let looked = inbox::users_with_news(&inbox.db.pool, &[(inbox.user, before.clone())]).await;
    let (users, position) = looked.expect("the queries");
    assert_eq!(users, [inbox.user]);
    let start = inbox::start_stream(&inbox.db.pool, inbox.user, Some(&before)).await;
    let rows = start.expect("the queries").news.rows;
    let rows: Vec<_> = rows.iter().map(|row| row.notification.message_id).collect();
    assert_eq!(rows, all[2..]);
    assert_eq!(inbox.read_all(&before, None).await, marked(2));
    assert_eq!(inbox.ids(InboxState::Unread).await, all[2..]);
    assert_eq!(inbox.read_all(&position, Some("news")).await, marked(0));
    assert_eq!(inbox.read_all(&position, None).await, marked(1));
}
