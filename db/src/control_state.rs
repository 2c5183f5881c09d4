use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tidings_domain::category::{CategoryKind, CategoryName};
use tokio::sync::watch;

use crate::categories;
use crate::database::Database;
use crate::error::DbError;
use crate::sending_switches::{self, SendingSwitches};

/// Time between two tries until the state has been read once.
const FIRST_READ_INTERVAL: Duration = Duration::from_millis(200);

/// What operators have set for all processes, as this process last read it. While PostgreSQL is away, what is known stays
/// in force.
#[derive(Debug, Default)]
pub struct ControlState {
    switches: watch::Sender<Option<Arc<SendingSwitches>>>,
    categories: Mutex<KnownCategories>,
}

#[derive(Debug, Default)]
struct KnownCategories {
    kinds: HashMap<CategoryName, CategoryKind>,
    /// Counts the changes by this process: what was read before one of them may be older.
    changes: u64,
}

impl ControlState {
    /// The switches; none before they have been read.
    #[must_use]
    pub fn switches(&self) -> Arc<SendingSwitches> {
        self.switches.borrow().clone().unwrap_or_default()
    }

    /// The kind of a category, as far as this process knows. One that is not known may exist: ask
    /// [`find_category`](Self::find_category).
    #[must_use]
    pub fn category(&self, name: &CategoryName) -> Option<CategoryKind> {
        self.known().kinds.get(name).copied()
    }

    /// The kind of a category. Looks in PostgreSQL for one that is not known. Returns `None` if there is none.
    ///
    /// # Errors
    ///
    /// Returns the error of the query.
    pub async fn find_category(
        &self,
        database: &Database,
        name: &CategoryName,
    ) -> Result<Option<CategoryKind>, DbError> {
        if let Some(kind) = self.category(name) {
            return Ok(Some(kind));
        }
        let found = database
            .run(async |client| categories::find(client, name).await)
            .await?;
        let kind = found.map(|row| row.category.kind);
        if let Some(kind) = kind {
            self.set_category(name, Some(kind));
        }
        Ok(kind)
    }

    /// Applies a change by this process at once: `None` stands for a category that was deleted.
    pub fn set_category(&self, name: &CategoryName, kind: Option<CategoryKind>) {
        let mut known = self.known();
        known.changes += 1;
        match kind {
            Some(kind) => known.kinds.insert(name.clone(), kind),
            None => known.kinds.remove(name),
        };
    }

    fn known(&self) -> std::sync::MutexGuard<'_, KnownCategories> {
        self.categories
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until the state has been read and applied once.
    pub async fn until_known(&self) {
        let mut state = self.switches.subscribe();
        // Fails only without a sender, and `self` is the sender.
        let _ = state.wait_for(Option::is_some).await;
    }

    /// Reads the state every `poll`, without end, and passes the switches to `apply`.
    pub async fn watch(
        &self,
        database: &Database,
        poll: Duration,
        apply: impl Fn(&SendingSwitches),
    ) {
        // Whether the log says already that PostgreSQL cannot be asked.
        let mut reported = false;
        loop {
            match self.read(database).await {
                Ok(switches) => {
                    reported = false;
                    apply(&switches);
                    self.switches.send_replace(Some(Arc::new(switches)));
                }
                Err(error) if !reported => {
                    reported = true;
                    tracing::warn!(%error, "cannot read which channels are stopped, and the categories; what is known stays in force");
                }
                Err(error) => {
                    tracing::debug!(%error, "cannot read which channels are stopped, and the categories");
                }
            }
            let is_known = self.switches.borrow().is_some();
            let pause = if is_known {
                poll
            } else {
                poll.min(FIRST_READ_INTERVAL)
            };
            tokio::time::sleep(pause).await;
        }
    }

    /// Reads the switches, and reads and applies the categories.
    async fn read(&self, database: &Database) -> Result<SendingSwitches, DbError> {
        let changes = self.known().changes;
        let (switches, kinds) = database
            .run(async |client| {
                let switches = sending_switches::list(client).await?;
                Ok((switches, categories::kinds(client).await?))
            })
            .await?;
        let mut known = self.known();
        if known.changes == changes {
            known.kinds = kinds;
        }
        Ok(switches)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_by_this_process_counts_at_once() {
        let state = ControlState::default();
        let name: CategoryName = "news".parse().expect("a name");
        assert_eq!(state.category(&name), None);
        state.set_category(&name, Some(CategoryKind::Marketing));
        assert_eq!(state.category(&name), Some(CategoryKind::Marketing));
        state.set_category(&name, None);
        assert_eq!(state.category(&name), None);
    }
}
