//! A cluster of three nodes works without one of them.

use std::time::{Duration, Instant};

use tidings_tests::{Load, Pace, PrivateCluster, Program, Replicas, ServerUrls, World};
use tidings_tests::{eventually, eventually_ok, secs};

/// Maximum time until posts are accepted and recorded again.
const GAP: Duration = secs(10);

/// A running installation. Fields are dropped in this order.
struct ClusterInstallation {
    api: Program,
    worker: Program,
    world: World,
    cluster: PrivateCluster,
}

impl ClusterInstallation {
    async fn start() -> Self {
        let cluster = PrivateCluster::new().await;
        let servers = cluster.among(ServerUrls::shared());
        // A message that used an attempt would not be recorded in time.
        let settings = [("QUORUM_SIZE", "3"), ("RETRY_BASE_DELAY_MS", "600000")];
        let world = World::on(&servers, &settings).await;
        // The API first, because the node that it is connected to leads the queues.
        let api = world.api().await;
        let worker = world.worker().await;
        Self {
            api,
            worker,
            world,
            cluster,
        }
    }

    async fn replicas(&self) -> Replicas {
        let vhost = &self.world.vhost.name;
        self.cluster.replicas(vhost, "notifications_queue").await
    }

    /// Returns the node that the API publishes to.
    fn node_of_the_api(&self) -> &'static str {
        let connected = self.api.logs().with_message("connected to RabbitMQ");
        let node = connected.last().and_then(|entry| entry["node"].as_str());
        let port = node.and_then(|node| node.rsplit(':').next()?.parse().ok());
        self.cluster.node_at(port.expect("a node in the log"))
    }

    /// Returns a node that does not lead the queue and is not the API's.
    async fn bystander(&self) -> &'static str {
        let (leader, api) = (self.replicas().await.leader, self.node_of_the_api());
        let others = PrivateCluster::NODES.into_iter();
        let mut others = others.filter(|node| *node != leader && *node != api);
        others.next().expect("a third node")
    }

    /// Waits until all three replicas of the queue are online: only then may a node be killed.
    async fn until_replicated(&self) {
        eventually_ok(secs(60), "every replica is online", async || {
            let replicas = self.replicas().await;
            (replicas.online.len() == 3)
                .then_some(())
                .ok_or_else(|| format!("{replicas:?}"))
        })
        .await;
    }

    /// Checks that posts are accepted and recorded within [`GAP`].
    async fn assert_works(&self, load: &Load) {
        let recorded = async || self.world.database.count("true").await;
        let before = recorded().await;
        tokio::join!(
            load.until_accepted(GAP, 50),
            eventually(GAP, "the worker records", async || recorded().await
                > before + 50),
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn posts_continue_when_a_leader_is_killed_and_when_a_node_is_frozen() {
    let mut installation = ClusterInstallation::start().await;
    let load = Load::start(&installation.api, installation.world.user, 8, Pace::Steady);
    let began = Instant::now();
    load.until_accepted(secs(60), 200).await;
    eventually(secs(10), "the queues are settled", async || {
        began.elapsed() > secs(3)
    })
    .await;

    let mut leader = installation.replicas().await.leader;
    assert_eq!(leader, installation.node_of_the_api());
    for _ in 0..2 {
        installation.until_replicated().await;
        installation.cluster.kill(&leader).await;
        installation.assert_works(&load).await;
        let next = installation.replicas().await.leader;
        assert_ne!(next, leader);
        installation.cluster.start(&leader).await;
        leader = next;
    }

    // A frozen node delays operations that need all nodes.
    installation.until_replicated().await;
    let frozen = installation
        .cluster
        .freeze(installation.bystander().await)
        .await;
    let began = Instant::now();
    let mut newcomer = installation.world.api().await;
    assert!(began.elapsed() < secs(20), "{:?}", began.elapsed());
    installation.assert_works(&load).await;
    newcomer.stop().await;
    frozen.thaw();

    let posted = load.stop().await;
    let gap = posted.longest_gap();
    assert!(gap < GAP, "{gap:?}");
    posted
        .assert_recorded_once(&installation.world, &mut installation.worker)
        .await;
    installation.api.stop().await;
}
