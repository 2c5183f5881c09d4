//! `tidings users contacts`, `update` and `inbox`.

use serde_json::{Value, json};
use tidings_tests::World;
use uuid::Uuid;

/// Runs `tidings users`. Returns its exit code, its JSON and what it has written to standard error.
fn tidings(world: &World, arguments: &[&str]) -> (Option<i32>, Value, String) {
    let output = world.tidings(&[&["--json", "users"], arguments].concat());
    let json = serde_json::from_slice(&output.stdout).unwrap_or_default();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code(), json, errors)
}

/// Runs a command that succeeds.
fn done(world: &World, arguments: &[&str]) -> Value {
    let (code, json, errors) = tidings(world, arguments);
    assert_eq!(code, Some(0), "{arguments:?}: {errors}");
    json
}

/// Runs a command that fails, and says why.
fn assert_refused(world: &World, arguments: &[&str], exit_code: i32, reason: &str) {
    let (code, _, errors) = tidings(world, arguments);
    assert_eq!(code, Some(exit_code), "{arguments:?}: {errors}");
    assert!(errors.contains(reason), "{arguments:?}: {errors}");
}

#[tokio::test]
async fn contacts_are_set_added_listed_and_deleted_from_the_command_line() {
    let (world, api) = World::shared().await;
    let client = api.client();
    let (user, tag) = (world.user.to_string(), Uuid::now_v7().simple().to_string());
    let (email, token) = (format!("{tag}@example.com"), format!("token-{tag}"));
    let contacts = |words: &[&str]| done(&world, &[&["contacts"], words].concat());

    let set = contacts(&["set-email", &user, &email.to_uppercase()]);
    assert_eq!(set, json!({ "email": email }));
    let phone = contacts(&["add-phone", &user, "+436601234567"]);
    assert_eq!(contacts(&["add-phone", &user, "+436601234567"]), phone);
    let device = contacts(&["add-device", &user, &token, "--name", "Telephone"]);
    assert_eq!(device["name"], "Telephone");
    let renamed = contacts(&["add-device", &user, &token, "--name", "Tablet"]);
    assert_eq!(
        (&renamed["id"], &renamed["name"]),
        (&device["id"], &json!("Tablet"))
    );

    // The API returns the same, and the user is found by the new address.
    let expected = json!({"email": email, "phoneNumbers": [phone], "deviceTokens": [renamed]});
    assert_eq!(contacts(&["list", &email]), expected);
    let path = format!("/api/users/{user}/contacts");
    assert_eq!(client.get(&path).await.body, expected);

    let other = done(&world, &["put", "--username", &tag]);
    let other = other["id"].as_str().expect("an id");
    let of_somebody = ["contacts", "set-email", other, &email];
    assert_refused(
        &world,
        &of_somebody,
        1,
        "another user has this e-mail address",
    );
    let id = |contact: &Value| contact["id"].as_str().expect("an id").to_owned();
    let (phone, device) = (id(&phone), id(&device));
    let of_another = ["contacts", "delete", other, &phone];
    assert_refused(&world, &of_another, 1, "has no contact with this id");
    let unknown = Uuid::now_v7().to_string();
    for (words, exit_code, reason) in [
        (vec!["list", &unknown], 1, "there is no user"),
        (
            vec!["delete", &user, "phone"],
            2,
            "must be `email`, or the id",
        ),
        (vec!["add-phone", &user, "7"], 2, "invalid value"),
        (
            vec!["add-device", &user, "t", "--name", ""],
            2,
            "1 to 100 characters",
        ),
    ] {
        assert_refused(
            &world,
            &[&["contacts"], &words[..]].concat(),
            exit_code,
            reason,
        );
    }

    for contact in ["email", &phone, &device] {
        contacts(&["delete", &user, contact]);
        let again = ["contacts", "delete", &user, contact];
        assert_refused(&world, &again, 1, "the user has no");
    }
    let none = json!({"email": null, "phoneNumbers": [], "deviceTokens": []});
    assert_eq!(client.get(&path).await.body, none);

    // One entry for each change, with the operator and without the number and the token.
    let audit = client.get(&format!("/api/audit?target={user}")).await.body;
    let entries = audit["entries"].as_array().expect("a list");
    let changes: Vec<_> = entries
        .iter()
        .filter(|entry| entry["actor"]["kind"] == "cli")
        .map(|entry| (entry["action"].clone(), entry["details"]["contact"].clone()))
        .collect();
    let expected: Vec<_> = ["contact.delete", "contact.put"]
        .into_iter()
        .flat_map(|action| {
            let kinds = ["device_token", "phone_number", "email"];
            kinds.map(|kind| (json!(action), json!(kind)))
        })
        .collect();
    assert_eq!(changes, expected, "{audit}");
    assert!(!audit.to_string().contains(&token), "{audit}");
}

