//! Previews of templates.

use serde_json::{Value, json};
use tidings_db::demo;
use tidings_tests::secret_keys::{KEY, keys};
use tidings_tests::{World, origin};

use crate::templates::{preview, put};

#[tokio::test]
async fn a_preview_shows_what_would_be_sent() {
    let world = World::new().await;
    let api = world.api().await;
    let client = api.client();
    for locale in ["default", "de"] {
        let body = json!({
            "subject": "{{ company }}\n  " , "text": format!("{locale}: {{{{ name }}}} & {{{{ n }}}}"), "html": "<b>{{ name }}</b>",
        });
        assert_eq!(
            put(&client, &format!("/api/templates/hi/email/{locale}"), &body)
                .await
                .status,
            201
        );
    }
    let variables = json!({"name": "<Anna> & \"Bo\"", "company": "A\r\nBcc: x@example.com", "n": 12_345_678_901_i64});
    let body = json!({"channel": "email", "locale": "de-AT", "variables": variables});
    let answer = preview(&client, "hi", &body).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let expected = json!({
        "template": {"name": "hi", "channel": "email", "locale": "de", "version": 1},
        "subject": "A Bcc: x@example.com",
        "text": "de: <Anna> & \"Bo\" & 12345678901",
        "html": "<b>&lt;Anna&gt; &amp; &quot;Bo&quot;</b>",
    });
    assert_eq!(answer.body, expected);
    for (locale, found) in [
        (json!("fr"), "default"),
        (Value::Null, "default"),
        (json!("de"), "de"),
    ] {
        let body = json!({"channel": "email", "locale": locale, "variables": variables});
        assert_eq!(
            preview(&client, "hi", &body).await.body["template"]["locale"],
            found
        );
    }
}

#[tokio::test]
async fn a_preview_of_an_old_version_is_possible() {
    let world = World::new().await;
    let api = world.api().await;
    let client = api.client();
    for text in ["one {{ n }}", "two {{ n }}"] {
        put(
            &client,
            "/api/templates/hi/sms/default",
            &json!({"text": text}),
        )
        .await;
    }
    for (version, said) in [
        (json!(1), "one 7"),
        (json!(2), "two 7"),
        (Value::Null, "two 7"),
    ] {
        let body = json!({"channel": "sms", "version": version, "variables": {"n": 7}});
        assert_eq!(preview(&client, "hi", &body).await.body["text"], said);
    }
    let body = json!({"channel": "sms", "version": 3, "variables": {"n": 7}});
    preview(&client, "hi", &body)
        .await
        .assert_error(404, "not_found");
    let body = json!({"channel": "push", "variables": {"n": 7}});
    preview(&client, "hi", &body)
        .await
        .assert_error(404, "not_found");
}

#[tokio::test]
async fn a_preview_reports_missing_variables_and_stops_endless_templates() {
    let world = World::new().await;
    let api = world.api().await;
    let client = api.client();
    for (text, words) in [
        (
            "Hello,\n{{ order.number }}",
            "the variable order.number is missing",
        ),
        (
            "{% for i in range(1000000000) %}{{ i }}{% endfor %}",
            "costs more work",
        ),
        (
            "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}",
            "costs more work",
        ),
        (
            "{% set a = 'x' %}{% for i in range(1) %}{% endfor %}{{ a * n }}",
            "costs more work",
        ),
        (
            "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
            "costs more work",
        ),
    ] {
        put(
            &client,
            "/api/templates/hi/sms/default",
            &json!({"text": text}),
        )
        .await;
        let body = json!({"channel": "sms", "variables": {"order": {}, "n": 1_000_000_000}});
        let answer = preview(&client, "hi", &body).await;
        answer.assert_error(400, "template_error");
        assert_eq!(answer.fields(), ["text"], "{text}");
        let message = answer.body["details"][0]["message"]
            .as_str()
            .expect("a message");
        assert!(message.contains(words), "{text}: {message}");
    }
    // A message that is too long for its channel is refused in the preview.
    put(
        &client,
        "/api/templates/hi/sms/default",
        &json!({"text": "{{ long }}"}),
    )
    .await;
    let body = json!({"channel": "sms", "variables": {"long": "x".repeat(2000)}});
    preview(&client, "hi", &body)
        .await
        .assert_error(400, "template_error");
    let body = json!({"channel": "email", "locale": "german", "version": "1", "more": 1});
    let answer = preview(&client, "hi", &body).await;
    answer.assert_error(400, "invalid_request");
    assert_eq!(answer.fields(), ["locale", "more", "variables", "version"]);
}

#[tokio::test]
async fn every_example_of_the_demo_data_can_be_previewed() {
    let world = World::new().await;
    demo::seed(&world.database.pool, &keys(KEY), &origin())
        .await
        .expect("seeded");
    let api = world.api().await;
    let client = api.client();
    for example in demo::DEMO_TEMPLATES {
        let variables: Value = serde_json::from_str(example.variables).expect("variables");
        let body = json!({"channel": example.channel.as_str(), "locale": example.locale, "variables": variables});
        let answer = preview(&client, example.name, &body).await;
        assert_eq!(answer.status, 200, "{}: {}", example.name, answer.text);
        assert_eq!(answer.body["template"]["locale"], example.locale);
    }
}
