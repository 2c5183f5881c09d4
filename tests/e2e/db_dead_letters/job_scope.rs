//! Which dead letters a job takes, and how many.

use serde_json::json;
use tidings_db::dead_letters::{DeadLetterFilter, MAX_COUNTED};
use tidings_db::overview;
use tidings_db::replay_jobs::{self, Chunk, JobFilter, JobKind, JobState, JobWork};
use tidings_tests::{ServerUrls, TestDatabase};

use super::jobs::{begin, create, found, take};
use super::{by_reason, failed};

/// A condition that was left out would purge more than was asked for.
#[tokio::test]
async fn a_job_with_a_filter_of_a_newer_version_is_aborted() {
    let db = TestDatabase::migrated(&ServerUrls::shared()).await;
    let user = db.user().await;
    let client = db.pool.dedicated_client().await.expect("a connection");
    failed(&client, user, "sms", Some("rejected"), 30.0).await;
    let job = create(&db, JobKind::Purge, &DeadLetterFilter::default()).await;
    let sql = r#"UPDATE replay_jobs SET filter = '{"user": "anna"}'"#;
    client.execute(sql, &[]).await.expect("the query");
    let taken = take(&client, JobWork::Chunks).await.expect("the job");
    assert_eq!(begin(&db, &taken).await, Chunk::Stopped);
    let job = found(&client, job.id).await;
    assert_eq!((job.state, job.done), (JobState::Aborted, 0));
    let error = job.last_error.expect("an error");
    assert!(
        error.contains("user") && error.contains("newer version"),
        "{error}"
    );
    assert_eq!(db.count("status = 'failed' AND purged_at IS NULL").await, 1);
}

/// Of many dead letters, a job says that there are more than its total until the process that runs it has counted all, once.
#[tokio::test]
async fn a_job_counts_what_its_creation_has_not() {
    let db = TestDatabase::migrated(&ServerUrls::shared()).await;
    let client = db.pool.dedicated_client().await.expect("a connection");
    let more = i64::from(MAX_COUNTED) + 5;
    let sql = "INSERT INTO notifications (id, type, payload, status, message_id, created_at, failure_reason, failed_at)
               SELECT gen_random_uuid(), 'sms', '{}', 'failed', gen_random_uuid(), now(), 'rejected', now()
               FROM generate_series(1, $1::bigint)";
    client.execute(sql, &[&more]).await.expect("the rows");
    let job = create(&db, JobKind::Purge, &by_reason("rejected")).await;
    assert_eq!(
        (job.total, job.total_is_capped),
        (i64::from(MAX_COUNTED), true)
    );
    // What fails later is not taken.
    client.execute(sql, &[&3_i64]).await.expect("the rows");
    let taken = take(&client, JobWork::Chunks).await.expect("the job");
    let counted = replay_jobs::count_total(&*client, &taken).await;
    assert_eq!(counted.expect("the query"), Some(more));
    let counted = replay_jobs::count_total(&*client, &taken).await;
    assert_eq!(counted.expect("the query"), None);
    let job = found(&client, job.id).await;
    assert_eq!((job.total, job.total_is_capped), (more, false));
    assert_eq!(job.figures["byProvider"], json!({"none": more}));

    let listed = async || {
        let mut names = Vec::new();
        for filter in JobFilter::ALL {
            let page = replay_jobs::list(&*client, Some(filter), None, 10).await;
            if page.expect("a page").0.len() == 1 {
                names.push(filter.as_str());
            }
        }
        names
    };
    assert_eq!(listed().await, ["running"]);
    let sql =
        "UPDATE replay_jobs SET lease_until = now() - interval '2 minutes', last_error = 'no'";
    client.execute(sql, &[]).await.expect("the query");
    assert_eq!(listed().await, ["running", "without_process", "failing"]);
    let known = overview::jobs(&*client).await.expect("the facts");
    assert_eq!((known.without_process.count, known.with_error), (1, 1));
}
