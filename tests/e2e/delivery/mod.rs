//! The delivery stage with any provider: leases, the breaker, pauses, retry limits, several addresses.

mod batches;
mod credentials;
mod devices;
mod endpoints;
mod leases;
mod mail_servers;
mod outages;
mod rate_limits;
mod recording;
mod replay;
mod retry_limits;
mod unknown;
mod unsendable;

use serde_json::{Value, json};
use tidings_domain::notification::MessageId;
use tidings_tests::{MockHttpServer, Program, Response, World};

/// Settings that send text messages to `twilio`, a server that responds like Twilio.
fn twilio_settings(twilio: &MockHttpServer) -> Vec<(&'static str, String)> {
    let settings = [
        ("SMS_PROVIDER", "twilio"),
        ("WORKER_CHANNELS", "intake,sms"),
        ("TWILIO_ACCOUNT_SID", "AC0123456789abcdef0123456789abcdef"),
        ("TWILIO_AUTH_TOKEN", "a-token-for-tests"),
        ("TWILIO_FROM_NUMBER", "+4915100000000"),
    ];
    let mut settings: Vec<_> = settings
        .into_iter()
        .map(|(name, value)| (name, value.to_owned()))
        .collect();
    settings.push(("TWILIO_BASE_URL", twilio.url("")));
    settings
}

/// Creates an installation that sends text messages to `twilio`.
pub(crate) async fn world(twilio: &MockHttpServer, more: &[(&str, &str)]) -> World {
    let settings = twilio_settings(twilio);
    let mut settings: Vec<(&str, &str)> = settings
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    settings.extend_from_slice(more);
    World::with(&settings).await
}

/// Twilio's response to an accepted message ("Create a Message").
pub(crate) fn accepted_response() -> Response {
    Response::status(201)
        .header("content-type", "application/json")
        .body(r#"{"sid": "SM0123456789abcdef0123456789abcdef", "status": "queued"}"#)
}

/// An error response of Twilio ("REST API: error responses").
fn error(status: u16, code: u32, message: &str) -> Response {
    let body = json!({"code": code, "message": message, "more_info": "", "status": status});
    Response::status(status)
        .header("content-type", "application/json")
        .body(body.to_string())
}

/// The body of a POST: a text message.
pub(crate) fn sms(world: &World, text: &str) -> Value {
    json!({
        "targetUserId": world.user,
        "type": "sms",
        "payload": {"to": "+4915112345678", "text": text},
    })
}

/// Posts a text message.
async fn post(world: &World, api: &Program, text: &str) -> MessageId {
    api.client().post(&sms(world, text)).await.accepted()
}

/// Returns a channel in the worker's `/health`.
pub(crate) async fn channel(worker: &Program, name: &str) -> Value {
    worker.client().get("/health").await.body["channels"][name].clone()
}
