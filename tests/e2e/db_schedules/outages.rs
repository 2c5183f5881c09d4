use rstest::rstest;
use tidings_domain::notification::MessageId;

use super::{Table, at};

/// The schedulers are away from six to nine.
#[rstest]
#[case::daily_and_too_late("0 6 * * *", 3600, None, 1, "2027-06-02T06:00:00Z")]
#[case::daily_within_its_grace("0 6 * * *", 4 * 3600, Some("2027-06-01T06:00:00Z"), 0, "2027-06-02T06:00:00Z")]
#[case::hourly(
    "0 * * * *",
    3600,
    Some("2027-06-01T09:00:00Z"),
    3,
    "2027-06-01T10:00:00Z"
)]
#[case::every_minute(
    "* * * * *",
    60,
    Some("2027-06-01T09:00:00Z"),
    180,
    "2027-06-01T09:01:00Z"
)]
#[tokio::test]
async fn after_three_hours_an_outage_is_one_late_run_or_none(
    #[case] cron: &str,
    #[case] grace: u32,
    #[case] run: Option<&str>,
    #[case] skipped: i64,
    #[case] next: &str,
) {
    let table = Table::new().await;
    let id = table.create(&table.definition(cron, "UTC")).await;
    let changes = format!("next_at = '2027-06-01T06:00:00Z', grace_secs = {grace}");
    table.update_one(id, &changes).await;
    let tick = table.tick_at(at("2027-06-01T09:00:20Z")).await;
    let run: Vec<_> = run.into_iter().map(at).collect();
    assert_eq!(table.occurrences().await, run);
    let row = table.row(id).await;
    assert_eq!(
        (row.skipped, row.next_at, row.last_at),
        (skipped, Some(at(next)), run.first().copied())
    );
    assert_eq!(tick.created, run.len());
    assert_eq!(i64::try_from(tick.skipped).expect("few"), skipped);
    let again = table.tick_at(at("2027-06-01T09:00:20Z")).await;
    assert_eq!((again.created, again.skipped), (0, 0));
}

#[tokio::test]
async fn an_occurrence_creates_the_notification_that_its_schedule_defines() {
    let table = Table::new().await;
    let mut definition = table.definition("0 6 * * *", "UTC");
    definition.group = Some("reports".parse().expect("a key"));
    definition.ttl_secs = Some(600);
    let id = table.create(&definition).await;
    assert_eq!(
        table.update("next_at = date_trunc('minute', now())").await,
        1
    );
    let due = table.row(id).await.next_at.expect("due");
    assert_eq!(table.tick().await.created, 1);
    let expected = format!(
        "message_id = '{}' AND status = 'scheduled' AND reason = 'schedule' AND sender = 'billing'
         AND group_key = 'reports' AND not_before = '{due}' AND expires_at = '{due}'::timestamptz + interval '10 min'
         AND type = 'sms' AND payload = '{{\"text\": \"Hello\"}}' AND created_at >= not_before",
        MessageId::for_occurrence(id, due)
    );
    assert_eq!(table.db.count(&expected).await, 1);
    let row = table.row(id).await;
    assert_eq!(row.last_at, Some(due));
    assert!(row.next_at > Some(due));
}

/// The clock was set back, or the row was restored from a backup.
#[tokio::test]
async fn an_occurrence_that_comes_again_creates_no_second_notification() {
    let table = Table::new().await;
    let id = table.create(&table.definition("0 6 * * *", "UTC")).await;
    for created in [1, 0] {
        table
            .update_one(id, "next_at = '2027-06-01T06:00:00Z'")
            .await;
        let tick = table.tick_at(at("2027-06-01T06:00:00Z")).await;
        assert_eq!((tick.created, tick.failed.len()), (created, 0));
    }
    assert_eq!(table.db.count("true").await, 1);
}

#[tokio::test]
async fn a_schedule_that_ends_runs_no_more() {
    let table = Table::new().await;
    let id = table.create(&table.definition("0 6 * * *", "UTC")).await;
    table
        .update_one(
            id,
            "next_at = '2027-06-01T06:00:00Z', ends_at = '2027-06-01T06:00:00Z'",
        )
        .await;
    assert_eq!(table.tick_at(at("2027-06-01T06:00:01Z")).await.created, 1);
    let row = table.row(id).await;
    assert_eq!((row.next_at, row.paused), (None, false));
    assert_eq!(table.tick_at(at("2028-06-01T06:00:01Z")).await.created, 0);
}

#[tokio::test]
async fn a_cancellation_of_an_occurrence_counts() {
    let table = Table::new().await;
    let id = table.create(&table.definition("0 6 * * *", "UTC")).await;
    let due = at("2027-06-01T06:00:00Z");
    table.update_one(id, &format!("next_at = '{due}'")).await;
    let message_id = MessageId::for_occurrence(id, due);
    let sql = format!(
        "INSERT INTO cancellations (message_id, sender) VALUES ('{message_id}', 'billing')"
    );
    assert_eq!(table.execute(&sql).await, 1);
    assert_eq!(table.tick_at(due).await.created, 1);
    assert_eq!(table.db.count("status = 'cancelled'").await, 1);
}
