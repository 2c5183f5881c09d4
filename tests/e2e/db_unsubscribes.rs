//! The queries of `tidings_db::unsubscribes`, and of who has a phone number.

use std::collections::BTreeMap;

use tidings_db::audit::{ActorKind, AuditOrigin};
use tidings_db::categories::{self, NewCategory};
use tidings_db::unsubscribes::{self, Extent};
use tidings_db::{TransactionOptions, phone_numbers, preferences};
use tidings_domain::category::{CategoryKind, CategoryName};
use tidings_domain::content::{EmailAddress, PhoneNumber};
use tidings_domain::notification::Channel;
use tidings_domain::preference::{
    AddressHash, CategorySelector, ChannelSelector, NewChoice, PreferenceSource, Recipient,
};
use tidings_tests::{ServerUrls, TestDatabase};
use uuid::Uuid;

fn name(text: &str) -> CategoryName {
    text.parse().expect("a name")
}

async fn put(db: &TestDatabase, text: &str, kind: CategoryKind, is_on: bool) {
    let new = NewCategory {
        kind,
        defaults: BTreeMap::from([(Channel::Email, is_on)]),
        ..NewCategory::default()
    };
    let origin = AuditOrigin::new(ActorKind::System, "tests");
    let put = db
        .pool
        .transaction(TransactionOptions::default(), async |transaction| {
            categories::put(transaction, &name(text), &new, &origin).await
        });
    put.await.expect("stored");
}

async fn choose(db: &TestDatabase, recipient: Recipient, is_undo: bool, extent: Extent) -> bool {
    let (news, channel) = (name("news"), Channel::Email);
    let changed = db
        .pool
        .transaction(TransactionOptions::default(), async |transaction| {
            if is_undo {
                unsubscribes::undo(transaction, recipient, &news, channel, extent).await
            } else {
                unsubscribes::unsubscribe(transaction, recipient, &news, channel, extent).await
            }
        });
    changed.await.expect("chosen")
}

/// What recipients have chosen: `category=enabled/source`.
async fn chosen(db: &TestDatabase, recipient: Recipient) -> Vec<String> {
    let table = match recipient {
        Recipient::User(_) => "preferences",
        Recipient::Address(_) => "address_preferences",
    };
    let client = db.pool.dedicated_client().await.expect("a connection");
    let sql = format!(
        "SELECT category || '=' || enabled || '/' || source FROM {table} ORDER BY category COLLATE \"C\""
    );
    let rows = client.query(sql.as_str(), &[]).await.expect("a query");
    rows.iter().map(|row| row.get(0)).collect()
}

#[tokio::test]
async fn links_switch_off_and_take_back_what_links_have_switched_off() {
    let db = TestDatabase::migrated(&ServerUrls::shared()).await;
    put(&db, "news", CategoryKind::Marketing, true).await;
    put(&db, "offers", CategoryKind::Marketing, false).await;
    put(&db, "orders", CategoryKind::Transactional, true).await;
    let user = db.user().await;
    let address = AddressHash::from(&"a@example.org".parse::<EmailAddress>().expect("an address"));
    let off = [
        "*marketing=false/unsubscribe",
        "news=false/unsubscribe",
        "offers=false/unsubscribe",
    ];
    for recipient in [Recipient::User(user), Recipient::Address(address)] {
        let choose = async |is_undo, extent| choose(&db, recipient, is_undo, extent).await;
        assert!(choose(false, Extent::Category).await);
        assert!(!choose(false, Extent::Category).await, "now and before");
        assert_eq!(chosen(&db, recipient).await, off[1..2]);
        assert!(choose(false, Extent::Marketing).await);
        assert_eq!(chosen(&db, recipient).await, off);
        // All marketing stays off but for this category.
        assert!(choose(true, Extent::Category).await);
        let but_news = [off[0], "news=true/unsubscribe", off[2]];
        assert_eq!(chosen(&db, recipient).await, but_news);
        choose(false, Extent::Category).await;
        // Who got offers had switched them on.
        assert!(choose(true, Extent::Marketing).await);
        assert_eq!(chosen(&db, recipient).await, ["offers=true/unsubscribe"]);
        assert!(!choose(true, Extent::Marketing).await);
        // A choice of another hour stays, but for that of the link itself.
        choose(false, Extent::Marketing).await;
        let client = db.pool.dedicated_client().await.expect("a connection");
        for table in ["preferences", "address_preferences"] {
            let sql = format!("UPDATE {table} SET updated_at = now() - interval '61 minutes'");
            client.execute(sql.as_str(), &[]).await.expect("older");
        }
        assert!(choose(true, Extent::Marketing).await);
        assert_eq!(chosen(&db, recipient).await, but_news);
    }
}

#[tokio::test]
async fn what_users_have_chosen_themselves_stays_and_who_does_not_exist_chooses_nothing() {
    let db = TestDatabase::migrated(&ServerUrls::shared()).await;
    put(&db, "news", CategoryKind::Marketing, true).await;
    let user = db.user().await;
    let own = NewChoice {
        category: CategorySelector::One(name("news")),
        channel: ChannelSelector::One(Channel::Email),
        enabled: Some(false),
    };
    let set = db
        .pool
        .transaction(TransactionOptions::default(), async |transaction| {
            preferences::set(transaction, user, &[own], PreferenceSource::User).await
        });
    set.await.expect("chosen");
    let recipient = Recipient::User(user);
    assert!(!choose(&db, recipient, false, Extent::Category).await);
    assert!(!choose(&db, recipient, true, Extent::Marketing).await);
    assert_eq!(chosen(&db, recipient).await, ["news=false/user"]);
    let nobody = Recipient::User(Uuid::from_u128(7).into());
    assert!(!choose(&db, nobody, false, Extent::Marketing).await);
    assert!(!choose(&db, nobody, true, Extent::Marketing).await);
    assert_eq!(chosen(&db, nobody).await.len(), 1);
}

#[tokio::test]
async fn a_phone_number_belongs_to_its_user() {
    let db = TestDatabase::migrated(&ServerUrls::shared()).await;
    let user = db.user().await;
    let number: PhoneNumber = "+4915112345678".parse().expect("a number");
    let add = db
        .pool
        .transaction(TransactionOptions::default(), async |transaction| {
            phone_numbers::insert(transaction, user, &number).await
        });
    add.await.expect("added");
    let client = db.pool.dedicated_client().await.expect("a connection");
    let listed = phone_numbers::list(&*client, user).await.expect("a list");
    for (id, expected) in [(listed[0].id, Some(user)), (Uuid::from_u128(7), None)] {
        let found = phone_numbers::find_user(&*client, id).await;
        assert_eq!(found.expect("a query"), expected);
    }
}
