//! A program whose task ends by itself does not go on without it.

use std::fs;

use rustix::process::{Resource, Rlimit, prlimit};
use tidings_tests::{Program, ProgramKind, World, eventually, secs};

/// The API may not start another thread (as with a limit of its address space). A task that reconnects to the database
/// needs one to look up the host name, and tokio panics if it gets none. Three tasks reconnect; any may be first.
#[tokio::test]
async fn the_api_logs_that_a_task_has_ended_and_exits_with_an_error() {
    let world = World::new().await;
    let mut url: reqwest::Url = world.database.url().parse().expect("a URL");
    url.set_host(Some("localhost")).expect("a URL with a host");
    let mut api = world
        .start(ProgramKind::Api, &[("DATABASE_URL", url.as_str())])
        .await;
    // The thread of the first look-up would also do the next one.
    eventually(secs(40), "the idle thread has ended", async || {
        !threads(&api).iter().any(|name| name == "tokio-rt-worker")
    })
    .await;
    forbid_threads(&api);
    close_connections(&world).await;
    let status = api.exit_within(secs(60)).await;
    assert_eq!(status.code(), Some(1), "{status}");
    let ended = api
        .logs()
        .with_message("stopping: a task that must run until the end has ended");
    assert_eq!(ended.len(), 1, "{}", api.logs().tail(20));
    let failure = ended[0]["failure"].as_str().expect("the failure");
    let reconnecting = ["database watch", "control state", "API keys"];
    assert!(
        reconnecting
            .map(|task| format!("the task {task:?} panicked"))
            .iter()
            .any(|text| text == failure),
        "{failure}"
    );
}

/// Returns the names of the program's threads.
fn threads(program: &Program) -> Vec<String> {
    let tasks = fs::read_dir(format!("/proc/{}/task", program.pid())).expect("its threads");
    let name = |path: std::path::PathBuf| fs::read_to_string(path.join("comm")).ok();
    let names = tasks.filter_map(|task| name(task.ok()?.path()));
    names.map(|name| name.trim_end().to_owned()).collect()
}

/// Limits the address space to less than one more stack of 512 MiB, which leaves enough for everything else.
fn forbid_threads(program: &Program) {
    let status = fs::read_to_string(format!("/proc/{}/status", program.pid())).expect("its status");
    let size = status.lines().find_map(|line| line.strip_prefix("VmSize:"));
    let size = size.and_then(|size| size.trim().strip_suffix(" kB"));
    let size: u64 = size.and_then(|size| size.parse().ok()).expect("its size");
    let limit = Some(size * 1024 + 256 * 1024 * 1024);
    let limit = Rlimit {
        current: limit,
        maximum: limit,
    };
    prlimit(Some(program.pid()), Resource::As, limit).expect("limited");
}

/// Closes the API's connections to the database.
async fn close_connections(world: &World) {
    let client = world.database.pool.dedicated_client().await;
    let client = client.expect("a connection");
    let closed = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                  WHERE datname = current_database() AND application_name = 'tidings-api'";
    let closed = client.query(closed, &[]).await.expect("closed");
    assert!(!closed.is_empty(), "the API has connections");
}
