//! Lists and counts.

use tidings_db::inbox::{self, InboxCursor, InboxFilter, InboxState, ReadAll, UnreadCount};
use tidings_domain::notification::{Channel, Notification};

use super::{Inbox, archived, ids, read};

#[tokio::test]
async fn a_list_contains_what_is_visible_in_its_state_newest_first() {
    let inbox = Inbox::new().await;
    let all = inbox.record(12).await;
    let other = Notification {
        channel: Channel::Email,
        ..inbox.notification()
    };
    inbox.insert(&[other]).await;
    inbox.update(all[0], "expires_at = now()").await;
    inbox
        .update(all[1], "status = 'pending', processed_at = NULL")
        .await;
    inbox
        .update(
            all[2],
            "expires_at = now() + interval '1 hour', category = 'news'",
        )
        .await;
    inbox.change(&all[3..6], read(true)).await;
    inbox.change(&all[6..8], archived(true)).await;
    let newest_first = |part: &[_]| part.iter().rev().copied().collect::<Vec<_>>();
    for (state, expected) in [
        (InboxState::Unread, [&all[2..3], &all[8..]].concat()),
        (InboxState::Read, all[3..6].to_vec()),
        (InboxState::Archived, all[6..8].to_vec()),
        (InboxState::All, all[2..].to_vec()),
    ] {
        assert_eq!(inbox.ids(state).await, newest_first(&expected), "{state:?}");
    }
    let filter = |category: Option<&str>| InboxFilter {
        user: inbox.user,
        state: InboxState::All,
        category: category.map(ToOwned::to_owned),
    };
    let of = async |filter: InboxFilter, after: Option<InboxCursor>| {
        let page = inbox::list(&inbox.db.pool, &filter, after.as_ref(), 3).await;
        page.expect("the queries").expect("a page")
    };
    let news = of(filter(Some("news")), None).await;
    assert_eq!((ids(&news), news.next), (vec![all[2]], None));

    // Every page has the position of the first one.
    let (mut paged, mut after) = (Vec::new(), None);
    let mut first = None;
    loop {
        let page = of(filter(None), after).await;
        let first = first.get_or_insert_with(|| page.up_to.clone());
        assert_eq!(page.up_to, *first);
        paged.extend(ids(&page));
        inbox.record(1).await;
        let Some(next) = page.next else { break };
        after = Some(next.to_string().parse().expect("its own text"));
    }
    assert_eq!(paged, newest_first(&all[2..]));
}

#[tokio::test]
async fn unread_notifications_are_counted_up_to_a_cap_and_marked_in_chunks() {
    let inbox = Inbox::new().await;
    let all = inbox.record(1005).await;
    let other = inbox.db.user().await;
    let count = async |cap| {
        let client = inbox.client().await;
        let counts = inbox::count_unread(&*client, &[inbox.user, other], cap).await;
        let counts = counts.expect("the query");
        assert_eq!(counts[&other], UnreadCount::default());
        (counts[&inbox.user].unread, counts[&inbox.user].capped)
    };
    assert_eq!(count(1000).await, (1000, true));
    assert_eq!(count(1).await, (1, true));
    let next_expiry = async || {
        let client = inbox.client().await;
        let count = inbox::count_unread_of(&*client, inbox.user, 100).await;
        count.expect("the query").next_expiry
    };
    assert_eq!(next_expiry().await, None);
    inbox.update(all[0], "expires_at = now()").await;
    inbox.change(&all[1..3], read(true)).await;
    inbox.change(&all[3..4], archived(true)).await;
    // 1001 are left.
    let up_to = inbox.position().await;
    let chunk = |marked, more| ReadAll::Marked { marked, more };
    assert_eq!(inbox.read_all(&up_to, None).await, chunk(1000, true));
    assert_eq!(count(100).await, (1, false));
    assert_eq!(
        inbox.ids(InboxState::Unread).await,
        all[1004..],
        "the newest is the last"
    );
    inbox
        .update(all[1004], "expires_at = now() + interval '1 hour'")
        .await;
    assert!(next_expiry().await.is_some());
    assert_eq!(inbox.read_all(&up_to, None).await, chunk(1, false));
    assert_eq!(inbox.read_all(&up_to, None).await, chunk(0, false));
    assert_eq!(count(100).await, (0, false));
    assert_eq!(inbox.audited().await, 0, "the user has done all of this");
}

#[tokio::test]
async fn the_rows_of_the_benchmark_are_an_inbox_that_is_mostly_read() {
    let inbox = Inbox::new().await;
    let client = inbox.client().await;
    let users = inbox::bench::insert_users(&*client, 3)
        .await
        .expect("users");
    let user = users[2];
    let before = inbox.position().await;
    let inserted = inbox::bench::insert_notifications(&*client, user, 1, 400).await;
    inserted.expect("inserted");
    inbox::bench::vacuum(&*client).await.expect("vacuumed");
    let of = async |state| {
        let filter = InboxFilter {
            user,
            state,
            category: None,
        };
        let page = inbox::list(&inbox.db.pool, &filter, None, 400).await;
        page.expect("the queries").expect("a page").rows
    };
    for (state, count) in [
        (InboxState::Unread, 2),
        (InboxState::Archived, 40),
        (InboxState::Read, 358),
        (InboxState::All, 400),
    ] {
        assert_eq!(of(state).await.len(), count, "{state:?}");
    }
    let newest = &of(InboxState::Unread).await[0].notification;
    assert!(newest.payload.contains("400"));
    let (changed, _) = inbox::users_with_news(&inbox.db.pool, &[(user, before)])
        .await
        .expect("the queries");
    assert_eq!(changed, [user]);
    let dropped = inbox::bench::drop_stream_index(&*client).await;
    dropped.expect("the index exists");
}
