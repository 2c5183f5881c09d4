//! The names of attributes, by version 1.42.0 of the semantic conventions
//! (<https://github.com/open-telemetry/semantic-conventions/tree/v1.42.0>). No attribute contains an address, a payload or a
//! secret.

/// Identifies the version.
pub const SCHEMA_URL: &str = "https://opentelemetry.io/schemas/1.42.0";

/// Why an operation failed: a code.
pub const ERROR_TYPE: &str = "error.type";

/// `service.name`.
pub const SERVICE_NAME: &str = "service.name";
/// `service.version`.
pub const SERVICE_VERSION: &str = "service.version";

/// The method of a request.
pub const HTTP_REQUEST_METHOD: &str = "http.request.method";
/// The pattern of its path.
pub const HTTP_ROUTE: &str = "http.route";
/// The status of the response.
pub const HTTP_RESPONSE_STATUS_CODE: &str = "http.response.status_code";

/// `grpc`.
pub const RPC_SYSTEM_NAME: &str = "rpc.system.name";
/// The service and the method.
pub const RPC_METHOD: &str = "rpc.method";
/// The name of the status.
pub const RPC_RESPONSE_STATUS_CODE: &str = "rpc.response.status_code";

/// `rabbitmq`.
pub const MESSAGING_SYSTEM: &str = "messaging.system";
/// What is done with a message.
pub const MESSAGING_OPERATION_NAME: &str = "messaging.operation.name";
/// `send`, `receive` or `process`.
pub const MESSAGING_OPERATION_TYPE: &str = "messaging.operation.type";
/// The exchange and the routing key; for consumers also the queue.
pub const MESSAGING_DESTINATION_NAME: &str = "messaging.destination.name";
/// The routing key, which names the attempt.
pub const MESSAGING_RABBITMQ_DESTINATION_ROUTING_KEY: &str =
    "messaging.rabbitmq.destination.routing_key";
/// The message id.
pub const MESSAGING_MESSAGE_ID: &str = "messaging.message.id";
/// The id of the request: the correlation id.
pub const MESSAGING_MESSAGE_CONVERSATION_ID: &str = "messaging.message.conversation_id";
/// How many bytes the body has.
pub const MESSAGING_MESSAGE_BODY_SIZE: &str = "messaging.message.body.size";
/// How many messages a batch has.
pub const MESSAGING_BATCH_MESSAGE_COUNT: &str = "messaging.batch.message_count";

/// `postgresql`.
pub const DB_SYSTEM_NAME: &str = "db.system.name";
/// `INSERT`.
pub const DB_OPERATION_NAME: &str = "db.operation.name";
/// The table.
pub const DB_COLLECTION_NAME: &str = "db.collection.name";
/// How many rows a statement inserts.
pub const DB_OPERATION_BATCH_SIZE: &str = "db.operation.batch.size";

/// The channel of a notification. This and the following are not of the conventions.
pub const CHANNEL: &str = "tidings.channel";
/// The provider.
pub const PROVIDER: &str = "tidings.provider";
/// The attempt, counted from 0.
pub const ATTEMPT: &str = "tidings.attempt";
/// How processing a message or a send ended.
pub const OUTCOME: &str = "tidings.outcome";
/// The job of a replay.
pub const JOB: &str = "tidings.job.id";
