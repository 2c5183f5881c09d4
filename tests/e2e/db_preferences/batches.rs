//! The decision in SQL, for all notifications of a batch.

use std::fmt::Write as _;

use serde_json::value::RawValue;
use tidings_db::TransactionOptions;
use tidings_db::notifications::{self, ClaimRequest, ClaimResult, insert_batch};
use tidings_domain::category::CategoryKind;
use tidings_domain::notification::{
    Channel, DeliveredChannel, MessageId, Notification, Status, UserId,
};
use tidings_domain::preference::Choices;
use tidings_tests::{TestDatabase, secs};
use uuid::Uuid;

use super::{claim_of, migrated, notification};

/// The defaults of the categories, by the last part of their names.
const DEFAULTS: [(&str, Option<bool>); 3] =
    [("none", None), ("on", Some(true)), ("off", Some(false))];

/// Recipients who have made the same choices: a user, and somebody without an account.
struct Recipients {
    choices: Choices,
    through: Through,
    user: UserId,
    number: String,
}

/// What choices about a category are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Through {
    /// Each category.
    Categories,
    /// All marketing.
    Marketing,
    /// Each category, while the opposite is chosen about all marketing.
    CategoriesDespiteMarketing,
}

/// A notification to recipients, and whether it is sent.
struct Case<'a> {
    to: &'a Recipients,
    category: Option<String>,
    is_sent: bool,
}

/// Recipients for each combination of the four choices.
fn all_recipients() -> Vec<Recipients> {
    let value = |digit: usize| [None, Some(true), Some(false)][digit % 3];
    let through = [
        Through::Categories,
        Through::Marketing,
        Through::CategoriesDespiteMarketing,
    ];
    let recipients = |n: usize| Recipients {
        through: through[n / 81],
        choices: Choices {
            exact: value(n),
            category: value(n / 3),
            channel: value(n / 9),
            all: value(n / 27),
        },
        user: Uuid::now_v7().into(),
        number: format!("+491511234{n:04}"),
    };
    (0..243).map(recipients).collect()
}

/// The statements that create the categories.
fn categories_sql() -> String {
    let mut sql = String::new();
    for kind in CategoryKind::ALL {
        for (name, default) in DEFAULTS {
            let json = default.map_or_else(
                || "{}".to_owned(),
                |default| format!(r#"{{"in-app": {default}, "sms": {default}}}"#),
            );
            let _ = write!(
                sql,
                "INSERT INTO categories (name, kind, defaults) VALUES ('{kind}.{name}', '{kind}', '{json}');"
            );
        }
    }
    sql
}

impl Recipients {
    /// The statements that create the user and store the choices.
    fn sql(&self) -> String {
        let Self {
            choices,
            through,
            user,
            number,
        } = self;
        let each = "SELECT name FROM categories WHERE name <> 'security'";
        let marketing = "VALUES ('*marketing')";
        let own = match through {
            Through::Marketing => marketing,
            Through::Categories | Through::CategoriesDespiteMarketing => each,
        };
        let opposite = |choice: Option<bool>| {
            let is_chosen = *through == Through::CategoriesDespiteMarketing;
            choice.filter(|_| is_chosen).map(|enabled| !enabled)
        };
        let (all, channels) = ("VALUES ('*')", "VALUES ('in-app'), ('sms')");
        let mut sql = format!("INSERT INTO users (id, username) VALUES ('{user}', 'user-{user}');");
        for (category, channel, enabled) in [
            (own, channels, choices.exact),
            (own, all, choices.category),
            (marketing, channels, opposite(choices.exact)),
            (marketing, all, opposite(choices.category)),
            (all, channels, choices.channel),
            (all, all, choices.all),
        ] {
            let Some(enabled) = enabled else { continue };
            let from =
                format!("FROM ({category}) AS category (name), ({channel}) AS channel (channel)");
            let _ = write!(
                sql,
                "INSERT INTO preferences (user_id, category, channel, enabled, source)
                 SELECT '{user}', name, channel, {enabled}, 'user' {from};
                 INSERT INTO address_preferences (address_hash, category, channel, enabled, source)
                 SELECT sha256('{number}'), name, channel, {enabled}, 'unsubscribe' {from};"
            );
        }
        sql
    }

    /// A notification of each category, and one without.
    fn cases(&self) -> Vec<Case<'_>> {
        let general = Choices {
            exact: None,
            category: None,
            ..self.choices
        };
        let mut cases = Vec::new();
        for kind in CategoryKind::ALL {
            let is_chosen = self.through != Through::Marketing || kind == CategoryKind::Marketing;
            let choices = if is_chosen { self.choices } else { general };
            for (name, default) in DEFAULTS {
                cases.push(Case {
                    to: self,
                    category: Some(format!("{kind}.{name}")),
                    is_sent: choices.effective(kind, default).enabled,
                });
            }
        }
        let decided = general.effective(CategoryKind::Transactional, None);
        cases.push(Case {
            to: self,
            category: None,
            is_sent: decided.enabled,
        });
        cases
    }
}

