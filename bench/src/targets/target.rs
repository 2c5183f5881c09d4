//! A target of a measurement.

use crate::table::table;

/// A target and the measured value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PerformanceTarget {
    /// What is measured.
    pub what: &'static str,
    /// The bound that the measured value must meet.
    pub bound: f64,
    /// Whether the bound is a minimum; otherwise a maximum.
    pub is_minimum: bool,
    /// The measured value.
    pub measured: f64,
}

impl PerformanceTarget {
    /// A target whose value must be at least `bound`.
    pub const fn at_least(what: &'static str, bound: f64, measured: f64) -> Self {
        Self {
            what,
            bound,
            is_minimum: true,
            measured,
        }
    }

    /// A target whose value must be at most `bound`.
    pub const fn at_most(what: &'static str, bound: f64, measured: f64) -> Self {
        Self {
            what,
            bound,
            is_minimum: false,
            measured,
        }
    }

    /// Whether the target is met. NaN (not measured) meets no target.
    #[must_use]
    pub fn is_met(&self) -> bool {
        if self.is_minimum {
            self.measured >= self.bound
        } else {
            self.measured <= self.bound
        }
    }
}

/// The targets as a table.
pub fn targets_table(targets: &[PerformanceTarget]) -> String {
    let rows: Vec<_> = targets
        .iter()
        .map(|target| {
            let bound = if target.is_minimum {
                "at least"
            } else {
                "at most"
            };
            [
                target.what.to_owned(),
                format!("{bound} {}", target.bound),
                format!("{:.2}", target.measured),
                (if target.is_met() { "met" } else { "MISSED" }).to_owned(),
            ]
        })
        .collect();
    table(["WHAT", "TARGET", "MEASURED", ""], &rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_that_was_not_measured_meets_no_target() {
        assert!(PerformanceTarget::at_least("a", 0.8, 0.8).is_met());
        assert!(!PerformanceTarget::at_least("a", 0.8, 0.79).is_met());
        assert!(PerformanceTarget::at_most("a", 1.5, 1.5).is_met());
        assert!(!PerformanceTarget::at_most("a", 1.5, 1.6).is_met());
        assert!(!PerformanceTarget::at_least("a", 0.8, f64::NAN).is_met());
        assert!(!PerformanceTarget::at_most("a", 0.8, f64::NAN).is_met());
    }
}
