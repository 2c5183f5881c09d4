//! A change of a user while a worker that has not seen it is about to send.

use serde_json::json;
use tidings_db::notifications::{ClaimRequest, LeaseToken, claim};
use tidings_domain::notification::{DeliveredChannel, MessageId};
use tidings_tests::{World, secs};

use super::{daily, patch, path};

#[tokio::test]
async fn a_change_waits_for_deliveries_that_have_not_seen_it() {
    let world = World::new().await;
    let api = world.api().await;
    let client = api.client();
    let pool = &world.database.pool;
    let mut connection = pool.dedicated_client().await.expect("a connection");
    let transaction = connection.transaction().await.expect("a transaction");
    let request = ClaimRequest {
        id: MessageId::generate(),
        attempt: 0,
        token: LeaseToken::generate(),
    };
    let claims = claim(&transaction, DeliveredChannel::Sms, &[request], secs(60)).await;
    assert_eq!(claims.expect("the query").len(), 1);

    let settings = path(world.user);
    let preferences = format!("/api/users/{}/preferences", world.user);
    let quiet = json!({"quiet": daily("06:00", "18:00")});
    let off = json!({"preferences": [{"category": "*", "channel": "sms", "enabled": false}]});
    let elsewhere = json!({"quiet": daily("06:00", "18:00"), "quietChannels": ["push"]});
    assert_eq!(patch(&client, &settings, &elsewhere).await.status, 200);
    let both = json!({"quietChannels": null});
    let (one, other) = tokio::join!(
        patch(&client, &settings, &both),
        patch(&client, &preferences, &off)
    );
    for answer in [one, other] {
        assert_eq!(answer.status, 503, "{}", answer.text);
        assert_eq!(answer.body["code"], "change_not_complete");
    }
    // What holds nothing waits for nobody.
    for change in [json!({"locale": "de"}), json!({"quiet": []})] {
        assert_eq!(patch(&client, &settings, &change).await.status, 200);
    }
    transaction.commit().await.expect("committed");
    for (path, change) in [(&settings, &quiet), (&preferences, &off)] {
        let answer = patch(&client, path, change).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
    }
}
