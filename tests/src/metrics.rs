/// The response of `GET /metrics`, in the Prometheus text format.
#[derive(Clone, Debug)]
pub struct Scrape(pub String);

impl Scrape {
    /// Returns the sum of the samples of the counter `name` that have all `labels`, such as `reason="undecodable"`.
    /// Returns 0 if there are none.
    #[must_use]
    pub fn sum(&self, name: &str, labels: &[&str]) -> u64 {
        self.0
            .lines()
            .filter_map(|line| {
                let (series, value) = line.rsplit_once(' ')?;
                let (its_name, its_labels) = series.split_once('{').unwrap_or((series, ""));
                let wanted =
                    its_name == name && labels.iter().all(|label| its_labels.contains(label));
                wanted.then(|| value.parse::<u64>().ok()).flatten()
            })
            .sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_summed_by_name_and_labels() {
        let scrape = Scrape(
            "# TYPE a counter\na{x=\"1\",y=\"1\"} 2\na{x=\"2\",y=\"1\"} 3\nab 100\n".to_owned(),
        );
        let sum = |labels: &[&str]| scrape.sum("a", labels);
        assert_eq!(sum(&[]), 5);
        assert_eq!(sum(&["x=\"2\"", "y=\"1\""]), 3);
        assert_eq!(sum(&["x=\"3\""]), 0);
    }
}
