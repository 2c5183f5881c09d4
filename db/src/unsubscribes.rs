//! What recipients choose by the links in messages: rows of `preferences` and `address_preferences` with the source
//! `unsubscribe`.

use tidings_domain::category::{CategoryKind, CategoryName};
use tidings_domain::notification::Channel;
use tidings_domain::preference::{NewChoice, PreferenceSource, Recipient, Selector};
use tokio_postgres::types::ToSql;

use crate::categories::CategoryRow;
use crate::error::DbError;
use crate::preferences::SetResult;
use crate::{GenericClient, Transaction, address_preferences, categories, preferences};

/// The categories that a link is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// The category of the link.
    Category,
    /// All marketing categories that there are, and the category of the link.
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
    let mut names = vec![category.clone()];
    if extent == Extent::Marketing {
        let all = categories::list(transaction).await?;
        let marketing = all.into_iter().filter(is_marketing).map(|one| one.name);
        names.extend(marketing.filter(|name| name != category));
    }
    let choices = names
        .into_iter()
        .map(|name| choice(name, channel, Some(false)));
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
    let choices = chosen.into_iter().filter_map(|(name, is_recent)| {
        let row = all.iter().find(|one| one.name == name);
        let is_included = extent == Extent::Marketing && is_recent && row.is_some_and(is_marketing);
        if name != *category && !is_included {
            return None;
        }
        // Without a choice the default counts, which the recipient may have had to change to get the message.
        let is_off = row.is_some_and(|row| row.category.defaults.get(&channel) == Some(&false));
        Some(choice(name, channel, is_off.then_some(true)))
    });
    set(transaction, recipient, &choices.collect::<Vec<_>>()).await
}

fn is_marketing(row: &CategoryRow) -> bool {
    row.category.kind == CategoryKind::Marketing
}

fn choice(category: CategoryName, channel: Channel, enabled: Option<bool>) -> NewChoice {
    NewChoice {
        category: Selector::One(category),
        channel: Selector::One(channel),
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

/// The categories that links have switched off on this channel, and whether that was within the last hour.
async fn chosen_by_link(
    client: &impl GenericClient,
    recipient: Recipient,
    channel: Channel,
) -> Result<Vec<(CategoryName, bool)>, DbError> {
    let (user, hash);
    let (table, key): (_, &(dyn ToSql + Sync)) = match recipient {
        Recipient::User(id) => {
            user = id.as_uuid();
            ("preferences WHERE user_id", &user)
        }
        Recipient::Address(address) => {
            hash = address.as_bytes().as_slice().to_vec();
            ("address_preferences WHERE address_hash", &hash)
        }
    };
    let sql = format!(
        "SELECT category, updated_at > now() - make_interval(secs => $3)
         FROM {table} = $1 AND channel = $2 AND source = 'unsubscribe' AND NOT enabled
         ORDER BY category"
    );
    let statement = client.prepare_cached(&sql).await?;
    let parameters: [&(dyn ToSql + Sync); 3] = [key, &channel.as_str(), &UNDO_SECS];
    let rows = client.query(&statement, &parameters).await?;
    let chosen = rows.iter();
    Ok(chosen
        .filter_map(|row| Some((row.get::<_, &str>(0).parse().ok()?, row.get(1))))
        .collect())
}
