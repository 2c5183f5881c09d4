use std::fmt;

/// The number of processes of `tidings-api`: streams of inboxes that one of them ends resume at the others.
pub const APIS: usize = 3;

/// The number of processes of each other kind.
pub const PROCESSES: usize = 2;

/// A component of the installation. Numbers count from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Component {
    /// The clients that post.
    Clients,
    /// A process of `tidings-api`.
    Api(usize),
    /// A process of `tidings-worker` that records and delivers.
    Worker(usize),
    /// A process of `tidings-worker` that is a scheduler only.
    Scheduler(usize),
    /// A node of RabbitMQ.
    RabbitMq(usize),
    /// PostgreSQL.
    Postgres,
}

impl Component {
    /// Returns the processes of `tidings-api` and `tidings-worker`.
    pub fn programs() -> impl Iterator<Item = Self> {
        let apis = (0..APIS).map(Self::Api);
        let others = [Self::Worker, Self::Scheduler];
        apis.chain(others.into_iter().flat_map(|kind| (0..PROCESSES).map(kind)))
    }

    /// Whether this is a process of `tidings-api` or `tidings-worker`.
    pub const fn is_program(self) -> bool {
        matches!(self, Self::Api(_) | Self::Worker(_) | Self::Scheduler(_))
    }
}

impl fmt::Display for Component {
    /// Writes the name; for servers, the name that `./dev` uses.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Clients => f.write_str("clients"),
            Self::Api(n) => write!(f, "api-{}", n + 1),
            Self::Worker(n) => write!(f, "worker-{}", n + 1),
            Self::Scheduler(n) => write!(f, "scheduler-{}", n + 1),
            Self::RabbitMq(0) => f.write_str("rabbitmq"),
            Self::RabbitMq(n) => write!(f, "rabbitmq-{}", n + 1),
            Self::Postgres => f.write_str("postgres"),
        }
    }
}

/// The network link between two components.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Link {
    /// The component that connects.
    pub from: Component,
    /// The component that accepts connections.
    pub to: Component,
}

impl Link {
    /// Returns all links with `nodes` nodes of RabbitMQ.
    pub fn all(nodes: usize) -> Vec<Self> {
        let link = |from, to| Self { from, to };
        let mut links: Vec<_> = (0..APIS)
            .map(|n| link(Component::Clients, Component::Api(n)))
            .collect();
        for program in Component::programs() {
            links.extend((0..nodes).map(|node| link(program, Component::RabbitMq(node))));
            links.push(link(program, Component::Postgres));
        }
        links
    }
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} to {}", self.from, self.to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pair_of_components_that_connect_has_a_link() {
        let names: Vec<_> = Link::all(1).iter().map(ToString::to_string).collect();
        assert_eq!(
            names,
            [
                "clients to api-1",
                "clients to api-2",
                "clients to api-3",
                "api-1 to rabbitmq",
                "api-1 to postgres",
                "api-2 to rabbitmq",
                "api-2 to postgres",
                "api-3 to rabbitmq",
                "api-3 to postgres",
                "worker-1 to rabbitmq",
                "worker-1 to postgres",
                "worker-2 to rabbitmq",
                "worker-2 to postgres",
                "scheduler-1 to rabbitmq",
                "scheduler-1 to postgres",
                "scheduler-2 to rabbitmq",
                "scheduler-2 to postgres",
            ]
        );
        assert_eq!(Link::all(3).len(), 3 + 7 * 4);
    }
}
