//! What the programs of Tidings share: the notification and its wire form, settings, the broker's
//! topology and the confirmed publisher, the retry policy, telemetry and shutdown.
//!
//! Nothing in here knows HTTP or SQL.

pub mod broker;
pub mod content;
pub mod egress;
pub mod health;
pub mod notification;
pub mod program;
pub mod retry;
pub mod settings;
pub mod shutdown;
pub mod telemetry;
pub mod template;
