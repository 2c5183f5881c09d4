use std::sync::Arc;

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use argon2::{Algorithm, Argon2, Params, Version};
use secrecy::{ExposeSecret, SecretString};

use crate::{GivenPassword, HashCost, NewPassword};

/// The largest memory that a stored hash may ask for: a hash that somebody has written into the table must not exhaust
/// the memory of the API.
const MAX_STORED_MEMORY_KIB: u32 = 128 * 1024;

/// The most passes that a stored hash may ask for.
const MAX_STORED_ITERATIONS: u32 = 64;

/// The highest cost of a stored bcrypt hash: some seconds.
const MAX_BCRYPT_COST: u32 = 14;

/// A password cannot be hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HashError {
    /// Argon2 does not accept the cost.
    #[error("the cost of hashes is not valid")]
    Cost,
    /// There is no random salt, or no memory.
    #[error("a password cannot be hashed")]
    Hash,
}

/// Hashes and verifies passwords. Each call takes as long and as much memory as the cost says.
#[derive(Clone)]
pub struct PasswordHasher {
    cost: HashCost,
    argon2: Argon2<'static>,
    /// What passwords of unknown users are compared with, so that they take as long as others.
    dummy: Arc<SecretString>,
}

/// The result of a verification.
#[derive(Clone, Debug)]
pub enum Verified {
    /// The password is right.
    Right {
        /// The hash of the password with the current cost, if the stored one is weaker.
        rehash: Option<SecretString>,
    },
    /// The password is wrong, or the user cannot log in.
    Wrong,
}

impl PasswordHasher {
    /// Hashes one password, to have something to compare with.
    ///
    /// # Errors
    ///
    /// Returns an error if the cost is not valid.
    pub fn new(cost: HashCost) -> Result<Self, HashError> {
        let params = Params::new(cost.memory_kib, cost.iterations, 1, None);
        let params = params.map_err(|_| HashError::Cost)?;
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let dummy = hash(&argon2, b"the password of nobody")?;
        Ok(Self {
            cost,
            argon2,
            dummy: Arc::new(dummy),
        })
    }

    /// Hashes a new password: Argon2id in PHC form.
    ///
    /// # Errors
    ///
    /// Returns [`HashError::Hash`] if that is not possible.
    pub fn hash(&self, password: &NewPassword) -> Result<SecretString, HashError> {
        hash(&self.argon2, password.as_bytes())
    }

    /// Compares a password with the hash of a user. `None` takes as long as a hash of the current cost.
    #[must_use]
    pub fn verify(&self, password: &GivenPassword, hash: Option<&SecretString>) -> Verified {
        let password = password.as_bytes();
        let stored = hash.map(ExposeSecret::expose_secret);
        let (is_right, is_current) = match stored {
            Some(text) if text.starts_with("$2") => (self.verify_bcrypt(password, text), false),
            Some(text) => self.verify_argon2(password, text),
            None => {
                self.waste_time(password);
                (false, true)
            }
        };
        if !is_right {
            return Verified::Wrong;
        }
        let rehash = if is_current {
            None
        } else {
            self::hash(&self.argon2, password).ok()
        };
        Verified::Right { rehash }
    }

    /// Also returns whether the stored parameters are at least the current ones.
    fn verify_argon2(&self, password: &[u8], text: &str) -> (bool, bool) {
        let parsed = PasswordHash::new(text).ok();
        let parsed = parsed.and_then(|hash| {
            let params = Params::try_from(&hash).ok()?;
            let acceptable = params.m_cost() <= MAX_STORED_MEMORY_KIB
                && params.t_cost() <= MAX_STORED_ITERATIONS
                && params.p_cost() <= 16;
            acceptable.then_some((hash, params))
        });
        let Some((hash, params)) = parsed else {
            tracing::warn!(
                "the stored hash of a password is malformed, or asks for too much memory"
            );
            self.waste_time(password);
            return (false, true);
        };
        let is_current = hash.algorithm.as_str() == "argon2id"
            && params.m_cost() >= self.cost.memory_kib
            && params.t_cost() >= self.cost.iterations;
        (
            self.argon2.verify_password(password, &hash).is_ok(),
            is_current,
        )
    }

