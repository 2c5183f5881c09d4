//! After a kill of a program, every 202 has one row.

use tidings_tests::{Load, Pace, PostOutcome, Posted, World, eventually_ok, secs};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_killed_three_times_neither_loses_nor_duplicates_a_message() {
    // A message that used an attempt would not be recorded in time.
    let world = World::with(&[("RETRY_BASE_DELAY_MS", "600000")]).await;
    let mut api = world.api().await;
    let posted = Posted::all_at_once(&api, world.user, 20_000).await;
    assert_eq!(posted.accepted().len(), 20_000);

    let mut worker = world.worker().await;
    let mut before = 0;
    for _ in 0..3 {
        eventually_ok(secs(60), "it works", async || {
            match world.database.count("true").await - before {
                more if more > 256 => Ok(()),
                more => Err(format!("{more} recorded since the start")),
            }
        })
        .await;
        worker.kill();
        before = world.database.count("true").await;
        assert!(before < 20_000, "no message was left to record");
        worker.start_again().await;
    }
    worker.until_ready().await;
    posted.assert_recorded_once(&world, &mut worker).await;
    api.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_api_killed_under_load_loses_no_accepted_notification() {
    let world = World::with(&[("RETRY_BASE_DELAY_MS", "600000")]).await;
    let (mut api, mut worker) = tokio::join!(world.api(), world.worker());
    let load = Load::start(&api, world.user, 32, Pace::Fast);
    for _ in 0..3 {
        load.until_accepted(secs(60), 500).await;
        api.kill();
        api.start_again().await;
    }
    load.until_accepted(secs(60), 500).await;
    let posted = load.stop().await;
    assert!(
        posted.count(PostOutcome::Nothing) > 0,
        "no request was in flight at a kill"
    );
    posted.assert_recorded_once(&world, &mut worker).await;
    api.stop().await;
}
