//! What recipients choose by the links in messages: rows of `preferences` and `address_preferences` with the source
//! `unsubscribe`.

use tidings_domain::category::{CategoryKind, CategoryName};
use tidings_domain::notification::Channel;
use tidings_domain::preference::{
    CategorySelector, ChannelSelector, NewChoice, PreferenceSource, Recipient,
};
use tokio_postgres::types::ToSql;

use crate::categories::CategoryRow;
use crate::choices::ChoicesOf;
use crate::error::DbError;
use crate::preferences::SetResult;
use crate::{GenericClient, Transaction, address_preferences, categories, preferences};

/// The categories that a link is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// The category of the link.
    Category,
    /// All marketing categories, also those that are created later, and the category of the link.
    Marketing,
}

/// For how long all marketing categories can be chosen again at once. Later, that could undo another choice.
const UNDO_SECS: f64 = 3600.0;

/// Chooses that a recipient gets no more of the categories by this channel. Returns whether something has changed. A
/// recipient who does not exist chooses nothing.
///
/// # Errors
///
/// Returns the error of the query that fails.
pub async fn unsubscribe(
    transaction: &Transaction<'_>,
    recipient: Recipient,
    category: &CategoryName,
    channel: Channel,
    extent: Extent,
) -> Result<bool, DbError> {
    let mut selected = vec![CategorySelector::One(category.clone())];
    if extent == Extent::Marketing {
        let all = categories::list(transaction).await?;
        let marketing = all.into_iter().filter(is_marketing).map(|one| one.name);
        let others = marketing.filter(|name| name != category);
        // Also those about which something else was chosen before.
        selected.extend(others.map(CategorySelector::One));
        selected.push(CategorySelector::Marketing);
    }
    let choices = selected
        .into_iter()
        .map(|selected| choice(selected, channel, Some(false)));
    set(transaction, recipient, &choices.collect::<Vec<_>>()).await
}

/// Takes back what links have chosen, and nothing else: the recipient gets the categories again by this channel. Returns
/// whether something has changed. [`Extent::Marketing`] takes back what was chosen within the last hour.
///
/// # Errors
///
/// Returns the error of the query that fails.
pub async fn undo(
    transaction: &Transaction<'_>,
    recipient: Recipient,
    category: &CategoryName,
    channel: Channel,
    extent: Extent,
) -> Result<bool, DbError> {
    let all = categories::list(transaction).await?;
    let chosen = chosen_by_link(transaction, recipient, channel).await?;
    let is_undone = |selected: &CategorySelector, is_recent| match selected {
        CategorySelector::One(name) => {
            let is_included = || find(&all, name).is_some_and(is_marketing);
            name == category || extent == Extent::Marketing && is_recent && is_included()
        }
        CategorySelector::Marketing => extent == Extent::Marketing && is_recent,
        CategorySelector::All => false,
    };
    let refuses_marketing = chosen.iter().any(|(selected, is_recent)| {
        *selected == CategorySelector::Marketing && !is_undone(selected, *is_recent)
    });
    let choices = chosen.iter().filter_map(|(selected, is_recent)| {
        if !is_undone(selected, *is_recent) {
            return None;
        }
        let row = match selected {
            CategorySelector::One(name) => find(&all, name),
            CategorySelector::Marketing | CategorySelector::All => None,
        };
        // Without a choice, what is chosen about all marketing counts, or the default, which the recipient may have had to
        // change to get the message.
        let is_off = row.is_some_and(|row| {
            let default = row.category.defaults.get(&channel);
            default == Some(&false) || refuses_marketing && is_marketing(row)
        });
        Some(choice(selected.clone(), channel, is_off.then_some(true)))
    });
    set(transaction, recipient, &choices.collect::<Vec<_>>()).await
}

fn find<'r>(all: &'r [CategoryRow], name: &CategoryName) -> Option<&'r CategoryRow> {
    all.iter().find(|row| row.name == *name)
}

fn is_marketing(row: &CategoryRow) -> bool {
    row.category.kind == CategoryKind::Marketing
}

fn choice(category: CategorySelector, channel: Channel, enabled: Option<bool>) -> NewChoice {
    NewChoice {
        category,
        channel: ChannelSelector::One(channel),
        enabled,
    }
}

async fn set(
    transaction: &Transaction<'_>,
    recipient: Recipient,
    choices: &[NewChoice],
) -> Result<bool, DbError> {
    let source = PreferenceSource::Unsubscribe;
    match recipient {
        Recipient::User(user) => {
            let result = preferences::set(transaction, user, choices, source).await?;
            Ok(result == SetResult::Changed)
        }
        Recipient::Address(address) => {
            address_preferences::set(transaction, address, choices, source).await
        }
    }
}

/// What links have switched off on this channel, and whether that was within the last hour.
async fn chosen_by_link(
    client: &impl GenericClient,
    recipient: Recipient,
    channel: Channel,
) -> Result<Vec<(CategorySelector, bool)>, DbError> {
    let recipient = ChoicesOf::from(recipient);
    let sql = format!(
        "SELECT category, updated_at > now() - make_interval(secs => $3)
         FROM {} WHERE {} = $1 AND channel = $2 AND source = 'unsubscribe' AND NOT enabled
         ORDER BY category",
        recipient.table(),
        recipient.column()
    );
    let statement = client.prepare_cached(&sql).await?;
    let parameters: [&(dyn ToSql + Sync); 3] = [recipient.key(), &channel.as_str(), &UNDO_SECS];
    let rows = client.query(&statement, &parameters).await?;
    let chosen = rows.iter();
    Ok(chosen
        .filter_map(|row| Some((row.get::<_, &str>(0).parse().ok()?, row.get(1))))
        .collect())
}
