use serde_json::json;
use tidings_tests::{World, eventually_ok, secs, tokens};

use super::{accepted, keyed, result_codes, until_recorded};

/// Posts the same keys in batches and in single requests, repeatedly.
#[tokio::test]
async fn one_key_is_one_row_within_a_batch_across_batches_and_in_single_posts() {
    let world = World::new().await;
    let (api, worker) = tokio::join!(world.api(), world.worker());
    let client = api.client();
    let [first, mut second] = [world.in_app(), world.in_app()];
    second["payload"] = json!({"title": "Another one under the same key"});

    let single = client.post_with_key(&first, "order-1").await.accepted();
    let items = [
        keyed(first.clone(), "order-2"),
        keyed(first.clone(), "order-1"),
        keyed(first.clone(), "\"order-2\""),
        first.clone(),
    ];
    let batch = accepted(&client.post_batch(&items).await);
    assert_eq!(batch[1], single.as_uuid());
    assert_eq!(batch[2], batch[0], "quoted and bare are the same key");
    let again = accepted(&client.post_batch(&items).await);
    assert_eq!(again[..3], batch[..3]);
    assert_ne!(again[3], batch[3], "without a key it is another one");
    let alone = client.post_with_key(&second, "order-2").await;
    alone.assert_error(422, "idempotency_key_reused");
    let mixed = client
        .post_batch(&[keyed(second, "order-2"), keyed(first.clone(), "order-2")])
        .await;
    assert_eq!(result_codes(&mixed), ["idempotency_key_reused", "queued"]);

    let ids = [batch[0], batch[1], batch[3], again[3]];
    until_recorded(&world, ids).await;
    let seen = worker.metrics().await;
    assert_eq!(seen.sum("tidings_intake_recorded_total", &[]), 4);
    assert_eq!(seen.sum("tidings_intake_duplicates_total", &[]), 0);
    let found = client
        .get(&format!("/api/notifications/{}", batch[0]))
        .await;
    assert_eq!(found.body["payload"], first["payload"], "the first wins");

    let other = client.with_token(tokens::scoped(world.user, "notifications:send"));
    let of_other = accepted(&other.post_batch(&items[..1]).await);
    assert_ne!(of_other[0], batch[0], "a key belongs to its caller");
}

#[tokio::test]
async fn of_two_items_with_one_key_the_first_is_recorded_and_the_second_is_refused() {
    let world = World::new().await;
    let amqp = world.declared(&[]).await;
    let (api, _worker) = tokio::join!(world.api(), world.worker());
    // If both were published, the second would overtake the first.
    let large = "x".repeat(40_000);
    let items: Vec<_> = (0..150)
        .flat_map(|number| {
            [("first", large.as_str()), ("second", "")].map(|(place, filler)| {
                let mut item = world.in_app();
                item["payload"] = json!({"place": place, "filler": filler});
                keyed(item, &format!("order-{number}"))
            })
        })
        .collect();
    let answer = api.client().post_batch(&items).await;
    assert_eq!(answer.status, 207, "{}", answer.text);
    let expected = ["queued", "idempotency_key_reused"].repeat(150);
    assert_eq!(result_codes(&answer), expected);
    eventually_ok(secs(60), "every key has a row", async || {
        let rows = world.database.count("true").await;
        (rows == 150).then_some(()).ok_or(rows)
    })
    .await;
    let second = world.database.count("payload->>'place' = 'second'").await;
    assert_eq!(second, 0);
    assert_eq!(amqp.dead_letter_depth().await, 0, "they were not published");
}

#[tokio::test]
async fn an_invalid_item_does_not_use_up_its_key() {
    let (world, api) = World::shared().await;
    let items = [
        keyed(json!({}), &world.user.to_string()),
        keyed(world.in_app(), &world.user.to_string()),
    ];
    let answer = api.client().post_batch(&items).await;
    assert_eq!(result_codes(&answer), ["missing_fields", "queued"]);
}
