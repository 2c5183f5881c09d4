use std::time::Duration;

/// Runs `work` to its end from within a `drop`, on a thread with a runtime of its own: the test's
/// runtime may be the one that is dropping. A failure is told and fails nothing, because the server
/// may be one that the test has killed.
pub(crate) fn finally<E: std::fmt::Display>(
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
    // A panic of the thread has been printed; a second one here would abort the test.
    let _ = thread.join();
}
