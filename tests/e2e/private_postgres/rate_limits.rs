use tidings_tests::{PrivateServer, ServerKind, ServerUrls, World, eventually, secs};

/// 60 a minute, 6 at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_postgresql_each_process_grants_the_full_limit() {
    let postgres = PrivateServer::new(ServerKind::Postgres).await;
    let servers = postgres.among(ServerUrls::shared());
    let world = World::on(&servers, &[("RATE_LIMIT_PER_CALLER", "60")]).await;
    let (one, two) = tokio::join!(world.api(), world.api());
    let degraded = async || one.metrics().await.sum("tidings_rate_limit_degraded", &[]);
    assert_eq!(degraded().await, 0);
    postgres.stop().await;
    for api in [&one, &two] {
        let mut admitted = 0;
        loop {
            let answer = api.client().post(&world.in_app()).await;
            if answer.status == 429 {
                answer.assert_error(429, "rate_limited");
                break;
            }
            let _ = answer.accepted();
            admitted += 1;
        }
        assert!(admitted >= 6, "{admitted}");
    }
    eventually(secs(30), "the metric says so", async || {
        degraded().await == 1
    })
    .await;
    postgres.start().await;
    eventually(secs(60), "the limit is shared again", async || {
        degraded().await == 0
    })
    .await;
}
