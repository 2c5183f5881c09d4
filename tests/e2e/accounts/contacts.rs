//! Contacts that users set are used once they are verified, and forgotten passwords.

use reqwest::Method;
use serde_json::{Value, json};
use tidings_domain::notification::MessageId;
use tidings_tests::{Client, ProgramKind, World, tokens};

use super::{Account, PASSWORD, execute, post, post_from, refresh, selected, start, text};

const EMAIL_CODE: &str = "SELECT payload->>'code' FROM notifications
    WHERE type = 'email' AND template_name = 'account-verify-contact' ORDER BY created_at DESC LIMIT 1";

const SMS_CODE: &str = "SELECT payload->>'code' FROM notifications
    WHERE type = 'sms' AND template_name = 'account-verify-contact' ORDER BY created_at DESC LIMIT 1";

const RESET_TOKEN: &str = "SELECT payload->>'token' FROM notifications
    WHERE template_name = 'account-reset-password' ORDER BY created_at DESC LIMIT 1";

async fn patch(client: &Client, body: &Value) -> Value {
    let answer = client
        .send(client.request(Method::PATCH, "/api/me").json(body))
        .await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.body
}

async fn send_code(client: &Client, anna: &Account, contact: &str) -> u16 {
    let path = format!("/api/users/{}/contacts/{contact}/send-code", anna.id);
    client
        .send(client.request(Method::POST, &path))
        .await
        .status
}

async fn verify(client: &Client, contact: &str, code: &str) -> u16 {
    let body = json!({"contactId": contact, "code": code});
    let answer = post(client, "/api/auth/verify", &body).await;
    assert!(
        answer.status == 204 || answer.body["code"] == "invalid_code",
        "{}",
        answer.text
    );
    answer.status
}

/// A code with another digit at its end.
fn wrong(code: &str) -> String {
    let last = if code.ends_with('0') { '1' } else { '0' };
    format!("{}{last}", &code[..5])
}

/// The service sends to the user by e-mail and text message, and says how that ended.
async fn sent(world: &World, service: &Client, anna: &Account) -> [String; 2] {
    let mut ends = Vec::new();
    for (channel, payload) in [
        (
            "email",
            json!({"subject": "Your order", "text": "It has shipped!"}),
        ),
        ("sms", json!({"text": "Your order has shipped!"})),
    ] {
        let body = json!({"targetUserId": anna.id, "type": channel, "payload": payload});
        let id: MessageId = service.post(&body).await.accepted();
        ends.push(ended(world, id).await);
    }
    ends.try_into().expect("two")
}

async fn ended(world: &World, id: MessageId) -> String {
    let sql = format!(
        "SELECT status FROM notifications WHERE message_id = '{id}' AND status IN ('processed', 'failed')"
    );
    tidings_tests::eventually_ok(
        tidings_tests::secs(30),
        "the notification has ended",
        async || selected(world, &sql).await.ok_or("it is under way"),
    )
    .await
}

#[tokio::test]
async fn a_contact_that_a_user_sets_is_used_once_it_is_verified() {
    let world = World::new().await;
    let api = start(&world, &[]).await;
    let service = api.client();
    let anna = Account::register(&service).await;
    let own = service.with_token(&anna.access);
    let me = patch(
        &own,
        &json!({"phoneNumbers": ["+436601234567"], "locale": "de"}),
    )
    .await;
    assert_eq!(
        (&me["emailVerified"], &me["phoneNumbers"][0]["verified"]),
        (&json!(false), &json!(false))
    );
    let phone = text(&me["phoneNumbers"][0]["id"]);
    assert_eq!(send_code(&own, &anna, &phone).await, 202);
    assert_eq!(send_code(&own, &anna, "email").await, 202);
    let (email_code, sms_code) = (
        selected(&world, EMAIL_CODE).await.expect("a code"),
        selected(&world, SMS_CODE).await.expect("a code"),
    );
    // The user sees no code without reading the mail.
    let shown = own.get("/api/notifications").await;
    assert_eq!(shown.body["notifications"], json!([]), "{}", shown.text);

    let folder = tempfile::tempdir().expect("a folder");
    let settings = [
        ("WORKER_CHANNELS", "intake,email,sms"),
        ("SANDBOX_DIR", folder.path().to_str().expect("UTF-8")),
    ];
    let _worker = world.start(ProgramKind::Worker, &settings).await;
    assert_eq!(sent(&world, &service, &anna).await, ["failed", "failed"]);
    for (contact, code, other) in [
        ("email", &email_code, &sms_code),
        (phone.as_str(), &sms_code, &email_code),
    ] {
        if code != other {
            assert_eq!(verify(&own, contact, other).await, 400);
        }
        assert_eq!(verify(&own, contact, code).await, 204);
        assert_eq!(
            verify(&own, contact, code).await,
            400,
            "a code is used once"
        );
    }
    assert_eq!(
        sent(&world, &service, &anna).await,
        ["processed", "processed"]
    );
    // Verified contacts need no code.
    assert_eq!(send_code(&own, &anna, "email").await, 202);
    let codes = "SELECT count(*)::text FROM contact_codes";
    assert_eq!(selected(&world, codes).await.as_deref(), Some("2"));

    // Another address is that of somebody else until it is verified. One that a service sets is verified.
    let other = format!("other-{}@example.com", anna.id);
    let path = format!("/api/users/{}/contacts/email", anna.id);
    let put = async |client: &Client| {
        client
            .send(
                client
                    .request(Method::PUT, &path)
                    .json(&json!({"email": other})),
            )
            .await
            .status
    };
    assert_eq!(put(&own).await, 200);
    assert_eq!(sent(&world, &service, &anna).await, ["failed", "processed"]);
    execute(
        &world,
        &format!("UPDATE users SET email = NULL WHERE id = '{}'", anna.id),
    )
    .await;
    assert_eq!(put(&service).await, 200);
    assert_eq!(
        sent(&world, &service, &anna).await,
        ["processed", "processed"]
    );
}

