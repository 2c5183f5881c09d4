//! The list of what was sent, by the time of sending.

use jiff::{SignedDuration, Timestamp};
use tidings_db::TransactionOptions;
use tidings_db::notifications::{self, NotificationFilter, SentCursor};
use tidings_domain::notification::{Channel, MessageId, UserId};
use tidings_tests::{ServerUrls, TestDatabase};
use uuid::Uuid;

/// A row of the test.
#[derive(Clone, Debug)]
struct Row {
    id: Uuid,
    message_id: MessageId,
    user: UserId,
    channel: Channel,
    category: Option<&'static str>,
    sender: &'static str,
    status: &'static str,
    processed_at: Timestamp,
}

async fn insert(db: &TestDatabase, row: &Row) {
    let sql = "INSERT INTO notifications
                   (id, message_id, user_id, type, category, sender, status, payload, created_at, processed_at)
               VALUES ($1, $2, $3, $4, $5, $6, $7, '{}', now(), $8)";
    let inserted = db.pool.run(async |client| {
        let (message_id, user) = (row.message_id.as_uuid(), row.user.as_uuid());
        let channel = row.channel.as_str();
        Ok(client
            .execute(
                sql,
                &[
                    &row.id,
                    &message_id,
                    &user,
                    &channel,
                    &row.category,
                    &row.sender,
                    &row.status,
                    &row.processed_at,
                ],
            )
            .await?)
    });
    assert_eq!(inserted.await.expect("a row"), 1);
}

/// Reads all pages of `limit`, and returns the message ids.
async fn pages(db: &TestDatabase, filter: &NotificationFilter, limit: u32) -> Vec<MessageId> {
    let (mut ids, mut after) = (Vec::new(), None::<SentCursor>);
    loop {
        let page = db
            .pool
            .run(async |client| notifications::list_sent(client, filter, after, limit).await);
        let (rows, next) = page.await.expect("a page");
        ids.extend(rows.iter().map(|row| row.message_id));
        let Some(next) = next else { return ids };
        // As clients do: the cursor goes through its text form.
        after = Some(next.to_string().parse().expect("its own text"));
    }
}

#[tokio::test]
async fn what_was_sent_is_listed_by_time_without_gaps_under_every_filter() {
    let db = TestDatabase::migrated(&ServerUrls::shared()).await;
    let users = [db.user().await, db.user().await];
    let start: Timestamp = "2026-11-01T00:00:00Z".parse().expect("a time");
    let mut all = Vec::new();
    for nth in 0..40_usize {
        let row = Row {
            id: Uuid::now_v7(),
            message_id: MessageId::generate(),
            user: users[nth % 2],
            channel: Channel::ALL[nth % 5],
            category: [None, Some("news")][nth % 2],
            sender: ["shop", "billing"][nth / 7 % 2],
            status: ["processed", "processed", "failed"][nth % 3],
            // Four rows have the same time.
            processed_at: start + SignedDuration::from_secs(i64::try_from(nth / 4).expect("small")),
        };
        insert(&db, &row).await;
        all.push(row);
    }
    let at = |seconds| Some(start + SignedDuration::from_secs(seconds));
    let none = NotificationFilter::default;
    let filters = [
        none(),
        NotificationFilter {
            user_id: Some(users[0]),
            ..none()
        },
        NotificationFilter {
            channel: Some(Channel::Sms),
            ..none()
        },
        NotificationFilter {
            category: Some("news".to_owned()),
            sender: Some("shop".to_owned()),
            ..none()
        },
        NotificationFilter {
            processed_from: at(2),
            processed_before: at(5),
            ..none()
        },
    ];
    for filter in filters {
        let mut expected: Vec<_> = all
            .iter()
            .filter(|row| row.status == "processed" && row.channel != Channel::InApp)
            .filter(|row| filter.user_id.is_none_or(|user| row.user == user))
            .filter(|row| filter.channel.is_none_or(|channel| row.channel == channel))
            .filter(|row| {
                let category = filter.category.as_deref();
                category.is_none_or(|category| row.category == Some(category))
            })
            .filter(|row| filter.sender.as_ref().is_none_or(|one| row.sender == one))
            .filter(|row| filter.processed_from.is_none_or(|t| row.processed_at >= t))
            .filter(|row| filter.processed_before.is_none_or(|t| row.processed_at < t))
            .collect();
        expected.sort_by_key(|row| std::cmp::Reverse((row.processed_at, row.id)));
        assert!(!expected.is_empty(), "{filter:?}");
        let expected: Vec<_> = expected.iter().map(|row| row.message_id).collect();
        for limit in [1, 3, 200] {
            assert_eq!(pages(&db, &filter, limit).await, expected, "{filter:?}");
        }
        let second = db
            .pool
            .run(async |client| notifications::sent_cursor_after(client, &filter, 1).await)
            .await;
        let second = second.expect("the query");
        let rest = db
            .pool
            .run(async |client| {
                notifications::list_sent_without_contents(client, &filter, second, 200).await
            })
            .await;
        let rest: Vec<_> = rest.expect("a page").0;
        let rest: Vec<_> = rest.iter().map(|row| row.message_id).collect();
        assert_eq!(rest, expected[1..], "{filter:?}");
    }
    let beyond = db
        .pool
        .run(async |client| notifications::sent_cursor_after(client, &none(), 1000).await);
    assert_eq!(beyond.await.expect("the query"), None);
}

/// Rows of the index that a page reads.
#[tokio::test]
async fn a_page_of_what_was_sent_reads_its_part_of_the_index_only() {
    let db = TestDatabase::migrated(&ServerUrls::shared()).await;
    let user = db.user().await;
    let fill = "INSERT INTO notifications
                    (id, message_id, user_id, type, status, payload, created_at, processed_at)
                SELECT gen_random_uuid(), gen_random_uuid(), $1, 'email', 'processed', '{}', now(),
                       now() - nth * interval '1 second'
                FROM generate_series(1, 20000) AS nth";
    let filled = db
        .pool
        .run(async |client| Ok(client.execute(fill, &[&user.as_uuid()]).await?));
    assert_eq!(filled.await.expect("rows"), 20_000);
    let vacuum = db.pool.run(async |client| {
        client.batch_execute("ANALYZE notifications").await?;
        Ok(())
    });
    vacuum.await.expect("analysed");
    let now = Timestamp::now();
    let hour = SignedDuration::from_hours(1);
    let filters = [
        NotificationFilter::default(),
        NotificationFilter {
            channel: Some(Channel::Email),
            processed_from: Some(now - hour * 3),
            processed_before: Some(now - hour),
            ..NotificationFilter::default()
        },
    ];
    for filter in filters {
        let mut after = None;
        for _ in 0..3 {
            let read = db
                .pool
                .transaction(TransactionOptions::default(), async |transaction| {
                    let page = notifications::list_sent(transaction, &filter, after, 10).await?;
                    let sql = "SELECT pg_stat_get_xact_tuples_returned('notifications_sent_idx'::regclass)";
                    Ok((page, transaction.query_one(sql, &[]).await?.get::<_, i64>(0)))
                });
            let ((rows, next), read) = read.await.expect("a page");
            assert_eq!(rows.len(), 10);
            assert!((11..100).contains(&read), "{read} entries, {filter:?}");
            after = next;
        }
    }
}
