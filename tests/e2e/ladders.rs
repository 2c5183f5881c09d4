//! `tidings ladders`.

use serde_json::Value;
use tidings_broker::Topology;
use tidings_domain::retry::Ladder;
use tidings_tests::{Amqp, AmqpMessage, World, eventually, secs};

use crate::retention::tidings;

const FORMER: &str = "2x60000x1x60000";
const BUSY: &str = "1x60000x1x60000";

/// Declares a ladder as a program with these settings would.
async fn declare(world: &World, label: &str) -> Amqp {
    let ladder: Ladder = label.parse().expect("a ladder");
    let max = ladder.max.to_string();
    let settings = [
        ("MAX_RETRIES", max.as_str()),
        ("WEBHOOK_MAX_RETRIES", max.as_str()),
        ("RETRY_BASE_DELAY_MS", "60000"),
        ("RETRY_MULTIPLIER", "1"),
        ("RETRY_MAX_DELAY_MS", "60000"),
    ];
    let amqp = world.declared(&settings).await;
    assert_eq!(amqp.settings.ladder, ladder);
    amqp
}

fn outcome<'a>(report: &'a Value, label: &str) -> &'a str {
    let ladders = report["ladders"].as_array().expect("ladders");
    let found = ladders.iter().find(|one| one["ladder"] == label);
    found.map_or("missing", |one| {
        one["outcome"].as_str().expect("an outcome")
    })
}

/// With two worker threads, as in every test that runs the tool beside a connection: it must send heartbeats meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn empty_ladders_of_former_settings_are_removed() {
    let world = World::new().await;
    let amqp = world.declared(&[]).await;
    let current = amqp.settings.ladder.to_string();
    let _ = declare(&world, FORMER).await;
    let busy = declare(&world, BUSY).await;
    let rung = busy.settings.names.retry_queue(&busy.settings.ladder, 1);
    busy.publish(AmqpMessage {
        exchange: String::new(),
        routing_key: rung.clone(),
        ..busy.intake_of(&world.wire())
    })
    .await;
    eventually(
        secs(60),
        "the plugin knows all ladders and the message",
        async || {
            let (code, listed) = tidings(&world, &["ladders"]);
            assert_eq!(code, Some(0), "{listed}");
            let ladders = listed["ladders"].as_array().expect("ladders");
            let messages: u64 = ladders
                .iter()
                .filter_map(|one| one["messages"].as_u64())
                .sum();
            ladders.len() == 3 && messages == 1
        },
    )
    .await;
    let (_, rehearsed) = tidings(&world, &["ladders", "--prune", "--dry-run"]);
    assert_eq!(outcome(&rehearsed, FORMER), "would_remove", "{rehearsed}");
    let (code, pruned) = tidings(&world, &["ladders", "--prune"]);
    assert_eq!(code, Some(0), "{pruned}");
    assert_eq!(outcome(&pruned, FORMER), "removed", "{pruned}");
    assert_eq!(outcome(&pruned, BUSY), "not_empty");
    assert_eq!(outcome(&pruned, &current), "kept");
    // Everything that the settings need is there, and the message too.
    let topology = Topology::of(&amqp.settings);
    let missing = tidings_broker::missing(&amqp.connection, &topology).await;
    assert_eq!(missing.expect("an answer"), [""; 0]);
    assert_eq!(busy.depth(&rung).await, 1);
    let (_, former) = tidings(&world, &["ladders", "--ladder", FORMER]);
    assert_eq!(former["ladders"], serde_json::json!([]));
    let (_, named) = tidings(&world, &["ladders", "--ladder", BUSY]);
    assert_eq!(named["ladders"][0]["messages"], 1);
}