    /// bcrypt ignores what follows the first 72 bytes, and hashes of older services were made so.
    fn verify_bcrypt(&self, password: &[u8], text: &str) -> bool {
        let cost: Option<u32> = text.split('$').nth(2).and_then(|cost| cost.parse().ok());
        if cost.is_none_or(|cost| cost > MAX_BCRYPT_COST) {
            tracing::warn!("the stored bcrypt hash of a password is malformed or costs too much");
            self.waste_time(password);
            return false;
        }
        bcrypt::verify(password, text).unwrap_or(false)
    }

    /// Takes as long as the verification of a password.
    fn waste_time(&self, password: &[u8]) {
        if let Ok(hash) = PasswordHash::new(self.dummy.expose_secret()) {
            let _ = std::hint::black_box(self.argon2.verify_password(password, &hash));
        }
    }
}

fn hash(argon2: &Argon2<'_>, password: &[u8]) -> Result<SecretString, HashError> {
    let hash = argon2.hash_password(password);
    let hash = hash.map_err(|_| HashError::Hash)?;
    Ok(hash.to_string().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    const COST: HashCost = HashCost {
        memory_kib: 64,
        iterations: 1,
    };

    fn hasher(cost: HashCost) -> PasswordHasher {
        PasswordHasher::new(cost).expect("a valid cost")
    }

    #[test]
    fn a_hash_verifies_its_password_only_and_is_replaced_when_the_cost_grows() {
        let (old, current) = (
            hasher(COST),
            hasher(HashCost {
                iterations: 2,
                ..COST
            }),
        );
        let new: NewPassword = "correct horse battery".parse().expect("valid");
        let stored = old.hash(&new).expect("a hash");
        let given = |text: &str| text.parse::<GivenPassword>().expect("valid");
        let right = given("correct horse battery");
        assert!(matches!(
            old.verify(&right, Some(&stored)),
            Verified::Right { rehash: None }
        ));
        let Verified::Right {
            rehash: Some(rehash),
        } = current.verify(&right, Some(&stored))
        else {
            panic!("the cost has grown");
        };
        assert!(matches!(
            current.verify(&right, Some(&rehash)),
            Verified::Right { rehash: None }
        ));
        let wrong = given("incorrect horse");
        for (password, hash) in [(&wrong, Some(&stored)), (&right, None)] {
            assert!(matches!(current.verify(password, hash), Verified::Wrong));
        }
    }

    /// So the time of an answer does not say whether there is a user.
    #[test]
    fn the_password_of_an_unknown_user_costs_as_much_as_a_known_one() {
        let hasher = hasher(HashCost {
            iterations: 3,
            ..COST
        });
        let new: NewPassword = "correct horse battery".parse().expect("valid");
        let stored = hasher.hash(&new).expect("a hash");
        let cost = |hash: &SecretString| {
            let hash = PasswordHash::new(hash.expose_secret()).expect("a hash");
            let params = Params::try_from(&hash).expect("parameters");
            (
                hash.algorithm,
                params.m_cost(),
                params.t_cost(),
                params.p_cost(),
            )
        };
        assert_eq!(cost(&hasher.dummy), cost(&stored));
    }

    #[test]
    fn a_stored_hash_that_costs_too_much_or_is_malformed_is_refused() {
        let right: GivenPassword = "correct horse battery".parse().expect("valid");
        for stored in [
            "$argon2id$v=19$m=1048576,t=1,p=1$c29tZXNhbHRzb21l$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
            "$2b$31$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
            "plain text",
        ] {
            let stored = SecretString::from(stored);
            let verified = hasher(COST).verify(&right, Some(&stored));
            assert!(matches!(verified, Verified::Wrong));
        }
    }
}
