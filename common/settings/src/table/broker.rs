use super::group;
use crate::{Condition, Setting, SettingKind};

group! {
    "RabbitMQ"
    /// The URL of the broker: user, password and virtual host included. Not together with `RABBITMQ_URLS`.
    RABBITMQ_URL: [Api Worker Tidings] = Setting::of(SettingKind::SecretUrl)
        .required_if(Condition::NoneSet(&["RABBITMQ_URLS"]))
        .example("amqps://user:password@127.0.0.1:5671/%2f");
    /// The URLs of several nodes of one cluster, separated by commas. Write a comma in a password as `%2C`.
    RABBITMQ_URLS: [Api Worker Tidings] = Setting::of(SettingKind::SecretUrlList);
    /// The URL of RabbitMQ's management plugin: the worker and `tidings doctor` ask it for the policies and arguments of
    /// the queues. Its user needs the tag `monitoring` or `management`, and changes nothing.
    RABBITMQ_MANAGEMENT_URL: [Api Worker Tidings] = Setting::of(SettingKind::SecretUrl)
        .described("port 15672 (with amqps: 15671) of the host in RABBITMQ_URL, with its user")
        .example("https://user:password@127.0.0.1:15671");
    /// The name of the intake queue, and the prefix of all other queues except the dead-letter queue. Queue and
    /// exchange names are settings so that several installations can share a virtual host.
    QUEUE_NAME: [Api Worker Tidings] = Setting::of(SettingKind::Text).default("notifications_queue");
    /// The name of the dead-letter queue.
    DLQ_NAME: [Api Worker Tidings] = Setting::of(SettingKind::Text).default("notifications_dlq");
    /// The name of the exchange, and the prefix of all other exchanges.
    EXCHANGE_NAME: [Api Worker Tidings] = Setting::of(SettingKind::Text).default("notifications");
    /// Number of replicas of each queue in a cluster.
    QUORUM_SIZE: [Api Worker Tidings] = Setting::number(1, 65535).described("the broker's own default");
    /// POST answers 503 while more messages than this wait in the intake queue, the channel's queue and the delay queues
    /// of its retries together, for webhooks also in the wait queues. The API reads the queue lengths once a second. 0
    /// turns the limit off.
    QUEUE_MAX_LENGTH: [Api] = Setting::number(0, 4_294_967_295).default("1000000").unit("messages");
    /// Maximum time until the broker confirms a publish.
    PUBLISH_TIMEOUT_MS: [Api Worker Tidings] = Setting::number(100, 120_000).default("5000").unit("ms");
    /// Number of AMQP channels over which each connection spreads its publishes.
    PUBLISH_CHANNELS: [Api Worker Tidings] = Setting::number(1, 64).default("4").unit("channels");
    /// Maximum number of publishes, in all, that wait for a confirm at the same time.
    PUBLISH_MAX_IN_FLIGHT: [Api Worker Tidings] = Setting::number(1, 100_000).default("2048").unit("publishes");
    /// Maximum size of these publishes together. At least 4 KiB more than `MAX_BODY_BYTES`.
    PUBLISH_MAX_BYTES_IN_FLIGHT: [Api Worker Tidings] = Setting::number(1_048_576, 68_719_476_736).default("67108864").unit("bytes");
}
