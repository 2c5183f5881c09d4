//! The table `processes`.

use tidings_db::GenericClient;
use tidings_db::processes::{self, ThisProcess};
use tidings_domain::overview::ChannelReport;
use tidings_tests::{ServerUrls, TestDatabase};
use uuid::Uuid;

fn webhooks(away: &[&str]) -> Vec<ChannelReport> {
    vec![ChannelReport {
        channel: "webhook".to_owned(),
        provider: "http".to_owned(),
        state: "delivering".to_owned(),
        since: None,
        reason: None,
        destinations_away: Some(away.len() as u64),
        away: away.iter().map(|one| (*one).to_owned()).collect(),
    }]
}

/// How the only process sees its channels.
async fn reported(client: &impl GenericClient) -> Vec<ChannelReport> {
    let mut running = processes::running(client).await.expect("the query");
    assert_eq!(running.len(), 1);
    running.remove(0).channels
}

async fn execute(client: &impl GenericClient, sql: &str) {
    assert_eq!(client.execute(sql, &[]).await.expect(sql), 1, "{sql}");
}

#[tokio::test]
async fn destinations_that_are_down_are_written_if_they_have_changed() {
    let db = TestDatabase::migrated(&ServerUrls::shared()).await;
    let client = db.pool.dedicated_client().await.expect("a connection");
    let client = &*client;
    let process = ThisProcess {
        id: Uuid::now_v7(),
        program: "worker",
        version: "1",
        stages: vec!["webhook"],
    };
    let report = async |last: Option<&[ChannelReport]>, now: &[ChannelReport]| {
        let reported = processes::report_changes(client, &process, last, now).await;
        reported.expect("reported");
    };
    let (one, two) = (webhooks(&["a:443"]), webhooks(&["a:443", "b:443"]));
    report(None, &one).await;
    assert_eq!(reported(client).await, one);

    // Only the time is written. Otherwise the process would not count as running.
    execute(
        client,
        "UPDATE processes SET channels = '[]', seen_at = now() - interval '1 minute'",
    )
    .await;
    report(Some(&one), &one).await;
    assert_eq!(reported(client).await, []);

    report(Some(&one), &two).await;
    assert_eq!(reported(client).await, two);
    execute(client, "DELETE FROM processes").await;
    report(Some(&two), &two).await;
    assert_eq!(reported(client).await, two);
}
