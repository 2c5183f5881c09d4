//! A message that its template cannot render becomes a dead letter at once, with the error.

use serde_json::json;
use tidings_domain::notification::MessageId;
use tidings_tests::{outcomes, tokens};

use super::{SandboxInstallation, used};

#[tokio::test]
async fn a_missing_variable_becomes_a_dead_letter_that_names_it() {
    let installation = SandboxInstallation::new().await;
    let mut worker = installation.world.worker().await;
    let body = json!({"subject": "Your order", "text": "Dear {{ name }},\n{{ order.number }}"});
    installation.put("shipped/email/default", &body).await;
    installation.put("shipped/email/de", &body).await;
    let variables = json!({"to": "anna@example.org", "name": "Annabella", "order": {}});
    let template = json!({"name": "shipped", "locale": "de-AT"});
    let id = installation.post("email", &template, &variables).await;

    let letter = installation.dead_letter("email", id).await;
    let words = "text, line 2: the variable order.number is missing";
    assert_eq!(letter.reason, "template_error");
    assert_eq!(letter.detail.as_deref(), Some(words));
    assert_eq!(letter.attempts, Some(1), "it would fail again");
    assert_eq!(
        installation.error_message(id).await,
        format!("template_error: {words}")
    );
    let attempts = installation.client().attempts(id).await;
    assert_eq!(outcomes(&attempts), [(0, "not_sent")]);
    assert_eq!(attempts[0]["error"], words);
    assert_eq!(attempts[0]["provider"], "sandbox");
    assert_eq!(
        used(&attempts),
        [json!({"name": "shipped", "locale": "de", "version": 1})]
    );
    assert_user_sees_no_template(&installation, id).await;
    worker.stop().await;
    let logs = worker.logs().lines().join("\n");
    for word in ["order.number", "Annabella", "anna@example.org"] {
        assert!(!logs.contains(word), "{word} must not be in the log");
    }
}

/// The user of the notification may read it, and may not read the template.
async fn assert_user_sees_no_template(installation: &SandboxInstallation, id: MessageId) {
    let user = installation.world.user;
    for (scope, shown) in [
        ("notifications:read", false),
        ("notifications:read templates:write", true),
    ] {
        let client = installation
            .client()
            .with_token(tokens::scoped(user, scope));
        let one = client.get(&format!("/api/notifications/{id}")).await;
        let list = client.get("/api/notifications").await;
        let attempts = client
            .get(&format!("/api/notifications/{id}/attempts"))
            .await;
        for answer in [one, list, attempts] {
            assert_eq!(answer.status, 200, "{}", answer.text);
            let quoted = answer.text.contains("order.number");
            assert_eq!(quoted, shown, "{scope}: {}", answer.text);
            assert!(
                shown || answer.text.contains("cannot render"),
                "{}",
                answer.text
            );
        }
    }
}

#[tokio::test]
async fn an_endless_template_is_stopped_and_does_not_delay_others() {
    let installation = SandboxInstallation::new().await;
    let worker = installation.world.worker().await;
    let sources = [
        "{% for i in range(99999) %}{% for j in range(99999) %}{{ i }}{% endfor %}{% endfor %}",
        "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
        "{% for i in range(1000000000) %}{{ 'x' * n }}{% endfor %}",
        "{% set all = namespace(text='x') %}{% for i in range(64) %}{% set all.text = all.text ~ all.text %}{% endfor %}{{ all.text }}",
    ];
    for (number, text) in sources.iter().enumerate() {
        installation
            .put(
                &format!("endless-{number}/sms/default"),
                &json!({ "text": text }),
            )
            .await;
    }
    installation
        .put("plain/sms/default", &json!({"text": "{{ n }}"}))
        .await;
    let mut variables = json!({"to": "+4915112345678", "n": 1_000_000_000});
    let (mut stopped, mut plain) = (Vec::new(), Vec::new());
    for number in 0..sources.len() {
        let template = json!({"name": format!("endless-{number}")});
        stopped.push(installation.post("sms", &template, &variables).await);
        for n in 0..5 {
            variables["n"] = (number * 10 + n).into();
            let template = json!({"name": "plain"});
            let id = installation.post("sms", &template, &variables).await;
            plain.push((id, variables["n"].to_string()));
        }
        variables["n"] = 1_000_000_000.into();
    }
    for (id, text) in plain {
        assert_eq!(installation.sent("sms", id).await["text"], text);
    }
    for (number, id) in stopped.into_iter().enumerate() {
        let letter = installation.dead_letter("sms", id).await;
        assert_eq!(letter.reason, "template_error", "{number}");
        let detail = letter.detail.unwrap_or_default();
        assert!(detail.contains("costs more work"), "{number}: {detail}");
        assert_eq!(letter.attempts, Some(1));
        let attempts = installation.client().attempts(id).await;
        assert_eq!(outcomes(&attempts), [(0, "not_sent")]);
        let template =
            json!({"name": format!("endless-{number}"), "locale": "default", "version": 1});
        assert_eq!(used(&attempts), [template]);
    }
    assert_eq!(worker.client().get("/health").await.status, 200);
}

