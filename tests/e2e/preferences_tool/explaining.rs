//! `tidings preferences explain`.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use reqwest::Method;
use serde_json::{Value, json};
use tidings_domain::notification::UserId;
use tidings_tests::{Answer, Client, World};
use uuid::Uuid;

use super::{succeeds, tidings};

async fn execute(world: &World, sql: &str) {
    let executed = world
        .database
        .pool
        .run(async |client| Ok(client.batch_execute(sql).await?));
    executed.await.expect(sql);
}

/// A time zone without clock changes in which it is noon now.
fn zone_at_noon() -> String {
    let utc = Timestamp::now().to_zoned(TimeZone::UTC).hour();
    match (12 - utc + 11).rem_euclid(24) - 11 {
        0 => "Etc/GMT".to_owned(),
        ahead @ 1.. => format!("Etc/GMT-{ahead}"),
        behind => format!("Etc/GMT+{}", behind.abs()),
    }
}

const CATEGORIES: &str = r#"
    INSERT INTO categories (name, kind, quiet, defaults, throttle) VALUES
        ('orders', 'transactional', 'obey', '{}', NULL),
        ('urgent', 'transactional', 'ignore', '{}', NULL),
        ('alarm', 'critical', 'obey', '{}', NULL),
        ('news', 'marketing', 'obey', '{}', NULL),
        ('rare', 'transactional', 'obey', '{"sms": false}', NULL),
        ('few', 'transactional', 'obey', '{}', '{"limit": 1, "windowSecs": 86400}'),
        ('each', 'transactional', 'obey', '{}', '{"limit": 1, "windowSecs": 86400, "key": "order"}');
    INSERT INTO categories (name, kind, digest) VALUES ('daily', 'transactional', '{"mode": "daily"}');"#;

/// What is set for a user, as SQL in which `$user` stands for the user.
const QUIET: &str = r#"INSERT INTO user_settings (user_id, quiet)
    VALUES ('$user', '[{"days": [1, 2, 3, 4, 5, 6, 7], "from": "06:00", "to": "18:00"}]')"#;
const DAILY: &str =
    r#"INSERT INTO user_settings (user_id, digests) VALUES ('$user', '{"orders": "daily"}')"#;
const NO_SMS: &str = "INSERT INTO preferences (user_id, category, channel, enabled, source)
    VALUES ('$user', '*', 'sms', false, 'provider')";
const NO_MARKETING: &str = "INSERT INTO preferences (user_id, category, channel, enabled, source)
    VALUES ('$user', '*marketing', 'sms', false, 'unsubscribe')";
const ERASED: &str = "UPDATE users SET erased_at = now() WHERE id = '$user'";
const NO_NUMBER: &str = "DELETE FROM phone_numbers WHERE user_id = '$user'";

/// A user with settings, a notification, and what is said about it: outcome, reason and rule.
struct Case {
    sets: &'static [&'static str],
    /// How many of them are delivered before.
    before: usize,
    category: Option<&'static str>,
    channel: &'static str,
    said: (&'static str, Option<&'static str>, Option<&'static str>),
    /// Its status, or the code of the error.
    is: &'static str,
}

const fn case(
    sets: &'static [&'static str],
    category: Option<&'static str>,
    said: (&'static str, Option<&'static str>, Option<&'static str>),
    is: &'static str,
) -> Case {
    Case {
        sets,
        before: 0,
        category,
        channel: "sms",
        said,
        is,
    }
}

fn cases() -> Vec<Case> {
    let send = ("send", None, None);
    let unwanted = ("suppress", Some("preference"), Some("preferences"));
    let quiet = ("hold", Some("quiet_hours"), Some("quiet"));
    let throttled = |rule| ("suppress", Some("throttled"), Some(rule));
    let refused = |code, rule| ("refuse", Some(code), Some(rule));
    vec![
        case(&[], None, send, "processed"),
        case(&[NO_SMS], Some("orders"), unwanted, "suppressed"),
        case(&[NO_SMS, QUIET], Some("alarm"), send, "processed"),
        case(&[NO_MARKETING], Some("news"), unwanted, "suppressed"),
        case(&[NO_MARKETING], Some("orders"), send, "processed"),
        case(
            &[],
            Some("rare"),
            ("suppress", Some("preference"), Some("defaults")),
            "suppressed",
        ),
        case(
            &[],
            Some("daily"),
            ("hold", Some("digest"), Some("digest")),
            "scheduled",
        ),
        case(
            &[DAILY],
            Some("orders"),
            ("hold", Some("digest"), Some("digest")),
            "scheduled",
        ),
        case(&[QUIET], Some("orders"), quiet, "scheduled"),
        case(&[QUIET], Some("urgent"), send, "processed"),
        case(
            &[ERASED],
            None,
            ("suppress", Some("user_gone"), Some("deletion")),
            "suppressed",
        ),
        case(
            &[NO_NUMBER],
            None,
            ("deadLetter", Some("no_recipient"), Some("contact")),
            "failed",
        ),
        case(
            &[],
            Some("gone"),
            refused("unknown_category", "category"),
            "unknown_category",
        ),
        Case {
            before: 1,
            ..case(&[], Some("few"), throttled("throttle"), "suppressed")
        },
        Case {
            before: 2,
            ..case(&[], None, throttled("USER_LIMITS"), "suppressed")
        },
        Case {
            channel: "push",
            ..case(
                &[],
                None,
                refused("channel_not_configured", "channel"),
                "channel_not_configured",
            )
        },
        Case {
            channel: "email",
            ..case(
                &[],
                Some("news"),
                refused("unsubscribe_url_missing", "unsubscribeUrl"),
                "unsubscribe_url_missing",
            )
        },
        Case {
            channel: "in-app",
            ..case(&[NO_SMS, QUIET], Some("orders"), send, "processed")
        },
    ]
}

