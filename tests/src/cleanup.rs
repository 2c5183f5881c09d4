use std::time::Duration;

/// Runs `work` to completion within a `drop`, on a thread with its own runtime: the test's runtime may be
/// shutting down. Prints a failure and does not fail the test, which may have killed the server.
pub(crate) fn run_in_drop<E: std::fmt::Display>(
    what: String,
    work: impl Future<Output = Result<(), E>> + Send + 'static,
) {
    let thread = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        match runtime.block_on(async { tokio::time::timeout(Duration::from_secs(20), work).await })
        {
            Ok(Ok(())) => {}
            Ok(Err(error)) => eprintln!("not cleaned up: {what}: {error}"),
            Err(_) => eprintln!("not cleaned up in time: {what}"),
        }
    });
    // The thread has printed its panic. A second panic here would abort the test.
    let _ = thread.join();
}
