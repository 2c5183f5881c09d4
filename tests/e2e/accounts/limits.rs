//! Failed logins, registrations, and the cost of passwords.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::{Value, json};
use tidings_tests::{Answer, Client, World};
use uuid::Uuid;

use super::{Account, PASSWORD, execute, post, post_from, selected, start, text};

async fn login_from(client: &Client, address: &str, body: &Value) -> Answer {
    post_from(&client.anonymous(), address, "/api/auth/login", body).await
}

/// The answers say nothing about whether an account exists, and a lock of one network does not lock another.
#[tokio::test]
async fn failed_logins_are_slowed_alike_for_known_and_unknown_users() {
    let world = World::new().await;
    let api = start(&world, &[]).await;
    let client = api.client();
    let anna = Account::register(&client).await;
    let nobody = format!("nobody-{}@example.com", anna.id);
    let without_id = |answer: Answer| {
        let mut body = answer.body;
        body["requestId"] = Value::Null;
        (answer.status, body)
    };
    let known = json!({"email": anna.email, "password": "a wrong password"});
    let known_name = json!({"username": anna.username, "password": "a wrong password"});
    let unknown = json!({"email": nobody, "password": "a wrong password"});
    for attempt in 0..5 {
        // The name and the address of one user are one account.
        let of_anna = if attempt % 2 == 0 {
            &known
        } else {
            &known_name
        };
        let one = login_from(&client, "192.0.2.1", of_anna).await;
        one.assert_error(401, "invalid_credentials");
        let other = login_from(&client, "192.0.2.1", &unknown).await;
        assert_eq!(without_id(one), without_id(other));
    }
    let one = login_from(&client, "192.0.2.1", &anna.login(PASSWORD)).await;
    one.assert_error(429, "too_many_attempts");
    let wait: u64 = one.header("Retry-After").parse().expect("seconds");
    assert!((25..=30).contains(&wait), "{wait}");
    let other = login_from(&client, "192.0.2.1", &unknown).await;
    other.assert_error(429, "too_many_attempts");
    assert_eq!(without_id(one), without_id(other));
    // Anna herself is elsewhere.
    let elsewhere = login_from(&client, "192.0.2.2", &anna.login(PASSWORD)).await;
    assert_eq!(elsewhere.status, 200, "{}", elsewhere.text);

    // The next failure doubles the time.
    execute(
        &world,
        "UPDATE attempt_limits SET blocked_until = now() WHERE blocked_until IS NOT NULL",
    )
    .await;
    login_from(&client, "192.0.2.1", &known)
        .await
        .assert_error(401, "invalid_credentials");
    let answer = login_from(&client, "192.0.2.1", &known).await;
    let wait: u64 = answer.header("Retry-After").parse().expect("seconds");
    assert!((55..=60).contains(&wait), "{wait}");
    // One entry a minute and key.
    let entries = client.get("/api/audit?action=auth.login_failed").await;
    let entries = entries.body["entries"].as_array().expect("a list").clone();
    assert_eq!(entries.len(), 2, "{entries:?}");

    // From anywhere, many failures only slow.
    execute(
        &world,
        "UPDATE attempt_limits SET attempts = 25 WHERE network = '0.0.0.0'",
    )
    .await;
    let addresses = ["203.0.113.1", "203.0.113.2", "203.0.113.3", "203.0.113.4"];
    let answers = join_all(addresses.map(|address| login_from(&client, address, &known))).await;
    let slowed = answers.iter().filter(|answer| answer.status == 429).count();
    assert!(slowed >= 1, "one try a second");
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let answer = login_from(&client, "203.0.113.9", &anna.login(PASSWORD)).await;
        match answer.status {
            200 => break,
            429 => assert!(Instant::now() < deadline, "{}", answer.text),
            _ => panic!("{}", answer.text),
        }
    }
}

