//! Passwords that operators set with the tool.

use std::process::Output;

use serde_json::{Value, json};
use tidings_tests::World;

use super::{Account, PASSWORD, post, refresh, start, text};

fn run(world: &World, arguments: &[&str]) -> (Option<i32>, Value, String) {
    let cheap = [("ARGON2_MEMORY_KIB", "64"), ("ARGON2_ITERATIONS", "1")];
    let Output {
        status,
        stdout,
        stderr,
    } = world.tidings_with(&cheap, &[&["--json"], arguments].concat());
    let errors = String::from_utf8_lossy(&stderr).into_owned();
    let json = serde_json::from_slice(&stdout).unwrap_or_default();
    (status.code(), json, errors)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_sets_passwords_from_a_file_or_standard_input_and_sessions_end() {
    let world = World::new().await;
    let api = start(&world, &[]).await;
    let client = api.client().anonymous();
    let anna = Account::register(&api.client()).await;
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str, password: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, password).expect("written");
        path.to_str().expect("UTF-8").to_owned()
    };
    let login = async |body: &Value| post(&client, "/api/auth/login", body).await.status;
    let (id, new) = (anna.id.to_string(), "another horse battery");
    let set = |path: &str| run(&world, &["users", "password", &id, "--password-file", path]);

    // Standard input is empty here.
    for path in [&file("short", "short\n"), "-", "/does/not/exist"] {
        let (code, _, errors) = set(path);
        assert_eq!(code, Some(1), "{errors}");
        assert!(
            !errors.contains("short") || path.ends_with("/short"),
            "{errors}"
        );
    }
    assert_eq!(run(&world, &["users", "password", &id]).0, Some(1));
    assert_eq!(login(&anna.login(PASSWORD)).await, 200);
    let (code, report, errors) = set(&file("new", &format!("{new}\r\nsecond line\n")));
    assert_eq!(code, Some(0), "{errors}");
    assert_eq!(report, json!({"userId": id, "endedSessions": 2}));
    refresh(&client, &anna.refresh)
        .await
        .assert_error(401, "invalid_refresh_token");
    assert_eq!(login(&anna.login(PASSWORD)).await, 401);
    assert_eq!(login(&anna.login(new)).await, 200);
    let (_, audited, _) = run(&world, &["audit", "--action", "auth.password"]);
    let [entry] = &audited["entries"].as_array().expect("a list")[..] else {
        panic!("{audited}")
    };
    assert_eq!(entry["target"]["id"], id);
    assert_eq!(entry["actor"]["kind"], "cli");
    assert_eq!(entry["details"], json!({"by": "operator"}));
    let unknown = "00000000-0000-4000-8000-00000000dead";
    let path = file("valid", new);
    let (code, _, errors) = run(
        &world,
        &["users", "password", unknown, "--password-file", &path],
    );
    assert_eq!(code, Some(1), "{errors}");

    // The first admin.
    let admin = [
        "admin",
        "create",
        "--email",
        "root@example.com",
        "--username",
        "root",
    ];
    let (code, created, errors) = run(&world, &[&admin[..], &["--password-file", &path]].concat());
    assert_eq!(
        (code, &created["role"]),
        (Some(0), &json!("admin")),
        "{errors}"
    );
    let body = json!({"username": "root", "password": new});
    let session = post(&client, "/api/auth/login", &body).await;
    assert_eq!(session.status, 200, "{}", session.text);
    let own = client.with_token(text(&session.body["accessToken"]));
    assert_eq!(own.get("/api/users").await.status, 200);
    assert_eq!(
        run(&world, &[&admin[..], &["--password"]].concat()).0,
        Some(1),
        "no password"
    );
}
