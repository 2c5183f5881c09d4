//! The table of all metrics: what each of them means, its type and its labels. The help texts of `/metrics` and
//! `docs/METRICS.md` are generated from it, and tests compare it with what the programs export.

mod acceptance;
mod broker;
mod database;
mod delivery;
mod http;
mod inbox;
mod intake;
mod process;
mod retention;
mod scheduler;

use tidings_settings::ProgramName;

/// A metric that programs export.
#[derive(Clone, Copy, Debug)]
pub struct Metric {
    /// Its name, which begins with `tidings_`.
    pub name: &'static str,
    /// Its type.
    pub kind: MetricKind,
    /// The programs that export it.
    pub exported_by: &'static [ProgramName],
    /// The names of its labels.
    pub labels: &'static [&'static str],
    /// The lines of its documentation.
    doc: &'static [&'static str],
}

/// The type of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricKind {
    /// Only grows until the process ends.
    Counter,
    /// A value of now.
    Gauge,
    /// A distribution. Prometheus knows it by its name with `_bucket`, `_sum` and `_count`.
    Histogram,
}

impl MetricKind {
    /// The type in the text format of Prometheus.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

impl Metric {
    /// The meaning, in one line.
    #[must_use]
    pub fn meaning(&self) -> String {
        self.doc.concat().trim().to_owned()
    }

    /// Returns whether Prometheus knows the metric by this name.
    #[must_use]
    pub fn has_series(&self, name: &str) -> bool {
        match (name.strip_prefix(self.name), self.kind) {
            (Some(""), kind) => kind != MetricKind::Histogram,
            (Some("_bucket" | "_sum" | "_count"), MetricKind::Histogram) => true,
            _ => false,
        }
    }
}

/// Metrics that belong together, under a heading.
#[derive(Debug)]
pub struct MetricGroup {
    /// The heading.
    pub title: &'static str,
    /// The metrics.
    pub metrics: &'static [Metric],
}

/// All groups, in the order of the documentation.
pub const METRIC_GROUPS: &[&MetricGroup] = &[
    process::GROUP,
    acceptance::GROUP,
    http::GROUP,
    broker::GROUP,
    intake::GROUP,
    delivery::GROUP,
    scheduler::GROUP,
    inbox::GROUP,
    database::GROUP,
    retention::GROUP,
];

/// All metrics.
pub fn metrics() -> impl Iterator<Item = &'static Metric> {
    METRIC_GROUPS.iter().flat_map(|group| group.metrics)
}

/// Declares a group: name, type, programs and labels of each metric. The doc comment is its documentation.
macro_rules! group {
    (
        $title:literal
        $($(#[doc = $doc:literal])+ $name:ident: $kind:ident [$($program:ident)+] [$($label:literal)*];)+
    ) => {
        pub(super) const GROUP: &super::MetricGroup = &super::MetricGroup {
            title: $title,
            metrics: &[$(
                super::Metric {
                    name: stringify!($name),
                    kind: super::MetricKind::$kind,
                    exported_by: &[$(tidings_settings::ProgramName::$program),+],
                    labels: &[$($label),*],
                    doc: &[$($doc),+],
                }
            ),+],
        };
    };
}
use group;

#[cfg(test)]
mod tests;
