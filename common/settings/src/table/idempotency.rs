use super::group;
use crate::Setting;

group! {
    "API: idempotency keys"
    /// How long a POST with an idempotency key waits for PostgreSQL to say whether the key was used before, unless the
    /// process knows. Without an answer in time, it goes on: then a second request with another body is accepted, and becomes
    /// the dead letter `idempotency_key_reused`. `0` does not ask.
    IDEMPOTENCY_LOOKUP_MS: [Api] = Setting::number(0, 5000).default("25").unit("ms");
}
