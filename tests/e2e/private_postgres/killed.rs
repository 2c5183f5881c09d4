use tidings_tests::{Pace, secs};

use super::PrivatePostgresInstallation;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_killed_under_load_loses_no_accepted_notification() {
    let mut installation = PrivatePostgresInstallation::start().await;
    let load = installation.load(32, Pace::Fast).await;
    for _ in 0..3 {
        load.until_accepted(secs(60), 1000).await;
        installation.postgres.kill().await;
        installation.until_disconnected().await;
        installation.postgres.start().await;
        installation.assert_recovers().await;
    }
    installation.assert_all_recorded_once(load).await;
}