#[tokio::test]
async fn a_user_keeps_what_an_update_from_the_command_line_does_not_name() {
    let (world, _api) = World::shared().await;
    let tag = Uuid::now_v7().simple().to_string();
    let email = format!("{tag}@example.com");
    let put = [
        "put",
        "--username",
        &tag,
        "--email",
        &email,
        "--locale",
        "de",
        "--phone",
        "+436601234567",
    ];
    let user = done(&world, &put);
    let id = user["id"].as_str().expect("an id");

    let moved = done(&world, &["update", &email, "--timezone", "Europe/Vienna"]);
    let mut expected = user.clone();
    expected["timezone"] = json!("Europe/Vienna");
    expected["updatedAt"] = moved["updatedAt"].clone();
    assert_eq!(moved, expected);
    let remove = [
        "update",
        id,
        "--remove",
        "email,locale",
        "--phone",
        "+436601234568",
    ];
    let removed = done(&world, &remove);
    assert_eq!(
        (&removed["email"], &removed["locale"]),
        (&Value::Null, &Value::Null)
    );
    assert_eq!(removed["phoneNumbers"], json!(["+436601234568"]));
    assert_eq!(removed["timezone"], "Europe/Vienna");
    assert_eq!(
        done(&world, &["update", id, "--remove", "phone"])["phoneNumbers"],
        json!([])
    );

    let other = done(
        &world,
        &["put", "--username", &format!("{tag}-2"), "--email", &email],
    );
    let taken = [
        "update",
        id,
        "--email",
        other["email"].as_str().expect("an address"),
    ];
    assert_refused(&world, &taken, 1, "email is the address of another user");
    assert_refused(&world, &["update", id], 2, "nothing to change");
    let both = ["update", id, "--remove", "locale", "--locale", "de"];
    assert_refused(&world, &both, 2, "--remove contradicts a new value");
    let unknown = Uuid::now_v7().to_string();
    assert_refused(
        &world,
        &["update", &unknown, "--locale", "de"],
        1,
        "there is no user",
    );
}

#[tokio::test]
async fn an_inbox_is_shown_on_the_command_line_as_its_user_sees_it() {
    let world = World::new().await;
    let user = world.user.to_string();
    let send = |payload: Value, more: &[&str]| {
        let payload = payload.to_string();
        let words = [
            "--json",
            "notifications",
            "send",
            "--channel",
            "in-app",
            "--user",
            &user,
        ];
        let sent = world.tidings(&[&words[..], &["--payload", &payload], more].concat());
        let sent: Value = serde_json::from_slice(&sent.stdout).expect("JSON");
        sent["messageId"].as_str().expect("an id").to_owned()
    };
    let titled = send(json!({"title": "Your order has shipped!"}), &[]);
    let secret = send(json!({"title": "Your code is 1234"}), &["--sensitive"]);

    let listed = world.tidings(&["users", "inbox", &user]);
    let text = String::from_utf8(listed.stdout).expect("UTF-8");
    assert!(text.contains("Your order has shipped!"), "{text}");
    assert!(
        !text.contains("1234") && text.contains("(sensitive: not shown)"),
        "{text}"
    );
    let inbox = done(&world, &["inbox", &user, "--limit", "1"]);
    assert_eq!(
        (&inbox["items"][0]["messageId"], &inbox["more"]),
        (&json!(secret), &json!(true))
    );
    assert_eq!(inbox["items"][0]["payload"], Value::Null);
    let inbox = done(&world, &["inbox", &user]);
    assert_eq!(
        (&inbox["items"][1]["messageId"], &inbox["more"]),
        (&json!(titled), &json!(false))
    );
    assert_eq!(
        done(&world, &["inbox", &user, "--state", "read"])["items"],
        json!([])
    );
    assert_refused(
        &world,
        &["inbox", &user, "--state", "new"],
        2,
        "must be unread",
    );
}
