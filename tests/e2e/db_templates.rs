//! The queries of `tidings_db::templates`, and the templates of the demo data.

use std::collections::BTreeSet;

use tidings_db::demo::{self, DEMO_TEMPLATES};
use tidings_db::templates::{self, TemplateKey, TemplateVersionRow};
use tidings_domain::notification::Channel;
use tidings_templates::{Locale, TemplateName, TemplateSource};
use tidings_tests::secret_keys::{KEY, keys};
use tidings_tests::{ServerUrls, TestDatabase, origin};

struct OwnedTemplateKey(TemplateName, Channel, Locale);

impl OwnedTemplateKey {
    fn new(name: &str, channel: Channel, locale: &str) -> Self {
        Self(
            name.parse().expect("a name"),
            channel,
            locale.parse().expect("a locale"),
        )
    }

    fn key(&self) -> TemplateKey<'_> {
        TemplateKey {
            name: &self.0,
            channel: self.1,
            locale: &self.2,
        }
    }
}

async fn put(db: &TestDatabase, template: &OwnedTemplateKey, text: &str) -> TemplateVersionRow {
    let client = db.pool.dedicated_client().await.expect("a connection");
    let source = TemplateSource {
        subject: Some("subject"),
        text,
        html: None,
    };
    let version = templates::insert_version(&*client, template.key(), source, false).await;
    version.expect("a version")
}

async fn text(
    db: &TestDatabase,
    template: &OwnedTemplateKey,
    version: Option<i32>,
) -> Option<String> {
    let client = db.pool.dedicated_client().await.expect("a connection");
    let found = templates::find(&*client, template.key(), version).await;
    found.expect("the query").map(|template| template.text)
}

#[tokio::test]
async fn each_put_is_a_new_version_and_old_ones_are_kept() {
    let db = TestDatabase::migrated(&ServerUrls::shared()).await;
    let welcome = OwnedTemplateKey::new("welcome", Channel::Email, "de");
    let other = OwnedTemplateKey::new("welcome", Channel::Email, "default");
    for (number, said) in [(1, "one"), (2, "two"), (3, "three")] {
        assert_eq!(put(&db, &welcome, said).await.version, number);
    }
    assert_eq!(put(&db, &other, "other").await.version, 1);
    assert_eq!(text(&db, &welcome, None).await.as_deref(), Some("three"));
    assert_eq!(text(&db, &welcome, Some(1)).await.as_deref(), Some("one"));
    assert_eq!(text(&db, &welcome, Some(4)).await, None);
    let client = db.pool.dedicated_client().await.expect("a connection");
    let (mut numbers, mut cursor) = (Vec::new(), None);
    loop {
        let page = templates::list_versions(&*client, welcome.key(), cursor, 2).await;
        let (page, next) = page.expect("the query");
        numbers.extend(page.iter().map(|row| row.version));
        let Some(next) = next else { break };
        cursor = Some(next.to_string().parse().expect("a cursor"));
    }
    assert_eq!(numbers, [3, 2, 1]);
}

#[tokio::test]
async fn a_deletion_marks_the_template_and_later_versions_continue_the_numbers() {
    let db = TestDatabase::migrated(&ServerUrls::shared()).await;
    let welcome = OwnedTemplateKey::new("welcome", Channel::Sms, "default");
    put(&db, &welcome, "one").await;
    put(&db, &welcome, "two").await;
    let client = db.pool.dedicated_client().await.expect("a connection");
    assert!(
        templates::delete(&*client, welcome.key())
            .await
            .expect("deleted")
    );
    assert!(
        !templates::delete(&*client, welcome.key())
            .await
            .expect("nothing left")
    );
    assert_eq!(text(&db, &welcome, None).await, None);
    assert_eq!(text(&db, &welcome, Some(2)).await.as_deref(), Some("two"));
    let found = templates::resolve(&*client, "welcome", Channel::Sms, None).await;
    assert_eq!(found.expect("the query"), None);
    let (listed, _) = templates::list(&*client, None, None, 10)
        .await
        .expect("the query");
    assert_eq!(listed, []);
    assert_eq!(put(&db, &welcome, "three").await.version, 3);
    assert_eq!(text(&db, &welcome, None).await.as_deref(), Some("three"));
}

#[tokio::test]
async fn concurrent_puts_get_different_versions() {
    let db = TestDatabase::migrated(&ServerUrls::shared()).await;
    let welcome = OwnedTemplateKey::new("welcome", Channel::Push, "default");
    let puts = (0..24).map(|_| put(&db, &welcome, "said at once"));
    let versions = futures_util::future::join_all(puts).await;
    let numbers: BTreeSet<i32> = versions.iter().map(|version| version.version).collect();
    assert_eq!(numbers, (1..=24).collect());
}

