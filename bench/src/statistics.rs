//! Rates and medians.

use std::time::Duration;

/// The rate of `count` events in the time `took`, per second.
#[expect(clippy::cast_precision_loss, reason = "a rate to print")]
pub fn per_second(count: u64, took: Duration) -> f64 {
    count as f64 / took.as_secs_f64()
}

/// The median; for an even number of values the lower of the two in the middle. NaN if there are no values.
pub fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len().saturating_sub(1) / 2;
    values.get(middle).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_one_of_the_values() {
        assert!((median([3.0, 1.0, 2.0]) - 2.0).abs() < f64::EPSILON);
        assert!((median([4.0, 1.0]) - 1.0).abs() < f64::EPSILON);
        assert!(median([]).is_nan());
    }

    #[test]
    fn rates_are_per_second() {
        assert!((per_second(10, Duration::from_secs(4)) - 2.5).abs() < f64::EPSILON);
    }
}
