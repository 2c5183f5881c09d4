use std::path::{Path, PathBuf};

use reqwest::Url;

/// The URLs of RabbitMQ and PostgreSQL, with administrators' logins.
#[derive(Clone, Debug)]
pub struct ServerUrls {
    /// PostgreSQL, with a superuser's login.
    pub database: Url,
    /// RabbitMQ, with an administrator's login: one URL, or one for each node of a cluster.
    pub rabbitmq: Vec<Url>,
    /// The management plugin, with an administrator's login.
    pub management: Url,
}

impl ServerUrls {
    /// Returns the servers that `./dev test` has started for all tests.
    #[must_use]
    pub fn shared() -> Self {
        Self {
            database: url(&required("TIDINGS_TEST_DATABASE_URL")),
            rabbitmq: vec![url(&required("TIDINGS_TEST_RABBITMQ_URL"))],
            management: url(&required("TIDINGS_TEST_MANAGEMENT_URL")),
        }
    }
}

fn url(text: &str) -> Url {
    text.parse()
        .unwrap_or_else(|error| panic!("{text:?} is not a URL: {error}"))
}

/// Returns the value of an environment variable that `./dev test` sets.
///
/// # Panics
///
/// Panics if the variable is not set. Skipping the test would make it pass without testing anything.
#[must_use]
pub fn required(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set: run ./dev test"))
}

/// Returns the path of the built program `name`.
///
/// # Panics
///
/// Panics if the program has not been built.
#[must_use]
pub fn program_path(name: &str) -> PathBuf {
    let path = Path::new(&required("TIDINGS_TEST_BIN_DIR")).join(name);
    assert!(
        path.exists(),
        "{} has not been built: run ./dev test",
        path.display()
    );
    path
}
