use std::time::Duration;

use serde_json::json;
use tidings_db::Client;
use tidings_db::TransactionOptions;
use tidings_db::audit::{ActorKind, AuditOrigin};
use tidings_db::dead_letters::{DeadLetterFilter, figures, list};
use tidings_db::replay_jobs::{
    self, Chunk, ChunkResult, ControlResult, InFlight, JobChange, JobKind, JobState, JobWork,
    NewJob, StoredLetter, TakenJob,
};
use tidings_tests::{ServerUrls, TestDatabase};
use uuid::Uuid;

use super::{failed, letter, record};

const LEASE: Duration = Duration::from_mins(1);

pub(super) async fn create(
    db: &TestDatabase,
    kind: JobKind,
    filter: &DeadLetterFilter,
) -> replay_jobs::JobRow {
    let origin = AuditOrigin::new(ActorKind::System, "tests");
    let job = NewJob {
        kind,
        filter,
        rate_per_second: 100,
    };
    let created = db
        .pool
        .transaction(TransactionOptions::default(), async |transaction| {
            replay_jobs::create(transaction, &job, &origin).await
        });
    created.await.expect("a job")
}

pub(super) async fn begin(db: &TestDatabase, job: &TakenJob) -> Chunk {
    let skip = |letter: &StoredLetter| (letter.reason == "undecodable").then_some("undecodable");
    let begun = db
        .pool
        .transaction(TransactionOptions::default(), async |transaction| {
            replay_jobs::begin_chunk(transaction, job, LEASE, skip).await
        });
    begun.await.expect("a chunk")
}

async fn finish(db: &TestDatabase, job: &TakenJob, result: &ChunkResult) -> bool {
    let finished = db
        .pool
        .transaction(TransactionOptions::default(), async |transaction| {
            replay_jobs::finish_chunk(transaction, job, result).await
        });
    finished.await.expect("the query")
}

/// The processes that run jobs are gone, and the jobs are due.
async fn expire_leases(client: &Client) {
    let sql = "UPDATE replay_jobs SET lease_until = now(), due_at = NULL";
    client.execute(sql, &[]).await.expect("the query");
}

pub(super) async fn take(client: &Client, work: JobWork) -> Option<TakenJob> {
    let taken = replay_jobs::take(client, work, LEASE).await;
    taken.expect("the query")
}

async fn end(db: &TestDatabase, job: &TakenJob) -> bool {
    let ended = db
        .pool
        .transaction(TransactionOptions::default(), async |transaction| {
            replay_jobs::end(transaction, job, None).await
        });
    ended.await.expect("the query")
}

pub(super) async fn found(client: &Client, id: Uuid) -> replay_jobs::JobRow {
    let job = replay_jobs::find(client, id).await;
    job.expect("the query").expect("the job")
}

fn published(chunk: Chunk) -> Vec<Uuid> {
    let Chunk::Taken { publish, .. } = chunk else {
        panic!("{chunk:?}");
    };
    publish.iter().map(InFlight::id).collect()
}

