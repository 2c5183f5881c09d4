//! Settings: the table of all settings, the sources of their values, and the reader.
//!
//! A value comes from the environment, from the file `.env`, from a settings file or from the
//! table's default, in this order. Each program reads its sections through one [`Reader`], which
//! collects every mistake, so that a person sees all of them at once and before the program connects
//! to anything.

mod channel_providers;
mod database_url;
mod general;
mod mask;
mod metrics_port;
mod plaintext;
mod problems;
mod public_url;
mod reader;
pub mod render;
mod report;
mod secret_strength;
mod setting;
mod sources;
pub mod table;
mod text_file;
mod traces;
mod user_limits;

pub use channel_providers::read_channel_providers;
pub use database_url::{database_is_set, read_database_url};
pub use general::{AppEnv, LogFormat, ShutdownSettings, TelemetrySettings};
pub use mask::masked;
pub use metrics_port::read_metrics_port;
pub use plaintext::{PlaintextConnection, PlaintextKind, is_this_machine, needs_encryption};
pub use problems::{SettingProblem, SettingProblems};
pub use public_url::read_public_url;
pub use reader::Reader;
pub use report::{SettingReport, report};
pub use secret_strength::weakness;
pub use setting::{Condition, DefaultValue, ProgramName, Setting, SettingKind};
pub use sources::{SettingValue, Sources, ValueSource};
pub use text_file::read_text_file;
pub use traces::{TraceSampler, TraceSettings, read_trace_url_template};
pub use user_limits::read_user_limits;

/// The exit code for wrong settings: `EX_CONFIG` of sysexits(3).
pub const EXIT_CONFIG: u8 = 78;
