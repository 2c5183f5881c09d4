//! Settings from the environment.
//!
//! Each program reads the sections that concern it through one [`Reader`], which notes every
//! mistake, so that a person sees all of them at once and before anything connects.

mod dotenv;
mod general;
mod reader;
mod secret;

pub use dotenv::load_dotenv;
pub use general::{AppEnv, LogFormat, ShutdownSettings, TelemetrySettings};
pub use reader::{Problem, Problems, Reader};
pub use secret::weakness;

/// The exit code for wrong settings: `EX_CONFIG` of sysexits(3).
pub const EXIT_CONFIG: u8 = 78;
