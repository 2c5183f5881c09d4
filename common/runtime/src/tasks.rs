//! The tasks that a program needs from its start to its end. If one of them ends earlier, the program must not go on
//! as if nothing had happened: `/live` would answer 200 while nobody accepts connections or watches the database.

use std::collections::HashMap;
use std::fmt::Display;
use std::sync::LazyLock;

use tokio::sync::watch;
use tokio::task::{Id, JoinError, JoinSet};

/// Threads of libraries without which a program cannot work, and whose end the library does not report.
const VITAL_THREADS: [&str; 1] = ["actix-server acceptor"];

/// The first panic of a vital thread or of a [`vital`] task.
static VITAL_PANIC: LazyLock<watch::Sender<Option<TaskError>>> = LazyLock::new(Default::default);

/// The tasks of a program.
#[derive(Debug, Default)]
pub struct Tasks {
    set: JoinSet<Result<(), String>>,
    names: HashMap<Id, &'static str>,
}

/// Why the program cannot go on.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum TaskError {
    /// A task ended although the program was not asked to stop.
    #[error("the task {0:?} ended by itself")]
    Ended(&'static str),
    /// A task failed.
    #[error("the task {0:?} failed: {1}")]
    Failed(&'static str, String),
    /// A task panicked.
    #[error("the task {0:?} panicked")]
    Panicked(&'static str),
    /// A thread of a library panicked.
    #[error("a thread of the HTTP server panicked")]
    Thread,
}

impl Tasks {
    /// Starts a task.
    pub fn spawn(&mut self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        self.spawn_fallible(name, async {
            task.await;
            Ok::<_, String>(())
        });
    }

    /// Starts a task that can fail. `task` may be the handle of a task that runs already.
    pub fn spawn_fallible<E: Display>(
        &mut self,
        name: &'static str,
        task: impl Future<Output = Result<(), E>> + Send + 'static,
    ) {
        let task = self
            .set
            .spawn(async { task.await.map_err(|error| error.to_string()) });
        self.names.insert(task.id(), name);
    }

    /// Waits until a task ends, which must not happen before the program is asked to stop. Dropping the future loses
    /// nothing.
    pub async fn until_one_ends(&mut self) -> TaskError {
        let mut vital_panic = VITAL_PANIC.subscribe();
        let panicked = async {
            // The sender is never dropped.
            let panic = vital_panic.wait_for(Option::is_some).await.ok();
            panic.and_then(|panic| panic.clone())
        };
        tokio::select! {
            Some(ended) = self.set.join_next_with_id() => match self.result(ended) {
                Ok(name) => TaskError::Ended(name),
                Err(error) => error,
            },
            Some(panic) = panicked => panic,
        }
    }

    /// Waits until all tasks have ended, after they have been asked to.
    ///
    /// # Errors
    ///
    /// Returns the error of the first task that failed or panicked.
    pub async fn join_all(&mut self) -> Result<(), TaskError> {
        let mut first = Ok(());
        while let Some(ended) = self.set.join_next_with_id().await {
            let result = self.result(ended).map(drop);
            first = first.and(result);
        }
        first
    }

    /// Returns the name of a task that has ended without an error.
    fn result(
        &mut self,
        ended: Result<(Id, Result<(), String>), JoinError>,
    ) -> Result<&'static str, TaskError> {
        let id = match &ended {
            Ok((id, _)) => *id,
            Err(error) => error.id(),
        };
        let name = self.names.remove(&id).unwrap_or("unnamed");
        match ended {
            Ok((_, Ok(()))) => Ok(name),
            Ok((_, Err(error))) => Err(TaskError::Failed(name, error)),
            Err(_) => Err(TaskError::Panicked(name)),
        }
    }
}

/// Runs a task that no [`Tasks`] contains, because something else than the program decides when it starts and ends. If
/// it panics, [`Tasks::until_one_ends`] returns.
pub async fn vital<T>(name: &'static str, task: impl Future<Output = T>) -> T {
    let _report = ReportPanic(name);
    task.await
}

/// Reports a panic of the task that drops this.
struct ReportPanic(&'static str);

impl Drop for ReportPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            report(TaskError::Panicked(self.0));
        }
    }
}

/// Reports a panic of the current thread. The panic hook calls this.
pub(crate) fn report_panic() {
    let thread = std::thread::current();
    if thread
        .name()
        .is_some_and(|name| VITAL_THREADS.contains(&name))
    {
        report(TaskError::Thread);
    }
}

/// Keeps the first panic: the others may be its consequences.
fn report(panic: TaskError) {
    VITAL_PANIC.send_if_modified(|first| {
        let is_first = first.is_none();
        first.get_or_insert(panic);
        is_first
    });
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use tokio_util::sync::CancellationToken;

    use super::*;

    #[tokio::test]
    async fn a_task_that_ends_by_itself_is_named() {
        let mut tasks = Tasks::default();
        tasks.spawn("endless", pending());
        tasks.spawn("short", async {});
        assert_eq!(tasks.until_one_ends().await, TaskError::Ended("short"));
    }

    #[tokio::test]
    async fn a_task_that_panics_or_fails_is_named() {
        let mut tasks = Tasks::default();
        tasks.spawn("endless", pending());
        tasks.spawn("panicking", async { panic!("told to") });
        let error = tasks.until_one_ends().await;
        assert_eq!(error, TaskError::Panicked("panicking"));
        tasks.spawn_fallible("failing", async { Err("reason") });
        let error = tasks.until_one_ends().await;
        assert_eq!(error, TaskError::Failed("failing", "reason".to_owned()));
    }

    #[tokio::test]
    async fn tasks_that_are_asked_to_end_are_no_error() {
        let stop = CancellationToken::new();
        let mut tasks = Tasks::default();
        tasks.spawn("one", stop.clone().cancelled_owned());
        tasks.spawn("two", stop.clone().cancelled_owned());
        stop.cancel();
        assert_eq!(tasks.join_all().await, Ok(()));
    }

    /// One test, because the threads and tasks of one process share what they report.
    #[tokio::test]
    async fn panics_outside_of_the_tasks_are_noticed() {
        let mut tasks = Tasks::default();
        tasks.spawn("endless", pending());
        // Neither its end nor its abortion is a panic.
        vital("short", async {}).await;
        let aborted = tokio::spawn(vital("aborted", pending::<()>()));
        tokio::task::yield_now().await;
        aborted.abort();
        assert!(aborted.await.is_err_and(|error| error.is_cancelled()));
        assert_eq!(*VITAL_PANIC.borrow(), None);

        tokio::spawn(vital("panicking", async { panic!("told to") }));
        let panicked = TaskError::Panicked("panicking");
        assert_eq!(tasks.until_one_ends().await, panicked);

        // The thread that accepts connections.
        VITAL_PANIC.send_replace(None);
        let thread = std::thread::Builder::new().name(VITAL_THREADS[0].to_owned());
        let thread = thread.spawn(report_panic).expect("a thread");
        assert_eq!(tasks.until_one_ends().await, TaskError::Thread);
        thread.join().expect("its end");
    }
}