impl Case<'_> {
    fn to_user(&self, channel: Channel) -> Notification {
        notification(self.to.user, channel, self.category.as_deref())
    }

    fn to_address(&self) -> Notification {
        let payload = format!(r#"{{"text": "hello", "to": "{}"}}"#, self.to.number);
        Notification {
            user_id: None,
            payload: RawValue::from_string(payload).expect("JSON"),
            ..self.to_user(Channel::Sms)
        }
    }
}

/// Whether each of these notifications, which are recorded as if nothing was chosen, is unwanted at its claim.
async fn unwanted_at_claim(db: &TestDatabase, batch: &[Notification]) -> Vec<bool> {
    let requests: Vec<ClaimRequest> = batch.iter().map(|one| claim_of(one.message_id)).collect();
    let all: Vec<&Notification> = batch.iter().collect();
    let claimed = db
        .pool
        .transaction(TransactionOptions::default(), async |transaction| {
            insert_batch(transaction, &all).await?;
            let pending = "UPDATE notifications SET status = 'pending' WHERE status = 'suppressed'";
            transaction.execute(pending, &[]).await?;
            let channel = DeliveredChannel::Sms;
            notifications::claim(transaction, channel, &requests, secs(60)).await
        });
    let unwanted = |claim| match claim {
        ClaimResult::Claimed(claimed) => claimed.is_unwanted,
        other => panic!("{other:?}"),
    };
    let claimed = claimed.await.expect("the claims");
    claimed.into_iter().map(unwanted).collect()
}

/// The SQL of a batch decides like the function that has the written table, for users and for addresses.
#[tokio::test]
async fn a_batch_is_decided_like_each_of_its_notifications() {
    let db = migrated().await;
    let recipients = all_recipients();
    let mut sql = categories_sql();
    sql.extend(recipients.iter().map(Recipients::sql));
    db.pool
        .run(async |client| Ok(client.batch_execute(&sql).await?))
        .await
        .expect("the choices");
    let cases: Vec<Case<'_>> = recipients.iter().flat_map(Recipients::cases).collect();
    assert_eq!(cases.len(), 2430);

    let to_user = |channel| {
        let all = cases.iter().map(|case| case.to_user(channel));
        all.collect::<Vec<_>>()
    };
    let to_address = || cases.iter().map(Case::to_address).collect::<Vec<_>>();
    let to_users = unwanted_at_claim(&db, &to_user(Channel::Sms)).await;
    let to_addresses = unwanted_at_claim(&db, &to_address()).await;
    let (in_app, sms) = (to_user(Channel::InApp), to_address());
    let all: Vec<&Notification> = in_app.iter().chain(&sms).collect();
    let recorded = db.pool.run(async |client| insert_batch(client, &all).await);
    let recorded = recorded.await.expect("recorded");
    let is_sent = |id: MessageId| recorded[&id] != Status::Suppressed;
    for (index, case) in cases.iter().enumerate() {
        let decided = [
            is_sent(in_app[index].message_id),
            is_sent(sms[index].message_id),
            !to_users[index],
            !to_addresses[index],
        ];
        let Recipients {
            choices, through, ..
        } = case.to;
        let category = &case.category;
        let what = format!("{choices:?} {through:?} {category:?}");
        assert_eq!(decided, [case.is_sent; 4], "{what}");
    }
}
