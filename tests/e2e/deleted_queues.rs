//! Queues, exchanges and bindings that are deleted while the programs run are declared again, and no notification is lost.

use serde_json::{Value, json};
use tidings_domain::notification::{MessageId, UserId};
use tidings_tests::{Amqp, Program, World, eventually, eventually_ok, secs};
use uuid::Uuid;

/// A worker that delivers text messages into the sandbox, and an API.
async fn started(more: &[(&str, &str)]) -> (World, Amqp, Program, Program) {
    let mut settings = vec![("WORKER_CHANNELS", "intake,sms")];
    settings.extend(more);
    let world = World::with(&settings).await;
    let (api, worker) = tokio::join!(world.api(), world.worker());
    let amqp = world.amqp().await;
    (world, amqp, api, worker)
}

fn sms(world: &World) -> Value {
    let payload = json!({"text": "Your order has shipped!", "to": "+4915112345678"});
    json!({"targetUserId": world.user, "type": "sms", "payload": payload})
}

/// Posts until the API accepts.
async fn post(api: &Program, body: &Value) -> MessageId {
    let client = api.client();
    let key = Uuid::now_v7().to_string();
    let answer = eventually_ok(secs(20), "the API accepts", async || {
        let answer = client.post_with_key(body, &key).await;
        match answer.status {
            202 => Ok(answer),
            503 => Err(answer.text),
            _ => panic!("{}", answer.text),
        }
    });
    answer.await.accepted()
}

/// Posts a notification that is complete once it is recorded, and one that goes through the queue of its channel.
async fn post_two(world: &World, api: &Program) {
    for body in [world.in_app(), sms(world)] {
        post(api, &body).await;
    }
}

/// Waits until `count` notifications are processed and no message is a dead letter.
async fn until_processed(world: &World, amqp: &Amqp, count: i64) {
    eventually_ok(secs(60), "all are processed", async || {
        let processed = world.database.count("status = 'processed'").await;
        let letters = amqp.dead_letter_depth().await;
        (processed == count && letters == 0)
            .then_some(())
            .ok_or_else(|| format!("{processed} of {count}, {letters} dead letters"))
    })
    .await;
}

async fn exists(world: &World, kind: &str, name: &str) -> bool {
    let path = [kind, &world.vhost.name, name];
    world.vhost.management.get(&path).await.is_ok()
}

/// Every kind of object, one after the other. A message waits in none of them when it is deleted.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deleted_queues_and_exchanges_are_declared_again_and_lose_nothing() {
    let (world, amqp, api, worker) = started(&[]).await;
    let names = &amqp.settings.names;
    let rung = names.retry_queue(&amqp.settings.ladder, 1);
    let mut posted = 0;
    for (kind, name) in [
        ("queues", names.queue.as_str()),
        ("queues", "notifications_queue.sms"),
        ("queues", &rung),
        ("queues", "notifications.wait.1s"),
        ("queues", &names.dlq),
        ("exchanges", &names.exchange),
        ("exchanges", "notifications.retry"),
        ("exchanges", "notifications.wait.1s"),
        ("exchanges", "notifications.unrouted"),
    ] {
        let path = [kind, &world.vhost.name, name];
        world.vhost.management.delete(&path).await.expect("deleted");
        post_two(&world, &api).await;
        posted += 2;
        eventually(secs(20), &format!("{name} exists again"), async || {
            exists(&world, kind, name).await
        })
        .await;
        until_processed(&world, &amqp, posted).await;
    }
    drop((api, worker));
}

/// A binding of every kind. RabbitMQ confirms what finds no queue because of it, as dead letters.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deleted_bindings_are_made_again() {
    let (world, amqp, api, worker) = started(&[]).await;
    let names = &amqp.settings.names;
    let rung = names.retry_queue(&amqp.settings.ladder, 1);
    let mut paths = Vec::new();
    for (exchange, queue) in [
        (names.exchange.as_str(), names.queue.as_str()),
        (&names.exchange, "notifications_queue.sms"),
        ("notifications.retry", &rung),
        ("notifications.wait.1s", "notifications.wait.1s"),
        ("notifications.unrouted", &names.dlq),
    ] {
        let (exchange, queue) = (exchange.to_owned(), queue.to_owned());
        let path = bindings_path(&world, &exchange, &queue);
        let key = bindings(&world, &path).await.remove(0);
        let one = [path.as_slice(), &[&key]].concat();
        world.vhost.management.delete(&one).await.expect("deleted");
        assert!(bindings(&world, &path).await.is_empty());
        paths.push((exchange, queue));
    }
    for (exchange, queue) in &paths {
        let path = bindings_path(&world, exchange, queue);
        eventually(secs(40), &format!("{queue} is bound again"), async || {
            !bindings(&world, &path).await.is_empty()
        })
        .await;
    }
    post_two(&world, &api).await;
    until_processed(&world, &amqp, 2).await;
    drop((api, worker));
}

fn bindings_path<'a>(world: &'a World, exchange: &'a str, queue: &'a str) -> [&'a str; 6] {
    ["bindings", &world.vhost.name, "e", exchange, "q", queue]
}

/// Returns the keys of the bindings at a path, as the management plugin names them.
async fn bindings(world: &World, path: &[&str]) -> Vec<String> {
    let found = world.vhost.management.get(path).await.expect("bindings");
    let found = found.as_array().expect("a list").iter();
    let key = |one: &Value| one["properties_key"].as_str().expect("a key").to_owned();
    found.map(key).collect()
}

