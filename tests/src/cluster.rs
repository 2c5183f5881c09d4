use serde_json::Value;

use crate::frozen::Frozen;
use crate::instance::Instance;
use crate::servers::Servers;

/// A cluster of three RabbitMQ nodes of the test's own, made by `./dev` and deleted with this; so it
/// must be dropped after all that uses it.
pub struct PrivateCluster {
    instance: Instance,
}

/// Where a queue is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replicas {
    /// The node whose replica all others follow.
    pub leader: String,
    /// The nodes whose replicas take part.
    pub online: Vec<String>,
}

impl PrivateCluster {
    /// The names of its nodes, which are those of `./dev`.
    pub const NODES: [&'static str; 3] = ["rabbitmq", "rabbitmq-2", "rabbitmq-3"];

    /// A new one, running.
    pub async fn new() -> Self {
        let instance = Instance::new("cluster");
        instance.dev(&["start", "--cluster", "rabbitmq"]).await;
        Self { instance }
    }

    /// `others`, but this one in the broker's place.
    #[must_use]
    pub fn among(&self, others: Servers) -> Servers {
        Servers {
            rabbitmq: self.instance.urls("RABBITMQ_URLS"),
            management: self.instance.url("RABBITMQ_MANAGEMENT_URL"),
            ..others
        }
    }

    /// The name of the node that takes AMQP connections on this port.
    ///
    /// # Panics
    ///
    /// Where none does.
    #[must_use]
    pub fn node_at(&self, port: u16) -> &'static str {
        let urls = self.instance.urls("RABBITMQ_URLS");
        let place = urls.iter().position(|url| url.port() == Some(port));
        Self::NODES[place.unwrap_or_else(|| panic!("no node at port {port}"))]
    }

    /// Where a queue is, asked of a node that runs.
    pub async fn replicas(&self, vhost: &str, queue: &str) -> Replicas {
        let arguments = ["-q", "list_queues", "-p", vhost, "--formatter", "json"];
        let columns = ["name", "leader", "online"];
        let all = [&["rabbitmqctl"], &arguments[..], &columns].concat();
        let queues: Value =
            serde_json::from_str(&self.instance.dev(&all).await).expect("a table in JSON");
        let queues = queues.as_array().expect("queues");
        let found = queues.iter().find(|found| found["name"] == queue);
        let found = found.unwrap_or_else(|| panic!("no {queue} in {queues:?}"));
        let online = found["online"].as_array().expect("nodes");
        Replicas {
            leader: our_name(&found["leader"]),
            online: online.iter().map(our_name).collect(),
        }
    }

    /// Starts a node again and waits until it can be used.
    pub async fn start(&self, node: &str) {
        self.instance.dev(&["start", node]).await;
    }

    /// Kills a node (SIGKILL).
    pub async fn kill(&self, node: &str) {
        self.instance.dev(&["kill", node]).await;
    }

    /// Lets a node stand still (SIGSTOP): it keeps its connections and answers nobody.
    pub async fn freeze(&self, node: &str) -> Frozen {
        self.instance.freeze(node).await
    }
}

/// `rabbitmq-2@localhost` is `rabbitmq-2`.
fn our_name(erlang: &Value) -> String {
    let (name, _) = erlang
        .as_str()
        .and_then(|name| name.split_once('@'))
        .expect("a node");
    name.to_owned()
}
