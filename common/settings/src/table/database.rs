use super::group;
use crate::{Condition, Setting, SettingKind};

const PARTS: &[&str] = &[
    "DATABASE_HOST",
    "DATABASE_PORT",
    "DATABASE_USER",
    "DATABASE_PASSWORD",
    "DATABASE_NAME",
];

group! {
    "PostgreSQL"
    /// The URL of the database. `sslmode` and `sslrootcert` have the meaning that libpq gives them. Not
    /// together with `DATABASE_HOST` and the other parts.
    DATABASE_URL: [Api Worker Tidings] = Setting::of(SettingKind::SecretUrl)
        .required_if(Condition::NoneSet(PARTS))
        .example("postgres://user:password@127.0.0.1:5432/tidings?sslmode=verify-full");
    /// The host name, the IP address or the directory of the Unix socket. `DATABASE_HOST`, `DATABASE_PORT`,
    /// `DATABASE_USER`, `DATABASE_PASSWORD` and `DATABASE_NAME` together replace `DATABASE_URL`.
    DATABASE_HOST: [Api Worker Tidings] = Setting::of(SettingKind::Text)
        .required_if(Condition::AnySet(PARTS)).example("127.0.0.1");
    /// The port.
    DATABASE_PORT: [Api Worker Tidings] = Setting::number(1, 65535)
        .described("5432, with DATABASE_HOST");
    /// The user.
    DATABASE_USER: [Api Worker Tidings] = Setting::of(SettingKind::Text)
        .required_if(Condition::AnySet(PARTS)).example("tidings");
    /// The password.
    DATABASE_PASSWORD: [Api Worker Tidings] = Setting::of(SettingKind::Secret);
    /// The name of the database.
    DATABASE_NAME: [Api Worker Tidings] = Setting::of(SettingKind::Text)
        .required_if(Condition::AnySet(PARTS)).example("tidings");
    /// The schema of the tables.
    DATABASE_SCHEMA: [Api Worker Tidings] = Setting::of(SettingKind::Text)
        .described("the search_path of the user").example("public");
    /// Whether the connections go through a pooler in transaction mode, such as `PgBouncer` with
    /// `pool_mode = transaction`: `transaction`. For a pooler in session mode, `none`.
    DATABASE_POOLER: [Api Worker Tidings] = Setting::choice(&["none", "transaction"]).default("none");
    /// Maximum number of connections of each program.
    DATABASE_POOL_SIZE: [Api Worker Tidings] = Setting::number(1, 1000).default("8").unit("connections");
    /// Maximum time that PostgreSQL may spend on one statement.
    DATABASE_STATEMENT_TIMEOUT_MS: [Api Worker Tidings] = Setting::number(100, 600_000)
        .default("10000").unit("ms");
    /// Whether the worker migrates the schema when it starts. If not, run `tidings migrate`.
    MIGRATE_ON_START: [Worker] = Setting::of(SettingKind::Flag).default("true");
    /// Whether the worker creates the demo data (users with contacts, templates) when it starts.
    SEED_DEMO_DATA: [Worker] = Setting::of(SettingKind::Flag).default("false");
}
