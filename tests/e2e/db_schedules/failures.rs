use rstest::rstest;
use tidings_db::{schedules, users};
use tidings_domain::content::TemplateRef;
use tidings_domain::notification::Channel;

use super::Table;

/// Refuses the notifications of one schedule. PostgreSQL then aborts the statement that inserts them.
const TRIGGER: &str = "
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN IF NEW.payload ->> 'text' = 'poison' THEN RAISE 'refused'; END IF; RETURN NEW; END $$;
    CREATE TRIGGER refuse BEFORE INSERT ON notifications FOR EACH ROW EXECUTE FUNCTION refuse();";

#[rstest]
#[case::no_such_user("target_user_id = gen_random_uuid()", "unknown_user: ")]
#[case::no_template(
    "template_name = 'gone'",
    "template_missing: there is no template gone for sms"
)]
#[case::wrong_pattern("cron = '@daily'", "invalid_schedule: cron must have five fields")]
#[case::wrong_zone(
    "timezone = 'Mars/Base'",
    "invalid_schedule: timezone must be a time zone"
)]
#[case::refused(r#"payload = '{"text": "poison"}'"#, "not_storable: refused")]
#[tokio::test]
async fn a_schedule_that_fails_is_paused_with_its_reason_and_its_neighbours_run(
    #[case] damage: &str,
    #[case] reason: &str,
) {
    let table = Table::new().await;
    let created = table
        .db
        .pool
        .run(async |client| Ok(client.batch_execute(TRIGGER).await?))
        .await;
    created.expect("a trigger");
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.push(table.create(&table.definition("0 6 * * *", "UTC")).await);
    }
    table.update("next_at = date_trunc('minute', now())").await;
    table.update_one(ids[2], damage).await;
    let tick = table.tick().await;
    assert_eq!((tick.created, tick.skipped), (4, 1));
    assert_eq!(tick.failed.len(), 1);
    let (failed, why) = &tick.failed[0];
    assert_eq!(*failed, ids[2]);
    assert!(why.starts_with(reason), "{why}");
    let row = table.row(ids[2]).await;
    assert_eq!((row.paused, row.next_at, row.skipped), (true, None, 1));
    assert_eq!(row.reason.as_ref(), Some(why));
    for id in [0, 1, 3, 4] {
        let row = table.row(ids[id]).await;
        assert!(!row.paused && row.reason.is_none() && row.last_at.is_some());
    }
    let found = table
        .db
        .pool
        .run(async |client| schedules::failed(client, 10).await)
        .await;
    let found = found.expect("the query");
    assert_eq!(
        (found.count, found.newest),
        (1, vec![(ids[2], why.clone())])
    );
}

#[tokio::test]
async fn the_schedule_of_a_user_who_is_deleted_is_paused() {
    let table = Table::new().await;
    let id = table.create(&table.definition("0 6 * * *", "UTC")).await;
    table.update("next_at = date_trunc('minute', now())").await;
    let deleted = table
        .db
        .pool
        .run(async |client| users::delete(client, table.user).await)
        .await;
    assert!(deleted.expect("the query"));
    assert_eq!(table.tick().await.failed.len(), 1);
    let reason = table.row(id).await.reason.expect("a reason");
    assert!(reason.starts_with("unknown_user"), "{reason}");
}

#[tokio::test]
async fn a_schedule_with_a_template_runs_while_the_template_exists() {
    let table = Table::new().await;
    let mut definition = table.definition("0 6 * * *", "UTC");
    definition.channel = Channel::Email;
    definition.template = Some(TemplateRef {
        name: "reminder".to_owned(),
        locale: Some("de-AT".to_owned()),
    });
    let id = table.create(&definition).await;
    let sql = "INSERT INTO templates (id, name, channel, locale, version, subject, text)
               VALUES (gen_random_uuid(), 'reminder', 'email', 'de', 1, 'Hallo', 'Hallo')";
    assert_eq!(table.execute(sql).await, 1);
    table.update("next_at = date_trunc('minute', now())").await;
    assert_eq!(table.tick().await.created, 1);
    let stored = "template_name = 'reminder' AND template_locale = 'de-AT' AND type = 'email'";
    assert_eq!(table.db.count(stored).await, 1);
    table
        .execute("UPDATE templates SET deleted_at = now()")
        .await;
    table.update_one(id, "next_at = now()").await;
    let failed = table.tick().await.failed;
    assert!(failed[0].1.starts_with("template_missing"), "{failed:?}");
}

/// A worker of a newer version runs it.
#[tokio::test]
async fn a_schedule_of_a_newer_version_is_left_alone() {
    let table = Table::new().await;
    let id = table.create(&table.definition("0 6 * * *", "UTC")).await;
    table
        .update_one(id, "type = 'pager', next_at = now()")
        .await;
    let tick = table.tick().await;
    assert_eq!((tick.created, tick.failed.len()), (0, 0));
    let row = table.row(id).await;
    assert!(!row.paused && row.next_at.is_some());
}
