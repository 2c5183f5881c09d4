use crate::frozen::Frozen;
use crate::instance::Instance;
use crate::servers::ServerUrls;

/// The kind of a private server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerKind {
    /// RabbitMQ.
    RabbitMq,
    /// PostgreSQL.
    Postgres,
}

impl ServerKind {
    const fn name(self) -> &'static str {
        match self {
            Self::RabbitMq => "rabbitmq",
            Self::Postgres => "postgres",
        }
    }
}

/// The test's own server, which it may stop, kill and freeze. Created by `./dev`, and deleted when this is
/// dropped. Must be dropped after everything that uses the server.
pub struct PrivateServer {
    server: ServerKind,
    instance: Instance,
}

impl PrivateServer {
    /// Creates and starts a server.
    pub async fn new(server: ServerKind) -> Self {
        Self::started(server, Instance::new(server.name())).await
    }

    /// Like [`PrivateServer::new`], but another test may have used the server before, and another one may use it afterwards. So
    /// this test must end with the server as it was configured, and everything in it must be in virtual hosts and databases of
    /// the test's own. The server need not run at the end.
    pub async fn reused(server: ServerKind) -> Self {
        Self::started(server, Instance::reused(server.name())).await
    }

    async fn started(server: ServerKind, instance: Instance) -> Self {
        let private = Self { server, instance };
        private.start().await;
        private
    }

    /// Returns `others` with this server in place of the shared one.
    #[must_use]
    pub fn among(&self, others: ServerUrls) -> ServerUrls {
        match self.server {
            ServerKind::RabbitMq => ServerUrls {
                rabbitmq: self.instance.urls("RABBITMQ_URL"),
                management: self.instance.url("RABBITMQ_MANAGEMENT_URL"),
                ..others
            },
            ServerKind::Postgres => {
                let mut database = self.instance.url("DATABASE_URL");
                database.set_path("postgres");
                ServerUrls { database, ..others }
            }
        }
    }

    /// Writes a file that is deleted with the server. Returns its path.
    #[must_use]
    pub fn file(&self, name: &str, content: &str) -> String {
        self.instance.file(name, content)
    }

    /// Starts the server and waits until it is ready.
    pub async fn start(&self) {
        self.instance.dev(&["start", self.server.name()]).await;
    }

    /// Stops the server cleanly.
    pub async fn stop(&self) {
        self.instance.dev(&["stop", self.server.name()]).await;
    }

    /// Kills the server and its children (SIGKILL).
    pub async fn kill(&self) {
        self.instance.dev(&["kill", self.server.name()]).await;
    }

    /// Runs `rabbitmqctl`.
    pub async fn rabbitmqctl(&self, arguments: &[&str]) {
        self.instance
            .dev(&[&["rabbitmqctl"], arguments].concat())
            .await;
    }

    /// Calls an Erlang function of RabbitMQ, which takes milliseconds instead of `rabbitmqctl`'s seconds. `arguments` is an
    /// Erlang list. Returns the result as text.
    pub async fn call(&self, module: &str, function: &str, arguments: &str) -> String {
        let call = ["rabbitmq-call", module, function, arguments];
        self.instance.dev(&call).await.trim().to_owned()
    }

    /// Freezes the server (SIGSTOP): it keeps its connections but does not respond.
    pub async fn freeze(&self) -> Frozen {
        self.instance.freeze(self.server.name()).await
    }
}
