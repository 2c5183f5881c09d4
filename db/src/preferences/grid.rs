use tidings_domain::category::CategoryKind;
use tidings_domain::notification::Channel;
use tidings_domain::preference::{Because, Effective, Subject};

use super::row::{PreferenceRow, choice_at, choices_about};
use crate::categories::CategoryRow;

/// What is sent of a category, or of notifications without one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GridRow<'a> {
    /// The category; `None` stands for notifications without one.
    pub category: Option<&'a CategoryRow>,
    /// One cell for each channel.
    pub cells: [GridCell<'a>; Channel::ALL.len()],
}

/// Whether the notifications are sent by a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GridCell<'a> {
    /// The channel.
    pub channel: Channel,
    /// Whether they are sent, and why.
    pub effective: Effective,
    /// The choice that counts, if one does.
    pub choice: Option<&'a PreferenceRow>,
}

/// The preferences of a user who has made the choices `chosen`: first those about notifications without a category, then the
/// listed ones of `categories`.
#[must_use]
pub fn grid<'a>(categories: &'a [CategoryRow], chosen: &'a [PreferenceRow]) -> Vec<GridRow<'a>> {
    let listed = categories.iter().filter(|row| row.category.listed);
    std::iter::once(None)
        .chain(listed.map(Some))
        .map(|category| GridRow {
            category,
            cells: Channel::ALL.map(|channel| cell(category, channel, chosen)),
        })
        .collect()
}

/// Whether notifications of `category`, or without one, are sent by `channel`.
#[must_use]
pub fn cell<'a>(
    category: Option<&CategoryRow>,
    channel: Channel,
    chosen: &'a [PreferenceRow],
) -> GridCell<'a> {
    let subject = subject(category, channel);
    let kind = category.map_or(CategoryKind::default(), |row| row.category.kind);
    let default = category.and_then(|row| row.category.defaults.get(&channel).copied());
    let effective = choices_about(chosen, subject).effective(kind, default);
    let choice = match effective.because {
        Because::Choice(place) => choice_at(chosen, subject, place),
        Because::Critical | Because::Default | Because::Nothing => None,
    };
    GridCell {
        channel,
        effective,
        choice,
    }
}

/// The notifications of `category`, or without one, by `channel`.
#[must_use]
pub fn subject(category: Option<&CategoryRow>, channel: Channel) -> Subject<'_> {
    Subject {
        category: category.map(|row| (&row.name, row.category.kind)),
        channel,
    }
}
