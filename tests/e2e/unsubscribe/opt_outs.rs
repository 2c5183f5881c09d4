//! Recipients who have told the provider to send nothing more.

use serde_json::json;
use tidings_tests::{MockHttpServer, Response};

use crate::delivery::{sms, world};

#[tokio::test]
async fn who_answers_stop_gets_no_further_text_messages() {
    let stop =
        r#"{"code": 21610, "message": "Attempt to send to unsubscribed recipient", "status": 400}"#;
    let twilio = MockHttpServer::start(move |_| {
        Response::status(400)
            .header("content-type", "application/json")
            .body(stop)
    })
    .await;
    let world = world(&twilio, &[("WORKER_CHANNELS", "intake,scheduler,sms")]).await;
    let (api, worker) = tokio::join!(world.api(), world.worker());
    let client = api.client();
    let path = format!("/api/users/{}/contacts/phone-numbers", world.user);
    let add = client.request(reqwest::Method::POST, &path);
    let added = client
        .send(add.json(&json!({"number": "+4915112345678"})))
        .await;
    assert_eq!(added.status, 201, "{}", added.text);
    let mut to_user = sms(&world, "hello");
    to_user["payload"]
        .as_object_mut()
        .expect("an object")
        .remove("to");
    let mut to_guest = sms(&world, "hello");
    to_guest
        .as_object_mut()
        .expect("an object")
        .remove("targetUserId");

    for (sent, (body, table)) in [
        (&to_user, "preferences"),
        (&to_guest, "address_preferences"),
    ]
    .into_iter()
    .enumerate()
    {
        let first = client.post(body).await.accepted();
        world.until_status(first, "failed").await;
        let database = world
            .database
            .pool
            .dedicated_client()
            .await
            .expect("a connection");
        let sql = format!(
            "SELECT FROM {table} WHERE category = '*' AND channel = 'sms' AND NOT enabled AND source = 'provider'"
        );
        let rows = database.query(sql.as_str(), &[]).await.expect("a query");
        assert_eq!(rows.len(), 1, "{table}");
        let second = client.post(body).await.accepted();
        world.until_status(second, "suppressed").await;
        assert_eq!(twilio.count(), sent + 1, "{table}");
    }
    let log = worker.logs().lines().join("\n");
    assert!(!log.contains("15112345678"), "{log}");
}
