//! What is refused, and to whom. Nothing that the API answers depends on whether anyone has an account.

use reqwest::Method;
use serde_json::{Value, json};
use tidings_domain::notification::{Channel, DeliveredChannel};
use tidings_tests::{World, tokens};

use super::{to_address, with, without_user};
use crate::batches::result_codes;

#[tokio::test]
async fn without_a_recipient_the_user_is_required() {
    let (_world, api) = World::shared().await;
    let client = api.client();
    for channel in Channel::ALL {
        let mut body = without_user(channel);
        if channel == Channel::InApp {
            // Any object is a payload.
            body["payload"]["to"] = json!("guest@example.org");
        }
        let answer = client.post(&body).await;
        answer.assert_error(400, "missing_fields");
        assert_eq!(answer.fields(), ["targetUserId"], "{channel}");
        let remedy = answer.body["details"][0]["message"].as_str();
        let names_remedy = remedy.is_some_and(|text| text.contains("payload.to"));
        assert_eq!(names_remedy, channel != Channel::InApp, "{}", answer.text);
    }
    // An endpoint belongs to a user.
    let mut body = without_user(Channel::Webhook);
    body["payload"]["endpointId"] = json!("01a1fe98-0d7a-74bd-bf92-cd0e5bf765d8");
    let answer = client.post(&body).await;
    assert_eq!(answer.fields(), ["targetUserId"], "{}", answer.text);
    for channel in DeliveredChannel::ALL {
        let null = with(to_address(channel), &json!({"targetUserId": null}));
        let answer = client.post(&null).await;
        answer.assert_error(400, "invalid_fields");
        assert_eq!(answer.fields(), ["targetUserId"], "{channel}");
    }
}

#[tokio::test]
async fn only_callers_that_may_send_to_anyone_may_leave_out_the_user() {
    let (world, api) = World::shared().await;
    for (scope, status) in [
        ("notifications:send:any", 202),
        ("admin", 202),
        ("notifications:send", 403),
        ("notifications:send templates:write contacts:write", 403),
        ("notifications:read", 403),
        ("", 403),
    ] {
        let client = api.client().with_token(tokens::scoped(world.user, scope));
        for channel in DeliveredChannel::ALL {
            let answer = client.post(&to_address(channel)).await;
            assert_eq!(answer.status, status, "{scope}: {}", answer.text);
            if status == 403 {
                answer.assert_error(403, "forbidden");
            }
        }
        let answer = client.post(&without_user(Channel::Sms)).await;
        answer.assert_error(400, "missing_fields");
        let template =
            json!({"template": {"name": "invitation"}, "payload": {"to": "+4915198765432"}});
        let answer = client
            .post(&with(without_user(Channel::Sms), &template))
            .await;
        assert_eq!(answer.status, status, "{scope}: {}", answer.text);
    }
}

#[tokio::test]
async fn each_item_of_a_batch_is_checked_by_itself() {
    let (world, api) = World::shared().await;
    let items = [
        to_address(DeliveredChannel::Email),
        without_user(Channel::Email),
        without_user(Channel::InApp),
        world.in_app(),
    ];
    let answer = api.client().post_batch(&items).await;
    let missing = "missing_fields";
    assert_eq!(
        result_codes(&answer),
        ["queued", missing, missing, "queued"]
    );
    let own = tokens::scoped(world.user, "notifications:send");
    let answer = api.client().with_token(own).post_batch(&items).await;
    assert_eq!(
        result_codes(&answer),
        ["forbidden", missing, missing, "queued"]
    );
}

#[tokio::test]
async fn a_recurring_schedule_needs_a_user() {
    let (world, api) = World::shared().await;
    let client = api.client();
    let times = json!({"cron": "0 9 * * 1", "timezone": "Europe/Berlin"});
    let post = async |body: &Value| {
        let request = client.request(Method::POST, "/api/schedules");
        client.send(request.json(body)).await
    };
    let body = with(to_address(DeliveredChannel::Sms), &times);
    let answer = post(&body).await;
    answer.assert_error(400, "missing_fields");
    assert_eq!(answer.fields(), ["targetUserId"]);
    let answer = post(&with(body, &json!({"targetUserId": world.user}))).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
}
