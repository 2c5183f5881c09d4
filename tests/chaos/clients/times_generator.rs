use std::mem;

use jiff::{SignedDuration, Timestamp};

use crate::ledger::{Group, PostedTimes};
use crate::rng::Rng;

/// One in this many notifications is scheduled.
const SCHEDULED_SHARE: usize = 3;

/// One in this many scheduled notifications belongs to a group.
const GROUP_SHARE: usize = 4;

/// The notifications of a group.
const GROUP_SIZE: u32 = 20;

/// One in this many groups is cancelled.
const CANCELLED_GROUPS: u32 = 2;

/// One in this many notifications has an expiry.
const EXPIRY_SHARE: usize = 6;

/// How many milliseconds ahead a notification is scheduled.
const AHEAD: std::ops::RangeInclusive<u64> = 1_000..=30_000;

/// Chooses when notifications are to be sent, and their groups.
#[derive(Debug)]
pub struct TimesGenerator {
    group: Group,
    /// The notifications of the current group.
    members: u32,
    /// Groups that are complete and to be cancelled.
    to_cancel: Vec<Group>,
}

impl TimesGenerator {
    pub const fn new() -> Self {
        Self {
            group: Group(0),
            members: 0,
            to_cancel: Vec::new(),
        }
    }

    /// Returns the times of a notification that is created at `now`.
    pub fn generate(&mut self, now: Timestamp, rng: &mut Rng) -> PostedTimes {
        let is_scheduled = rng.index(SCHEDULED_SHARE) == 0;
        let ahead = rng.in_range(AHEAD);
        let send_at = is_scheduled.then(|| later(now, ahead));
        let group = (rng.index(GROUP_SHARE) == 0 && is_scheduled).then(|| self.next_member());
        let expires = rng.index(EXPIRY_SHARE) == 0;
        // A short time ends before a scheduler that looks once a second releases the notification.
        let secs = match rng.index(3) {
            0 => rng.in_range(1..=3),
            1 => rng.in_range(5..=60),
            // Never during the run.
            _ => 24 * 3600,
        };
        let is_relative = rng.index(2) == 0;
        let base = send_at.unwrap_or(now);
        PostedTimes {
            send_at,
            expires_at: (expires && !is_relative).then(|| later(base, secs * 1_000)),
            ttl_secs: (expires && is_relative).then(|| u32::try_from(secs).unwrap_or(u32::MAX)),
            group,
            category: None,
        }
    }

    /// Returns the group of the next member.
    fn next_member(&mut self) -> Group {
        let group = self.group;
        self.members += 1;
        if self.members == GROUP_SIZE {
            if group.0.is_multiple_of(CANCELLED_GROUPS) {
                self.to_cancel.push(group);
            }
            self.members = 0;
            self.group.0 += 1;
        }
        group
    }

    /// Returns the groups that have become complete and are to be cancelled.
    pub fn take_groups_to_cancel(&mut self) -> Vec<Group> {
        mem::take(&mut self.to_cancel)
    }
}

/// Returns `time` plus `millis`, in whole milliseconds: the API cuts off more digits than PostgreSQL has.
fn later(time: Timestamp, millis: u64) -> Timestamp {
    let millis = SignedDuration::from_millis(i64::try_from(millis).unwrap_or(i64::MAX));
    let whole = Timestamp::from_millisecond(time.as_millisecond()).unwrap_or(time);
    whole.saturating_add(millis).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn generated(seed: u64, n: usize) -> (Vec<PostedTimes>, TimesGenerator) {
        let (mut generator, mut rng) = (TimesGenerator::new(), Rng::new(seed));
        let times = (0..n).map(|_| generator.generate(Timestamp::UNIX_EPOCH, &mut rng));
        (times.collect(), generator)
    }

    #[test]
    fn a_third_is_scheduled_and_some_expire() {
        let (times, _) = generated(1, 12_000);
        let share = |has: fn(&PostedTimes) -> bool| times.iter().filter(|one| has(one)).count();
        assert!((3_800..4_200).contains(&share(|one| one.send_at.is_some())));
        assert!((900..1_100).contains(&share(|one| one.group.is_some())));
        assert!((900..1_100).contains(&share(|one| one.ttl_secs.is_some())));
        assert!((900..1_100).contains(&share(|one| one.expires_at.is_some())));
        for one in times {
            let sent = one.send_at.unwrap_or(Timestamp::UNIX_EPOCH);
            assert!(one.expires_at.is_none_or(|time| time > sent), "{one:?}");
            assert!(one.group.is_none() || one.send_at.is_some(), "{one:?}");
        }
    }

    #[test]
    fn a_seed_determines_the_times() {
        assert_eq!(generated(7, 100).0, generated(7, 100).0);
        assert_ne!(generated(7, 100).0, generated(8, 100).0);
    }

    #[test]
    fn every_other_complete_group_is_cancelled_once() {
        let (times, mut generator) = generated(3, 2_000);
        let groups = generator.take_groups_to_cancel();
        assert!(groups.len() > 2, "{groups:?}");
        for group in groups {
            let members = times.iter().filter(|one| one.group == Some(group));
            assert_eq!((members.count(), group.0 % 2), (20, 0));
        }
        assert_eq!(generator.take_groups_to_cancel(), []);
    }
}
