//! `/api/me/settings`: the settings of the user of a token.

pub mod find;
pub mod update;
