//! Migrations under another role than the programs.

use jiff::{SignedDuration, Timestamp};
use reqwest::{Method, Url};
use serde_json::json;
use tidings_db::audit::{self, Action, ActorKind, AuditOrigin, AuditRetention};
use tidings_db::{Database, migrations};
use tidings_domain::notification::Channel;
use tidings_tests::{ProgramKind, ServerUrls, TestDatabase, World};
use tidings_tests::{eventually_ok, notification, secs};
use uuid::Uuid;

use super::{entries, execute, pool, record, refusal, rows};

const PASSWORD: &str = "only-for-this-test";

/// A database that one role owns and has migrated. Another one runs the programs, and a third one has no rights.
struct TwoRoles {
    db: TestDatabase,
    names: [String; 3],
}

impl TwoRoles {
    /// Does what the documentation says.
    async fn new() -> Self {
        let db = TestDatabase::empty(&ServerUrls::shared()).await;
        let names = ["owner", "programs", "stranger"]
            .map(|name| format!("tidings_{name}_{}", Uuid::new_v4().simple()));
        let database = url(&db).path().trim_start_matches('/').to_owned();
        let [owner, programs, _] = &names;
        let mut sql = format!(
            "ALTER DATABASE {database} OWNER TO {owner};
             ALTER DEFAULT PRIVILEGES FOR ROLE {owner} GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {programs}"
        );
        for name in &names {
            sql.insert_str(
                0,
                &format!("CREATE ROLE {name} LOGIN PASSWORD '{PASSWORD}';"),
            );
        }
        execute(&db.pool, &sql).await.expect("roles");
        let roles = Self { db, names };
        let [owner, ..] = roles.pools();
        migrations::run(&owner).await.expect("migrated");
        roles
    }

    /// The URLs of the three roles.
    fn urls(&self) -> [String; 3] {
        self.names.each_ref().map(|name| {
            let mut url = url(&self.db);
            url.set_username(name).expect("a user");
            url.set_password(Some(PASSWORD)).expect("a password");
            url.to_string()
        })
    }

    fn pools(&self) -> [Database; 3] {
        self.urls().map(|url| pool(&url))
    }

    /// Removes the database and the roles.
    async fn remove(self) {
        let drop_roles = format!("DROP ROLE {}", self.names.join(", "));
        drop(self.db);
        let another = TestDatabase::empty(&ServerUrls::shared()).await;
        let dropped = execute(&another.pool, &drop_roles).await;
        dropped.expect("dropped");
    }
}

fn url(db: &TestDatabase) -> Url {
    db.url().parse().expect("a URL")
}

/// Inserts entries of 100 and 500 days ago.
const OLD_ENTRIES: &str =
    "INSERT INTO audit_log (id, at, actor_kind, actor_id, action, outcome, ip)
     SELECT gen_random_uuid(), now() - make_interval(days => days), 'cli', days, 'demo.seed', 'ok', '192.0.2.1'
     FROM unnest(ARRAY[100, 500]) AS days";

/// The partition of the entries of so many days ago.
fn partition(days: i64) -> String {
    let then = Timestamp::now() - SignedDuration::from_hours(24 * days);
    then.strftime("audit_log_%Y_%m").to_string()
}

#[tokio::test]
async fn the_role_of_the_programs_reads_and_writes_entries_and_nothing_else() {
    let roles = TwoRoles::new().await;
    let [_, programs, stranger] = roles.pools();
    let origin = AuditOrigin::new(ActorKind::System, "tests");
    record(&programs, &origin.entry(Action::DemoSeed)).await;
    execute(&programs, OLD_ENTRIES).await.expect("inserted");
    let retention = AuditRetention {
        entry_days: Some(400),
        ip_days: 90,
    };
    // By functions with the rights of the owner.
    let maintained = audit::maintain(&programs, retention).await;
    assert_eq!(maintained.expect("maintained").ips_erased, 1);
    let before = rows(&roles.db).await;
    assert_eq!(before.len(), 2);
    let (new, moved) = (partition(0), partition(100));
    for sql in [
        "UPDATE audit_log SET action = 'template.put'",
        "UPDATE audit_log SET ip = NULL",
        "DELETE FROM audit_log",
        "TRUNCATE audit_log",
        "ALTER TABLE audit_log DISABLE TRIGGER audit_log_unchanged",
        "DROP TRIGGER audit_log_unchanged ON audit_log",
        "DROP TABLE audit_log",
        "DROP FUNCTION audit_log_guard CASCADE",
        // Younger entries than 90 days are not dropped.
        "SELECT audit_log_maintain(1)",
        &format!("UPDATE {new} SET ip = NULL"),
        &format!("DELETE FROM {moved}"),
        &format!("DROP TABLE {moved}"),
        "TRUNCATE audit_log_default",
    ] {
        assert_eq!(refusal(&programs, sql).await, "42501", "{sql}");
    }
    for sql in [
        "SELECT audit_log_maintain(400)",
        "SELECT audit_log_erase_ips(1, 1)",
        "SELECT audit_log_erase_user('a', 1)",
        "SELECT FROM audit_log",
    ] {
        assert_eq!(refusal(&stranger, sql).await, "42501", "{sql}");
    }
    assert_eq!(rows(&roles.db).await, before);
    roles.remove().await;
}

#[tokio::test]
async fn the_programs_work_with_a_role_that_owns_nothing() {
    let (roles, world) = tokio::join!(TwoRoles::new(), World::new());
    execute(&roles.db.pool, OLD_ENTRIES)
        .await
        .expect("inserted");
    let [_, url, _] = roles.urls();
    let settings = [
        ("DATABASE_URL", url.as_str()),
        ("MIGRATE_ON_START", "false"),
        ("WORKER_CHANNELS", "intake,scheduler,sms"),
    ];
    let (api, worker) = tokio::join!(
        world.start(ProgramKind::Api, &settings),
        world.start(ProgramKind::Worker, &settings)
    );
    let client = api.client();
    let user = roles.db.user().await;
    let path = format!("/api/users/{user}/contacts/phone-numbers");
    let number = client.request(Method::POST, &path);
    let added = client.send(number.json(&json!({"number": "+4915112345678"})));
    assert_eq!(added.await.status, 201);
    let _ = client
        .post(&notification(user, Channel::Sms))
        .await
        .accepted();
    eventually_ok(secs(30), "sent, and the audit log swept", async || {
        let sent = roles.db.count("status = 'processed'").await;
        let entries = entries(&client).await;
        let left: Vec<_> = entries
            .iter()
            .map(|entry| entry["action"].clone())
            .collect();
        let expected = [json!("contact.put"), json!("demo.seed")];
        let mut sorted = left.clone();
        sorted.sort_by_key(ToString::to_string);
        (sent == 1 && sorted == expected)
            .then_some(())
            .ok_or_else(|| format!("{sent} sent, {left:?}"))
    })
    .await;
    drop((api, worker));
    roles.remove().await;
}
