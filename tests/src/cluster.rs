use serde_json::Value;

use crate::frozen::Frozen;
use crate::instance::Instance;
use crate::servers::ServerUrls;

/// The test's own cluster of three RabbitMQ nodes, created by `./dev` and deleted when this is dropped. Must be
/// dropped after everything that uses the cluster.
pub struct PrivateCluster {
    instance: Instance,
}

/// The replicas of a queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replicas {
    /// The node with the leader.
    pub leader: String,
    /// The nodes whose replicas are online.
    pub online: Vec<String>,
}

impl PrivateCluster {
    /// The names of the nodes, as `./dev` uses them.
    pub const NODES: [&'static str; 3] = ["rabbitmq", "rabbitmq-2", "rabbitmq-3"];

    /// Creates and starts a cluster.
    pub async fn new() -> Self {
        let instance = Instance::new("cluster");
        instance.dev(&["start", "--cluster", "rabbitmq"]).await;
        Self { instance }
    }

    /// Returns `others` with this cluster as the broker.
    #[must_use]
    pub fn among(&self, others: ServerUrls) -> ServerUrls {
        ServerUrls {
            rabbitmq: self.instance.urls("RABBITMQ_URLS"),
            management: self.instance.url("RABBITMQ_MANAGEMENT_URL"),
            ..others
        }
    }

    /// Returns the name of the node that accepts AMQP connections on this port.
    ///
    /// # Panics
    ///
    /// Panics if no node does.
    #[must_use]
    pub fn node_at(&self, port: u16) -> &'static str {
        let urls = self.instance.urls("RABBITMQ_URLS");
        let place = urls.iter().position(|url| url.port() == Some(port));
        Self::NODES[place.unwrap_or_else(|| panic!("no node at port {port}"))]
    }

    /// Returns the replicas of a queue, according to a running node.
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
            leader: dev_name(&found["leader"]),
            online: online.iter().map(dev_name).collect(),
        }
    }

    /// Starts a node and waits until it is ready.
    pub async fn start(&self, node: &str) {
        self.instance.dev(&["start", node]).await;
    }

    /// Kills a node (SIGKILL).
    pub async fn kill(&self, node: &str) {
        self.instance.dev(&["kill", node]).await;
    }

    /// Freezes a node (SIGSTOP): it keeps its connections but does not respond.
    pub async fn freeze(&self, node: &str) -> Frozen {
        self.instance.freeze(node).await
    }
}

/// Returns the name that `./dev` uses: `rabbitmq-2` for `rabbitmq-2@localhost`.
fn dev_name(erlang: &Value) -> String {
    let (name, _) = erlang
        .as_str()
        .and_then(|name| name.split_once('@'))
        .expect("a node");
    name.to_owned()
}