/// Another process takes a job whose lease is over, publishes again what is in flight, and counts each dead letter once.
#[tokio::test]
#[expect(clippy::too_many_lines, reason = "one job, from its start to its end")]
async fn a_job_that_is_taken_over_counts_each_dead_letter_once() {
    let db = TestDatabase::migrated(&ServerUrls::shared()).await;
    let user = db.user().await;
    let client = db.pool.dedicated_client().await.expect("a connection");
    let row = failed(&client, user, "sms", Some("rejected"), 30.0).await;
    let expired = failed(&client, user, "sms", Some("rejected"), 20.0).await;
    let removed = failed(&client, user, "sms", Some("rejected"), 20.0).await;
    let in_app = failed(&client, user, "in-app", Some("rejected"), 20.0).await;
    for (id, change) in [
        (expired, "expires_at = now()"),
        (removed, "payload_removed_at = now()"),
    ] {
        let sql = format!("UPDATE notifications SET {change} WHERE message_id = $1");
        client
            .execute(&sql, &[&id.as_uuid()])
            .await
            .expect("the query");
    }
    record(&client, &letter("wrong", "undecodable", b"{")).await;
    record(&client, &letter("good", "unknown_user", b"{}")).await;
    record(&client, &letter("refused", "unknown_user", b"{}")).await;
    let good = letter("good", "", b"{}").identity.id();
    let refused = letter("refused", "", b"{}").identity.id();

    let job = create(&db, JobKind::Replay, &DeadLetterFilter::default()).await;
    assert_eq!((job.total, job.state), (7, JobState::Pending));
    // A dead letter of later is not taken.
    let later = failed(&client, user, "sms", Some("rejected"), -60.0).await;

    let first = replay_jobs::take(&*client, JobWork::Chunks, Duration::ZERO)
        .await
        .expect("the query");
    let first = first.expect("the job");
    assert_eq!(published(begin(&db, &first).await), [row.as_uuid()]);
    expire_leases(&client).await;
    let second = replay_jobs::take(&*client, JobWork::Chunks, LEASE)
        .await
        .expect("the query");
    let second = second.expect("the job again");
    assert_eq!(
        replay_jobs::take(&*client, JobWork::Chunks, LEASE)
            .await
            .expect("the query"),
        None
    );
    assert_eq!(begin(&db, &first).await, Chunk::Lost);
    assert!(!finish(&db, &first, &ChunkResult::default()).await);
    assert_eq!(
        published(begin(&db, &second).await),
        [row.as_uuid()],
        "in flight"
    );
    assert!(finish(&db, &second, &ChunkResult::default()).await);

    let mut letters = published(begin(&db, &second).await);
    letters.sort_unstable();
    let mut expected = [good, refused];
    expected.sort_unstable();
    assert_eq!(letters, expected);
    // The first process, which has lost the job, changes no letter.
    let of_the_first = ChunkResult {
        refused: vec![(good, "unrouted"), (refused, "unrouted")],
        ..ChunkResult::default()
    };
    assert!(!finish(&db, &first, &of_the_first).await);
    // The second process dies, too, before the messages of the letters are confirmed.
    expire_leases(&client).await;
    let second = take(&client, JobWork::Chunks).await.expect("the job again");
    let mut again = published(begin(&db, &second).await);
    again.sort_unstable();
    assert_eq!(again, letters, "in flight");
    let sql = "SELECT count(*) FROM dead_letters WHERE removed_at IS NULL OR body IS NULL";
    let changed = client.query_one(sql, &[]).await.expect("the query");
    assert_eq!(changed.get::<_, i64>(0), 1, "only the one that was skipped");
    let result = ChunkResult {
        left: vec![good],
        refused: vec![(refused, "unrouted")],
        error: Some("no queue".to_owned()),
    };
    assert!(finish(&db, &second, &result).await);
    assert_eq!(published(begin(&db, &second).await), [good]);
    assert!(finish(&db, &second, &ChunkResult::default()).await);
    assert_eq!(begin(&db, &second).await, Chunk::QueueLeft);
    assert_eq!(take(&client, JobWork::Chunks).await, None);
    let cleaner = take(&client, JobWork::Copies).await.expect("the job");
    assert!(!end(&db, &second).await, "it has given the job back");
    assert!(end(&db, &cleaner).await);
    assert_eq!(take(&client, JobWork::Copies).await, None);

    let job = replay_jobs::find(&*client, job.id)
        .await
        .expect("the query")
        .expect("the job");
    assert_eq!(job.state, JobState::Done);
    assert_eq!((job.total, job.done, job.failed, job.skipped), (7, 3, 1, 3));
    let skipped = json!({"expired": 1, "payload_removed": 1, "undecodable": 1});
    assert_eq!(job.skipped_reasons, skipped);
    let left = list(&*client, &DeadLetterFilter::default(), None, 10)
        .await
        .expect("a page")
        .0;
    let mut left: Vec<Uuid> = left.iter().map(|row| row.id).collect();
    left.sort_unstable();
    let wrong = letter("wrong", "", b"{").identity.id();
    let mut expected = vec![
        expired.as_uuid(),
        removed.as_uuid(),
        later.as_uuid(),
        wrong,
        refused,
    ];
    expected.sort_unstable();
    assert_eq!(left, expected);
    let processed = format!("message_id = '{in_app}' AND status = 'processed'");
    assert_eq!(db.count(&processed).await, 1);
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "one job, from its start to its end")]
async fn a_job_is_paused_resumed_and_aborted_and_a_purge_leaves_rows_failed() {
    let db = TestDatabase::migrated(&ServerUrls::shared()).await;
    let user = db.user().await;
    let client = db.pool.dedicated_client().await.expect("a connection");
    failed(&client, user, "sms", Some("rejected"), 30.0).await;
    record(&client, &letter("m", "undecodable", b"{")).await;
    let origin = AuditOrigin::new(ActorKind::System, "tests");
    let control = async |id, change| {
        let changed = db
            .pool
            .transaction(TransactionOptions::default(), async |transaction| {
                replay_jobs::control(transaction, id, change, &origin).await
            });
        changed.await.expect("the query")
    };
    let state = |result: ControlResult| match result {
        ControlResult::Changed(job) => Ok(job.state),
        ControlResult::Ended(job) => Err(Some(job.state)),
        ControlResult::Missing => Err(None),
    };
    let job = create(&db, JobKind::Purge, &DeadLetterFilter::default()).await;
    let taken = replay_jobs::take(&*client, JobWork::Chunks, LEASE)
        .await
        .expect("the query")
        .expect("the job");
    assert_eq!(
        state(control(job.id, JobChange::Pause).await),
        Ok(JobState::Paused)
    );
    assert_eq!(begin(&db, &taken).await, Chunk::Stopped);
    assert_eq!(
        replay_jobs::take(&*client, JobWork::Chunks, LEASE)
            .await
            .expect("the query"),
        None
    );
    assert_eq!(
        state(control(job.id, JobChange::Rate(7)).await),
        Ok(JobState::Paused)
    );
    assert_eq!(
        state(control(job.id, JobChange::Resume).await),
        Ok(JobState::Pending)
    );
    let taken = replay_jobs::take(&*client, JobWork::Chunks, LEASE)
        .await
        .expect("the query")
        .expect("the job");
    for _ in 0..2 {
        assert_eq!(published(begin(&db, &taken).await), Vec::<Uuid>::new());
        assert!(finish(&db, &taken, &ChunkResult::default()).await);
    }
    let purged = figures(&*client, &DeadLetterFilter::default())
        .await
        .expect("figures");
    assert_eq!(purged.total, 0);
    assert_eq!(db.count("status = 'failed'").await, 1);
    let job_after = replay_jobs::find(&*client, job.id)
        .await
        .expect("the query")
        .expect("the job");
    assert_eq!((job_after.done, job_after.rate_per_second), (2, 7));
    assert_eq!(
        state(control(job.id, JobChange::Abort).await),
        Ok(JobState::Aborted)
    );
    assert_eq!(
        state(control(job.id, JobChange::Abort).await),
        Ok(JobState::Aborted)
    );
    assert_eq!(
        state(control(job.id, JobChange::Resume).await),
        Err(Some(JobState::Aborted))
    );
    assert_eq!(
        state(control(Uuid::now_v7(), JobChange::Pause).await),
        Err(None)
    );
    // The copies of an aborted job leave the queue, too.
    replay_jobs::release(&*client, &taken)
        .await
        .expect("the query");
    let cleaner = take(&client, JobWork::Copies).await.expect("the job");
    let renewed = replay_jobs::renew(&*client, &cleaner, LEASE).await;
    assert!(renewed.expect("the query"));
    assert!(end(&db, &cleaner).await);
    assert_eq!(found(&client, job.id).await.state, JobState::Aborted);
    assert_eq!(take(&client, JobWork::Copies).await, None);
    let renewed = replay_jobs::renew(&*client, &cleaner, LEASE).await;
    assert!(!renewed.expect("the query"));
    let (jobs, next) = replay_jobs::list(&*client, None, None, 1)
        .await
        .expect("a page");
    assert_eq!((jobs.len(), next), (1, None));
    // One entry for each change; the repeated abort leaves none.
    let sql = "SELECT array_agg(action ORDER BY at, id) FROM audit_log WHERE target_id = $1";
    let row = client
        .query_one(sql, &[&job.id.to_string()])
        .await
        .expect("the entries");
    let mut actions: Vec<String> = row.get(0);
    actions.sort_unstable();
    let expected = [
        "dead_letter.purge",
        "dead_letter.purge",
        "job.abort",
        "job.create",
        "job.pause",
        "job.rate",
        "job.resume",
    ];
    assert_eq!(actions, expected);
}