/// Removes all bindings of a queue to an exchange.
async fn unbind(world: &World, exchange: &str, queue: &str) {
    let path = bindings_path(world, exchange, queue);
    for key in bindings(world, &path).await {
        let one = [path.as_slice(), &[&key]].concat();
        // A program may bind at this moment.
        let _ = world.vhost.management.delete(&one).await;
    }
}

/// The messages become dead letters, by the alternate exchange.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn removed_bindings_are_restored_and_lose_nothing() {
    let (world, amqp, api, worker) =
        started(&[("LOG_LEVEL", "debug"), ("ACCEPT_WITHOUT_BROKER", "false")]).await;
    let names = &amqp.settings.names;
    // No program may bind the queues between the removal of the bindings and the posts. The API binds them every 10 s.
    worker.pause();
    let bound = || api.logs().with_message("everything is bound again").len();
    let before = bound();
    eventually(secs(30), "the API binds the queues", async || {
        bound() > before
    })
    .await;
    unbind(&world, &names.exchange, &names.queue).await;
    unbind(&world, &names.exchange, "notifications_queue.sms").await;
    post_two(&world, &api).await;
    worker.resume();
    until_processed(&world, &amqp, 2).await;
    // Now the broker returns the messages.
    let client = api.client();
    eventually(secs(20), "the API refuses", async || {
        unbind(&world, &names.exchange, &names.queue).await;
        unbind(&world, "notifications.unrouted", &names.dlq).await;
        let answer = client.post(&world.in_app()).await;
        // A program may have bound the queues before the post.
        answer.status == 503 && answer.body["code"] == "broker_unavailable"
    })
    .await;
    let id = post(&api, &world.in_app()).await;
    eventually(secs(30), "the next one is processed", async || {
        let processed = world.database.message_ids_where("status = 'processed'");
        processed.await.contains(&id.as_uuid())
    })
    .await;
    drop((api, worker));
}

/// The message is on the ladder when its queue is deleted: RabbitMQ itself finds no queue for it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_retry_whose_queue_was_deleted_goes_on_with_its_attempt() {
    let (world, amqp, api, worker) = started(&[("RETRY_BASE_DELAY_MS", "3000")]).await;
    let user = UserId::from(Uuid::now_v7());
    let mut body = world.in_app();
    body["targetUserId"] = json!(user);
    let id = post(&api, &body).await;
    // Not the worker's count of retries: it grows before the worker gives the message back.
    let rung = amqp.settings.names.retry_queue(&amqp.settings.ladder, 1);
    eventually(secs(20), "the message is on the ladder", async || {
        amqp.depth(&rung).await == 1
    })
    .await;
    // No program declares the queue until its message has become a dead letter.
    for program in [&api, &worker] {
        program.pause();
    }
    let queue = amqp.settings.names.queue.as_str();
    let path = ["queues", &world.vhost.name, queue];
    world.vhost.management.delete(&path).await.expect("deleted");
    eventually(secs(30), "the message has found no queue", async || {
        amqp.dead_letter_depth().await == 1
    })
    .await;
    let letter = amqp.dead_letters().await.remove(0);
    assert_eq!(
        (letter.reason.as_str(), letter.attempts),
        ("unrouted", Some(2))
    );
    world.database.make_user(user).await;
    for program in [&api, &worker] {
        program.resume();
    }
    eventually(secs(30), "it is recorded", async || {
        world.database.message_ids().await == [id.as_uuid()]
    })
    .await;
    assert_eq!(amqp.dead_letter_depth().await, 0);
    drop((api, worker));
}

/// Nothing can take the message: the broker returns it, instead of dropping it behind a positive confirm.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_any_queue_posts_are_refused() {
    let world = World::with(&[("ACCEPT_WITHOUT_BROKER", "false")]).await;
    let amqp = world.declared(&[]).await;
    // A user who may declare nothing, so that the queues stay deleted.
    let url = world.vhost.restricted_url().await;
    let api = world
        .start(tidings_tests::ProgramKind::Api, &[("RABBITMQ_URL", &url)])
        .await;
    let _ = api.client().post(&world.in_app()).await.accepted();
    for queue in [&amqp.settings.names.queue, &amqp.settings.names.dlq] {
        let path = ["queues", &world.vhost.name, queue];
        world.vhost.management.delete(&path).await.expect("deleted");
    }
    let refused = api.client().post(&world.in_app()).await;
    refused.assert_error(503, "broker_unavailable");
    let _ = world.declared(&[]).await;
    post(&api, &world.in_app()).await;
    assert_eq!(amqp.intake_depth().await, 1);
}

/// An administrator declares everything. The programs may publish and consume, and declare nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn programs_work_without_the_permission_to_declare() {
    let world = World::new().await;
    let amqp = world.declared(&[]).await;
    let url = world.vhost.restricted_url().await;
    let restricted = [
        ("RABBITMQ_URL", url.as_str()),
        ("WORKER_CHANNELS", "intake,sms"),
    ];
    let (api, worker) = tokio::join!(
        world.start(tidings_tests::ProgramKind::Api, &restricted),
        world.start(tidings_tests::ProgramKind::Worker, &restricted)
    );
    post_two(&world, &api).await;
    until_processed(&world, &amqp, 2).await;
    drop((api, worker));
}
