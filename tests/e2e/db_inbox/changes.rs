//! Changes of single notifications.

use tidings_db::TransactionOptions;
use tidings_db::audit::{ActorKind, AuditOrigin};
use tidings_db::inbox::{self, InboxChange, InboxState};
use tidings_domain::notification::MessageId;

use super::{Inbox, archived, read};

/// Whether a notification is read and archived.
async fn state(inbox: &Inbox, id: MessageId) -> (bool, bool) {
    let page = inbox.page(InboxState::All).await;
    let mut rows = page.rows.iter();
    let row = rows.find(|row| row.notification.message_id == id);
    let row = row.expect("it is visible");
    (row.read_at.is_some(), row.archived_at.is_some())
}

#[tokio::test]
async fn every_change_leads_to_its_state_from_every_state() {
    let inbox = Inbox::new().await;
    let id = inbox.record(1).await[0];
    let both = |read, archived| InboxChange {
        read: Some(read),
        archived: Some(archived),
    };
    let states = [(false, false), (true, false), (true, true)];
    for (change, expected) in [
        (read(true), [(true, false), (true, false), (true, true)]),
        (read(false), [(false, false); 3]),
        (archived(true), [(true, true); 3]),
        (
            archived(false),
            [(false, false), (true, false), (true, false)],
        ),
        (both(true, false), [(true, false); 3]),
        (both(true, true), [(true, true); 3]),
        (both(false, false), [(false, false); 3]),
    ] {
        for (from, expected) in states.into_iter().zip(expected) {
            let begin = if from.1 {
                archived(true)
            } else {
                both(from.0, false)
            };
            inbox.change(&[id], begin).await;
            assert_eq!(state(&inbox, id).await, from);
            let changed = inbox.change(&[id], change).await;
            assert_eq!(changed.found, [id]);
            assert_eq!(
                changed.changed,
                u64::from(from != expected),
                "{from:?} {change:?}"
            );
            assert_eq!(state(&inbox, id).await, expected, "{from:?} {change:?}");
            let again = inbox.change(&[id], change).await;
            assert_eq!((again.found, again.changed), (vec![id], 0), "idempotent");
        }
    }
}

#[tokio::test]
async fn only_visible_notifications_of_the_user_are_changed() {
    let inbox = Inbox::new().await;
    let all = inbox.record(3).await;
    inbox.update(all[1], "expires_at = now()").await;
    inbox.update(all[2], "status = 'pending'").await;
    let other = inbox.db.user().await;
    let origin = AuditOrigin::new(ActorKind::Service, "orders");
    let change_as = async |user| {
        let ids = [all.clone(), vec![MessageId::generate()]].concat();
        let changed = inbox
            .db
            .pool
            .transaction(TransactionOptions::default(), async |transaction| {
                inbox::change(transaction, user, &ids, read(true), &origin).await
            })
            .await;
        let changed = changed.expect("the query");
        (changed.found, changed.changed)
    };
    assert_eq!(change_as(other).await, (Vec::new(), 0));
    assert_eq!(inbox.audited().await, 0);
    assert_eq!(change_as(inbox.user).await, (vec![all[0]], 1));
    assert_eq!(change_as(inbox.user).await, (vec![all[0]], 0));
    assert_eq!(inbox.audited().await, 1, "by anybody else than the user");
}
