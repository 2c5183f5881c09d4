use std::ops::{Deref, DerefMut};

use deadpool_postgres::Object;

/// A connection that is closed when it is dropped, instead of going back to the pool.
///
/// So no connection with an open transaction, a statement that still runs or changed settings reaches
/// another caller. Use [`Database::run`](crate::Database::run) or
/// [`Database::transaction`](crate::Database::transaction) unless the connection must outlive one piece of
/// work or its settings change.
pub struct DedicatedClient {
    object: Option<Object>,
}

impl DedicatedClient {
    pub(crate) const fn new(object: Object) -> Self {
        Self {
            object: Some(object),
        }
    }

    /// Returns the connection to the pool. No statement may be running and no transaction be open.
    pub(crate) fn return_to_pool(mut self) {
        drop(self.object.take());
    }
}

impl Drop for DedicatedClient {
    fn drop(&mut self) {
        if let Some(object) = self.object.take() {
            drop(Object::take(object));
        }
    }
}

#[expect(clippy::expect_used, reason = "the object is there until the drop")]
impl Deref for DedicatedClient {
    type Target = deadpool_postgres::Client;

    fn deref(&self) -> &Self::Target {
        self.object.as_ref().expect("not dropped yet")
    }
}

#[expect(clippy::expect_used, reason = "the object is there until the drop")]
impl DerefMut for DedicatedClient {
    fn deref_mut(&mut self) -> &mut Self::Target {
        self.object.as_mut().expect("not dropped yet")
    }
}
