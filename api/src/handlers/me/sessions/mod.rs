//! `/api/me/sessions`: where the user has logged in.

pub mod end;
pub mod list;
