//! Nobody changes or deletes entries, whatever the role.

use jiff::Timestamp;
use tidings_db::audit::{self, Action, ActorKind, AuditOrigin, TargetKind};
use tidings_tests::{ServerUrls, TestDatabase};

use super::{execute, record, refusal, rows};

#[tokio::test]
async fn entries_are_never_changed_or_deleted_except_for_addresses() {
    let db = TestDatabase::migrated(&ServerUrls::shared()).await;
    let ip = "192.0.2.1".parse().ok();
    let origin = AuditOrigin::new(ActorKind::User, "anna").with_request("r1", ip, Some("curl"));
    let entry = origin
        .entry(Action::UserUpdate)
        .on(TargetKind::User, "anna")
        .with("email", "anna@example.com")
        .with("version", 1);
    record(&db.pool, &entry).await;
    let before = rows(&db).await;
    let month = Timestamp::now().strftime("audit_log_%Y_%m").to_string();
    for sql in [
        "UPDATE audit_log SET action = 'template.put'",
        "UPDATE audit_log SET actor_id = 'bob', ip = NULL",
        "UPDATE audit_log SET at = at - interval '1 day'",
        "UPDATE audit_log SET at = at - interval '100 days'",
        "UPDATE audit_log SET ip = '192.0.2.2'",
        "UPDATE audit_log SET user_agent = 'wget'",
        "UPDATE audit_log SET details = '{}'",
        "UPDATE audit_log SET details = details || '{\"email\": \"bob@example.com\"}'",
        "DELETE FROM audit_log",
        "TRUNCATE audit_log",
        "TRUNCATE audit_log_default",
        &format!("UPDATE {month} SET outcome = 'failed'"),
        &format!("DELETE FROM {month}"),
        &format!("TRUNCATE {month}"),
    ] {
        assert_eq!(refusal(&db.pool, sql).await, "42501", "{sql}");
    }
    assert_eq!(rows(&db).await, before);
    for sql in [
        "UPDATE audit_log SET ip = NULL",
        "UPDATE audit_log SET user_agent = NULL, details = details - 'email'",
    ] {
        execute(&db.pool, sql).await.expect(sql);
    }
    let row = rows(&db).await.remove(0);
    assert_eq!((row.ip, &row.user_agent), (None, &None));
    assert_eq!(row.details, serde_json::json!({"version": 1}));
}

/// The deletion of users erases their addresses by a function, because the role of the programs may not update entries.
#[tokio::test]
async fn a_deleted_users_entries_stay_without_the_address() {
    let db = TestDatabase::migrated(&ServerUrls::shared()).await;
    let (user, other) = (db.user().await, db.user().await);
    let ip = "192.0.2.1".parse().ok();
    let of =
        |kind, actor: &str| AuditOrigin::new(kind, actor).with_request("r1", ip, Some("a browser"));
    let own = of(ActorKind::User, &user.to_string());
    let service = of(ActorKind::Service, "billing");
    for (origin, target) in [(&own, user), (&service, user), (&service, other)] {
        let entry = origin
            .entry(Action::UserUpdate)
            .on(TargetKind::User, target)
            .with("email", "somebody@example.com");
        record(&db.pool, &entry).await;
    }
    let erased = db
        .pool
        .run(async |client| {
            let first = audit::erase_user(client, user).await?;
            Ok((first, audit::erase_user(client, user).await?))
        })
        .await;
    assert_eq!(erased.expect("erased"), (2, 0));
    let rows = rows(&db).await;
    let left: Vec<_> = rows
        .iter()
        .map(|row| {
            let has_email = row.details.get("email").is_some();
            (row.ip.is_some(), row.user_agent.is_some(), has_email)
        })
        .collect();
    // The newest first: the entry about another user, that of the service about the user, that of the user.
    let expected = [
        (true, true, true),
        (true, true, false),
        (false, false, false),
    ];
    assert_eq!(left, expected);
}