#[tokio::test]
async fn an_unknown_template_becomes_a_dead_letter_that_names_it() {
    let installation = SandboxInstallation::new().await;
    let _worker = installation.world.worker().await;
    // The same name exists for another channel and for another locale.
    installation
        .put(
            "welcome/push/default",
            &json!({"subject": "s", "text": "t"}),
        )
        .await;
    installation
        .put("welcome/sms/fr", &json!({"text": "t"}))
        .await;
    let template = json!({"name": "welcome", "locale": "de"});
    let id = installation
        .post("sms", &template, &json!({"to": "+4915112345678"}))
        .await;
    let letter = installation.dead_letter("sms", id).await;
    assert_eq!(letter.reason, "template_missing");
    assert_eq!(letter.attempts, Some(1));
    let detail = letter.detail.unwrap_or_default();
    assert!(detail.contains("\"welcome\" for sms"), "{detail}");
    assert_eq!(
        installation.error_message(id).await,
        format!("template_missing: {detail}")
    );
    let attempts = installation.client().attempts(id).await;
    assert_eq!(outcomes(&attempts), [(0, "not_sent")]);
    assert_eq!(attempts[0]["error"], detail);
}

#[tokio::test]
async fn an_invalid_rendered_message_becomes_a_dead_letter() {
    let installation = SandboxInstallation::new().await;
    let _worker = installation.world.worker().await;
    installation
        .put("hi/sms/default", &json!({"text": "{{ text }}"}))
        .await;
    for (text, words) in [
        ("x".repeat(2000), "payload.text must have at most"),
        (" ".to_owned(), "payload.text must not be empty"),
    ] {
        let variables = json!({"to": "+4915112345678", "text": text});
        let id = installation
            .post("sms", &json!({"name": "hi"}), &variables)
            .await;
        let letter = installation.dead_letter("sms", id).await;
        let detail = letter.detail.unwrap_or_default();
        assert!(detail.starts_with(words), "{detail}");
        let attempts = installation.client().attempts(id).await;
        assert_eq!(outcomes(&attempts), [(0, "not_sent")]);
        assert_eq!(attempts[0]["template"]["version"], 1);
    }
}

#[tokio::test]
async fn a_replay_delivers_once_the_template_is_corrected() {
    let installation = SandboxInstallation::new().await;
    let _worker = installation.world.worker().await;
    let shipped = |number: &str| json!({"text": format!("Your order {number} has shipped")});
    installation
        .put("shipped/sms/default", &shipped("{{ order.nubmer }}"))
        .await;
    let variables = json!({"to": "+4915112345678", "order": {"number": 7}});
    let template = json!({"name": "shipped"});
    let id = installation.post("sms", &template, &variables).await;
    let letter = installation.dead_letter("sms", id).await;
    let detail = letter.detail.unwrap_or_default();
    assert!(detail.contains("order.nubmer is missing"), "{detail}");

    installation
        .put("shipped/sms/default", &shipped("{{ order.number }}"))
        .await;
    installation.replay("template_error");
    let sent = installation.sent("sms", id).await;
    assert_eq!(sent["text"], "Your order 7 has shipped");
    let attempts = installation.client().attempts(id).await;
    assert_eq!(outcomes(&attempts), [(0, "not_sent"), (0, "delivered")]);
    let version = |number| json!({"name": "shipped", "locale": "default", "version": number});
    assert_eq!(used(&attempts), [version(1), version(2)]);
    assert_eq!(installation.world.amqp().await.dead_letter_depth().await, 0);
}
