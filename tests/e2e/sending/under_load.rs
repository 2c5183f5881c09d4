//! A stop while messages are sent.

use std::time::Duration;

use tidings_tests::{MockHttpServer, ProgramKind, eventually, secs};

use super::{attempts, publish, start, stop, until_each_is_sent_once, until_state};
use crate::delivery::accepted_response;

const COUNT: usize = 600;

#[tokio::test]
async fn after_a_stop_under_load_no_attempt_begins() {
    let twilio =
        MockHttpServer::start(|_| accepted_response().after(Duration::from_millis(20))).await;
    // The gates close late, so that the claims meet the switch.
    let world = crate::delivery::world(&twilio, &[("CONTROL_POLL_MS", "2000")]).await;
    let (api, one, two) = tokio::join!(
        world.api(),
        world.worker(),
        world.start(ProgramKind::Worker, &[("WORKER_CHANNELS", "sms")])
    );
    let client = api.client();
    let _ = publish(&world, COUNT).await;
    twilio.until_received(secs(30), 50).await;
    let in_flight = stop(&client).await;
    // A claim and the rows of its attempt are one transaction.
    let begun = attempts(&world).await;
    let begun_sends = twilio.count();
    tokio::join!(until_state(&one, "stopped"), until_state(&two, "stopped"));
    eventually(secs(30), "the sends under way have ended", async || {
        world.database.count("lease_until > now()").await == 0
    })
    .await;
    assert_eq!(attempts(&world).await, begun);
    assert_eq!(i64::try_from(twilio.count()).ok(), Some(begun));
    let late = twilio.count() - begun_sends;
    assert!(late as u64 <= in_flight, "{late} of {in_flight}");
    assert!(twilio.count() < COUNT, "the stop was under load");

    // Accepting, recording and in-app go on.
    let in_app = client.post(&world.in_app()).await.accepted();
    world.until_status(in_app, "processed").await;
    let text = crate::delivery::sms(&world, "later");
    let waiting = client.post(&text).await.accepted();
    world.until_status(waiting, "pending").await;
    let delete = "DELETE FROM notifications WHERE type = 'in-app'";
    let deleted = world
        .database
        .pool
        .run(async |client| Ok(client.execute(delete, &[]).await?));
    assert_eq!(deleted.await.expect("deleted"), 1);

    start(&client).await;
    until_each_is_sent_once(&world, &twilio, COUNT + 1).await;
}
