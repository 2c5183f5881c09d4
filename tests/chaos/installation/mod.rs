//! The installation under test: processes of each kind, their servers, and the network between them.

mod broker;
mod database;
mod database_clock;
mod dev_servers;
mod lease_watch;
mod memory;
mod server_addresses;
mod supervised_program;
mod users;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use futures_util::future::try_join_all;

pub use broker::{Broker, RemainingMessages};
pub use database::ChaosDatabase;
pub use database_clock::DatabaseClock;
pub use dev_servers::DevServers;
pub use lease_watch::{Lease, LeaseWatch};
pub use memory::{Mib, bound};
pub use supervised_program::SupervisedProgram;
pub use users::Users;

use server_addresses::{ServerAddresses, port};

use crate::components::{APIS, Component, Link};
use crate::proxy::{Conditions, Proxy};
use crate::run_log::RunLog;
use crate::timing::{until, wait};

/// How long all processes may take to become ready.
const READY: Duration = Duration::from_mins(2);

/// Time between two checks that all processes run.
const WATCH_INTERVAL: Duration = Duration::from_millis(250);

/// Processes of each kind, connected through proxies.
pub struct Installation {
    pub log: Arc<RunLog>,
    pub servers: DevServers,
    pub database: ChaosDatabase,
    pub clock: DatabaseClock,
    pub broker: Broker,
    /// The number of RabbitMQ nodes.
    pub nodes: usize,
    programs: BTreeMap<Component, SupervisedProgram>,
    links: BTreeMap<Link, Arc<Proxy>>,
    probes: reqwest::Client,
}

/// The folders of an installation.
pub struct Paths<'a> {
    /// The folder of the programs.
    pub programs: &'a Path,
    /// The folder of their logs.
    pub logs: &'a Path,
    /// The folder of the sandbox provider.
    pub sandbox: &'a Path,
}

impl Installation {
    /// Creates the proxies around `servers`, which must run, and starts no program.
    pub async fn new(
        servers: DevServers,
        paths: &Paths<'_>,
        log: Arc<RunLog>,
    ) -> anyhow::Result<Self> {
        let addresses = ServerAddresses::read(&servers)?;
        let nodes = addresses.nodes.len();
        let mut links = BTreeMap::new();
        for link in Link::all(nodes) {
            let upstream = match link.to {
                Component::RabbitMq(node) => port(&addresses.nodes[node])?,
                Component::Postgres => port(&addresses.database)?,
                // Set once the API process listens.
                _ => 0,
            };
            links.insert(link, Arc::new(Proxy::start(upstream).await?));
        }
        let mut programs = BTreeMap::new();
        for component in Component::programs() {
            let settings = addresses.settings(component, &links, paths.sandbox)?;
            let (name, proxy) = match component {
                Component::Api(_) => ("tidings-api", links.get(&client_link(component)).cloned()),
                _ => ("tidings-worker", None),
            };
            let log = paths.logs.join(format!("{component}.log"));
            let binary = paths.programs.join(name);
            programs.insert(
                component,
                SupervisedProgram::new(component, binary, settings, log, proxy),
            );
        }
        Ok(Self {
            log,
            database: ChaosDatabase::at(addresses.database.clone()),
            clock: DatabaseClock::new(addresses.clock.clone()),
            broker: Broker::new(addresses.direct_settings(), &addresses.management)?,
            servers,
            nodes,
            programs,
            links,
            probes: reqwest::Client::builder()
                .timeout(Duration::from_secs(5))
                .no_proxy()
                .build()?,
        })
    }

    /// Starts all processes and waits until they are ready.
    pub async fn start(&self) -> anyhow::Result<()> {
        try_join_all(self.programs.values().map(SupervisedProgram::start)).await?;
        let ready = until(READY, || async { self.unready().await.is_empty() }).await;
        anyhow::ensure!(ready, "not ready: {:?}", self.unready().await);
        Ok(())
    }

    /// Returns a program's process.
    pub fn program(&self, component: Component) -> anyhow::Result<&SupervisedProgram> {
        let program = self.programs.get(&component);
        program.with_context(|| format!("{component} is not a program of Tidings"))
    }

    /// Returns all processes of the programs.
    pub fn programs(&self) -> impl Iterator<Item = &SupervisedProgram> {
        self.programs.values()
    }

    /// Returns the ports at which clients reach the API processes.
    pub fn api_ports(&self) -> Vec<u16> {
        let proxies = (0..APIS).filter_map(|n| self.links.get(&client_link(Component::Api(n))));
        proxies.map(|proxy| proxy.port()).collect()
    }

    /// Returns the node that leads the intake queue.
    pub async fn leader(&self) -> anyhow::Result<Component> {
        let list = ["list_queues", "--no-table-headers", "name", "leader"];
        let list = self.servers.rabbitmqctl(None, &list).await?;
        let queue = self.broker.intake();
        let leader = list
            .lines()
            .find_map(|line| line.strip_prefix(queue)?.strip_prefix('\t'))
            .with_context(|| format!("no leader of {queue} in: {list}"))?;
        let is_leader =
            |node: &Component| leader.split('@').next() == Some(node.to_string().as_str());
        let node = (0..self.nodes).map(Component::RabbitMq).find(is_leader);
        node.with_context(|| format!("{leader} is not a node of the cluster"))
    }

    /// Changes the network conditions of a link.
    pub fn set_conditions(&self, link: Link, conditions: Conditions) -> anyhow::Result<()> {
        let proxy = self.links.get(&link);
        proxy.with_context(|| format!("no {link}"))?.set(conditions);
        Ok(())
    }

    /// Returns the processes that are not ready, each with the status of its `/ready`.
    pub async fn unready(&self) -> Vec<String> {
        let mut unready = Vec::new();
        for program in self.programs.values() {
            let url = format!("http://127.0.0.1:{}/ready", program.port());
            let answer = self.probes.get(url).send().await;
            match answer {
                Ok(answer) if answer.status().is_success() => {}
                Ok(answer) => unready.push(format!("{}: {}", program.component, answer.status())),
                Err(_) => unready.push(format!("{}: no response", program.component)),
            }
        }
        unready
    }

    /// Logs an error for a process that ends unexpectedly, and starts it again. Never returns.
    pub async fn watch(&self) -> ! {
        loop {
            for program in self.programs.values() {
                if program.died(&self.log).await
                    && let Err(error) = program.start().await
                {
                    self.log.error(format_args!("{error:#}"));
                }
            }
            wait(WATCH_INTERVAL).await;
        }
    }
}

/// Returns the link from the clients to an API process.
const fn client_link(api: Component) -> Link {
    Link {
        from: Component::Clients,
        to: api,
    }
}
