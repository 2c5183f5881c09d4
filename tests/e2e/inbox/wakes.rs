//! The queue of an API that its streams are woken by.

use serde_json::{Value, json};
use tidings_tests::{World, eventually_ok, secs};

use super::{open, own};

#[tokio::test]
async fn an_api_consumes_wakes_from_a_small_queue_of_its_own_while_it_has_streams() {
    let world = World::new().await;
    let _ = world.declared(&[]).await;
    let api = world.api().await;
    let (management, vhost) = (&world.vhost.management, world.vhost.name.as_str());
    let exchange = [
        "exchanges",
        vhost,
        "notifications.wakes",
        "bindings",
        "source",
    ];
    let queues = async || {
        let bindings = management.get(&exchange).await.expect("the exchange");
        let bindings = bindings.as_array().expect("a list").iter();
        let queues =
            bindings.map(|binding| binding["destination"].as_str().expect("a name").to_owned());
        queues.collect::<Vec<_>>()
    };
    // Without streams, wakes cost the broker nothing.
    assert!(queues().await.is_empty());

    let mut stream = open(&own(&api.client(), world.user), "").await;
    stream.expect("counts").await;
    let name = eventually_ok(secs(40), "a queue is bound", async || {
        queues().await.pop().ok_or("none")
    })
    .await;
    let queue: Value = eventually_ok(secs(40), "the queue is shown", async || {
        let queue = management.get(&["queues", vhost, &name]).await;
        queue.map_err(|error| error.to_string())
    })
    .await;
    assert_eq!(queue["exclusive"], true, "{queue}");
    assert_eq!(queue["auto_delete"], true);
    assert_eq!(queue["durable"], false);
    let arguments = json!({
        "x-queue-type": "classic",
        "x-max-length": 10_000,
        "x-overflow": "drop-head",
        "x-message-ttl": 30_000,
    });
    assert_eq!(queue["arguments"], arguments);
    assert_eq!(queue["type"], "classic");
}
