//! The grid of categories and channels.

use tidings_db::categories::{self, CategoryRow, NewCategory};
use tidings_db::preferences::{self, PreferenceRow};
use tidings_db::{DbError, GenericClient, users};
use tidings_domain::category::{CategoryKind, CategoryName};
use tidings_domain::notification::{Channel, UserId};
use tidings_domain::preference::{Because, Choices, Place, Selector};

use super::view::{CategoryPreferences, ChannelPreference, ChoiceView, PreferencesView};

/// Reads the preferences of a user; `None` if the user does not exist.
pub async fn read(
    client: &impl GenericClient,
    user: UserId,
) -> Result<Option<PreferencesView>, DbError> {
    if users::find(client, user).await?.is_none() {
        return Ok(None);
    }
    let categories = categories::list(client).await?;
    let chosen = preferences::list(client, user).await?;
    let listed = categories.iter().filter(|row| row.category.listed);
    let rows = listed.map(|row| of_category(Some(row), &chosen));
    Ok(Some(PreferencesView {
        categories: std::iter::once(of_category(None, &chosen))
            .chain(rows)
            .collect(),
        preferences: chosen.iter().map(ChoiceView::from).collect(),
    }))
}

/// The row of a category. `None` stands for notifications without one.
fn of_category(row: Option<&CategoryRow>, chosen: &[PreferenceRow]) -> CategoryPreferences {
    let none = NewCategory::default();
    let category = row.map_or(&none, |row| &row.category);
    let name = row.map(|row| &row.name);
    let cell = |channel| of_channel(name, category, channel, chosen);
    CategoryPreferences {
        name: name.map_or_else(|| "*".to_owned(), ToString::to_string),
        label: category.label.clone(),
        description: category.description.clone(),
        kind: category.kind.as_str(),
        locked: category.kind == CategoryKind::Critical,
        channels: Channel::ALL.map(cell).into(),
    }
}

fn of_channel(
    name: Option<&CategoryName>,
    category: &NewCategory,
    channel: Channel,
    chosen: &[PreferenceRow],
) -> ChannelPreference {
    let row_at = |place: Place| {
        let of_category = matches!(place, Place::Exact | Place::Category);
        let of_channel = matches!(place, Place::Exact | Place::Channel);
        let wanted = match name {
            Some(name) if of_category => Selector::One(name.clone()),
            None if of_category => return None,
            _ => Selector::All,
        };
        let wanted_channel = if of_channel {
            Selector::One(channel)
        } else {
            Selector::All
        };
        let mut rows = chosen.iter();
        rows.find(|row| row.category == wanted && row.channel == wanted_channel)
    };
    let choice = |place| row_at(place).map(|row| row.enabled);
    let choices = Choices {
        exact: choice(Place::Exact),
        category: choice(Place::Category),
        channel: choice(Place::Channel),
        all: choice(Place::All),
    };
    let default = category.defaults.get(&channel).copied();
    let decided = choices.effective(category.kind, default);
    let (because, place) = match decided.because {
        Because::Critical => ("critical", None),
        Because::Choice(place) => ("choice", Some(place)),
        Because::Default => ("default", None),
        Because::Nothing => ("nothing_chosen", None),
    };
    ChannelPreference {
        channel: channel.as_str(),
        effective: decided.enabled,
        because,
        choice: place.and_then(row_at).map(ChoiceView::from),
    }
}