#[tokio::test]
async fn contacts_that_a_service_states_again_are_verified_and_those_of_the_users_key_are_not() {
    let world = World::new().await;
    let api = start(&world, &[]).await;
    let service = api.client();
    let anna = Account::register(&service).await;
    let own = service.with_token(&anna.access);
    let phone = "+436601234567";
    let user = format!("/api/users/{}", anna.id);
    let key = json!({"name": "own", "scopes": ["contacts:write"], "userId": anna.id});
    let key = post(&service, "/api/keys", &key).await;
    let own_key = service.with_token(text(&key.body["key"]));
    let send = async |client: &Client, method: Method, path: &str, body: &Value| {
        let answer = client.send(client.request(method, path).json(body)).await;
        assert!([200, 201, 202].contains(&answer.status), "{}", answer.text);
        answer.body
    };
    let verified = async || {
        let me = own.get("/api/me").await.body;
        let phones = me["phoneNumbers"].as_array().expect("a list");
        let all = phones.iter().all(|phone| phone["verified"] == true);
        (me["emailVerified"] == true, all && !phones.is_empty())
    };
    let audited = async || {
        let entries = service.get("/api/audit?action=user.update").await;
        entries.body["entries"].as_array().map(Vec::len)
    };
    let contacts = json!({"email": anna.email, "phoneNumbers": [phone]});
    let named = json!({"username": anna.username, "email": anna.email, "phoneNumbers": [phone]});
    let mut item = named.clone();
    item["id"] = json!(anna.id);
    let batch = json!({"users": [item]});
    let email_alone = json!({"email": anna.email});
    let phone_alone = json!({"number": phone});
    let (set_email, add_phone) = (
        format!("{user}/contacts/email"),
        format!("{user}/contacts/phone-numbers"),
    );
    for (what, requests) in [
        ("put", vec![(Method::PUT, &user, &named)]),
        ("patch", vec![(Method::PATCH, &user, &contacts)]),
        (
            "batch",
            vec![(Method::POST, &"/api/users/batch".to_owned(), &batch)],
        ),
        (
            "contacts",
            vec![
                (Method::PUT, &set_email, &email_alone),
                (Method::POST, &add_phone, &phone_alone),
            ],
        ),
    ] {
        // The user's own key, and then the user's own token, set both: they are not verified.
        for client in [&own_key, &own] {
            let forget = format!(
                "UPDATE users SET email = NULL WHERE id = '{0}'; DELETE FROM phone_numbers WHERE user_id = '{0}'",
                anna.id
            );
            execute(&world, &forget).await;
            send(client, Method::PUT, &set_email, &email_alone).await;
            send(client, Method::POST, &add_phone, &phone_alone).await;
            assert_eq!(verified().await, (false, false), "{what}");
        }
        // Stating them again changes nothing for the user.
        send(&own, Method::PATCH, "/api/me", &contacts).await;
        send(&own_key, Method::PUT, &set_email, &email_alone).await;
        send(&own_key, Method::POST, &add_phone, &phone_alone).await;
        assert_eq!(verified().await, (false, false), "{what}");
        let before = audited().await;
        for _ in 0..2 {
            for (method, path, body) in &requests {
                send(&service, method.clone(), path, body).await;
            }
        }
        assert_eq!(verified().await, (true, true), "{what}");
        if what != "contacts" {
            // What changes nothing leaves no entry.
            assert_eq!(audited().await, before.map(|count| count + 1), "{what}");
        }
        // They stay verified, whatever place they get.
        let more = json!({"email": anna.email, "phoneNumbers": [phone, "+4915112345678"]});
        let me = send(&own, Method::PATCH, "/api/me", &more).await;
        let phones = me["phoneNumbers"].as_array().expect("a list");
        let of_phones: Vec<_> = phones.iter().map(|phone| &phone["verified"]).collect();
        assert_eq!(of_phones, [true, false], "{what}");
        send(&own, Method::PATCH, "/api/me", &contacts).await;
        assert_eq!(verified().await, (true, true), "{what}");
    }
    // A service that is not an admin states nothing about a user with a role.
    send(
        &service,
        Method::PUT,
        &format!("{user}/role"),
        &json!({"role": "operator"}),
    )
    .await;
    execute(
        &world,
        "UPDATE users SET email_verified = false; UPDATE phone_numbers SET verified = false",
    )
    .await;
    let writer = tokens::scoped(world.user, "users:write");
    send(&service.with_token(writer), Method::PUT, &user, &named).await;
    assert_eq!(verified().await, (false, false));
    send(&service, Method::PUT, &user, &named).await;
    assert_eq!(verified().await, (true, true));
}