async fn post(client: &Client, user: UserId, case: &Case) -> Answer {
    let payload = match case.channel {
        "email" => json!({"to": "a@example.org", "subject": "Hello", "text": "Hello"}),
        "push" => json!({"title": "Hello", "body": "Hello"}),
        _ => json!({"text": "Hello"}),
    };
    let mut body = json!({"targetUserId": user, "type": case.channel, "payload": payload});
    if let Some(category) = case.category {
        body["category"] = json!(category);
    }
    let request = client.request(Method::POST, "/api/notifications");
    client.send(request.json(&body)).await
}

fn explain(world: &World, recipient: [&str; 2], case: &Case) -> Value {
    let mut arguments = vec!["preferences", "explain", "--channel", case.channel];
    arguments.extend(recipient);
    if let Some(category) = case.category {
        arguments.extend(["--category", category]);
    }
    succeeds(world, &arguments)
}

/// What is said, and what then happens.
#[tokio::test]
async fn what_is_explained_is_what_happens() {
    let noon = zone_at_noon();
    let settings = [
        ("WORKER_CHANNELS", "intake,scheduler,sms,email"),
        ("USER_LIMITS", "sms=2/day"),
        ("DEFAULT_TIMEZONE", noon.as_str()),
        ("PUSH_PROVIDER", ""),
    ];
    let world = World::with(&settings).await;
    let (api, _worker) = tokio::join!(world.api(), world.worker());
    let client = api.client();
    execute(&world, CATEGORIES).await;
    for (number, case) in cases().iter().enumerate() {
        let user = world.database.user().await;
        let contact = format!(
            "INSERT INTO phone_numbers (id, user_id, number)
             VALUES ('{}', '{user}', '+4915112345{number:03}');",
            Uuid::now_v7()
        );
        let sql = format!("{contact}{}", case.sets.join(";"));
        execute(&world, &sql.replace("$user", &user.to_string())).await;
        for _ in 0..case.before {
            let id = post(&client, user, case).await.accepted();
            world.until_status(id, "processed").await;
        }
        let said = explain(&world, ["--user", &user.to_string()], case);
        let (outcome, reason, rule) = case.said;
        assert_eq!(
            [&said["outcome"], &said["reason"], &said["rule"]],
            [&json!(outcome), &json!(reason), &json!(rule)],
            "{said:#}"
        );
        let deciding = said["rules"].as_array().expect("a list").iter();
        let mut deciding = deciding.filter(|one| one["rule"] == said["rule"]);
        if let Some(deciding) = deciding.next() {
            assert_eq!(deciding["outcome"], outcome, "{said:#}");
        }
        let answer = post(&client, user, case).await;
        if outcome == "refuse" {
            answer.assert_error(400, case.is);
            continue;
        }
        let id = answer.accepted();
        world.until_status(id, case.is).await;
        let found = client.get(&format!("/api/notifications/{id}")).await;
        let decision = &found.body["decision"];
        if outcome != "deadLetter" {
            assert_eq!(decision["outcome"], outcome, "{}", found.text);
            assert_eq!(decision["reason"], said["reason"], "{}", found.text);
            assert_eq!(decision["rule"], said["rule"], "{}", found.text);
            // When a digest is sent is known once there is one.
            if rule != Some("digest") {
                assert_eq!(decision["until"], said["until"], "{}", found.text);
            }
        }
        let mut rules = said["rules"].as_array().expect("a list").iter();
        let choice = rules.find_map(|one| one.get("choice"));
        let is_unwanted = reason == Some("preference");
        assert_eq!(decision.get("choice"), choice.filter(|_| is_unwanted));
    }

    about_others_and_a_stop(&world, &client).await;
}

