//! `tidings keys` and `tidings admin`.

use serde_json::{Value, json};
use tidings_tests::{World, eventually, secs};

use super::{KEYS, entries};

fn run(world: &World, arguments: &[&str]) -> (Option<i32>, Value, String) {
    let output = world.tidings(&[&["--json"], arguments].concat());
    let json = serde_json::from_slice(&output.stdout).unwrap_or_default();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code(), json, errors)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_tool_creates_lists_rotates_and_revokes_keys() {
    let world = World::new().await;
    let api = world.api().await;
    let admin = api.client();
    let create = [
        "keys",
        "create",
        "--name",
        "reports",
        "--scope",
        "keys:write,dashboard",
        "--expires-in-days",
        "30",
    ];
    let (code, created, errors) = run(&world, &create);
    assert_eq!(code, Some(0), "{errors}");
    let (id, key) = (
        created["id"].as_str().expect("an id"),
        created["key"].as_str().expect("a key"),
    );
    assert_eq!(admin.with_token(key).get(KEYS).await.status, 200);
    assert!(created["expiresAt"].is_string());
    let text = world.tidings(&["keys", "create", "--name", "b", "--scope", "dashboard"]);
    assert!(
        String::from_utf8_lossy(&text.stdout).contains("tdk_"),
        "{text:?}"
    );

    let (_, listed, _) = run(&world, &["keys", "list"]);
    assert_eq!(listed["keys"].as_array().map(Vec::len), Some(2));
    assert_eq!(listed["keys"][1]["id"], id);
    assert!(!listed.to_string().contains("tdk_"));
    let (code, rotated, errors) = run(&world, &["keys", "rotate", id, "--overlap-hours", "0"]);
    assert_eq!(code, Some(0), "{errors}");
    let new = rotated["key"].as_str().expect("a key");
    assert_eq!(admin.with_token(new).get(KEYS).await.status, 200);
    eventually(secs(2), "the old secret is refused", async || {
        admin.with_token(key).get(KEYS).await.status == 401
    })
    .await;
    let (code, revoked, _) = run(&world, &["keys", "revoke", id]);
    assert!(code == Some(0) && revoked["revokedAt"].is_string());
    eventually(secs(2), "the key is refused", async || {
        admin.with_token(new).get(KEYS).await.status == 401
    })
    .await;
    let again = run(&world, &["keys", "revoke", id]).1;
    assert_eq!(again["revokedAt"], revoked["revokedAt"]);
    let entries = entries(&admin, id).await;
    let actions: Vec<_> = entries
        .iter()
        .map(|(action, by, _)| (action.as_str(), &by["kind"]))
        .collect();
    let cli = json!("cli");
    assert_eq!(
        actions,
        [
            ("key.revoke", &cli),
            ("key.rotate", &cli),
            ("key.create", &cli)
        ]
    );

    let user = world.user.to_string();
    for (arguments, expected) in [
        (&["keys", "revoke", "0000000000"][..], 1),
        (&["keys", "rotate", id], 1),
        (&["keys", "rotate", id, "--overlap-hours", "169"], 2),
        (&["keys", "revoke", new], 2),
        (&["keys", "create", "--name", "a"], 2),
        (&["keys", "create", "--name", "a", "--scope", "root"], 2),
        (
            &[
                "keys", "create", "--name", "a", "--scope", "admin", "--user", &user,
            ],
            2,
        ),
        (
            &[
                "keys", "create", "--name", "a", "--scope", "inbox", "--user", &user,
            ],
            0,
        ),
    ] {
        let (code, _, errors) = run(&world, arguments);
        assert_eq!(code, Some(expected), "{arguments:?}: {errors}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_tool_creates_the_first_admin_or_promotes_a_user() {
    let world = World::new().await;
    let admin = |email, username| {
        run(
            &world,
            &["admin", "create", "--email", email, "--username", username],
        )
    };
    let (code, created, errors) = admin("Anna@example.com", "anna");
    assert_eq!(
        (code, &created["role"]),
        (Some(0), &json!("admin")),
        "{errors}"
    );
    assert_eq!(admin("anna@example.com", "anna").1, created);
    assert_eq!(admin("anna@example.com", "berta").0, Some(1));
    assert_eq!(admin("berta@example.com", "anna").0, Some(1));
    let put = run(
        &world,
        &[
            "users",
            "put",
            "--username",
            "berta",
            "--email",
            "berta@example.com",
        ],
    );
    assert_eq!(put.1["role"], "user");
    assert_eq!(admin("berta@example.com", "berta").1["id"], put.1["id"]);
    let (_, listed, _) = run(&world, &["audit", "--action", "user.role"]);
    let entries = listed["entries"].as_array().expect("a list");
    let targets: Vec<_> = entries.iter().map(|entry| &entry["target"]["id"]).collect();
    assert_eq!(targets, [&put.1["id"], &created["id"]]);
    assert!(
        entries
            .iter()
            .all(|entry| entry["details"] == json!({"from": "user", "to": "admin"}))
    );
}
