//! An entry stands for what repeats its action.

use std::time::Duration;

use tidings_db::audit::{self, Action, ActorKind, AuditOrigin, TargetKind};
use tidings_tests::{ServerUrls, TestDatabase};
use uuid::Uuid;

use super::record;

#[tokio::test]
async fn an_entry_stands_for_the_same_action_of_the_same_actor_only() {
    let db = TestDatabase::migrated(&ServerUrls::shared()).await;
    let origin = |actor: &str| AuditOrigin::new(ActorKind::Service, actor);
    let (anna, bob) = (origin("anna"), origin("bob"));
    let user = AuditOrigin::new(ActorKind::User, "anna");
    let entry = |origin| {
        AuditOrigin::entry(origin, Action::NotificationPayload)
            .on(TargetKind::Notification, "1")
            .with("attempt", 0)
    };
    let written = entry(&anna);
    record(&db.pool, &written).await;
    let minute = Duration::from_mins(1);
    for (id, again, max_age, expected) in [
        (written.id(), entry(&anna), minute, true),
        (written.id(), entry(&anna), Duration::ZERO, false),
        (Uuid::now_v7(), entry(&anna), minute, false),
        (written.id(), entry(&bob), minute, false),
        (written.id(), entry(&user), minute, false),
        (
            written.id(),
            entry(&anna).on(TargetKind::Notification, "2"),
            minute,
            false,
        ),
        (written.id(), entry(&anna).with("attempt", 1), minute, false),
        (
            written.id(),
            anna.entry(Action::NotificationPayload),
            minute,
            false,
        ),
    ] {
        let found = db
            .pool
            .run(async |client| audit::is_recorded_as(client, id, &again, max_age).await);
        assert_eq!(found.await.expect("the query"), expected, "{again:?}");
    }
}