#[tokio::test]
async fn a_locale_falls_back_to_the_best_match() {
    let db = TestDatabase::migrated(&ServerUrls::shared()).await;
    for locale in ["default", "de", "de-CH", "zh-Hant"] {
        put(
            &db,
            &OwnedTemplateKey::new("welcome", Channel::Email, locale),
            locale,
        )
        .await;
    }
    put(
        &db,
        &OwnedTemplateKey::new("welcome", Channel::Email, "de-AT"),
        "gone",
    )
    .await;
    put(
        &db,
        &OwnedTemplateKey::new("welcome", Channel::Sms, "fr"),
        "fr",
    )
    .await;
    let client = db.pool.dedicated_client().await.expect("a connection");
    let gone = OwnedTemplateKey::new("welcome", Channel::Email, "de-AT");
    assert!(
        templates::delete(&*client, gone.key())
            .await
            .expect("deleted")
    );
    for (wanted, found) in [
        (Some("de-CH"), "de-CH"),
        (Some("de_ch"), "de-CH"),
        (Some("de-AT"), "de"),
        (Some("de"), "de"),
        (Some("zh-Hant-TW"), "zh-Hant"),
        (Some("zh-Hans"), "default"),
        (Some("fr"), "default"),
        (Some("no language"), "default"),
        (None, "default"),
    ] {
        let template = templates::resolve(&*client, "welcome", Channel::Email, wanted).await;
        let template = template.expect("the query").expect("a template");
        assert_eq!(
            (template.locale.as_str(), template.text.as_str()),
            (found, found),
            "{wanted:?}"
        );
    }
    let none = templates::resolve(&*client, "welcome", Channel::Sms, Some("de")).await;
    assert_eq!(none.expect("the query"), None);
}

#[tokio::test]
async fn a_list_pages_through_the_current_version_of_each_template() {
    let db = TestDatabase::migrated(&ServerUrls::shared()).await;
    for name in ["a", "b", "c"] {
        for (channel, locale) in [
            (Channel::Email, "de"),
            (Channel::Email, "default"),
            (Channel::Sms, "de"),
        ] {
            let template = OwnedTemplateKey::new(name, channel, locale);
            put(&db, &template, "old").await;
            put(&db, &template, "new").await;
        }
    }
    let client = db.pool.dedicated_client().await.expect("a connection");
    let (all, next) = templates::list(&*client, None, None, 100)
        .await
        .expect("the query");
    assert_eq!((all.len(), next), (9, None));
    assert!(all.iter().all(|version| version.version == 2));
    for limit in [1, 2, 8, 9] {
        let (mut pages, mut cursor) = (Vec::new(), None);
        loop {
            let page = templates::list(&*client, None, cursor, limit).await;
            let (page, next) = page.expect("the query");
            pages.extend(page);
            let Some(next) = next else { break };
            cursor = Some(next.to_string().parse().expect("a cursor"));
        }
        assert_eq!(pages, all, "limit {limit}");
    }
    let name = "b".parse().expect("a name");
    let (of_name, next) = templates::list(&*client, Some(&name), None, 2)
        .await
        .expect("the query");
    assert_eq!(of_name, all[3..5]);
    let rest = templates::list(&*client, Some(&name), next, 2).await;
    assert_eq!(rest.expect("the query"), (all[5..6].to_vec(), None));
}

#[tokio::test]
async fn demo_templates_are_seeded_once_and_changed_ones_are_kept() {
    let db = TestDatabase::migrated(&ServerUrls::shared()).await;
    let changed = OwnedTemplateKey::new("welcome", Channel::Email, "de");
    let deleted = OwnedTemplateKey::new("order-shipped", Channel::Sms, "de");
    put(&db, &changed, "own words").await;
    for _ in 0..2 {
        demo::seed(&db.pool, &keys(KEY), &origin())
            .await
            .expect("seeded");
        let client = db.pool.dedicated_client().await.expect("a connection");
        let (listed, _) = templates::list(&*client, None, None, 100)
            .await
            .expect("the query");
        assert_eq!(listed.len(), DEMO_TEMPLATES.len());
        assert!(listed.iter().all(|version| version.version == 1));
    }
    assert_eq!(
        text(&db, &changed, None).await.as_deref(),
        Some("own words")
    );
    let client = db.pool.dedicated_client().await.expect("a connection");
    assert!(
        templates::delete(&*client, deleted.key())
            .await
            .expect("deleted")
    );
    demo::seed(&db.pool, &keys(KEY), &origin())
        .await
        .expect("seeded");
    assert_eq!(text(&db, &deleted, None).await, None);
}

#[tokio::test]
async fn the_schedules_that_use_a_template_are_listed() {
    let db = TestDatabase::migrated(&ServerUrls::shared()).await;
    let client = db.pool.dedicated_client().await.expect("a connection");
    client
        .batch_execute(
            "INSERT INTO schedules (id, sender, target_user_id, type, payload, template_name, template_locale, cron, timezone,
                                    paused)
             SELECT gen_random_uuid(), 's', gen_random_uuid(), 'email', '{}', name, 'de', '0 9 * * *', 'UTC', coalesce(name = 'a', false)
             FROM unnest('{a,a,b,NULL}'::text[]) AS name",
        )
        .await
        .expect("schedules");
    let named = async |name: &str, limit| {
        let name: TemplateName = name.parse().expect("a name");
        let found = templates::schedules_with(&*client, &name, limit).await;
        found.expect("the query")
    };
    let found = named("a", 10).await;
    assert_eq!(found.len(), 2);
    let all_so = found
        .iter()
        .all(|one| one.paused && one.cron == "0 9 * * *" && one.locale.as_deref() == Some("de"));
    assert!(all_so, "{found:?}");
    assert_eq!(named("a", 1).await.len(), 1);
    assert_eq!(named("c", 10).await, []);
}
