use std::collections::BTreeSet;

use jiff::Timestamp;
use tidings_domain::time::Timezone;

use crate::guests;
use crate::ledger::{Category, Choice, DAY, Quiet, UserChange, Window};
use crate::rng::Rng;

/// The time zones of the users. `None` stands for the default. Their offsets have different minutes.
const ZONES: [Option<&str>; 5] = [
    None,
    Some("Europe/Vienna"),
    Some("Asia/Kathmandu"),
    Some("America/St_Johns"),
    Some("Pacific/Chatham"),
];

/// What stands for all categories, and for all channels.
const ALL: &str = "*";

/// Generates what a user changes.
pub(super) struct ChangeGenerator {
    rng: Rng,
    /// What the user does not want, by category and channel.
    refused: BTreeSet<(String, String)>,
}

impl ChangeGenerator {
    pub(super) const fn new(rng: Rng) -> Self {
        Self {
            rng,
            refused: BTreeSet::new(),
        }
    }

    /// Returns what is changed at `now`.
    pub(super) fn generate(&mut self, now: Timestamp) -> UserChange {
        match self.rng.index(8) {
            0 | 1 => UserChange::Choice(self.refuse()),
            2..=4 => UserChange::Choice(self.take_back()),
            5 | 6 => UserChange::Quiet(self.quiet(now)),
            _ => UserChange::Quiet(Quiet::default()),
        }
    }

    fn refuse(&mut self) -> Choice {
        let [orders, hints] = Category::CREATED.map(Category::name);
        let category = [orders, hints, orders, hints, ALL][self.rng.index(5)];
        let channel = ["email", "sms", "push", "webhook", "in-app", ALL][self.rng.index(6)];
        let key = (category.to_owned(), channel.to_owned());
        self.refused.insert(key);
        Choice {
            category: category.to_owned(),
            channel: channel.to_owned(),
            enabled: Some(false),
        }
    }

    /// Mostly takes back a refusal, so that most notifications are wanted by somebody.
    fn take_back(&mut self) -> Choice {
        let nth = self.rng.index(self.refused.len());
        let enabled = (self.rng.index(2) == 0).then_some(true);
        let Some((category, channel)) = self.refused.iter().nth(nth).cloned() else {
            return self.refuse();
        };
        self.refused.remove(&(category.clone(), channel.clone()));
        Choice {
            category,
            channel,
            enabled,
        }
    }

    /// Returns what a recipient without an account clicks: a link to unsubscribe, or to undo that.
    pub(super) fn click(&mut self) -> Choice {
        let category = Category::CREATED[self.rng.index(2)].name().to_owned();
        let channel = guests::CHANNEL.to_owned();
        let key = (category.clone(), channel.clone());
        let enabled = if self.refused.remove(&key) {
            None
        } else {
            self.refused.insert(key);
            Some(false)
        };
        Choice {
            category,
            channel,
            enabled,
        }
    }

    /// Quiet hours that begin or end within minutes.
    fn quiet(&mut self, now: Timestamp) -> Quiet {
        let zone = ZONES[self.rng.index(ZONES.len())];
        let timezone: Timezone = zone.and_then(|name| name.parse().ok()).unwrap_or_default();
        let local = timezone.local_time(now);
        let minute =
            u16::from(local.hour().unsigned_abs()) * 60 + u16::from(local.minute().unsigned_abs());
        let today = local.weekday().to_monday_one_offset();
        let days = match self.rng.index(4) {
            0 => vec![today],
            _ => (1..=7).collect(),
        };
        // From two minutes ago to the next minute.
        let mut from = minute + DAY - 2 + self.minutes(0..=3);
        let mut windows = Vec::new();
        for _ in 0..=self.rng.index(2) {
            let to = from + self.minutes(1..=3);
            windows.push(Window {
                days: days.clone(),
                from: from % DAY,
                to: to % DAY,
            });
            from = to + self.minutes(1..=2);
        }
        let channels: Option<&[&str]> = [
            None,
            Some(&["email", "push", "sms"][..]),
            Some(&["email"][..]),
            None,
        ][self.rng.index(4)];
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Quiet {
            timezone: zone.map(str::to_owned),
            windows,
            channels: channels.map(owned),
        }
    }

    fn minutes(&mut self, range: std::ops::RangeInclusive<u64>) -> u16 {
        u16::try_from(self.rng.in_range(range)).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    #[test]
    fn guests_unsubscribe_and_undo_that() {
        let mut generator = ChangeGenerator::new(Rng::new(1));
        let clicks: Vec<_> = (0..100).map(|_| generator.click()).collect();
        for category in Category::CREATED.map(Category::name) {
            let mut of_category = clicks.iter().filter(|click| click.category == category);
            let mut is_refused = false;
            assert!(of_category.all(|click| {
                is_refused = !is_refused;
                click.enabled == is_refused.then_some(false)
            }));
        }
    }

    #[test]
    fn users_refuse_and_take_back_and_are_quiet_at_times() {
        let mut generator = ChangeGenerator::new(Rng::new(1));
        let now: Timestamp = "2027-01-15T00:00:30Z".parse().expect("a time");
        let changes: Vec<_> = (0..800).map(|_| generator.generate(now)).collect();
        let share = |is: fn(&UserChange) -> bool| changes.iter().filter(|one| is(one)).count();
        let refusals =
            share(|one| matches!(one, UserChange::Choice(choice) if choice.enabled == Some(false)));
        assert!((200..350).contains(&refusals), "{refusals}");
        let returns =
            share(|one| matches!(one, UserChange::Choice(choice) if choice.enabled != Some(false)));
        assert!((150..300).contains(&returns), "{returns}");
        assert!(generator.refused.len() < 25, "{:?}", generator.refused);

        let quiet = changes.iter().filter_map(|change| match change {
            UserChange::Quiet(quiet) if !quiet.windows.is_empty() => Some(quiet),
            _ => None,
        });
        let (mut now_quiet, mut soon_quiet, mut ended) = (0, 0, 0);
        for quiet in quiet {
            let zone: Timezone = quiet
                .timezone
                .as_deref()
                .unwrap_or("UTC")
                .parse()
                .expect("a zone");
            let at =
                |minutes| quiet.contains(zone.local_time(now + SignedDuration::from_mins(minutes)));
            now_quiet += u32::from(at(0));
            soon_quiet += u32::from(!at(0) && at(1));
            ended += u32::from(!at(10));
        }
        assert!(
            now_quiet > 60 && soon_quiet > 20,
            "{now_quiet} {soon_quiet}"
        );
        assert!(ended > 150, "{ended}");
    }
}
