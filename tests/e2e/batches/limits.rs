use serde_json::json;
use tidings_tests::World;

use super::{accepted, post_raw, result_codes};

/// Returns an item of exactly `size` bytes.
fn sized(world: &World, size: usize) -> String {
    let mut item = world.in_app();
    item["payload"]["title"] = json!("");
    let room = size - item.to_string().len();
    item["payload"]["title"] = json!("x".repeat(room));
    item.to_string()
}

#[tokio::test]
async fn batch_and_item_size_limits_are_exact() {
    let world = World::with(&[("MAX_BODY_BYTES", "2000"), ("MAX_BATCH_BODY_BYTES", "5000")]).await;
    let api = world.api().await;
    let client = api.client();
    let batch = |items: [&str; 2], blanks: usize| {
        format!(
            r#"{{"notifications":[{},{}{}]}}"#,
            items[0],
            " ".repeat(blanks),
            items[1]
        )
    };
    let post = |items, blanks| post_raw(&client, batch(items, blanks));
    let [fits, exceeds] = [2000, 2001].map(|size| sized(&world, size));
    let answer = post([&fits, &exceeds], 900).await;
    assert_eq!(answer.status, 207, "{}", answer.text);
    assert_eq!(result_codes(&answer), ["queued", "payload_too_large"]);
    // White space between items counts for the batch and for no item.
    let two = [fits.as_str(); 2];
    let blanks = 5000 - batch(two, 0).len();
    assert_eq!(accepted(&post(two, blanks).await).len(), 2);
    for more in [1, 100_000] {
        let answer = post(two, blanks + more).await;
        answer.assert_error(413, "payload_too_large");
    }
    assert_eq!(world.amqp().await.intake_depth().await, 3);
}

#[tokio::test]
async fn a_batch_of_eight_mebibytes_is_accepted() {
    let (world, api) = World::shared().await;
    let item = sized(&world, 65_536);
    let body = format!(r#"{{"notifications":[{}]}}"#, vec![item; 127].join(","));
    let answer = post_raw(&api.client(), body).await;
    assert_eq!(accepted(&answer).len(), 127);
}

/// Nests as deeply as the body size allows, in every place.
#[tokio::test]
async fn deep_nesting_affects_only_its_own_item() {
    let (world, api) = World::shared().await;
    let deep = format!("{}{}", "[".repeat(30_000), "]".repeat(30_000));
    let payload = world.in_app().to_string();
    let payload = payload.replace(r#""Your order has shipped!""#, &deep);
    let good = world.in_app().to_string();
    let body = format!(r#"{{"notifications":[{deep},{good},{payload}]}}"#);
    let answer = post_raw(&api.client(), body).await;
    assert_eq!(
        result_codes(&answer),
        ["invalid_json", "queued", "invalid_fields"]
    );
}
