//! Passwords of users: which ones are accepted, how they are hashed, and which stored hashes are verified.

mod cost;
mod hasher;
mod password;

pub use cost::HashCost;
pub use hasher::{HashError, PasswordHasher, Verified};
pub use password::{GivenPassword, InvalidPassword, NewPassword};
