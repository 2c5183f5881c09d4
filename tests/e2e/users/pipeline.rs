//! Users who were put get their notifications.

use serde_json::json;
use tidings_domain::notification::Channel;
use tidings_tests::{ProgramKind, World, eventually, notification, secs};
use uuid::Uuid;

use super::{anna, patch, put};

#[tokio::test]
async fn a_user_who_was_put_gets_email_and_text_messages_without_an_address_in_the_request() {
    let world = World::new().await;
    let channels = [("WORKER_CHANNELS", "intake,email,sms")];
    let (api, _worker) = tokio::join!(world.api(), world.start(ProgramKind::Worker, &channels));
    let (client, id) = (api.client(), Uuid::new_v4());
    let created = put(&client, id, &anna(id)).await;
    assert_eq!(created.status, 201, "{}", created.text);
    for channel in [Channel::Email, Channel::Sms, Channel::InApp] {
        let _ = client
            .post(&notification(id.into(), channel))
            .await
            .accepted();
    }
    let processed = format!("user_id = '{id}' AND status = 'processed' AND error_message IS NULL");
    eventually(secs(20), "all three are delivered", async || {
        world.database.count(&processed).await == 3
    })
    .await;

    // What was removed is not used any more.
    let changes = json!({"email": null, "phoneNumbers": []});
    assert_eq!(patch(&client, id, &changes).await.status, 200);
    for channel in [Channel::Email, Channel::Sms] {
        let _ = client
            .post(&notification(id.into(), channel))
            .await
            .accepted();
    }
    eventually(secs(20), "none of the others is delivered", async || {
        let failed = format!("user_id = '{id}' AND status = 'failed'");
        world.database.count(&failed).await == 2
    })
    .await;
    assert_eq!(world.database.count(&processed).await, 3);
}
