use futures_util::future::try_join_all;
use tidings_broker::BrokerSettings;
use tidings_broker::raw::message::BasicGetMessage;
use tidings_broker::raw::options::{
    BasicGetOptions, BasicPublishOptions, ConfirmSelectOptions, QueueDeclareOptions,
};
use tidings_broker::raw::types::{AMQPValue, FieldTable};
use tidings_broker::raw::{BasicProperties, Channel, Confirmation, Connection};
use tidings_broker::{DeadLetter, DeadLetterQueue, Topology, connect};
use tidings_domain::notification::Notification;
use tidings_domain::retry::Attempt;

/// A connection to the test's virtual host, with one channel in confirm mode.
pub struct Amqp {
    /// The connection.
    pub connection: Connection,
    /// Its channel.
    pub channel: Channel,
    /// The broker settings of the programs under test.
    pub settings: BrokerSettings,
}

/// A message to publish.
#[derive(Clone, Debug)]
pub struct AmqpMessage {
    /// The exchange to publish to.
    pub exchange: String,
    /// The routing key.
    pub routing_key: String,
    /// The properties.
    pub properties: BasicProperties,
    /// The body.
    pub body: Vec<u8>,
}

impl Amqp {
    /// Connects.
    pub async fn connect(settings: BrokerSettings) -> Self {
        let connection = connect(&settings, "tidings-tests")
            .await
            .expect("a connection");
        let channel = connection.create_channel().await.expect("a channel");
        channel
            .confirm_select(ConfirmSelectOptions::default())
            .await
            .expect("confirms");
        Self {
            connection,
            channel,
            settings,
        }
    }

    /// Returns a message for the intake queue with any body, as its first attempt.
    #[must_use]
    pub fn to_intake(&self, body: impl Into<Vec<u8>>) -> AmqpMessage {
        let mut headers = FieldTable::default();
        headers.insert("channel".into(), AMQPValue::LongString("intake".into()));
        AmqpMessage {
            exchange: self.settings.names.exchange.clone(),
            routing_key: Attempt::first(self.settings.ladder).to_string(),
            properties: BasicProperties::default()
                .with_delivery_mode(2)
                .with_headers(headers),
            body: body.into(),
        }
    }

    /// Returns the message that the API would publish for `notification`.
    #[must_use]
    pub fn intake_of(&self, notification: &Notification) -> AmqpMessage {
        let message = self.to_intake(notification.encode());
        let id = notification.message_id.to_string();
        AmqpMessage {
            properties: message.properties.with_message_id(id.into()),
            ..message
        }
    }

    /// Declares the wait queue `label` with another message TTL, before a program does. Programs use a queue that
    /// exists as it is, so that a test need not wait for 30 s.
    pub async fn shorten_wait_queue(&self, label: &str, ttl_ms: i64) {
        let name = self.settings.names.wait(label);
        let mut topology = Topology::of(&self.settings);
        let queue = topology.queues.iter_mut().find(|queue| queue.name == name);
        let queue = queue.expect("the wait queue");
        queue.message_ttl_ms = Some(ttl_ms);
        let arguments = queue.arguments();
        self.channel
            .queue_declare(name.into(), QueueDeclareOptions::durable(), arguments)
            .await
            .expect("a wait queue");
    }

    /// Publishes a message and waits for its confirm.
    pub async fn publish(&self, message: AmqpMessage) {
        self.publish_all([message]).await;
    }

    /// Publishes messages and waits for all confirms.
    pub async fn publish_all(&self, messages: impl IntoIterator<Item = AmqpMessage>) {
        let publishing = messages.into_iter().map(|message| async move {
            let confirm = self.channel.basic_publish(
                message.exchange.into(),
                message.routing_key.into(),
                BasicPublishOptions::default(),
                &message.body,
                message.properties,
            );
            confirm.await?.await
        });
        let confirms = try_join_all(publishing).await.expect("confirms");
        let taken = |confirm: &Confirmation| matches!(confirm, Confirmation::Ack(_));
        assert!(confirms.iter().all(taken), "the broker refused a message");
    }

    /// Returns the number of ready messages in an existing queue, without those that a consumer holds.
    pub async fn depth(&self, queue: &str) -> u32 {
        let options = QueueDeclareOptions {
            passive: true,
            ..Default::default()
        };
        self.channel
            .queue_declare(queue.into(), options, FieldTable::default())
            .await
            .expect("the queue")
            .message_count()
    }

    /// Returns the depth of the intake queue.
    pub async fn intake_depth(&self) -> u32 {
        self.depth(&self.settings.names.queue).await
    }

    /// Returns the depth of the dead-letter queue.
    pub async fn dead_letter_depth(&self) -> u32 {
        self.depth(&self.settings.names.dlq).await
    }

    /// Removes and returns all messages of a queue.
    pub async fn drain(&self, queue: &str) -> Vec<BasicGetMessage> {
        let options = BasicGetOptions { no_ack: true };
        let mut messages = Vec::new();
        while let Some(message) = self
            .channel
            .basic_get(queue.into(), options)
            .await
            .expect("the queue")
        {
            messages.push(message);
        }
        messages
    }

    /// Returns the dead letters, which stay in their queue.
    pub async fn dead_letters(&self) -> Vec<DeadLetter> {
        let queue = DeadLetterQueue::open(&self.connection, &self.settings.names.dlq)
            .await
            .expect("a channel");
        let mut letters = Vec::new();
        while let Some(letter) = queue.next().await.expect("the dead-letter queue") {
            letters.push(letter);
        }
        queue.close().await.expect("closed");
        letters
    }
}

/// Returns a header's value if it is text.
#[must_use]
pub fn text_header(properties: &BasicProperties, name: &str) -> Option<String> {
    match properties.headers().as_ref()?.inner().get(name)? {
        AMQPValue::LongString(text) => Some(text.to_string()),
        AMQPValue::ShortString(text) => Some(text.to_string()),
        _ => None,
    }
}
