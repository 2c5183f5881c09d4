//! Hashes passwords on the blocking pool, a limited number at once.

use std::sync::Arc;
use std::time::Duration;

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{Error, PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::settings::HashCost;
use super::{AccountError, GivenPassword, NewPassword};

/// How many may wait for their turn.
const MAX_WAITING: usize = 64;

/// How long one may wait for its turn.
const MAX_WAIT: Duration = Duration::from_secs(2);

/// The largest memory that a stored hash may ask for: a hash that somebody has written into the table must not exhaust
/// the memory of the API.
const MAX_STORED_MEMORY_KIB: u32 = 128 * 1024;

/// The most passes that a stored hash may ask for.
const MAX_STORED_ITERATIONS: u32 = 64;

/// The highest cost of a stored bcrypt hash: some seconds.
const MAX_BCRYPT_COST: u32 = 14;

/// Hashes and verifies passwords.
#[derive(Clone)]
pub(super) struct PasswordHashing {
    cost: HashCost,
    argon2: Argon2<'static>,
    permits: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
    /// What passwords of unknown users are compared with, so that they take as long as others.
    dummy: Arc<SecretString>,
}

/// The turn of one request. The task on the blocking pool owns the permit: a client that disconnects frees it only when the
/// hash, which cannot be interrupted, is done.
pub(super) struct HashingTurn {
    hashing: PasswordHashing,
    permit: OwnedSemaphorePermit,
}

/// The result of a verification.
#[derive(Clone, Debug)]
pub(super) enum Verified {
    /// The password is right. `rehash` is its hash with the current cost, if the stored one is weaker.
    Right { rehash: Option<SecretString> },
    /// The password is wrong, or the user cannot log in.
    Wrong,
}

impl PasswordHashing {
    /// # Errors
    ///
    /// Returns an error if the cost is not valid.
    pub(super) fn new(cost: HashCost, concurrency: usize) -> Result<Self, Error> {
        let params = Params::new(cost.memory_kib, cost.iterations, 1, None)
            .map_err(|_| Error::ParamsInvalid)?;
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let dummy = argon2.hash_password(b"the password of nobody")?;
        Ok(Self {
            cost,
            argon2,
            permits: Arc::new(Semaphore::new(concurrency)),
            waiting: Arc::new(Semaphore::new(MAX_WAITING)),
            dummy: Arc::new(dummy.to_string().into()),
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
            hashing: self.clone(),
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
        let hash = self
            .run(move |hashing| hashing.argon2.hash_password(password.as_bytes()))
            .await?;
        let hash = hash.map_err(|_| AccountError::Internal("a password cannot be hashed"))?;
        Ok(hash.to_string().into())
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
        self.run(move |hashing| verify(hashing, &password, hash.as_ref()))
            .await
    }

    async fn run<T: Send + 'static>(
        self,
        work: impl FnOnce(&PasswordHashing) -> T + Send + 'static,
    ) -> Result<T, AccountError> {
        let Self { hashing, permit } = self;
        let task = tokio::task::spawn_blocking(move || {
            let result = work(&hashing);
            drop(permit);
            result
        });
        task.await
            .map_err(|_| AccountError::Internal("the hash of a password has failed"))
    }
}

fn verify(
    hashing: &PasswordHashing,
    password: &GivenPassword,
    hash: Option<&SecretString>,
) -> Verified {
    let password = password.as_bytes();
    let stored = hash.map(ExposeSecret::expose_secret);
    let (is_right, is_current) = match stored {
        Some(text) if text.starts_with("$2") => (verify_bcrypt(hashing, password, text), false),
        Some(text) => verify_argon2(hashing, password, text),
        None => {
            waste_time(hashing, password);
            (false, true)
        }
    };
    if !is_right {
        return Verified::Wrong;
    }
    let rehash = if is_current {
        None
    } else {
        let hash = hashing.argon2.hash_password(password).ok();
        hash.map(|hash| hash.to_string().into())
    };
    Verified::Right { rehash }
}

/// Also returns whether the stored parameters are at least the current ones.
fn verify_argon2(hashing: &PasswordHashing, password: &[u8], text: &str) -> (bool, bool) {
    let parsed = PasswordHash::new(text).ok();
    let parsed = parsed.and_then(|hash| {
        let params = Params::try_from(&hash).ok()?;
        let acceptable = params.m_cost() <= MAX_STORED_MEMORY_KIB
            && params.t_cost() <= MAX_STORED_ITERATIONS
            && params.p_cost() <= 16;
        acceptable.then_some((hash, params))
    });
    let Some((hash, params)) = parsed else {
        tracing::warn!("the stored hash of a password is malformed, or asks for too much memory");
        waste_time(hashing, password);
        return (false, true);
    };
    let is_current = hash.algorithm.as_str() == "argon2id"
        && params.m_cost() >= hashing.cost.memory_kib
        && params.t_cost() >= hashing.cost.iterations;
    (
        hashing.argon2.verify_password(password, &hash).is_ok(),
        is_current,
    )
}

/// bcrypt ignores what follows the first 72 bytes, and hashes of older services were made so.
fn verify_bcrypt(hashing: &PasswordHashing, password: &[u8], text: &str) -> bool {
    let cost: Option<u32> = text.split('$').nth(2).and_then(|cost| cost.parse().ok());
    if cost.is_none_or(|cost| cost > MAX_BCRYPT_COST) {
        tracing::warn!("the stored bcrypt hash of a password is malformed or costs too much");
        waste_time(hashing, password);
        return false;
    }
    bcrypt::verify(password, text).unwrap_or(false)
}

/// Takes as long as the verification of a password.
fn waste_time(hashing: &PasswordHashing, password: &[u8]) {
    if let Ok(hash) = PasswordHash::new(hashing.dummy.expose_secret()) {
        let _ = std::hint::black_box(hashing.argon2.verify_password(password, &hash));
    }
}
