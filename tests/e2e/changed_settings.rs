//! Programs with changed settings start on a broker with the topology of the old settings.

use tidings_broker::Topology;
use tidings_broker::raw::options::QueueDeclareOptions;
use tidings_broker::raw::types::AMQPValue;
use tidings_domain::notification::{Notification, UserId};
use tidings_tests::{Amqp, AmqpMessage, Program, ProgramKind, World, eventually, secs};
use uuid::Uuid;

/// Publishes a message for an unknown user and starts a worker with the old settings until the message is on its
/// ladder.
async fn put_on_old_ladder(world: &World, amqp: &Amqp) -> UserId {
    let user_id = UserId::from(Uuid::now_v7());
    let orphan = Notification {
        user_id: Some(user_id),
        ..world.wire()
    };
    let message: AmqpMessage = amqp.intake_of(&orphan);
    amqp.publish(message).await;
    let mut worker = world.worker().await;
    eventually(secs(20), "the message is on its ladder", async || {
        worker
            .metrics()
            .await
            .sum("tidings_messages_retried_total", &[])
            == 1
    })
    .await;
    worker.stop().await;
    user_id
}

#[tokio::test]
async fn a_message_on_an_old_ladder_is_still_processed() {
    let world = World::with(&[("MAX_RETRIES", "2"), ("RETRY_BASE_DELAY_MS", "4000")]).await;
    let amqp = world.declared(&[]).await;
    let user = put_on_old_ladder(&world, &amqp).await;
    world.database.make_user(user).await;
    let new = [
        ("MAX_RETRIES", "7"),
        ("RETRY_BASE_DELAY_MS", "100"),
        ("RETRY_MULTIPLIER", "3"),
    ];
    let _worker = world.start(ProgramKind::Worker, &new).await;
    let api = world.start(ProgramKind::Api, &new).await;
    let _ = api.client().post(&world.in_app()).await.accepted();
    eventually(secs(30), "both are processed", async || {
        world.database.count("status = 'processed'").await == 2
    })
    .await;
    assert_eq!(amqp.dead_letter_depth().await, 0);
}

#[tokio::test]
async fn a_message_stays_on_its_ladder_until_its_attempts_are_used_up() {
    let world = World::with(&[
        ("MAX_RETRIES", "2"),
        ("WEBHOOK_MAX_RETRIES", "2"),
        ("RETRY_BASE_DELAY_MS", "2000"),
        ("RETRY_MULTIPLIER", "1"),
    ])
    .await;
    let amqp = world.declared(&[]).await;
    put_on_old_ladder(&world, &amqp).await;
    let new = [("MAX_RETRIES", "9"), ("RETRY_BASE_DELAY_MS", "1")];
    let _worker = world.start(ProgramKind::Worker, &new).await;
    eventually(secs(30), "its attempts are used up", async || {
        amqp.dead_letter_depth().await == 1
    })
    .await;
    let letter = amqp.dead_letters().await.remove(0);
    assert_eq!(
        (letter.reason.as_str(), letter.attempts),
        ("unknown_user", Some(3))
    );
}

fn assert_warned_of(queue: &str, programs: &[&Program]) {
    for program in programs {
        let entries = program.logs().entries();
        let warning = entries.iter().find(|entry| entry["object"] == queue);
        assert_eq!(warning.expect("a warning")["level"], "warn");
    }
}

#[tokio::test]
async fn a_queue_with_other_arguments_is_used_with_a_warning() {
    let world = World::new().await;
    let amqp = world.amqp().await;
    let topology = Topology::of(&amqp.settings);
    let name = amqp.settings.names.queue.clone();
    let queue = topology.queues.iter().find(|queue| queue.name == name);
    let mut arguments = queue.expect("the intake queue").arguments();
    arguments.insert("x-max-length".into(), AMQPValue::LongLongInt(100_000));
    amqp.channel
        .queue_declare(
            name.as_str().into(),
            QueueDeclareOptions::durable(),
            arguments,
        )
        .await
        .expect("a queue of another version");

    let (api, worker) = tokio::join!(world.api(), world.worker());
    assert_warned_of(&name, &[&api, &worker]);
    let _ = api.client().post(&world.in_app()).await.accepted();
    eventually(secs(20), "the notification is processed", async || {
        world.database.count("status = 'processed'").await == 1
    })
    .await;
}

#[tokio::test]
async fn programs_start_with_another_quorum_size_on_existing_queues() {
    let world = World::new().await;
    let amqp = world.declared(&[]).await;
    let new = [("QUORUM_SIZE", "1")];
    let (api, worker) = tokio::join!(
        world.start(ProgramKind::Api, &new),
        world.start(ProgramKind::Worker, &new)
    );
    assert_warned_of(&amqp.settings.names.queue, &[&api, &worker]);
    let _ = api.client().post(&world.in_app()).await.accepted();
    eventually(secs(20), "the notification is processed", async || {
        world.database.count("status = 'processed'").await == 1
    })
    .await;
}
