use serde_json::Value;
use tidings_domain::notification::{DeliveredChannel, MessageId};

use crate::client::Client;
use crate::poll::{eventually, eventually_ok, secs};
use crate::world::World;

impl Client {
    /// Returns the timeline of a notification: its delivery attempts in order.
    pub async fn attempts(&self, id: MessageId) -> Vec<Value> {
        let answer = self.get(&format!("/api/notifications/{id}/attempts")).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        let attempts = answer.body["attempts"].as_array();
        attempts.expect("attempts").clone()
    }
}

/// Returns number and outcome of each attempt.
#[must_use]
pub fn outcomes(attempts: &[Value]) -> Vec<(u64, &str)> {
    let outcome = |attempt: &'_ Value| attempt["attempt"].as_u64().expect("a number");
    attempts
        .iter()
        .map(|attempt| {
            let text = attempt["outcome"].as_str();
            (outcome(attempt), text.expect("a text"))
        })
        .collect()
}

impl World {
    /// Waits until no message is in the intake queue, in the queue of the webhooks, or in the shortest wait queue. After
    /// that, no copy of a webhook is sent any more.
    pub async fn until_queues_are_empty(&self) {
        let amqp = self.amqp().await;
        let names = &amqp.settings.names;
        let webhooks = names.channel_queue(DeliveredChannel::Webhook);
        eventually(secs(60), "the queues are empty", async || {
            let deferred = amqp.depth(&names.wait("1s")).await;
            amqp.intake_depth().await + amqp.depth(&webhooks).await + deferred == 0
        })
        .await;
    }

    /// Waits until exactly `n` notifications of the world's user are recorded.
    pub async fn until_recorded(&self, n: i64) {
        let condition = format!("user_id = '{}'", self.user);
        eventually_ok(secs(60), "notifications are recorded", async || {
            let recorded = self.database.count(&condition).await;
            (recorded == n).then_some(()).ok_or(recorded)
        })
        .await;
    }

    /// Waits until the row of `id` has this status.
    pub async fn until_status(&self, id: MessageId, status: &str) {
        let is = format!("message_id = '{id}' AND status = '{status}'");
        eventually_ok(secs(60), status, async || {
            match self.database.count(&is).await {
                1 => Ok(()),
                _ => Err("it has another status"),
            }
        })
        .await;
    }
}