#[tokio::test]
async fn a_code_has_five_tries_and_an_address_three_codes_a_day() {
    let world = World::new().await;
    let api = start(&world, &[]).await;
    let anna = Account::register(&api.client()).await;
    let own = api.client().with_token(&anna.access);
    assert_eq!(send_code(&own, &anna, "email").await, 202);
    let code = selected(&world, EMAIL_CODE).await.expect("a code");
    for _ in 0..5 {
        assert_eq!(verify(&own, "email", &wrong(&code)).await, 400);
    }
    assert_eq!(verify(&own, "email", &code).await, 400, "after five tries");

    assert_eq!(send_code(&own, &anna, "email").await, 202);
    let code = selected(&world, EMAIL_CODE).await.expect("a code");
    execute(&world, "UPDATE contact_codes SET expires_at = now()").await;
    assert_eq!(verify(&own, "email", &code).await, 400, "expired");

    assert_eq!(send_code(&own, &anna, "email").await, 202);
    let code = selected(&world, EMAIL_CODE).await.expect("a code");
    assert_eq!(send_code(&own, &anna, "email").await, 429);
    // The code is for that address only.
    patch(
        &own,
        &json!({"email": format!("another-{}@example.com", anna.id)}),
    )
    .await;
    assert_eq!(verify(&own, "email", &code).await, 400);
    patch(&own, &json!({"email": anna.email})).await;
    assert_eq!(verify(&own, "email", &code).await, 204);
}

#[tokio::test]
async fn a_forgotten_password_is_reset_by_who_reads_the_mail() {
    let world = World::new().await;
    let api = start(&world, &[("PUBLIC_URL", "https://notify.example.com/")]).await;
    let client = api.client().anonymous();
    let anna = Account::register(&api.client()).await;
    let forgot = async |email: &str| {
        let answer = post_from(
            &client,
            "192.0.2.1",
            "/api/auth/forgot",
            &json!({"email": email}),
        )
        .await;
        (answer.status, answer.text)
    };
    // An unknown user, and an address that is not verified, get no mail and the same answer.
    for email in [
        format!("nobody-{}@example.com", anna.id),
        anna.email.clone(),
    ] {
        assert_eq!(forgot(&email).await, (202, String::new()));
        assert_eq!(selected(&world, RESET_TOKEN).await, None);
    }
    execute(&world, "UPDATE users SET email_verified = true").await;
    assert_eq!(
        forgot(&anna.email.to_uppercase()).await,
        (202, String::new())
    );
    let first = selected(&world, RESET_TOKEN).await.expect("a token");
    assert_eq!(forgot(&anna.email).await.0, 202);
    let second = selected(&world, RESET_TOKEN).await.expect("a token");
    let url = "SELECT payload->>'url' FROM notifications ORDER BY created_at DESC LIMIT 1";
    let url = selected(&world, url).await.expect("a link");
    assert_eq!(
        url,
        format!("https://notify.example.com/reset-password#{second}")
    );

    let new = "another horse battery";
    let reset = async |token: &str, password: &str| {
        post(
            &client,
            "/api/auth/reset",
            &json!({"token": token, "password": password}),
        )
        .await
    };
    reset(&first, "short")
        .await
        .assert_error(400, "invalid_fields");
    reset("tdp_unknown", new)
        .await
        .assert_error(400, "invalid_reset_token");
    assert_eq!(reset(&first, new).await.status, 204);
    // One token is used, and the others are worth nothing.
    for token in [&first, &second] {
        reset(token, new)
            .await
            .assert_error(400, "invalid_reset_token");
    }
    refresh(&client, &anna.refresh)
        .await
        .assert_error(401, "invalid_refresh_token");
    for (password, status) in [(PASSWORD, 401), (new, 200)] {
        let answer = post(&client, "/api/auth/login", &anna.login(password)).await;
        assert_eq!(answer.status, status, "{}", answer.text);
    }
    // Three a day, and an expired one is refused.
    assert_eq!(forgot(&anna.email).await.0, 202);
    let third = selected(&world, RESET_TOKEN).await.expect("a token");
    execute(&world, "UPDATE password_resets SET expires_at = now()").await;
    reset(&third, PASSWORD)
        .await
        .assert_error(400, "invalid_reset_token");
    assert_eq!(forgot(&anna.email).await.0, 202);
    let count = "SELECT count(*)::text FROM password_resets";
    assert_eq!(selected(&world, count).await.as_deref(), Some("3"));
}
