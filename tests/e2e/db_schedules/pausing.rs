use tidings_db::schedules::{self, ResumeResult};
use tidings_db::{DbError, TransactionOptions};
use tidings_domain::notification::ScheduleId;
use tidings_tests::{eventually, origin, secs};

use super::{LIMIT, Table, all, at};

async fn resume(table: &Table, id: ScheduleId) -> ResumeResult {
    let resumed: Result<_, DbError> = table
        .db
        .pool
        .transaction(TransactionOptions::default(), async |transaction| {
            schedules::resume(transaction, id, &all(), &origin()).await
        })
        .await;
    resumed.expect("the queries")
}

#[tokio::test]
async fn a_pause_waits_for_the_tick_that_runs_the_schedule_and_is_final() {
    let table = Table::new().await;
    let id = table.create(&table.definition("0 6 * * *", "UTC")).await;
    let due = at("2027-06-01T06:00:00Z");
    table.update_one(id, &format!("next_at = '{due}'")).await;
    let mut client = table
        .db
        .pool
        .dedicated_client()
        .await
        .expect("a connection");
    let transaction = client.transaction().await.expect("a transaction");
    let tick = schedules::run_due(&transaction, due, LIMIT).await;
    assert_eq!(tick.expect("the queries").created, 1);
    let pausing = table
        .db
        .pool
        .transaction(TransactionOptions::default(), async |transaction| {
            schedules::pause(transaction, id, &all(), &origin()).await
        });
    let commit = async {
        eventually(secs(10), "the pause waits", async || {
            table.waiting().await == 1
        })
        .await;
        transaction.commit().await.expect("committed");
    };
    let (paused, ()) = tokio::join!(pausing, commit);
    let row = paused.expect("the query").expect("a schedule");
    assert_eq!(
        (row.paused, row.next_at, row.last_at),
        (true, None, Some(due))
    );
    assert_eq!(table.tick_at(at("2028-01-01T00:00:00Z")).await.created, 0);
    assert_eq!(table.db.count("true").await, 1);
}

/// Another session changes the schedule while a tick wants it: the tick takes another one and does not wait.
#[tokio::test]
async fn a_tick_does_not_wait_for_a_schedule_that_is_being_changed() {
    let table = Table::new().await;
    let [changed, other] = [
        table.create(&table.definition("0 6 * * *", "UTC")).await,
        table.create(&table.definition("0 6 * * *", "UTC")).await,
    ];
    table.update("next_at = date_trunc('minute', now())").await;
    let mut client = table
        .db
        .pool
        .dedicated_client()
        .await
        .expect("a connection");
    let transaction = client.transaction().await.expect("a transaction");
    let locked = schedules::lock(&transaction, changed, &all()).await;
    assert!(locked.expect("the query").is_some());
    assert_eq!(table.tick().await.created, 1);
    assert!(table.row(other).await.last_at.is_some());
    assert!(table.row(changed).await.last_at.is_none());
    transaction.rollback().await.expect("rolled back");
    assert_eq!(table.tick().await.created, 1);
}

#[tokio::test]
async fn a_resumed_schedule_does_not_make_up_for_its_pause() {
    let table = Table::new().await;
    let id = table.create(&table.definition("* * * * *", "UTC")).await;
    table
        .update_one(id, "paused = true, reason = 'unknown_user: gone', next_at = NULL, last_at = now() - interval '2 days'")
        .await;
    let ResumeResult::Running(row) = resume(&table, id).await else {
        panic!("it is resumed");
    };
    assert_eq!(
        (row.paused, row.reason.clone(), row.skipped),
        (false, None, 0)
    );
    assert!(row.next_at > row.last_at);
    let again = resume(&table, id).await;
    assert_eq!(again, ResumeResult::Running(row), "it runs already");
    assert_eq!(table.db.count("true").await, 0);
}

#[tokio::test]
async fn a_schedule_that_cannot_run_stays_paused() {
    let table = Table::new().await;
    let id = table.create(&table.definition("0 6 * * *", "UTC")).await;
    table
        .update_one(id, "paused = true, next_at = NULL, ends_at = now()")
        .await;
    assert_eq!(resume(&table, id).await, ResumeResult::Never);
    table.update_one(id, "timezone = 'Mars/Base'").await;
    let ResumeResult::Invalid(error) = resume(&table, id).await else {
        panic!("it cannot run");
    };
    assert_eq!(error.column, "timezone");
    assert!(table.row(id).await.paused);
    let missing = ScheduleId::generate();
    assert_eq!(resume(&table, missing).await, ResumeResult::NotFound);
}

#[tokio::test]
async fn a_deleted_schedule_leaves_its_notifications() {
    let table = Table::new().await;
    let id = table.create(&table.definition("0 6 * * *", "UTC")).await;
    table.update("next_at = date_trunc('minute', now())").await;
    table.tick().await;
    let delete = async || {
        let deleted = table
            .db
            .pool
            .run(async |client| schedules::delete(client, id, &all()).await);
        deleted.await.expect("the query")
    };
    assert!(delete().await);
    assert!(!delete().await);
    assert_eq!(table.db.count("status = 'scheduled'").await, 1);
}
