use std::env;

use crate::client::Client;
use crate::poll::{eventually_ok, secs};
use crate::program::Program;
use crate::servers::required;
use crate::world::World;

/// An API for tests that need no settings and no queues of their own. Tests isolate themselves by their users.
///
/// `./dev test` starts one API and one worker for all these tests. On a broker that runs already, each test has an
/// API and a worker of its own instead.
pub struct SharedApi {
    api: ApiInstance,
}

enum ApiInstance {
    Shared(Client),
    Own { api: Program, _worker: Program },
}

impl World {
    /// Returns the shared installation with a new user, and its API. Its worker records notifications and delivers
    /// none.
    pub async fn shared() -> (Self, SharedApi) {
        let Ok(port) = env::var("TIDINGS_TEST_SHARED_API_PORT") else {
            let world = Self::new().await;
            let (api, worker) = tokio::join!(world.api(), world.worker());
            let api = ApiInstance::Own {
                api,
                _worker: worker,
            };
            return (world, SharedApi { api });
        };
        let client = Client::of_shared_api(port.parse().expect("a port"));
        eventually_ok(secs(60), "the shared API is ready", async || {
            match client.try_get("/ready").await {
                Ok(answer) if answer.status == 200 => Ok(()),
                Ok(answer) => Err(answer.text),
                Err(error) => Err(error.to_string()),
            }
        })
        .await;
        let world = Self::attached(&required("TIDINGS_TEST_SHARED_DATABASE_URL")).await;
        let api = ApiInstance::Shared(client);
        (world, SharedApi { api })
    }
}

impl SharedApi {
    /// Returns a client with the token of a trusted service.
    #[must_use]
    pub fn client(&self) -> Client {
        match &self.api {
            ApiInstance::Shared(client) => client.clone(),
            ApiInstance::Own { api, .. } => api.client(),
        }
    }
}
