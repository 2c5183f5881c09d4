//! For any request, the response is no 5xx, an error has the common error shape, and what is accepted can be
//! recorded.

use proptest::collection::{hash_map, vec};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use reqwest::Method;
use serde_json::Value;
use tidings_tests::{Answer, Program, World, eventually_ok, secs};

/// JSON text that contains values which are hard to store more often than by chance. Text instead of a value,
/// because a value cannot hold half of a surrogate pair.
fn json_text() -> impl Strategy<Value = String> {
    let string = prop_oneof![
        any::<String>().prop_map(|text| Value::from(text).to_string()),
        "\"(\\\\u[0-9a-f]{4}|[a-z ]|\\\\n){0,6}\"",
        Just(r#""\ud83d\ude00""#.to_owned()),
        Just(r#""\u0000""#.to_owned()),
    ];
    let leaf = prop_oneof![
        Just("null".to_owned()),
        any::<bool>().prop_map(|b| b.to_string()),
        "-?(0|[1-9][0-9]{0,30})(\\.[0-9]{1,20})?([eE][+-]?[0-9]{1,6})?",
        string.clone(),
    ];
    leaf.prop_recursive(4, 40, 6, move |inner| {
        let member = (string.clone(), inner.clone());
        prop_oneof![
            vec(inner, 0..6).prop_map(|items| format!("[{}]", items.join(","))),
            vec(member, 0..6).prop_map(object),
        ]
    })
}

fn object(members: Vec<(String, String)>) -> String {
    let members: Vec<_> = members
        .into_iter()
        .map(|(name, value)| format!("{name}:{value}"))
        .collect();
    format!("{{{}}}", members.join(","))
}

/// The required members of a channel's payload.
fn required_members(channel: &str) -> Vec<(String, String)> {
    let members: &[(&str, &str)] = match channel {
        "email" => &[("subject", "\"Hi\""), ("text", "\"It has shipped\"")],
        "sms" => &[("text", "\"It has shipped\"")],
        "push" => &[("title", "\"Hi\""), ("body", "\"It has shipped\"")],
        "webhook" => &[("event", "\"order.shipped\""), ("data", "7")],
        _ => &[("title", "\"Hi\"")],
    };
    let quoted = |(name, value): &(&str, &str)| (format!("\"{name}\""), (*value).to_owned());
    members.iter().map(quoted).collect()
}

/// Bodies that are valid except for their payload, so that the payload is checked: it has the required members,
/// sometimes with an arbitrary value, and more members.
fn with_arbitrary_payload(user: String) -> impl Strategy<Value = String> {
    let channel = prop::sample::select(vec!["in-app", "email", "sms", "push", "webhook"]);
    let name = "\"([a-z]{0,3}(\\\\u[0-9a-f]{4})?|to|html|from|replyTo|unsubscribeUrl|endpointId)\"";
    let more = vec((name, json_text()), 0..3);
    let instead = prop::option::weighted(0.3, json_text());
    (channel, more, instead).prop_map(move |(channel, more, instead)| {
        let mut members = required_members(channel);
        if let Some(instead) = instead {
            members[0].1 = instead;
        }
        members.extend(more);
        let payload = object(members);
        format!(r#"{{"targetUserId":"{user}","type":"{channel}","payload":{payload}}}"#)
    })
}

/// Objects with valid or almost valid field names and arbitrary values.
fn with_arbitrary_fields() -> impl Strategy<Value = String> {
    let name = prop::sample::select(vec![
        "targetUserId",
        "type",
        "payload",
        "template",
        "Type",
        "",
        "scheduledAt",
    ]);
    hash_map(name, json_text(), 0..6).prop_map(|members| {
        let quoted = members
            .into_iter()
            .map(|(name, value)| (format!("\"{name}\""), value));
        object(quoted.collect())
    })
}

fn bodies(user: String) -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        2 => any::<Vec<u8>>(),
        2 => json_text().prop_map(String::into_bytes),
        3 => with_arbitrary_fields().prop_map(String::into_bytes),
        5 => with_arbitrary_payload(user).prop_map(String::into_bytes),
    ]
}

fn check(answer: &Answer) -> Result<bool, TestCaseError> {
    prop_assert!(answer.status < 500, "{}", answer.text);
    if answer.status != 202 {
        answer.assert_error_shape();
    }
    Ok(answer.status == 202)
}

/// Checks a property of requests. The runner is synchronous, the client is not.
fn run<S: Strategy>(
    cases: u32,
    strategy: &S,
    test: impl Fn(S::Value) -> Result<(), TestCaseError>,
) {
    let config = Config {
        cases,
        failure_persistence: None,
        ..Config::default()
    };
    let mut runner = TestRunner::new(config);
    if let Err(failure) = runner.run(strategy, test) {
        panic!("{failure}");
    }
}

#[test]
fn arbitrary_bodies_are_never_a_5xx_and_what_is_accepted_is_recorded() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let world = runtime.block_on(World::new());
    let api: Program = runtime.block_on(world.api());
    let accepted = std::cell::Cell::new(0);
    run(600, &bodies(world.user.to_string()), |body| {
        let client = api.client();
        let answer = runtime.block_on(client.post_raw("application/json", body));
        accepted.set(accepted.get() + i64::from(check(&answer)?));
        Ok(())
    });
    runtime.block_on(assert_recorded(&world, accepted.get()));
}