/// Nobody, recipients without an account, and a channel that is stopped.
async fn about_others_and_a_stop(world: &World, client: &Client) {
    let plain = case(&[], None, ("send", None, None), "");
    let nobody = explain(world, ["--user", &Uuid::from_u128(9).to_string()], &plain);
    assert_eq!(
        [&nobody["outcome"], &nobody["reason"]],
        ["deadLetter", "unknown_user"]
    );
    let number = ["--to", "+4915112345000"];
    assert_eq!(explain(world, number, &plain)["outcome"], "send");
    execute(
        world,
        "INSERT INTO address_preferences (address_hash, category, channel, enabled, source)
         VALUES (sha256('+4915112345000'), '*', '*', false, 'unsubscribe')",
    )
    .await;
    assert_eq!(explain(world, number, &plain)["rule"], "preferences");
    let other = ["--to", "+4915112345001"];
    succeeds(
        world,
        &["sending", "stop", "--channel", "sms", "--reason", "test"],
    );
    let stopped = explain(world, other, &plain);
    assert_eq!(
        [&stopped["outcome"], &stopped["reason"], &stopped["rule"]],
        ["hold", "stopped", "sending"]
    );
    let is_recorded = async |user: UserId| {
        let id = post(client, user, &plain).await.accepted();
        world.until_status(id, "pending").await;
        let found = client.get(&format!("/api/notifications/{id}")).await;
        found.body["decision"].clone()
    };
    let held = is_recorded(world.database.user().await).await;
    for member in ["outcome", "reason", "rule", "until"] {
        assert_eq!(held[member], stopped[member], "{member}");
    }
    let wrong = tidings(
        world,
        &["preferences", "explain", "--channel", "sms", "--to", "anna"],
    );
    assert_eq!(wrong.0, Some(2), "{}", wrong.2);
    let text = world.tidings(&[
        "preferences",
        "explain",
        "--channel",
        "sms",
        "--to",
        other[1],
    ]);
    let text = String::from_utf8_lossy(&text.stdout).into_owned();
    assert!(text.starts_with("waits: stopped (rule: sending)"), "{text}");
    assert!(!text.contains(other[1]), "{text}");
}

/// What a throttle says about a notification with this value of its key: the outcome, and how many were counted.
fn throttle_says(world: &World, user: &str, payload: &[&str]) -> (Value, String) {
    let mut arguments = vec!["preferences", "explain", "--channel", "sms", "--user", user];
    arguments.extend(["--category", "each"]);
    arguments.extend(payload);
    let said = succeeds(world, &arguments);
    let mut rules = said["rules"].as_array().expect("a list").iter();
    let throttle = rules.find(|one| one["rule"] == "throttle").expect("a rule");
    assert_eq!(throttle["outcome"], said["outcome"], "{said:#}");
    let detail = throttle["detail"].as_str().expect("a text");
    (said["outcome"].clone(), detail.to_owned())
}

#[tokio::test]
async fn the_value_of_a_throttles_key_has_a_count_of_its_own() {
    let world = World::new().await;
    execute(&world, CATEGORIES).await;
    let user = world.user.to_string();
    let sent = |order: &str, status: &str| {
        format!(
            "INSERT INTO notifications (id, message_id, user_id, type, payload, status, created_at, category, slot_at)
             VALUES ('{}', '{}', '{user}', 'sms', '{order}', '{status}', now(), 'each', now());",
            Uuid::now_v7(),
            Uuid::now_v7()
        )
    };
    let all = [
        format!(
            "INSERT INTO phone_numbers (id, user_id, number) VALUES ('{}', '{user}', '+4915112345999');",
            Uuid::now_v7()
        ),
        sent(r#"{"text": "a", "order": "7"}"#, "processed"),
        sent(r#"{"text": "b", "order": 8}"#, "pending"),
        sent(r#"{"text": "c"}"#, "processed"),
    ];
    execute(&world, &all.concat()).await;
    for (payload, outcome, counted) in [
        (r#"{"order": "7"}"#, "suppress", "1 of 1"),
        (r#"{"order": 8}"#, "hold", "1 of 1"),
        // Another type is another value.
        (r#"{"order": "8"}"#, "send", "0 of 1"),
        (r#"{"order": null}"#, "send", "0 of 1"),
        (r#"{"text": "7"}"#, "suppress", "1 of 1"),
    ] {
        let (said, detail) = throttle_says(&world, &user, &["--payload", payload]);
        assert_eq!(said, outcome, "{payload}: {detail}");
        assert!(detail.starts_with(counted), "{payload}: {detail}");
        assert!(detail.ends_with("with this value of order"), "{detail}");
    }
    let (said, detail) = throttle_says(&world, &user, &[]);
    assert_eq!(said, "send");
    assert!(
        detail.starts_with("3 of 1") && detail.ends_with("--payload"),
        "{detail}"
    );
    let wrong = [
        "preferences",
        "explain",
        "--channel",
        "sms",
        "--user",
        &user,
        "--payload",
        "hunter2",
    ];
    let wrong = tidings(&world, &wrong);
    assert_eq!(wrong.0, Some(2), "{}", wrong.2);
    assert!(!wrong.2.contains("hunter2"), "{}", wrong.2);
}
