use tidings_db::{notifications, scheduler_heartbeats};
use tidings_domain::notification::Channel;
use uuid::Uuid;

use super::{HOUR, LEASE, Table, later};

#[tokio::test]
async fn the_oldest_due_notification_says_how_late_the_schedulers_are() {
    let table = Table::new().await;
    let overdue = async || {
        notifications::overdue(&*table.client)
            .await
            .expect("the query")
    };
    table.record(Channel::Sms, later(HOUR)).await;
    assert_eq!(overdue().await, None);
    table.due(Channel::Sms).await;
    let late = overdue().await.expect("one is due").as_secs();
    assert!((3600..3700).contains(&late), "{late}");
}

#[tokio::test]
async fn the_last_heartbeat_counts_and_old_ones_are_removed() {
    let table = Table::new().await;
    let last = async || {
        scheduler_heartbeats::last_beat(&*table.client)
            .await
            .expect("the query")
    };
    assert_eq!(last().await, None);
    let (old, new) = (Uuid::new_v4(), Uuid::new_v4());
    let beat = async |id| {
        scheduler_heartbeats::beat(&*table.client, id, "1.0.0")
            .await
            .expect("written");
    };
    beat(old).await;
    let sql = "UPDATE scheduler_heartbeats SET beat_at = now() - interval '25 hours'";
    table.client.execute(sql, &[]).await.expect("an old one");
    assert_eq!(last().await, None);
    beat(new).await;
    beat(new).await;
    assert!(last().await.expect("a heartbeat") < LEASE);
    let sql = "SELECT array_agg(id) FROM scheduler_heartbeats";
    let left: Vec<Uuid> = table.client.query_one(sql, &[]).await.expect("ids").get(0);
    assert_eq!(left, [new]);
}
