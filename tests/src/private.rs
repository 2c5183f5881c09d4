use crate::frozen::Frozen;
use crate::instance::Instance;
use crate::servers::Servers;

/// Which server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Server {
    /// RabbitMQ.
    RabbitMq,
    /// PostgreSQL.
    Postgres,
}

impl Server {
    const fn name(self) -> &'static str {
        match self {
            Self::RabbitMq => "rabbitmq",
            Self::Postgres => "postgres",
        }
    }
}

/// A server of the test's own, which it may stop, kill and freeze. Made by `./dev`, and deleted with
/// this; so it must be dropped after all that uses it.
pub struct PrivateServer {
    server: Server,
    instance: Instance,
}

impl PrivateServer {
    /// A new one, running.
    pub async fn new(server: Server) -> Self {
        let private = Self {
            server,
            instance: Instance::new(server.name()),
        };
        private.start().await;
        private
    }

    /// `others`, but this one in its place.
    #[must_use]
    pub fn among(&self, others: Servers) -> Servers {
        match self.server {
            Server::RabbitMq => Servers {
                rabbitmq: self.instance.urls("RABBITMQ_URL"),
                management: self.instance.url("RABBITMQ_MANAGEMENT_URL"),
                ..others
            },
            Server::Postgres => {
                let mut database = self.instance.url("DATABASE_URL");
                database.set_path("postgres");
                Servers { database, ..others }
            }
        }
    }

    /// Writes a file beside it, which is deleted with it. Returns the file's path.
    #[must_use]
    pub fn file(&self, name: &str, content: &str) -> String {
        self.instance.file(name, content)
    }

    /// Starts it again and waits until it can be used.
    pub async fn start(&self) {
        self.instance.dev(&["start", self.server.name()]).await;
    }

    /// Stops it in good order.
    pub async fn stop(&self) {
        self.instance.dev(&["stop", self.server.name()]).await;
    }

    /// Kills it (SIGKILL), and its children with it.
    pub async fn kill(&self) {
        self.instance.dev(&["kill", self.server.name()]).await;
    }

    /// Runs the broker's own tool.
    pub async fn rabbitmqctl(&self, arguments: &[&str]) {
        self.instance
            .dev(&[&["rabbitmqctl"], arguments].concat())
            .await;
    }

    /// Lets it stand still (SIGSTOP): it keeps its connections and answers nobody.
    pub async fn freeze(&self) -> Frozen {
        self.instance.freeze(self.server.name()).await
    }
}
