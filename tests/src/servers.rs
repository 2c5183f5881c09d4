use std::path::{Path, PathBuf};

use reqwest::Url;

/// Where a RabbitMQ and a PostgreSQL are, with logins that may do everything.
#[derive(Clone, Debug)]
pub struct Servers {
    /// A superuser's, of any database.
    pub database: Url,
    /// An administrator's, of any virtual host; one, or one for each node of a cluster.
    pub rabbitmq: Vec<Url>,
    /// The management plugin, with an administrator's login.
    pub management: Url,
}

impl Servers {
    /// Those that `./dev test` has started for all tests.
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
        .unwrap_or_else(|error| panic!("{text:?} is no URL: {error}"))
}

/// The value of an environment variable that `./dev test` sets.
///
/// # Panics
///
/// Where it is not set: a test that skipped would pass without having proven anything.
#[must_use]
pub fn required(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set: run ./dev test"))
}

/// The built program `name`.
///
/// # Panics
///
/// Where it has not been built.
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