/// Posts batches of arbitrary and valid items, and arbitrary bodies instead of a batch.
#[test]
fn arbitrary_batches_are_never_a_5xx_and_what_is_accepted_is_recorded() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let world = runtime.block_on(World::new());
    let api: Program = runtime.block_on(world.api());
    let accepted = std::cell::Cell::new(0);
    let item = prop_oneof![
        json_text(),
        with_arbitrary_fields(),
        with_arbitrary_payload(world.user.to_string()),
        Just(world.in_app().to_string()),
    ];
    let batch = vec(item, 0..8).prop_map(|items| batch_of(&format!("[{}]", items.join(","))));
    let instead = json_text().prop_map(|list| batch_of(&list));
    let strategy = prop_oneof![
        1 => any::<Vec<u8>>(),
        1 => instead,
        8 => batch,
    ];
    run(120, &strategy, |body| {
        let client = api.client();
        let request = client.request(Method::POST, "/api/notifications/batch");
        let request = request
            .header("Content-Type", "application/json")
            .body(body);
        let answer = runtime.block_on(client.send(request));
        prop_assert!(answer.status < 500, "{}", answer.text);
        if answer.status >= 400 {
            answer.assert_error_shape();
        }
        if answer.body["results"].is_array() {
            let queued = answer.results().into_iter().flatten().count();
            prop_assert_eq!(queued == 0, answer.status == 400);
            accepted.set(accepted.get() + i64::try_from(queued).expect("few"));
        }
        Ok(())
    });
    runtime.block_on(assert_recorded(&world, accepted.get()));
}

fn batch_of(list: &str) -> Vec<u8> {
    format!(r#"{{"notifications":{list}}}"#).into_bytes()
}

/// Checks that everything that was accepted is recorded.
async fn assert_recorded(world: &World, accepted: i64) {
    assert!(
        accepted > 20,
        "only {accepted} were accepted: too few to test anything"
    );
    let worker = world.worker().await;
    let amqp = world.amqp().await;
    eventually_ok(secs(30), "all that was accepted is recorded", async || {
        let recorded = world.database.count("true").await;
        let dead = amqp.dead_letters().await;
        assert!(dead.is_empty(), "accepted but cannot be recorded: {dead:?}");
        if recorded == accepted {
            Ok(())
        } else {
            Err(format!("{recorded} of {accepted}"))
        }
    })
    .await;
    drop(worker);
}

#[test]
fn arbitrary_paths_queries_and_keys_are_never_a_5xx() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let (world, api) = runtime.block_on(World::shared());
    let text = "([ -~]|[äß€👋]){0,20}";
    let names = prop::sample::select(vec![
        "limit",
        "cursor",
        "status",
        "type",
        "targetUserId",
        "x",
    ]);
    let strategy = (text, names, text, "[ -~]{0,20}");
    run(200, &strategy, |(id, name, value, key)| {
        let client = api.client();
        let mut url = reqwest::Url::parse("http://localhost/api/notifications").expect("a URL");
        url.query_pairs_mut().append_pair(name, &value);
        let listing = format!("{}?{}", url.path(), url.query().unwrap_or_default());
        url.set_query(None);
        url.path_segments_mut().expect("segments").push(&id);
        runtime.block_on(async {
            let list = client.get(&listing).await;
            prop_assert!(list.status < 500, "{listing}: {}", list.text);
            let one = client.get(url.path()).await;
            prop_assert!(one.status < 500, "{url}: {}", one.text);
            for answer in [list, one] {
                if answer.status != 200 {
                    answer.assert_error_shape();
                }
            }
            check(&client.post_with_key(&world.in_app(), &key).await)?;
            Ok(())
        })
    });
}