#[tokio::test]
async fn a_stranger_cannot_choose_its_address_and_registers_ten_times_an_hour() {
    let world = World::new().await;
    let (trusting, open) = tokio::join!(
        start(&world, &[]),
        start(&world, &[("TRUSTED_PROXIES", "192.0.2.0/24")])
    );
    let new = || {
        let n = Uuid::new_v4();
        json!({"username": n, "email": format!("{n}@example.com"), "password": PASSWORD})
    };
    // Through a proxy that is trusted, each client has its own limit.
    for nth in 0..11 {
        let address = format!("198.51.100.{nth}");
        let answer = post_from(
            &trusting.client().anonymous(),
            &address,
            "/api/auth/register",
            &new(),
        )
        .await;
        assert_eq!(answer.status, 201, "{}", answer.text);
    }
    for nth in 0..11 {
        let address = format!("203.0.113.{nth}");
        let answer = post_from(
            &open.client().anonymous(),
            &address,
            "/api/auth/register",
            &new(),
        )
        .await;
        if nth < 10 {
            assert_eq!(answer.status, 201, "{}", answer.text);
        } else {
            answer.assert_error(429, "too_many_attempts");
        }
    }
    let ips = "SELECT count(DISTINCT ip)::text FROM sessions";
    assert_eq!(
        selected(&world, ips).await.as_deref(),
        Some("12"),
        "11 clients of the proxy, and one stranger"
    );
}

#[tokio::test]
async fn registration_is_closed_by_invitation_or_open() {
    let world = World::new().await;
    let (off, invited, none) = tokio::join!(
        start(&world, &[("REGISTRATION", "off")]),
        start(&world, &[("REGISTRATION", "invite")]),
        start(&world, &[("ACCOUNTS", "off")])
    );
    let register = async |client: &Client, body: &Value| {
        post(&client.anonymous(), "/api/auth/register", body).await
    };
    let anna = json!({"username": "anna", "email": "anna@example.com", "password": PASSWORD});
    register(&none.client(), &anna)
        .await
        .assert_error(404, "accounts_off");
    register(&off.client(), &anna)
        .await
        .assert_error(403, "registration_closed");
    let client = invited.client();
    register(&client, &anna)
        .await
        .assert_error(403, "registration_closed");

    let invite = async |body: Value| {
        let answer = post(&client, "/api/invites", &body).await;
        assert_eq!(answer.status, 201, "{}", answer.text);
        text(&answer.body["token"])
    };
    let with = |token: &str| {
        let mut body = anna.clone();
        body["inviteToken"] = json!(token);
        body
    };
    let personal = invite(json!({"email": "bert@example.com"})).await;
    for token in ["tdi_unknown", &personal] {
        register(&client, &with(token))
            .await
            .assert_error(403, "invalid_invite");
    }
    let token = invite(json!({})).await;
    let answer = register(&client, &with(&token)).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    let mut again = with(&token);
    again["username"] = json!("clara");
    again["email"] = json!("clara@example.com");
    register(&client, &again)
        .await
        .assert_error(403, "invalid_invite");
    let bert = json!({"username": "bert", "email": "Bert@Example.com", "password": PASSWORD, "inviteToken": personal});
    let bert = register(&client, &bert).await;
    let own = client
        .with_token(text(&bert.body["accessToken"]))
        .get("/api/me")
        .await;
    assert_eq!(own.body["emailVerified"], true, "{}", own.text);
    // Users do not invite, and a service's own users can be told apart from taken ones.
    let own = client.with_token(text(&bert.body["accessToken"]));
    post(&own, "/api/invites", &json!({}))
        .await
        .assert_error(403, "forbidden");
    let token = invite(json!({})).await;
    let again = register(&client, &with(&token)).await;
    again.assert_error(409, "username_taken");
    assert_eq!(again.fields(), ["email", "username"]);
}

