use std::sync::{Arc, Mutex};
use std::time::Instant;

use futures_util::StreamExt;
use tidings_broker::raw::BasicProperties;
use tidings_broker::raw::options::{BasicConsumeOptions, QueueBindOptions, QueueDeclareOptions};
use tidings_broker::raw::types::{AMQPValue, FieldTable};

use crate::amqp::Amqp;

/// Receives a copy of every message that is routed to a destination's queue, so that tests can observe messages
/// independently of the programs.
pub struct Probe {
    arrivals: Arc<Mutex<Vec<Arrival>>>,
}

/// A message that reached its queue.
#[derive(Clone, Debug)]
pub struct Arrival {
    /// When the copy arrived.
    pub at: Instant,
    /// The routing key.
    pub routing_key: String,
    /// The properties.
    pub properties: BasicProperties,
}

impl Probe {
    /// Binds a new queue to the exchange like the queue of `destination`. Lives as long as the connection.
    pub async fn bind(amqp: &Amqp, destination: &str) -> Self {
        let exclusive = QueueDeclareOptions {
            exclusive: true,
            auto_delete: true,
            ..Default::default()
        };
        let channel = amqp.connection.create_channel().await.expect("a channel");
        let queue = channel
            .queue_declare("".into(), exclusive, FieldTable::default())
            .await
            .expect("a queue");
        let mut wanted = FieldTable::default();
        for (name, value) in [("x-match", "all"), ("channel", destination)] {
            wanted.insert(name.into(), AMQPValue::LongString(value.into()));
        }
        let exchange = amqp.settings.names.exchange.as_str().into();
        let options = QueueBindOptions::default();
        channel
            .queue_bind(queue.name().clone(), exchange, "".into(), options, wanted)
            .await
            .expect("a binding");
        let options = BasicConsumeOptions {
            no_ack: true,
            ..Default::default()
        };
        let mut deliveries = channel
            .basic_consume(
                queue.name().clone(),
                "".into(),
                options,
                FieldTable::default(),
            )
            .await
            .expect("a consumer");
        let arrivals = Arc::<Mutex<Vec<Arrival>>>::default();
        let list = Arc::clone(&arrivals);
        tokio::spawn(async move {
            // Dropping the channel would cancel the consumer.
            let _channel = channel;
            while let Some(Ok(delivery)) = deliveries.next().await {
                list.lock().expect("not poisoned").push(Arrival {
                    at: Instant::now(),
                    routing_key: delivery.routing_key.to_string(),
                    properties: delivery.properties,
                });
            }
        });
        Self { arrivals }
    }

    /// Returns all arrivals so far, in order.
    #[must_use]
    pub fn arrivals(&self) -> Vec<Arrival> {
        self.arrivals.lock().expect("not poisoned").clone()
    }

    /// Returns the routing keys of all arrivals so far without the ladder's label: `attempt.0`, …
    #[must_use]
    pub fn attempts(&self) -> Vec<String> {
        let attempt = |arrival: Arrival| {
            let mut parts = arrival.routing_key.splitn(3, '.');
            [parts.next(), parts.next()]
                .map(Option::unwrap_or_default)
                .join(".")
        };
        self.arrivals().into_iter().map(attempt).collect()
    }
}
