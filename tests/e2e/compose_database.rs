//! The database and the roles that `docker-compose.yml` creates.

use std::process::Command;

use reqwest::Url;
use tidings_tests::{ServerUrls, TestDatabase};

use crate::audit::{execute, pool, refusal};
use crate::compose_file::{environment, tidings};
use crate::sources::root;

const DROP: [&str; 3] = [
    "DROP DATABASE IF EXISTS notification_db WITH (FORCE)",
    "DROP ROLE IF EXISTS notification_owner",
    "DROP ROLE IF EXISTS notification_user",
];

#[tokio::test]
async fn the_programs_have_a_role_that_may_not_change_the_schema() {
    let server = Server(TestDatabase::empty(&ServerUrls::shared()).await);
    // A run that was killed may have left them.
    server.drop_all().await;
    server.run("bash", &["docker/init-database.sh"]);
    server.migrate("migrate");
    server.assert_rights().await;
    server.drop_all().await;

    // With the data of an earlier version, which had one role.
    let created = format!(
        "CREATE ROLE notification_user LOGIN PASSWORD '{}'",
        environment("db")["POSTGRES_PROGRAMS_PASSWORD"]
    );
    for sql in [
        &created,
        "CREATE DATABASE notification_db OWNER notification_user",
        "REVOKE CONNECT ON DATABASE notification_db FROM PUBLIC",
    ] {
        execute(&server.0.pool, sql).await.expect(sql);
    }
    server.migrate("api");
    let owner = format!("owner={}", environment("db")["POSTGRES_OWNER_PASSWORD"]);
    let script = [
        "-d",
        "notification_db",
        "-v",
        &owner,
        "-f",
        "docker/separate-roles.sql",
    ];
    server.run("psql", &script);
    server.migrate("migrate");
    server.assert_rights().await;
    server.drop_all().await;
}

/// The shared PostgreSQL, as that of the compose file.
struct Server(TestDatabase);

impl Server {
    fn superuser(&self) -> Url {
        self.0.url().parse().expect("a URL")
    }

    /// The `DATABASE_URL` of a service.
    fn url(&self, service: &str) -> String {
        let superuser = self.superuser();
        let url = &environment(service)["DATABASE_URL"];
        let mut url: Url = url.parse().expect("a URL");
        url.set_host(superuser.host_str()).expect("a host");
        url.set_port(superuser.port()).expect("a port");
        url.to_string()
    }

    /// Runs `tidings migrate` with the settings of `service`.
    fn migrate(&self, service: &str) {
        let mut settings = environment(service);
        settings.insert("DATABASE_URL".to_owned(), self.url(service));
        let migrated = tidings(&settings, &["migrate"]);
        assert_eq!(migrated.0, Some(0), "{}", migrated.1);
    }

    /// Runs a program in the root folder, with the environment of the service `db` and the superuser's login.
    fn run(&self, program: &str, arguments: &[&str]) {
        let superuser = self.superuser();
        let output = Command::new(program)
            .args(arguments)
            .current_dir(root())
            .envs(environment("db"))
            .env("POSTGRES_USER", superuser.username())
            .env("PGUSER", superuser.username())
            .env("PGPASSWORD", superuser.password().unwrap_or_default())
            .env("PGHOST", superuser.host_str().expect("a host"))
            .env("PGPORT", superuser.port().unwrap_or(5432).to_string())
            .output()
            .expect("its output");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{errors}");
    }

    async fn assert_rights(&self) {
        let programs = pool(&self.url("api"));
        for allowed in [
            "INSERT INTO users (id, username) VALUES (gen_random_uuid(), 'anna')",
            "UPDATE users SET locale = 'de'",
            "SELECT FROM audit_log",
            "SELECT audit_log_maintain(400)",
            "DELETE FROM users",
        ] {
            execute(&programs, allowed).await.expect(allowed);
        }
        for forbidden in [
            "CREATE TABLE another ()",
            "ALTER TABLE users ADD COLUMN another int",
            "DROP TABLE users",
            "DELETE FROM audit_log",
            "UPDATE audit_log_default SET ip = NULL",
            "CREATE ROLE another",
            "CREATE DATABASE another",
        ] {
            assert_eq!(refusal(&programs, forbidden).await, "42501", "{forbidden}");
        }
    }

    async fn drop_all(&self) {
        for sql in DROP {
            execute(&self.0.pool, sql).await.expect(sql);
        }
    }
}
