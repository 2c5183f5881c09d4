//! Notifications that templates render: from the template's PUT to the sent message.

mod addresses;
mod errors;
mod fallback;
mod sent;
mod versions;

use serde_json::{Value, json};
use tempfile::TempDir;
use tidings_broker::DeadLetter;
use tidings_domain::notification::MessageId;
use tidings_tests::{Client, Program, World, eventually_ok, secs};

use crate::templates;

/// An installation that delivers into a folder. Each test starts its worker.
struct SandboxInstallation {
    api: Program,
    world: World,
    folder: TempDir,
}

impl SandboxInstallation {
    async fn new() -> Self {
        let folder = TempDir::new().expect("a folder");
        let world = World::with(&[
            ("WORKER_CHANNELS", "intake,email,sms,push"),
            ("SANDBOX_DIR", folder.path().to_str().expect("UTF-8")),
            ("RETRY_BASE_DELAY_MS", "50"),
        ])
        .await;
        Self {
            api: world.api().await,
            world,
            folder,
        }
    }

    fn client(&self) -> Client {
        self.api.client()
    }

    /// Puts a template such as `welcome/email/de`. Returns its version.
    async fn put(&self, template: &str, body: &Value) -> i64 {
        let path = format!("/api/templates/{template}");
        let answer = templates::put(&self.client(), &path, body).await;
        assert_eq!(answer.status, 201, "{}", answer.text);
        answer.body["version"].as_i64().expect("a version")
    }

    /// Returns a preview.
    async fn preview(&self, name: &str, body: &Value) -> Value {
        let answer = templates::preview(&self.client(), name, body).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.body
    }

    /// Posts a notification that `template` renders.
    async fn post(&self, channel: &str, template: &Value, variables: &Value) -> MessageId {
        let body = json!({
            "targetUserId": self.world.user,
            "type": channel,
            "template": template,
            "payload": variables,
        });
        self.client().post(&body).await.accepted()
    }

    /// Returns the sent messages of a notification, one for each address.
    fn files(&self, channel: &str, id: MessageId) -> Vec<Value> {
        let Ok(files) = std::fs::read_dir(self.folder.path().join(channel)) else {
            return Vec::new();
        };
        files
            .map(|file| file.expect("a file").path())
            .filter(|path| {
                let name = path.file_name().and_then(|name| name.to_str());
                name.is_some_and(|name| name.starts_with(&id.to_string()))
                    && path.extension().is_some_and(|ending| ending == "json")
            })
            .map(|path| {
                let json = std::fs::read(path).expect("readable");
                serde_json::from_slice(&json).expect("JSON")
            })
            .collect()
    }

    /// Waits until a notification is delivered. Returns its only message.
    async fn sent(&self, channel: &str, id: MessageId) -> Value {
        self.world.until_status(id, "processed").await;
        let mut files = self.files(channel, id);
        assert_eq!(files.len(), 1, "{files:?}");
        files.remove(0)
    }

    /// Waits until a notification is a dead letter. Checks that nothing was sent.
    async fn dead_letter(&self, channel: &str, id: MessageId) -> DeadLetter {
        self.world.until_status(id, "failed").await;
        let amqp = self.world.amqp().await;
        let letter = eventually_ok(secs(30), "its dead letter", async || {
            let letters = amqp.dead_letters().await;
            let of_id = |letter: &DeadLetter| letter.message_id == Some(id.to_string());
            letters.into_iter().find(of_id).ok_or("there is none")
        })
        .await;
        assert_eq!(self.files(channel, id), [Value::Null; 0]);
        letter
    }

    /// Replays the dead letters with this reason.
    fn replay(&self, reason: &str) {
        let output = self
            .world
            .tidings(&["dlq", "replay", "--from-queue", "--reason", reason]);
        assert!(output.status.success(), "{output:?}");
    }

    /// Returns the error message of a notification.
    async fn error_message(&self, id: MessageId) -> String {
        let path = format!("/api/notifications/{id}");
        let row = self.client().get(&path).await.body;
        row["errorMessage"].as_str().expect("an error").to_owned()
    }
}

/// Returns the template of each attempt.
fn used(attempts: &[Value]) -> Vec<Value> {
    let template = |attempt: &Value| attempt["template"].clone();
    attempts.iter().map(template).collect()
}
