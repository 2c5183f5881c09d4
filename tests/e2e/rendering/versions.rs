//! Each attempt uses the template version that is current at its time.

use reqwest::Method;
use serde_json::{Value, json};
use tidings_domain::notification::MessageId;
use tidings_tests::outcomes;

use super::{SandboxInstallation, used};

fn version(locale: &str, number: i64) -> Value {
    json!({"name": "hi", "locale": locale, "version": number})
}

async fn post(installation: &SandboxInstallation, locale: &str) -> MessageId {
    let template = json!({"name": "hi", "locale": locale});
    let variables = json!({"to": "+4915112345678"});
    installation.post("sms", &template, &variables).await
}

async fn delete(installation: &SandboxInstallation, locale: &str) {
    let client = installation.client();
    let path = format!("/api/templates/hi/sms/{locale}");
    let answer = client.send(client.request(Method::DELETE, &path)).await;
    assert_eq!(answer.status, 204, "{}", answer.text);
}

#[tokio::test]
async fn each_attempt_records_its_template_version() {
    let installation = SandboxInstallation::new().await;
    let mut worker = installation.world.worker().await;
    let mut ids = Vec::new();
    for number in 1..=3 {
        let text = format!("version {number}");
        assert_eq!(
            installation
                .put("hi/sms/default", &json!({"text": text}))
                .await,
            number
        );
        let id = post(&installation, "de").await;
        assert_eq!(installation.sent("sms", id).await["text"], text);
        ids.push((id, number));
    }
    for (id, number) in ids {
        let attempts = installation.client().attempts(id).await;
        assert_eq!(outcomes(&attempts), [(0, "delivered")]);
        assert_eq!(used(&attempts), [version("default", number)]);
    }
    worker.stop().await;

    // A waiting message is rendered when it is sent.
    let waiting = post(&installation, "de").await;
    installation
        .put("hi/sms/default", &json!({"text": "version 4"}))
        .await;
    let _worker = installation.world.worker().await;
    assert_eq!(installation.sent("sms", waiting).await["text"], "version 4");
    let attempts = installation.client().attempts(waiting).await;
    assert_eq!(used(&attempts), [version("default", 4)]);
}

#[tokio::test]
async fn a_deleted_template_renders_nothing_until_it_is_created_again() {
    let installation = SandboxInstallation::new().await;
    for locale in ["de", "default"] {
        let body = json!({"text": format!("in {locale}")});
        installation.put(&format!("hi/sms/{locale}"), &body).await;
    }
    // Accepted before the deletion.
    let id = post(&installation, "de").await;
    delete(&installation, "de").await;
    let mut worker = installation.world.worker().await;
    assert_eq!(installation.sent("sms", id).await["text"], "in default");
    worker.stop().await;

    let id = post(&installation, "de").await;
    delete(&installation, "default").await;
    let _worker = installation.world.worker().await;
    let letter = installation.dead_letter("sms", id).await;
    assert_eq!(letter.reason, "template_missing");

    let body = json!({"text": "back in de"});
    assert_eq!(installation.put("hi/sms/de", &body).await, 2);
    installation.replay("template_missing");
    assert_eq!(installation.sent("sms", id).await["text"], "back in de");
    let attempts = installation.client().attempts(id).await;
    assert_eq!(outcomes(&attempts), [(0, "not_sent"), (0, "delivered")]);
    assert_eq!(used(&attempts), [Value::Null, version("de", 2)]);
}
