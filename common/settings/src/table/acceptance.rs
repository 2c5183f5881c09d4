use super::group;
use crate::{Setting, SettingKind};

group! {
    "API: accepting while RabbitMQ is away"
    /// Whether the API records notifications in PostgreSQL and answers 202 while RabbitMQ does not take them. A scheduler
    /// publishes them later. Otherwise such a POST answers 503.
    ACCEPT_WITHOUT_BROKER: [Api] = Setting::of(SettingKind::Flag).default("true");
    /// How long the API waits for the confirm of RabbitMQ before it asks PostgreSQL too. The first of the two counts.
    /// At most half of `PUBLISH_TIMEOUT_MS`.
    ACCEPT_HEDGE_MS: [Api] = Setting::number(10, 60_000).default("1000").unit("ms");
    /// Maximum number of connections to PostgreSQL for this, in addition to `DATABASE_POOL_SIZE`. They are opened when they
    /// are needed.
    ACCEPT_DB_CONNECTIONS: [Api] = Setting::number(1, 64).default("2").unit("connections");
}
