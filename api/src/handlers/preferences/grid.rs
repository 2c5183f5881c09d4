//! The grid of categories and channels.

use tidings_db::categories::{self, NewCategory};
use tidings_db::preferences::{self, GridCell, GridRow};
use tidings_db::{DbError, GenericClient, users};
use tidings_domain::category::CategoryKind;
use tidings_domain::notification::UserId;
use tidings_domain::preference::{Because, Recipient};

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
    let chosen = preferences::list(client, Recipient::User(user)).await?;
    let rows = preferences::grid(&categories, &chosen);
    Ok(Some(PreferencesView {
        categories: rows.iter().map(of_category).collect(),
        preferences: chosen.iter().map(ChoiceView::from).collect(),
    }))
}

fn of_category(row: &GridRow<'_>) -> CategoryPreferences {
    let none = NewCategory::default();
    let category = row.category.map_or(&none, |row| &row.category);
    let name = row.category.map(|row| row.name.to_string());
    CategoryPreferences {
        name: name.unwrap_or_else(|| "*".to_owned()),
        label: category.label.clone(),
        description: category.description.clone(),
        kind: category.kind.as_str(),
        locked: category.kind == CategoryKind::Critical,
        channels: row.cells.iter().map(of_channel).collect(),
    }
}

fn of_channel(cell: &GridCell<'_>) -> ChannelPreference {
    ChannelPreference {
        channel: cell.channel.as_str(),
        effective: cell.effective.enabled,
        because: match cell.effective.because {
            Because::Critical => "critical",
            Because::Choice(_) => "choice",
            Because::Default => "default",
            Because::Nothing => "nothing_chosen",
        },
        choice: cell.choice.map(ChoiceView::from),
    }
}
