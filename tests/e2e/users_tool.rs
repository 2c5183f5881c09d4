//! `tidings users`.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;
use tidings_tests::World;
use uuid::Uuid;

/// Runs the tool. Returns its exit code, its JSON and what it has written to standard error.
fn tidings(world: &World, arguments: &[&str]) -> (Option<i32>, Value, String) {
    let output = world.tidings(&[&["--json", "users"], arguments].concat());
    let json = serde_json::from_slice(&output.stdout).unwrap_or_default();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code(), json, errors)
}

fn write(folder: &TempDir, name: &str, text: &str) -> PathBuf {
    let path = folder.path().join(name);
    std::fs::write(&path, text).expect("written");
    path
}

fn import(world: &World, file: &Path, more: &[&str]) -> (Option<i32>, Value, String) {
    let file = file.to_str().expect("UTF-8");
    tidings(world, &[&["import", file], more].concat())
}

#[tokio::test]
async fn users_are_put_shown_and_listed() {
    let world = World::new().await;
    let id = Uuid::now_v7().to_string();
    let put = [
        "put",
        &id,
        "--username",
        "Anna",
        "--email",
        "Anna@Example.com",
    ];
    let more = [
        "--locale",
        "de_AT",
        "--timezone",
        "Europe/Vienna",
        "--phone",
        "+436601234567",
    ];
    let (code, created, errors) = tidings(&world, &[&put[..], &more].concat());
    assert_eq!(code, Some(0), "{errors}");
    for user in [id.as_str(), "ANNA@example.com", "Anna"] {
        let (code, shown, _) = tidings(&world, &["show", user]);
        assert_eq!((code, &shown), (Some(0), &created), "{user}");
    }
    assert_eq!(created["email"], "anna@example.com");
    assert_eq!(created["locale"], "de-AT");
    assert_eq!(created["phoneNumbers"], json!(["+436601234567"]));
    assert_eq!(tidings(&world, &["show", "nobody"]).0, Some(1));

    // Another profile, and another user with the same name.
    let (code, changed, _) = tidings(&world, &["put", &id, "--username", "Anna"]);
    assert_eq!((code, &changed["email"]), (Some(0), &Value::Null));
    assert_eq!(changed["phoneNumbers"], created["phoneNumbers"]);
    let (code, _, errors) = tidings(&world, &["put", "--username", "Anna"]);
    assert_eq!(code, Some(1));
    assert!(
        errors.contains("username is the name of another user"),
        "{errors}"
    );
    let (code, new, _) = tidings(&world, &["put", "--username", "Bert"]);
    assert_eq!(code, Some(0));
    let (_, listed, _) = tidings(&world, &["list", "--limit", "1"]);
    let expected = json!({"users": [new], "more": true});
    assert_eq!(listed, expected);
}

/// The details of the entries in the audit log about imports, the newest first.
fn imports(world: &World) -> Vec<Value> {
    let listed = world.tidings(&["--json", "audit", "--action", "user.import"]);
    let listed: Value = serde_json::from_slice(&listed.stdout).expect("JSON");
    let entries = listed["entries"].as_array().expect("a list").iter();
    entries.map(|entry| entry["details"].clone()).collect()
}

#[tokio::test]
async fn a_file_of_users_is_imported_and_wrong_lines_are_named() {
    const VALID: usize = 2500;
    let world = World::new().await;
    let folder = TempDir::new().expect("a folder");
    let taken = tidings(&world, &["put", "--username", "taken"]);
    assert_eq!(taken.0, Some(0));
    let ids: Vec<Uuid> = (0..VALID).map(|_| Uuid::now_v7()).collect();
    let mut file = "id,username,email,phoneNumbers\n".to_owned();
    for (number, id) in ids.iter().enumerate() {
        writeln!(file, "{id},user{number},user{number}@example.com,").expect("a string");
    }
    // Lines 2502 to 2505.
    for line in [
        format!("{},late,anna,\n", Uuid::now_v7()),
        format!("{},taken,,\n", Uuid::now_v7()),
        format!("{},last,,+436601234567 +436601234568\n", Uuid::now_v7()),
        "7,user\n".to_owned(),
    ] {
        file += &line;
    }
    let file = write(&folder, "users.csv", &file);
    let (code, report, errors) = import(&world, &file, &["--dry-run"]);
    assert_eq!((code, &report["created"]), (Some(1), &json!(0)), "{errors}");
    let (code, report, errors) = import(&world, &file, &[]);
    assert_eq!(code, Some(1), "{errors}");
    assert_eq!(
        (&report["created"], &report["failed"]),
        (&json!(VALID + 1), &json!(3))
    );
    let mut lines: Vec<&str> = errors.lines().collect();
    lines.sort_unstable();
    assert_eq!(lines.len(), 3, "{errors}");
    for (line, start) in lines.iter().zip([
        "line 2502: email: must be an e-mail address",
        "line 2503: username: is the name of another user",
        "line 2505: line: ",
    ]) {
        assert!(line.starts_with(start), "{line}");
    }
    let last = tidings(&world, &["show", "last"]).1;
    assert_eq!(
        last["phoneNumbers"],
        json!(["+436601234567", "+436601234568"])
    );

    // The same users again, from a line on: nothing is new, and a user who is left out stays as it is.
    let mut file = "\u{feff}".to_owned();
    for (number, id) in ids.iter().enumerate().skip(VALID - 2) {
        let user = json!({"id": id, "username": format!("renamed{number}")});
        writeln!(file, "{user}\n").expect("a string");
    }
    let file = write(&folder, "users.ndjson", &file);
    let (code, report, errors) = import(&world, &file, &["--from-line", "2"]);
    assert_eq!((code, &report["created"]), (Some(0), &json!(0)), "{errors}");
    assert_eq!(tidings(&world, &["show", "user2498"]).0, Some(0));
    let renamed = tidings(&world, &["show", "renamed2499"]).1;
    assert_eq!(renamed["email"], Value::Null);

    // A repetition that changes nothing leaves no entry.
    let entries = imports(&world);
    assert_eq!(entries[0], json!({"created": 0, "updated": 1}));
    let created = entries.iter().map(|entry| entry["created"].as_u64());
    assert_eq!(created.sum::<Option<u64>>(), Some(VALID as u64 + 1));
    assert_eq!(import(&world, &file, &["--from-line", "2"]).0, Some(0));
    assert_eq!(imports(&world), entries);
}
