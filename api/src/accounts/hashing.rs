//! Hashes passwords on the blocking pool, a limited number at once.

use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use tidings_passwords::{
    GivenPassword, HashCost, HashError, NewPassword, PasswordHasher, Verified,
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::AccountError;

/// How many may wait for their turn.
const MAX_WAITING: usize = 64;

/// How long one may wait for its turn.
const MAX_WAIT: Duration = Duration::from_secs(2);

/// Hashes and verifies passwords.
#[derive(Clone)]
pub(super) struct PasswordHashing {
    hasher: PasswordHasher,
    permits: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
}

/// The turn of one request. The task on the blocking pool owns the permit: a client that disconnects frees it only when the
/// hash, which cannot be interrupted, is done.
pub(super) struct HashingTurn {
    hasher: PasswordHasher,
    permit: OwnedSemaphorePermit,
}

impl PasswordHashing {
    /// # Errors
    ///
    /// Returns an error if the cost is not valid.
    pub(super) fn new(cost: HashCost, concurrency: usize) -> Result<Self, HashError> {
        Ok(Self {
            hasher: PasswordHasher::new(cost)?,
            permits: Arc::new(Semaphore::new(concurrency)),
            waiting: Arc::new(Semaphore::new(MAX_WAITING)),
        })
    }

    /// Waits until a password may be hashed.
    ///
    /// # Errors
    ///
    /// Returns [`AccountError::Busy`] after 2 s, and at once if too many wait.
    pub(super) async fn turn(&self) -> Result<HashingTurn, AccountError> {
        let permit = if let Ok(permit) = Arc::clone(&self.permits).try_acquire_owned() {
            permit
        } else {
            let _waiting = self.waiting.try_acquire().map_err(|_| AccountError::Busy)?;
            let waiting = Arc::clone(&self.permits).acquire_owned();
            let permit = tokio::time::timeout(MAX_WAIT, waiting).await;
            permit
                .map_err(|_| AccountError::Busy)?
                .map_err(|_| AccountError::Internal("the semaphore of hashes is closed"))?
        };
        Ok(HashingTurn {
            hasher: self.hasher.clone(),
            permit,
        })
    }
}

impl HashingTurn {
    /// Hashes a new password.
    ///
    /// # Errors
    ///
    /// Returns [`AccountError::Internal`] if that is not possible.
    pub(super) async fn hash(self, password: NewPassword) -> Result<SecretString, AccountError> {
        let hash = self.run(move |hasher| hasher.hash(&password)).await?;
        hash.map_err(|_| AccountError::Internal("a password cannot be hashed"))
    }

    /// Compares a password with the hash of a user. `None` takes as long as a hash of the current cost.
    ///
    /// # Errors
    ///
    /// Returns [`AccountError::Internal`] if the task fails.
    pub(super) async fn verify(
        self,
        password: GivenPassword,
        hash: Option<SecretString>,
    ) -> Result<Verified, AccountError> {
        self.run(move |hasher| hasher.verify(&password, hash.as_ref()))
            .await
    }

    async fn run<T: Send + 'static>(
        self,
        work: impl FnOnce(&PasswordHasher) -> T + Send + 'static,
    ) -> Result<T, AccountError> {
        let Self { hasher, permit } = self;
        let task = tokio::task::spawn_blocking(move || {
            let result = work(&hasher);
            drop(permit);
            result
        });
        task.await
            .map_err(|_| AccountError::Internal("the hash of a password has failed"))
    }
}
