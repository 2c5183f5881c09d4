//! Which of several choices counts. A pure function.
//!
//! `db` has the same rules in SQL, for the rows of a batch (`notifications/preferences.rs`).

use crate::category::CategoryKind;

/// The choices of one recipient about the notifications of a category by a channel. Without a category, only `channel` and
/// `all` can be set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Choices {
    /// About the category by the channel.
    pub exact: Option<bool>,
    /// About the category by all channels.
    pub category: Option<bool>,
    /// About all notifications by the channel.
    pub channel: Option<bool>,
    /// About all notifications by all channels.
    pub all: Option<bool>,
}

/// The choice that counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// About the category by the channel.
    Exact,
    /// About the category by all channels.
    Category,
    /// About all notifications by the channel.
    Channel,
    /// About all notifications by all channels.
    All,
}

/// Why notifications are sent, or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Because {
    /// The category is critical, so nobody is asked.
    Critical,
    /// Because of this choice.
    Choice(Place),
    /// The category says so for recipients who have chosen nothing.
    Default,
    /// Nobody has said anything.
    Nothing,
}

/// Whether notifications are sent, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Effective {
    /// Whether they are sent.
    pub enabled: bool,
    /// Why.
    pub because: Because,
}

impl Choices {
    /// Whether the notifications of a category of this kind are sent. `default` is that of the category for the channel.
    ///
    /// The first rule that applies counts: critical, any explicit `false`, an explicit `true` about the category, the default
    /// of the category, send. The error that users and the law forgive is silence.
    #[must_use]
    pub fn effective(self, kind: CategoryKind, default: Option<bool>) -> Effective {
        let because = |enabled, because| Effective { enabled, because };
        if kind == CategoryKind::Critical {
            return because(true, Because::Critical);
        }
        let all = [
            (Place::Exact, self.exact),
            (Place::Category, self.category),
            (Place::Channel, self.channel),
            (Place::All, self.all),
        ];
        let first = |wanted: bool, places: &[(Place, Option<bool>)]| {
            let mut places = places.iter();
            let found = places.find(|(_, choice)| *choice == Some(wanted));
            found.map(|(place, _)| because(wanted, Because::Choice(*place)))
        };
        first(false, &all)
            .or_else(|| first(true, &all[..2]))
            .or_else(|| default.map(|enabled| because(enabled, Because::Default)))
            .unwrap_or_else(|| because(true, Because::Nothing))
    }
}

#[cfg(test)]
mod tests;
