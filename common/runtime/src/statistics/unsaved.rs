use std::collections::BTreeMap;

use tidings_domain::statistics::{Figure, Tally};

/// Maximum number of figures that wait to be saved: those of several hours.
pub const MAX_FIGURES: usize = 20_000;

/// Figures that no table contains yet, in the order of their minutes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unsaved(BTreeMap<Figure, Tally>);

impl Unsaved {
    /// Adds figures.
    pub fn add(&mut self, figures: impl IntoIterator<Item = (Figure, Tally)>) {
        for (figure, tally) in figures {
            let measure = figure.measure;
            self.0.entry(figure).or_default().merge(&tally, measure);
        }
    }

    /// Removes the oldest minutes until at most `max` figures are left. Returns how many figures it has removed.
    pub fn limit(&mut self, max: usize) -> usize {
        let before = self.0.len();
        while self.0.len() > max {
            let Some((oldest, _)) = self.0.first_key_value() else {
                break;
            };
            let minute = oldest.minute;
            self.0.retain(|figure, _| figure.minute > minute);
        }
        before - self.0.len()
    }

    /// Takes the first figures, at most `max`.
    #[must_use]
    pub fn split_first(&mut self, max: usize) -> Self {
        match self.0.keys().nth(max).cloned() {
            None => std::mem::take(self),
            Some(next) => {
                let rest = self.0.split_off(&next);
                Self(std::mem::replace(&mut self.0, rest))
            }
        }
    }

    /// The figures, in the order in which every process locks their rows.
    pub fn iter(&self) -> impl Iterator<Item = (&Figure, &Tally)> {
        self.0.iter()
    }

    /// The number of figures.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are no figures.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl IntoIterator for Unsaved {
    type Item = (Figure, Tally);
    type IntoIter = std::collections::btree_map::IntoIter<Figure, Tally>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

#[cfg(test)]
mod tests {
    use tidings_domain::statistics::Measure;

    use super::*;

    fn figures(minutes: impl IntoIterator<Item = i64>, n: u64) -> Unsaved {
        let mut unsaved = Unsaved::default();
        unsaved.add(minutes.into_iter().flat_map(|minute| {
            [Measure::Accepted, Measure::Depth].map(|measure| {
                let label = "".into();
                let channel = None;
                let figure = Figure {
                    minute,
                    channel,
                    measure,
                    label,
                };
                let mut tally = Tally::default();
                tally.add(n);
                (figure, tally)
            })
        }));
        unsaved
    }

    #[test]
    fn what_was_not_saved_is_added_to_what_is_new() {
        let mut unsaved = figures([1, 2], 3);
        unsaved.add(figures([2, 3], 4));
        let of = |measure| {
            let figures = unsaved
                .iter()
                .filter(move |(figure, _)| figure.measure == measure);
            figures
                .map(|(figure, tally)| (figure.minute, tally.n))
                .collect::<Vec<_>>()
        };
        assert_eq!(of(Measure::Accepted), [(1, 3), (2, 7), (3, 4)]);
        assert_eq!(of(Measure::Depth), [(1, 3), (2, 4), (3, 4)]);
    }

    #[test]
    fn figures_are_saved_part_by_part() {
        let mut unsaved = figures(1..=3, 1);
        let sizes: Vec<_> = (0..3).map(|_| unsaved.split_first(4).len()).collect();
        assert_eq!(sizes, [4, 2, 0]);
    }

    #[test]
    fn the_oldest_minutes_are_lost_first() {
        let mut unsaved = figures(1..=10, 1);
        assert_eq!(unsaved.limit(20), 0);
        assert_eq!(
            unsaved.limit(5),
            16,
            "a minute is kept as a whole, or not at all"
        );
        let minutes: Vec<_> = unsaved.iter().map(|(figure, _)| figure.minute).collect();
        assert_eq!(minutes, [9, 9, 10, 10]);
        assert_eq!(unsaved.limit(0), 4);
        assert!(unsaved.is_empty());
    }
}