/// Hashes of older services and of lower costs are renewed. Nothing that somebody writes into the table exhausts the memory.
#[tokio::test]
async fn stored_hashes_are_verified_and_renewed() {
    let world = World::new().await;
    let (cheap, dearer) = tokio::join!(
        start(&world, &[]),
        start(&world, &[("ARGON2_ITERATIONS", "2")])
    );
    let client = dearer.client();
    let anna = Account::register(&cheap.client()).await;
    let column = format!("SELECT password_hash FROM users WHERE id = '{}'", anna.id);
    let own = selected(&world, &column).await.expect("a hash");
    assert!(own.starts_with("$argon2id$v=19$m=64,t=1,p=1$"), "{own}");
    let bcrypt = "$2b$04$abcdefghijklmnopqrstuuqREtd3VJD2QVZbuFskFSLk6eRIrQoOS";
    for (stored, status) in [
        (own.clone(), 200),
        (bcrypt.to_owned(), 200),
        (bcrypt.replace("REtd", "REte"), 401),
        (bcrypt.replace("$04$", "$31$"), 401),
        (own.replace("m=64", "m=1048576"), 401),
        (own.replace("argon2id", "argon2x"), 401),
        (String::new(), 401),
        ("!".to_owned(), 401),
    ] {
        execute(&world, "DELETE FROM attempt_limits").await;
        let sql = format!(
            "UPDATE users SET password_hash = '{stored}' WHERE id = '{}'",
            anna.id
        );
        execute(&world, &sql).await;
        let answer = login_from(&client, "192.0.2.9", &anna.login(PASSWORD)).await;
        assert_eq!(answer.status, status, "{stored}: {}", answer.text);
        let now = selected(&world, &column).await.expect("a hash");
        if status == 200 {
            assert!(now.starts_with("$argon2id$v=19$m=64,t=2,p=1$"), "{now}");
        } else {
            assert_eq!(now, stored);
        }
    }
    let sql = format!(
        "UPDATE users SET password_hash = NULL WHERE id = '{}'",
        anna.id
    );
    execute(&world, &sql).await;
    let answer = login_from(&client, "192.0.2.9", &anna.login(PASSWORD)).await;
    answer.assert_error(401, "invalid_credentials");
}

/// With the costs of production.
#[tokio::test]
async fn two_hundred_logins_at_once_take_limited_memory() {
    let world = World::new().await;
    let costs = [
        ("ARGON2_MEMORY_KIB", "19456"),
        ("ARGON2_ITERATIONS", "2"),
        ("ARGON2_CONCURRENCY", "2"),
    ];
    let api = start(&world, &costs).await;
    let client = api.client();
    let anna = Account::register(&client).await;
    let (login, before) = (anna.login(PASSWORD), peak_kib(&api));
    let done = AtomicBool::new(false);
    let logins = async {
        let logins = (0..200).map(|_| login_from(&client, "192.0.2.1", &login));
        let answers = join_all(logins).await;
        done.store(true, Ordering::Relaxed);
        answers
    };
    // `/health` says how the servers are, which are busy as well.
    let live = async {
        let mut answered = 0;
        while !done.load(Ordering::Relaxed) {
            assert_eq!(client.get("/live").await.status, 200);
            answered += 1;
        }
        answered
    };
    let (answers, live) = tokio::join!(logins, live);
    for answer in &answers {
        match answer.status {
            200 => {}
            503 => answer.assert_error(503, "busy"),
            _ => panic!("{}", answer.text),
        }
    }
    let done = answers.iter().filter(|answer| answer.status == 200).count();
    assert!(done >= 2, "{done}");
    // Two hashes of 19 MiB, and what 200 requests need.
    let grown = peak_kib(&api) - before;
    assert!(grown < 2 * 19_456 + 64 * 1024, "{grown} KiB");
    // If hashes kept the threads of the server busy, the only answer would come after all of them.
    assert!(live >= 3, "{live} answers while the logins were under way");
}

/// The most memory that the process has had.
fn peak_kib(api: &tidings_tests::Program) -> u64 {
    let pid = api.pid().as_raw_nonzero();
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("of a process");
    let line = status.lines().find(|line| line.starts_with("VmHWM"));
    let number = line.and_then(|line| line.split_whitespace().nth(1));
    number.and_then(|text| text.parse().ok()).expect("a number")
}