/// Each of two jobs has its turn, the one that fails waits, and a dead letter that both want is replayed by one of them.
#[tokio::test]
async fn jobs_take_turns_and_share_their_dead_letters() {
    let db = TestDatabase::migrated(&ServerUrls::shared()).await;
    let user = db.user().await;
    let client = db.pool.dedicated_client().await.expect("a connection");
    for seconds in 1..=3 {
        failed(&client, user, "sms", Some("rejected"), seconds.into()).await;
    }
    record(&client, &letter("m", "unknown_user", b"{}")).await;
    let all = DeadLetterFilter::default();
    let (first, second) = (
        create(&db, JobKind::Replay, &all).await,
        create(&db, JobKind::Replay, &all).await,
    );
    assert_eq!((first.total, second.total), (4, 4));
    // One dead letter in a chunk.
    let sql = "UPDATE replay_jobs SET rate_per_second = 1";
    client.execute(sql, &[]).await.expect("the query");

    let mut served = Vec::new();
    for _ in 0..4 {
        let job = take(&client, JobWork::Chunks).await.expect("a job");
        served.push(job.id);
        assert_eq!(published(begin(&db, &job).await).len(), 1);
        assert!(finish(&db, &job, &ChunkResult::default()).await);
        replay_jobs::release(&*client, &job)
            .await
            .expect("the query");
        // As if its second was over.
        let sql = "UPDATE replay_jobs SET due_at = NULL";
        client.execute(sql, &[]).await.expect("the query");
    }
    assert_eq!(served, [first.id, second.id, first.id, second.id]);

    let failing = take(&client, JobWork::Chunks).await.expect("a job");
    let pause = Duration::from_hours(1);
    replay_jobs::postpone(&*client, &failing, pause, "told to")
        .await
        .expect("the query");
    let row = found(&client, failing.id).await;
    assert_eq!(row.last_error.as_deref(), Some("told to"));
    let due = replay_jobs::next_due(&*client, JobWork::Chunks).await;
    let due = due.expect("the query").expect("a time");
    assert!(due > Duration::from_mins(59) && due <= pause, "{due:?}");
    let other = take(&client, JobWork::Chunks).await.expect("the other job");
    assert_ne!(other.id, failing.id);
    assert_eq!(take(&client, JobWork::Chunks).await, None);

    expire_leases(&client).await;
    for _ in 0..2 {
        let job = take(&client, JobWork::Chunks).await.expect("a job");
        assert_eq!(begin(&db, &job).await, Chunk::QueueLeft);
        let job = take(&client, JobWork::Copies).await.expect("a job");
        assert!(end(&db, &job).await);
    }
    for id in [first.id, second.id] {
        let job = found(&client, id).await;
        assert_eq!((job.done, job.failed, job.skipped), (2, 0, 2));
        assert_eq!(job.skipped_reasons, json!({"changed": 2}));
    }
    let sql = "UPDATE replay_jobs SET finished_at = finished_at - interval '91 days' WHERE id = $1";
    client.execute(sql, &[&first.id]).await.expect("the query");
    let deleted = replay_jobs::delete_old(&*client).await;
    assert_eq!(deleted.expect("the query"), 1);
}
