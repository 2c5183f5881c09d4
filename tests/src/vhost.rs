use reqwest::Url;
use uuid::Uuid;

use crate::cleanup::finally;
use crate::management::Management;
use crate::servers::Servers;

/// A virtual host of the test's own, deleted with it.
pub struct Vhost {
    /// Its name.
    pub name: String,
    /// The broker's management plugin.
    pub management: Management,
    url: Url,
}

impl Vhost {
    /// A new one, empty.
    pub async fn new(servers: &Servers) -> Self {
        let management = Management::new(servers.management.clone());
        let name = format!("tidings-test-{}", Uuid::new_v4().simple());
        management
            .make_vhost(&name, servers.rabbitmq.username())
            .await
            .unwrap_or_else(|error| panic!("RabbitMQ: {error:?}; run ./dev test"));
        let mut url = servers.rabbitmq.clone();
        url.set_path(&name);
        Self {
            name,
            management,
            url,
        }
    }

    /// Its `RABBITMQ_URL`.
    #[must_use]
    pub fn url(&self) -> &str {
        self.url.as_str()
    }
}

impl Drop for Vhost {
    fn drop(&mut self) {
        // Connections of the test's belong to the test's runtime.
        let (management, name) = (self.management.reconnected(), self.name.clone());
        finally(format!("virtual host {name}"), async move {
            management.delete_vhost(&name).await
        });
    }
}
