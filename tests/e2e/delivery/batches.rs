//! Messages that share transactions.

use rstest::rstest;
use tidings_domain::notification::MessageId;
use tidings_tests::{MockHttpServer, ProgramKind, World, eventually, secs};

use super::{accepted_response, post, world};

const MESSAGES: usize = 200;

/// Queues messages, one of them with the text `poison`. Returns their ids, that one first.
async fn queued(world: &World) -> Vec<MessageId> {
    let intake = [("WORKER_CHANNELS", "intake")];
    let (api, intake) = tokio::join!(world.api(), world.start(ProgramKind::Worker, &intake));
    let mut ids = vec![post(world, &api, "poison").await];
    for _ in 1..MESSAGES {
        ids.push(post(world, &api, "hello").await);
    }
    eventually(secs(60), "all are recorded", async || {
        world.database.count("true").await == 200
    })
    .await;
    drop(intake);
    ids
}

/// Starts a worker for text messages, when all of them are in its queue.
async fn sms_worker(world: &World) -> tidings_tests::Program {
    // The intake too: its worker may have ended between a row and the message to the channel's queue.
    let sms = [("WORKER_CHANNELS", "intake,sms")];
    world.start(ProgramKind::Worker, &sms).await
}

#[tokio::test]
async fn messages_that_wait_together_share_transactions() {
    let twilio = MockHttpServer::start(|_| accepted_response()).await;
    let world = world(&twilio, &[]).await;
    queued(&world).await;
    let worker = sms_worker(&world).await;
    eventually(secs(60), "all are delivered", async || {
        world.database.count("status = 'processed'").await == 200
    })
    .await;
    assert_eq!(twilio.count(), MESSAGES);
    let metrics = worker.metrics().await;
    for step in ["step=\"claim\"", "step=\"record\""] {
        let labels = ["channel=\"sms\"", step];
        let transactions = metrics.sum("tidings_delivery_transactions_total", &labels);
        assert!((1..100).contains(&transactions), "{step}: {transactions}");
    }
}

/// A row that PostgreSQL refuses to change when it is claimed, or when its result is recorded.
#[rstest]
#[case::claimed("NEW.lease_token IS NOT NULL", 199)]
#[case::recorded("NEW.status = 'processed'", 200)]
#[tokio::test]
async fn a_row_that_cannot_be_written_costs_only_itself(
    #[case] condition: &str,
    #[case] sends: usize,
) {
    let twilio = MockHttpServer::start(|_| accepted_response()).await;
    let world = world(&twilio, &[("SMS_MAX_RETRIES", "0")]).await;
    let ids = queued(&world).await;
    let client = world.database.pool.dedicated_client().await;
    let client = client.expect("a connection");
    let trigger = format!(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
             $$ BEGIN RAISE EXCEPTION 'poisoned' USING ERRCODE = 'XX000'; END $$;
         CREATE TRIGGER poison BEFORE UPDATE ON notifications FOR EACH ROW
             WHEN (NEW.payload->>'text' = 'poison' AND {condition}) EXECUTE FUNCTION refuse()"
    );
    client.batch_execute(&trigger).await.expect("a trigger");

    let _worker = sms_worker(&world).await;
    eventually(secs(60), "all others are delivered", async || {
        world.database.count("status = 'processed'").await == 199
    })
    .await;
    world.until_status(ids[0], "failed").await;
    assert_eq!(twilio.count(), sends, "nothing was sent twice");
    let sql = "SELECT error_message FROM notifications WHERE status = 'failed'";
    let row = client.query_one(sql, &[]).await.expect("a row");
    let error: String = row.get(0);
    assert!(error.starts_with("processing_failed"), "{error}");
    assert_eq!(
        world
            .database
            .count("retries_attempted > 0 AND status = 'processed'")
            .await,
        0
    );
}
