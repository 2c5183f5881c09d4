use std::process::Output;

use reqwest::Url;
use tidings_tests::{DevClone, secs};
use tokio::time::timeout;
use tokio_postgres::NoTls;
use tokio_postgres::error::SqlState;

/// Both clones find the ports free, but only the process of one gets them. The clones have the same secrets, so that the
/// servers of the other would accept this one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clone_does_not_take_the_server_of_another_clone_for_its_own() {
    let first = DevClone::new().await;
    let names = ["postgres", "rabbitmq", "api"];
    let mut others = Vec::new();
    for name in names {
        let clone = first.with_same_secrets().await;
        let held = clone.claim(name).await;
        // Dropped in this order: a start that waits keeps the clone's lock.
        others.push((name, held, clone));
    }
    first.start(&["postgres", "rabbitmq"]).await;
    first.start(&["api"]).await;
    let mut clones = Vec::new();
    for (name, held, clone) in others {
        let ended = timeout(secs(60), held.go_on()).await.expect("in time");
        let message = match name {
            "api" => "api ended during its start",
            _ => "another program took port",
        };
        assert_refused(name, &ended, message);
        clones.push(clone);
    }
    drop(clones);
    // The other clones have stopped nothing.
    first.start(&names).await;
    let url = first.url("DATABASE_URL");
    connect(&url).await.expect("PostgreSQL answers");
    assert_eq!(
        overview_status(first.url("RABBITMQ_MANAGEMENT_URL")).await,
        200
    );
}

fn assert_refused(name: &str, ended: &Output, message: &str) {
    let text = String::from_utf8_lossy(&ended.stderr);
    assert!(
        !ended.status.success(),
        "{name}: took the other one: {text}"
    );
    assert!(text.contains(message), "{name}: {text}");
}

/// Whatever happens to the ports, the servers of one clone refuse the programs of another.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_servers_of_a_clone_refuse_the_password_of_another_clone() {
    let first = DevClone::new().await;
    first.start(&["postgres", "rabbitmq"]).await;
    let other = first.with_same_ports().await;

    let mut url = first.url("DATABASE_URL");
    connect(&url).await.expect("its own password");
    url.set_password(Some(&other.password("postgres")))
        .expect("a URL with a password");
    let refused = connect(&url).await.expect_err("another password");
    assert_eq!(refused.code(), Some(&SqlState::INVALID_PASSWORD));

    let mut url = first.url("RABBITMQ_MANAGEMENT_URL");
    assert_eq!(overview_status(url.clone()).await, 200);
    url.set_password(Some(&other.password("rabbitmq")))
        .expect("a URL with a password");
    assert_eq!(overview_status(url).await, 401);
}

async fn connect(url: &Url) -> Result<(), tokio_postgres::Error> {
    tokio_postgres::connect(url.as_str(), NoTls).await.map(drop)
}

/// Asks the management plugin for its overview.
async fn overview_status(mut url: Url) -> u16 {
    url.set_path("api/overview");
    let client = reqwest::Client::builder().no_proxy().build();
    let answer = client.expect("a client").get(url).send().await;
    answer.expect("an answer").status().as_u16()
}
