//! Retention: erases payloads and deletes rows of notifications that ended long ago, and what belongs to accounts and has
//! expired.
//!
//! A [`Sweep`] works in chunks of [`CHUNK`] rows. Each chunk is found without locks, and then changed in one statement that
//! locks its rows in the order of their message ids, leaves out those that another transaction has locked, and looks at
//! their state again. There is no index of the times at which notifications were processed: the sweep walks through old
//! notifications by their ids, and remembers how far it has come. Those that ended long after their acceptance are in
//! the indexes of `ended_at`.

mod chunk;
mod figures;
mod settings;
mod sweep;
mod turn;
mod work;

pub use chunk::CHUNK;
pub use figures::{Figures, figures};
pub use settings::RetentionSettings;
pub use sweep::{Progress, Sweep, SweepResult};
pub use turn::{LEASE, Turn, take_turn};
pub use work::Work;
