//! Dead letters that are in the queue only, and those that cannot be recorded.

use serde_json::json;
use tidings_broker::MessageFactory;
use tidings_domain::notification::{DeliveredChannel, MessageId};
use tidings_tests::{Amqp, Client, World, eventually, secs, tokens};

use super::{column, list, post, total, until_done};

/// RabbitMQ itself, or a worker without PostgreSQL, has put these into the queue only.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_only_in_the_queue_is_found_there_and_purged_by_a_job() {
    let world = World::with(&[("WORKER_CHANNELS", "intake,scheduler")]).await;
    let amqp = world.declared(&[]).await;
    let letter = |message| tidings_tests::AmqpMessage {
        exchange: String::new(),
        routing_key: amqp.settings.names.dlq.clone(),
        ..message
    };
    amqp.publish(letter(amqp.intake_of(&world.wire()))).await;
    // The message of a delivery whose queue was missing. Its row waits.
    let insert = "INSERT INTO notifications (id, type, payload, status, message_id, created_at)
                  VALUES (gen_random_uuid(), 'sms', '{}', 'pending', gen_random_uuid(), now())
                  RETURNING message_id::text";
    let waiting = column(&world, insert).await.expect("an id");
    let waiting: MessageId = waiting.parse().expect("an id");
    let factory = MessageFactory::new(&amqp.settings);
    let sent = factory.delivery(DeliveredChannel::Sms, waiting, None);
    amqp.publish(letter(tidings_tests::AmqpMessage {
        exchange: String::new(),
        routing_key: String::new(),
        properties: sent.properties().clone(),
        body: sent.body().into(),
    }))
    .await;
    let (api, mut worker) = tokio::join!(world.api(), world.worker());
    let client = api
        .client()
        .with_token(tokens::scoped(world.user, "dead-letters:write"));
    eventually(secs(60), "the letter is listed", async || {
        total(&client).await == 2
    })
    .await;
    let listed = list(&client, "&reason=unrouted&channel=sms").await;
    assert_eq!(listed[0]["messageId"], waiting.to_string(), "{listed:?}");
    let body = json!({"filter": {"channel": "sms"}});
    let created = post(&client, "/api/dead-letters/replay", &body).await;
    let done = until_done(&client, created.body["id"].as_str().expect("an id")).await;
    assert_eq!(
        (&done["done"], &done["skipped"]),
        (&json!(1), &json!(0)),
        "{done}"
    );
    let published = worker.metrics().await;
    let published = |result| published.sum("tidings_replay_messages_total", &[result]);
    assert_eq!(
        (published("result=\"done\""), published("result=\"failed\"")),
        (1, 0)
    );
    eventually(secs(20), "it is in the queue of its channel", async || {
        amqp.depth("notifications_queue.sms").await == 1
    })
    .await;

    let listed = list(&client, "&reason=unrouted").await;
    assert_eq!(listed.len(), 1);
    let id = listed[0]["id"].as_str().expect("an id");
    let found = client.get(&format!("/api/dead-letters/{id}")).await;
    assert_eq!((found.status, &found.body), (200, &listed[0]));
    let body = json!({"filter": {"ids": [id]}});
    let created = post(&client, "/api/dead-letters/purge", &body).await;
    let done = until_done(&client, created.body["id"].as_str().expect("an id")).await;
    assert_eq!((&done["total"], &done["done"]), (&json!(1), &json!(1)));
    let gone = client.get(&format!("/api/dead-letters/{id}")).await;
    gone.assert_error(404, "not_found");
    eventually(secs(20), "its copy is removed from the queue", async || {
        amqp.dead_letter_depth().await <= 1
    })
    .await;

    held_while_postgres_fails(&world, &amqp, &client, &worker).await;
    worker.stop().await;
}

/// A message without a row is not acknowledged before it is recorded. What the tool takes from the queue is listed no more.
async fn held_while_postgres_fails(
    world: &World,
    amqp: &Amqp,
    client: &Client,
    worker: &tidings_tests::Program,
) {
    let execute = async |sql: &str| {
        let run = world.database.pool.run(async |client| {
            client.batch_execute(sql).await?;
            Ok(())
        });
        run.await.expect("the query");
    };
    execute(
        "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS
             $$BEGIN RAISE EXCEPTION 'told to' USING ERRCODE = '53100'; END$$;
         CREATE TRIGGER fail BEFORE INSERT ON dead_letters FOR EACH ROW EXECUTE FUNCTION fail()",
    )
    .await;
    amqp.publish(amqp.to_intake("no notification")).await;
    let message = "cannot record that a message is a dead letter; trying again";
    eventually(secs(30), "the message is held", async || {
        !worker.logs().with_message(message).is_empty()
    })
    .await;
    assert_eq!(total(client).await, 0);
    execute("DROP TRIGGER fail ON dead_letters").await;
    eventually(secs(60), "it is recorded", async || {
        list(client, "&reason=undecodable").await.len() == 1
    })
    .await;
    let purged = world.tidings(&["dlq", "purge", "--reason", "undecodable", "--yes"]);
    assert_eq!(purged.status.code(), Some(0));
    assert_eq!(total(client).await, 0);
}
