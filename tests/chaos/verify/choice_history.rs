//! What users had chosen at each time, as far as their requests and the answers tell.

use std::collections::{BTreeSet, HashMap};

use jiff::Timestamp;
use tidings_domain::time::Timezone;
use uuid::Uuid;

use super::send_times::Period;
use crate::ledger::{Category, Quiet, UserChange};

/// What stands for all categories, and for all channels.
const ALL: &str = "*";

/// What each user had chosen at each time.
#[derive(Debug, Default)]
pub struct ChoiceHistory(HashMap<Uuid, UserHistory>);

/// What a user had chosen at each time.
#[derive(Debug)]
struct UserHistory {
    /// What may be in force from each time on, in order: one state, or two after a request that is not answered.
    steps: Vec<(Timestamp, Vec<UserState>)>,
}

/// What a user has chosen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct UserState {
    /// What the user does not want, by category and channel.
    refused: BTreeSet<(String, String)>,
    quiet: Quiet,
}

/// A notification, as far as choices are about it.
#[derive(Clone, Copy, Debug)]
pub struct ChoiceSubject<'a> {
    /// The user, or what stands for an address.
    pub user: Uuid,
    pub category: Option<&'a str>,
    pub channel: &'a str,
}

impl ChoiceHistory {
    /// Records that a user is about to change something.
    pub fn begin(&mut self, user: Uuid, change: &UserChange, at: Timestamp) {
        let history = self.0.entry(user).or_default();
        let mut states = history.last().to_vec();
        let changed: Vec<_> = states.iter().map(|state| state.after(change)).collect();
        states.extend(changed);
        states.dedup();
        history.steps.push((at, states));
    }

    /// Records that the last change of a user was answered.
    pub fn answer(&mut self, user: Uuid, at: Timestamp) {
        let history = self.0.entry(user).or_default();
        let last = history.last().last().cloned();
        history.steps.push((at, last.into_iter().collect()));
    }

    /// Whether this user changes anything.
    pub fn knows(&self, user: Uuid) -> bool {
        self.0.contains_key(&user)
    }

    /// Whether the user did not want the notification at any time in the period.
    pub fn is_refused(&self, of: ChoiceSubject<'_>, period: Period) -> bool {
        let states = self.states(of.user, period);
        let mut all = states.iter().flat_map(|(_, states)| states.iter());
        !states.is_empty() && all.all(|state| state.refuses(of))
    }

    /// Whether the user may not have wanted the notification at some time in the period.
    pub fn may_be_refused(&self, of: ChoiceSubject<'_>, period: Period) -> bool {
        let states = self.states(of.user, period);
        let mut all = states.iter().flat_map(|(_, states)| states.iter());
        all.any(|state| state.refuses(of))
    }

    /// Whether it was quiet for the notification when an attempt was decided, by PostgreSQL's clock, whatever was in force when
    /// its row was written.
    pub fn is_quiet(&self, of: ChoiceSubject<'_>, decided: Timestamp, written: Period) -> bool {
        let states = self.states(of.user, written);
        let mut all = states.iter().flat_map(|(_, states)| states.iter());
        !states.is_empty() && all.all(|state| state.is_quiet(of, decided))
    }

    /// Whether the notification may have waited for the end of quiet hours at some time of the run.
    pub fn may_be_held(&self, of: ChoiceSubject<'_>) -> bool {
        let steps = self.0.get(&of.user).map(|history| &history.steps);
        let mut states = steps.into_iter().flatten().flat_map(|(_, states)| states);
        !is_critical(of)
            && states.any(|state| !state.quiet.windows.is_empty() && state.quiet.holds(of.channel))
    }

    /// What may have been in force in the period, and from when on.
    fn states(&self, user: Uuid, period: Period) -> Vec<(Timestamp, &[UserState])> {
        let Some(history) = self.0.get(&user) else {
            return Vec::new();
        };
        let steps = &history.steps;
        let first = steps.partition_point(|(at, _)| *at <= period.from);
        let before = &steps[first.saturating_sub(1)];
        let within = steps[first..]
            .iter()
            .take_while(|(at, _)| *at <= period.until);
        let within = within.map(|(at, states)| (*at, states.as_slice()));
        [(period.from, before.1.as_slice())]
            .into_iter()
            .chain(within)
            .collect()
    }
}

impl Default for UserHistory {
    /// A user who has chosen nothing.
    fn default() -> Self {
        Self {
            steps: vec![(Timestamp::MIN, vec![UserState::default()])],
        }
    }
}

impl UserHistory {
    fn last(&self) -> &[UserState] {
        self.steps
            .last()
            .map_or(&[], |(_, states)| states.as_slice())
    }
}

impl UserState {
    fn after(&self, change: &UserChange) -> Self {
        let mut after = self.clone();
        match change {
            UserChange::Choice(choice) => {
                let key = (choice.category.clone(), choice.channel.clone());
                if choice.enabled == Some(false) {
                    after.refused.insert(key);
                } else {
                    after.refused.remove(&key);
                }
            }
            UserChange::Quiet(quiet) => after.quiet = quiet.clone(),
        }
        after
    }

    /// A refusal is never overruled by another choice, and nobody can refuse what is critical.
    fn refuses(&self, of: ChoiceSubject<'_>) -> bool {
        let is_about = |chosen: &str, its: Option<&str>| chosen == ALL || Some(chosen) == its;
        let mut refused = self.refused.iter();
        !is_critical(of)
            && refused.any(|(category, channel)| {
                is_about(category, of.category) && is_about(channel, Some(of.channel))
            })
    }

    fn is_quiet(&self, of: ChoiceSubject<'_>, at: Timestamp) -> bool {
        let name = self.quiet.timezone.as_deref();
        let timezone: Timezone = name.and_then(|name| name.parse().ok()).unwrap_or_default();
        !is_critical(of)
            && self.quiet.holds(of.channel)
            && self.quiet.contains(timezone.local_time(at))
    }
}

fn is_critical(of: ChoiceSubject<'_>) -> bool {
    of.category == Some(Category::Security.name())
}
