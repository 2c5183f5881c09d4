//! What chaos happens to: two processes of each program, their servers, and the network between them.

mod addresses;
mod broker;
mod database;
mod memory;
mod program;
mod servers;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use futures_util::future::try_join_all;

pub use broker::{Broker, Depths};
pub use database::{Database, Users};
pub use memory::{Mib, bound};
pub use program::Program;
pub use servers::Servers;

use addresses::{Addresses, port};

use crate::parts::{Link, PROCESSES, Part};
use crate::pause::{until, wait};
use crate::proxy::{Proxy, Weather};
use crate::story::Story;

/// How long all may take to become ready after their start.
const READY: Duration = Duration::from_mins(2);

/// How often the watch looks whether all processes live.
const WATCH: Duration = Duration::from_millis(250);

/// Two processes of each program, between proxies.
pub struct Installation {
    pub story: Arc<Story>,
    pub servers: Servers,
    pub database: Database,
    pub broker: Broker,
    /// How many nodes RabbitMQ has.
    pub nodes: usize,
    programs: BTreeMap<Part, Program>,
    links: BTreeMap<Link, Arc<Proxy>>,
    probes: reqwest::Client,
}

/// Where an installation finds what it needs.
pub struct Places<'a> {
    /// The folder of the programs.
    pub programs: &'a Path,
    /// Where their logs go.
    pub logs: &'a Path,
    /// Where their sandbox is.
    pub sandbox: &'a Path,
}

impl Installation {
    /// Lays the network around `servers`, which run, and nothing else yet.
    pub async fn new(
        servers: Servers,
        places: &Places<'_>,
        story: Arc<Story>,
    ) -> anyhow::Result<Self> {
        let addresses = Addresses::read(&servers)?;
        let nodes = addresses.nodes.len();
        let mut links = BTreeMap::new();
        for link in Link::all(nodes) {
            let upstream = match link.to {
                Part::RabbitMq(node) => port(&addresses.nodes[node])?,
                Part::Postgres => port(&addresses.database)?,
                // Known once it listens.
                _ => 0,
            };
            links.insert(link, Arc::new(Proxy::start(upstream).await?));
        }
        let mut programs = BTreeMap::new();
        for part in Part::programs() {
            let settings = addresses.settings(part, &links, places.sandbox)?;
            let (name, door) = match part {
                Part::Api(_) => ("tidings-api", links.get(&entrance(part)).cloned()),
                _ => ("tidings-worker", None),
            };
            let log = places.logs.join(format!("{part}.log"));
            let binary = places.programs.join(name);
            programs.insert(part, Program::new(part, binary, settings, log, door));
        }
        Ok(Self {
            story,
            database: Database::at(addresses.database.clone()),
            broker: Broker::new(addresses.straight(), &addresses.management)?,
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
        try_join_all(self.programs.values().map(Program::start)).await?;
        let ready = until(READY, || async { self.unready().await.is_empty() }).await;
        anyhow::ensure!(ready, "not ready: {:?}", self.unready().await);
        Ok(())
    }

    /// A process of our own programs.
    pub fn program(&self, part: Part) -> anyhow::Result<&Program> {
        let program = self.programs.get(&part);
        program.with_context(|| format!("{part} is no program of ours"))
    }

    /// All processes of our own programs.
    pub fn programs(&self) -> impl Iterator<Item = &Program> {
        self.programs.values()
    }

    /// The ports at which clients reach the processes of the API.
    pub fn entrances(&self) -> Vec<u16> {
        let doors = (0..PROCESSES).filter_map(|n| self.links.get(&entrance(Part::Api(n))));
        doors.map(|proxy| proxy.port()).collect()
    }

    /// The node that leads the intake queue.
    pub async fn leader(&self) -> anyhow::Result<Part> {
        let list = ["list_queues", "--no-table-headers", "name", "leader"];
        let list = self.servers.rabbitmqctl(None, &list).await?;
        let queue = self.broker.intake();
        let leader = list
            .lines()
            .find_map(|line| line.strip_prefix(queue)?.strip_prefix('\t'))
            .with_context(|| format!("no leader of {queue} in: {list}"))?;
        let is_it = |node: &Part| leader.split('@').next() == Some(node.to_string().as_str());
        let node = (0..self.nodes).map(Part::RabbitMq).find(is_it);
        node.with_context(|| format!("{leader} is none of our nodes"))
    }

    /// Changes the weather between two parts.
    pub fn set_weather(&self, link: Link, weather: Weather) -> anyhow::Result<()> {
        let proxy = self.links.get(&link);
        proxy.with_context(|| format!("no {link}"))?.set(weather);
        Ok(())
    }

    /// The processes whose `/ready` does not say yes, and what it says instead.
    pub async fn unready(&self) -> Vec<String> {
        let mut unready = Vec::new();
        for program in self.programs.values() {
            let url = format!("http://127.0.0.1:{}/ready", program.port());
            let answer = self.probes.get(url).send().await;
            match answer {
                Ok(answer) if answer.status().is_success() => {}
                Ok(answer) => unready.push(format!("{}: {}", program.part, answer.status())),
                Err(_) => unready.push(format!("{}: no answer", program.part)),
            }
        }
        unready
    }

    /// Complains about processes that end by themselves, and starts them again. Never ends.
    pub async fn watch(&self) -> ! {
        loop {
            for program in self.programs.values() {
                if program.died(&self.story).await
                    && let Err(error) = program.start().await
                {
                    self.story.complain(format_args!("{error:#}"));
                }
            }
            wait(WATCH).await;
        }
    }
}

/// The link by which clients come to a process of the API.
const fn entrance(api: Part) -> Link {
    Link {
        from: Part::Clients,
        to: api,
    }
}
