//! Fallback of locales.

use serde_json::{Value, json};

use super::{SandboxInstallation, used};

#[tokio::test]
async fn a_language_falls_back_to_the_next_best_and_to_the_default() {
    let installation = SandboxInstallation::new().await;
    let _worker = installation.world.worker().await;
    for locale in ["default", "de", "pt-BR"] {
        let body = json!({"text": format!("in {locale}")});
        installation.put(&format!("hi/sms/{locale}"), &body).await;
    }
    let assert_found = async |wanted: Value, found: &str| {
        let mut template = json!({"name": "hi"});
        if !wanted.is_null() {
            template["locale"] = wanted.clone();
        }
        let variables = json!({"to": "+4915112345678"});
        let id = installation.post("sms", &template, &variables).await;
        let sent = installation.sent("sms", id).await;
        assert_eq!(sent["text"], format!("in {found}"), "{wanted}");
        let attempts = installation.client().attempts(id).await;
        let template = json!({"name": "hi", "locale": found, "version": 1});
        assert_eq!(used(&attempts), [template], "{wanted}");
    };
    for (wanted, found) in [
        (json!("de-AT"), "de"),
        (json!("de"), "de"),
        (json!("fr-FR"), "default"),
        (json!("pt-BR"), "pt-BR"),
        // The default is preferred to the locale of another country.
        (json!("pt"), "default"),
        (Value::Null, "default"),
    ] {
        assert_found(wanted, found).await;
    }
    installation
        .put("hi/sms/de-AT", &json!({"text": "in de-AT"}))
        .await;
    assert_found(json!("de-AT"), "de-AT").await;
    assert_found(json!("de-CH"), "de").await;
}
