//! What streams get.

use tidings_db::inbox::{self, InboxNews, RESUME_ROWS, SeenPosition};
use tidings_domain::notification::MessageId;

use super::{Inbox, archived, read};

async fn resumed(inbox: &Inbox, from: &SeenPosition) -> InboxNews {
    let start = inbox::start_stream(&inbox.db.pool, inbox.user, Some(from)).await;
    start.expect("the queries").news
}

fn row_ids(news: &InboxNews) -> Vec<MessageId> {
    let rows = news.rows.iter();
    rows.map(|row| row.notification.message_id).collect()
}

#[tokio::test]
async fn a_stream_resumes_200_notifications_of_24_hours() {
    let inbox = Inbox::new().await;
    let start = inbox::start_stream(&inbox.db.pool, inbox.user, None).await;
    let start = start.expect("the queries");
    assert!(start.news.rows.is_empty() && !start.news.is_incomplete);
    let from = start.position;
    let max = usize::try_from(RESUME_ROWS).expect("small");
    let all = inbox.record(max).await;
    let news = resumed(&inbox, &from).await;
    assert!(!news.is_incomplete);
    let (mut found, mut expected) = (row_ids(&news), all.clone());
    found.sort_unstable();
    expected.sort_unstable();
    assert_eq!(found, expected);
    assert_eq!((news.unread.unread, news.unread.capped), (100, true));

    let one_more = inbox.record(1).await;
    let news = resumed(&inbox, &from).await;
    assert!(news.is_incomplete && news.rows.is_empty());
    inbox.update(one_more[0], "expires_at = now()").await;
    assert!(!resumed(&inbox, &from).await.is_incomplete);
    // The time counts from when it became visible, and not from its acceptance.
    inbox
        .update(all[7], "created_at = now() - interval '3 days'")
        .await;
    assert!(!resumed(&inbox, &from).await.is_incomplete);
    inbox
        .update(all[7], "processed_at = now() - interval '25 hours'")
        .await;
    assert!(resumed(&inbox, &from).await.is_incomplete);
}

#[tokio::test]
async fn a_look_finds_new_notifications_and_changed_states_of_its_users_only() {
    let inbox = Inbox::new().await;
    let quiet = Inbox {
        user: inbox.db.user().await,
        db: inbox.db,
    };
    let inbox = Inbox {
        user: quiet.db.user().await,
        db: quiet.db,
    };
    let quiet = quiet.user;
    let old = inbox.record(3).await;
    let before = inbox.position().await;
    let both =
        |position: &SeenPosition| [(inbox.user, position.clone()), (quiet, position.clone())];
    let with_news = async |position: &SeenPosition| {
        let looked = inbox::users_with_news(&inbox.db.pool, &both(position)).await;
        looked.expect("the queries").0
    };
    assert!(with_news(&before).await.is_empty());
    inbox.change(&old[..2], read(true)).await;
    assert_eq!(with_news(&before).await, [inbox.user]);
    let new = inbox.record(1).await;
    inbox.change(&old[1..2], archived(true)).await;
    inbox.change(&new, read(true)).await;

    let looked = inbox::news(&inbox.db.pool, &both(&before)).await;
    let (news, after) = looked.expect("the queries");
    assert!(news[&quiet].rows.is_empty() && news[&quiet].states.is_empty());
    let news = &news[&inbox.user];
    assert_eq!(row_ids(news), new);
    assert!(news.rows[0].read_at.is_some());
    let states = news.states.iter();
    let states: Vec<_> = states
        .map(|state| (state.message_id, state.archived_at.is_some()))
        .collect();
    assert_eq!(states, [(old[0], false), (old[1], true), (new[0], false)]);
    assert_eq!((news.unread.unread, news.is_incomplete), (1, false));
    assert!(with_news(&after).await.is_empty());

    // A look at a user returns no more than a client may be behind.
    inbox.record(65).await;
    let looked = inbox::news(&inbox.db.pool, &both(&after)).await;
    let (news, _) = looked.expect("the queries");
    assert!(news[&inbox.user].is_incomplete && news[&inbox.user].rows.is_empty());
}

/// Notifications may be large: a stream that resumes reads the list instead of megabytes.
#[tokio::test]
async fn a_stream_resumes_about_a_megabyte() {
    let inbox = Inbox::new().await;
    let before = inbox.position().await;
    let all = inbox.record(4).await;
    let large = "payload = jsonb_build_object('text', repeat('x', 400000))";
    for id in &all[..2] {
        inbox.update(*id, large).await;
    }
    assert_eq!(resumed(&inbox, &before).await.rows.len(), 4);
    inbox.update(all[2], large).await;
    let news = resumed(&inbox, &before).await;
    assert!(news.is_incomplete && news.rows.is_empty());
}

/// Categories that ignore quiet hours, and users without any, have none here.
#[tokio::test]
async fn news_have_the_quiet_hours_that_their_categories_obey() {
    let inbox = Inbox::new().await;
    let before = inbox.position().await;
    let all = inbox.record(4).await;
    let client = inbox.client().await;
    let categories = "INSERT INTO categories (name, kind, quiet)
                      VALUES ('alarm', 'critical', 'obey'), ('chat', 'transactional', 'ignore'), ('news', 'marketing', 'obey')";
    client.batch_execute(categories).await.expect("inserted");
    for (id, category) in all.iter().zip(["alarm", "chat", "news"]) {
        inbox.update(*id, &format!("category = '{category}'")).await;
    }
    assert!(resumed(&inbox, &before).await.quiet_hours.is_empty());
    let hours = r#"[{"days": [1, 2, 3, 4, 5, 6], "from": "00:00", "to": "12:00"}]"#;
    let settings = "INSERT INTO user_settings (user_id, quiet) VALUES ($1, $2::text::jsonb)";
    let user = inbox.user.as_uuid();
    client
        .execute(settings, &[&user, &hours])
        .await
        .expect("inserted");
    let timezone = "UPDATE users SET timezone = 'Asia/Tokyo' WHERE id = $1";
    client.execute(timezone, &[&user]).await.expect("updated");
    let news = resumed(&inbox, &before).await;
    let mut obeying: Vec<_> = news.quiet_hours.keys().copied().collect();
    obeying.sort_unstable();
    assert_eq!(obeying, all[2..]);
    let (hours, utc) = (&news.quiet_hours[&all[3]], "UTC".parse().expect("a zone"));
    for (time, is_quiet) in [
        // Monday, 02:00 and 12:00 in Tokyo.
        ("2026-11-29T17:00:00Z", true),
        ("2026-11-30T03:00:00Z", false),
    ] {
        let time = time.parse().expect("a time");
        assert_eq!(hours.is_quiet(&utc, time), is_quiet, "{time}");
    }
}
