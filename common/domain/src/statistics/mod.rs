//! Figures about notifications: what is measured, how durations are counted, and how a question about a period is
//! answered. Counting is in `tidings-runtime`, the tables are in `tidings-db`.

mod histogram;
mod instant;
mod measure;
mod query;
mod range;
mod series;
mod tally;

pub use histogram::{BOUNDS_MS, BUCKETS, bucket_of, percentile};
pub use instant::{InvalidStatsInstant, StatsInstant};
pub use measure::{Measure, UnknownMeasure};
pub use query::{GroupBy, QueryProblem, StatsQuery, UnknownGroup};
pub use range::{HOURS_KEPT, MAX_POINTS, MINUTES_KEPT, StatsRange, Step, UnknownStep};
pub use series::{GroupedTally, MAX_POINTS_IN_ALL, Point, Series, TooManyPoints, series};
pub use tally::{Figure, Tally, minute_of};
