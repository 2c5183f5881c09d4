use std::sync::atomic::{AtomicBool, Ordering};

use reqwest::Url;
use uuid::Uuid;

use crate::cleanup::run_in_drop;
use crate::management::Management;
use crate::servers::ServerUrls;

/// A virtual host of the test's own, deleted when this is dropped.
pub struct Vhost {
    /// The name.
    pub name: String,
    /// The broker's management plugin.
    pub management: Management,
    urls: Vec<Url>,
    /// Whether to delete the virtual host. Not the shared one.
    own: bool,
    /// Whether there is a user of this name.
    restricted: AtomicBool,
}

impl Vhost {
    /// Creates a virtual host.
    pub async fn new(servers: &ServerUrls) -> Self {
        let management = Management::new(servers.management.clone());
        let name = format!("tidings-test-{}", Uuid::new_v4().simple());
        management
            .make_vhost(&name, servers.rabbitmq[0].username())
            .await
            .unwrap_or_else(|error| panic!("RabbitMQ: {error:?}; run ./dev test"));
        let mut urls = servers.rabbitmq.clone();
        for url in &mut urls {
            url.set_path(&name);
        }
        Self {
            name,
            management,
            urls,
            own: true,
            restricted: AtomicBool::new(false),
        }
    }

    /// The virtual host of the shared installation, which is not deleted.
    pub(crate) fn shared(servers: &ServerUrls) -> Self {
        Self {
            name: "/".to_owned(),
            management: Management::new(servers.management.clone()),
            urls: servers.rabbitmq.clone(),
            own: false,
            restricted: AtomicBool::new(false),
        }
    }

    /// Returns the `RABBITMQ_URL` of the first node.
    #[must_use]
    pub fn url(&self) -> &str {
        self.urls[0].as_str()
    }

    /// Creates a user who may use everything and declare nothing. Returns the `RABBITMQ_URL` for this user. The user is
    /// deleted with the virtual host.
    pub async fn restricted_url(&self) -> String {
        self.management
            .make_restricted_user(&self.name, &self.name)
            .await
            .expect("a user");
        self.restricted.store(true, Ordering::Relaxed);
        let mut url = self.urls[0].clone();
        url.set_username(&self.name).expect("a user");
        url.set_password(Some("restricted")).expect("a password");
        url.to_string()
    }

    /// Returns name and value of the setting with the URLs of all nodes.
    #[must_use]
    pub fn setting(&self) -> (&'static str, String) {
        match &self.urls[..] {
            [only] => ("RABBITMQ_URL", only.to_string()),
            several => {
                let several: Vec<_> = several.iter().map(Url::as_str).collect();
                ("RABBITMQ_URLS", several.join(","))
            }
        }
    }
}

impl Drop for Vhost {
    fn drop(&mut self) {
        if !self.own {
            return;
        }
        // The connections of the test belong to its runtime.
        let (management, name) = (self.management.reconnected(), self.name.clone());
        let restricted = self.restricted.load(Ordering::Relaxed);
        run_in_drop(format!("virtual host {name}"), async move {
            if restricted {
                management.delete(&["users", &name]).await?;
            }
            management.delete_vhost(&name).await
        });
    }
}
