//! Each attempt is written by the version that is in use when it is made.

use reqwest::Method;
use serde_json::{Value, json};
use tidings_domain::notification::MessageId;
use tidings_tests::outcomes;

use super::{Place, used};

fn version(locale: &str, number: i64) -> Value {
    json!({"name": "hi", "locale": locale, "version": number})
}

async fn post(place: &Place, locale: &str) -> MessageId {
    let template = json!({"name": "hi", "locale": locale});
    let variables = json!({"to": "+4915112345678"});
    place.post("sms", &template, &variables).await
}

async fn delete(place: &Place, locale: &str) {
    let client = place.client();
    let path = format!("/api/templates/hi/sms/{locale}");
    let answer = client.send(client.request(Method::DELETE, &path)).await;
    assert_eq!(answer.status, 204, "{}", answer.text);
}

#[tokio::test]
async fn each_attempt_records_its_template_version() {
    let place = Place::new().await;
    let mut worker = place.world.worker().await;
    let mut ids = Vec::new();
    for number in 1..=3 {
        let text = format!("version {number}");
        assert_eq!(
            place.put("hi/sms/default", &json!({"text": text})).await,
            number
        );
        let id = post(&place, "de").await;
        assert_eq!(place.sent("sms", id).await["text"], text);
        ids.push((id, number));
    }
    for (id, number) in ids {
        let attempts = place.client().attempts(id).await;
        assert_eq!(outcomes(&attempts), [(0, "delivered")]);
        assert_eq!(used(&attempts), [version("default", number)]);
    }
    worker.leave().await;

    // What waits is written when it is sent.
    let waiting = post(&place, "de").await;
    place
        .put("hi/sms/default", &json!({"text": "version 4"}))
        .await;
    let _worker = place.world.worker().await;
    assert_eq!(place.sent("sms", waiting).await["text"], "version 4");
    let attempts = place.client().attempts(waiting).await;
    assert_eq!(used(&attempts), [version("default", 4)]);
}

#[tokio::test]
async fn a_deleted_template_renders_nothing_until_it_is_created_again() {
    let place = Place::new().await;
    for locale in ["de", "default"] {
        let body = json!({"text": format!("in {locale}")});
        place.put(&format!("hi/sms/{locale}"), &body).await;
    }
    // Accepted while it was still there.
    let id = post(&place, "de").await;
    delete(&place, "de").await;
    let mut worker = place.world.worker().await;
    assert_eq!(place.sent("sms", id).await["text"], "in default");
    worker.leave().await;

    let id = post(&place, "de").await;
    delete(&place, "default").await;
    let _worker = place.world.worker().await;
    let letter = place.dead_letter("sms", id).await;
    assert_eq!(letter.reason, "template_missing");

    let body = json!({"text": "back in de"});
    assert_eq!(place.put("hi/sms/de", &body).await, 2);
    place.replay("template_missing");
    assert_eq!(place.sent("sms", id).await["text"], "back in de");
    let attempts = place.client().attempts(id).await;
    assert_eq!(outcomes(&attempts), [(0, "rejected"), (0, "delivered")]);
    assert_eq!(used(&attempts), [Value::Null, version("de", 2)]);
}
