use futures_util::future::join_all;
use jiff::Timestamp;
use tidings_db::schedules::{
    self, CreateResult, MAX_PER_SENDER, NewSchedule, RequestKey, ScheduleFilter, ScheduleState,
};
use tidings_domain::notification::Fingerprint;
use tidings_domain::schedule::ScheduleDefinition;
use tidings_domain::time::CronSchedule;
use uuid::Uuid;

use super::{Table, all};

#[tokio::test]
async fn a_schedule_is_stored_as_it_is_defined() {
    let table = Table::new().await;
    let before = Timestamp::now();
    let mut definition = table.definition("0 9 * * 1", "Europe/Berlin");
    definition.group = Some("reports".parse().expect("a key"));
    definition.category = Some("news".parse().expect("a name"));
    definition.ttl_secs = Some(60);
    let id = table.create(&definition).await;
    let row = table.row(id).await;
    let stored = row.definition().expect("valid");
    assert_eq!(stored.recurrence, definition.recurrence);
    assert_eq!(stored.payload.get(), definition.payload.get());
    assert_eq!(
        (stored.group, stored.category, stored.ttl_secs),
        (definition.group, definition.category, Some(60))
    );
    assert_eq!(
        (stored.user_id, stored.channel),
        (table.user, definition.channel)
    );
    assert_eq!((row.sender.as_str(), row.grace_secs), ("billing", 3600));
    let next = row.next_at.expect("an occurrence");
    assert!(next > before);
    assert_eq!(
        Some(next),
        definition.recurrence.occurrences(before, 1).pop()
    );
}

#[tokio::test]
async fn concurrent_requests_do_not_exceed_the_limit_of_schedules() {
    let table = Table::new().await;
    let definition = table.definition("0 9 * * *", "UTC");
    table.create(&definition).await;
    let copy = "INSERT INTO schedules (id, sender, target_user_id, type, payload, cron, timezone, next_at)
                SELECT gen_random_uuid(), sender, target_user_id, type, payload, cron, timezone, next_at
                FROM schedules CROSS JOIN generate_series(1, 994)";
    assert_eq!(table.execute(copy).await, 994);
    let results = join_all((0..20).map(|_| table.try_create(of(&definition)))).await;
    let created = results
        .iter()
        .filter(|result| matches!(result, CreateResult::Created(_)));
    assert_eq!(created.count(), 5);
    let refused = results
        .iter()
        .filter(|result| **result == CreateResult::LimitReached);
    assert_eq!(refused.count(), 15);
    let mut other = definition.clone();
    other.sender = "shop".to_owned();
    table.create(&other).await;
    let count = table
        .db
        .pool
        .run(async |client| {
            let sql = "SELECT count(*) FROM schedules WHERE sender = 'billing'";
            Ok(client.query_one(sql, &[]).await?.get::<_, i64>(0))
        })
        .await;
    assert_eq!(count.expect("a count"), MAX_PER_SENDER);
}

#[tokio::test]
async fn requests_with_one_key_create_one_schedule() {
    let table = Table::new().await;
    let definition = table.definition("0 9 * * *", "UTC");
    let id = Uuid::new_v4();
    let with = |request: &str| NewSchedule {
        definition: &definition,
        key: Some(RequestKey {
            id,
            fingerprint: Fingerprint::of_json(request),
        }),
    };
    let results = join_all((0..8).map(|_| table.try_create(with(r#"{"a": 1, "b": 2}"#)))).await;
    let mut ids = Vec::new();
    let mut created = 0;
    for result in results {
        match result {
            CreateResult::Created(row) => {
                created += 1;
                ids.push(row.id);
            }
            CreateResult::Existing(row) => ids.push(row.id),
            other => panic!("{other:?}"),
        }
    }
    ids.dedup();
    assert_eq!((created, ids.len()), (1, 1));
    let reordered = table.try_create(with(r#"{"b":2,"a":1}"#)).await;
    assert!(
        matches!(reordered, CreateResult::Existing(_)),
        "{reordered:?}"
    );
    assert_eq!(
        table.try_create(with(r#"{"a": 1, "b": 3}"#)).await,
        CreateResult::KeyReused
    );
}

fn of(definition: &ScheduleDefinition) -> NewSchedule<'_> {
    NewSchedule {
        definition,
        key: None,
    }
}

#[tokio::test]
async fn a_schedule_needs_a_user_and_an_occurrence() {
    let table = Table::new().await;
    let mut definition = table.definition("0 9 * * *", "UTC");
    let ended = CronSchedule::new(
        definition.recurrence.pattern().clone(),
        definition.recurrence.timezone().clone(),
        None,
        Some(Timestamp::UNIX_EPOCH),
    );
    let right = std::mem::replace(&mut definition.recurrence, ended.expect("a period"));
    assert_eq!(table.try_create(of(&definition)).await, CreateResult::Never);
    definition.recurrence = right;
    definition.user_id = Uuid::now_v7().into();
    let unknown = table.try_create(of(&definition)).await;
    assert_eq!(unknown, CreateResult::UnknownUser);
}

#[tokio::test]
async fn schedules_are_listed_page_by_page_newest_first() {
    let table = Table::new().await;
    let mut definition = table.definition("0 9 * * *", "UTC");
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.push(table.create(&definition).await);
    }
    definition.sender = "shop".to_owned();
    let foreign = table.create(&definition).await;
    let page = async |filter: &ScheduleFilter, after, limit| {
        let page = table
            .db
            .pool
            .run(async |client| schedules::list(client, filter, after, limit).await)
            .await;
        page.expect("the query")
    };
    let mut filter = ScheduleFilter {
        scope: all(),
        state: None,
    };
    let (every, next) = page(&filter, None, 200).await;
    assert_eq!((every.len(), every[0].id, next), (6, foreign, None));
    filter.scope.sender = Some("billing".to_owned());
    let (mut listed, mut after) = (Vec::new(), None);
    loop {
        let (rows, next) = page(&filter, after, 2).await;
        listed.extend(rows.into_iter().map(|row| row.id));
        after = next;
        if after.is_none() {
            break;
        }
    }
    ids.reverse();
    assert_eq!(listed, ids);
    for (state, count) in [
        (ScheduleState::Active, 5),
        (ScheduleState::Paused, 0),
        (ScheduleState::Failed, 0),
    ] {
        filter.state = Some(state);
        assert_eq!(page(&filter, None, 200).await.0.len(), count, "{state:?}");
    }
    table
        .update_one(ids[2], "paused = true, reason = 'unknown_user: gone'")
        .await;
    let (failed, _) = page(&filter, None, 200).await;
    assert_eq!((failed.len(), failed[0].id), (1, ids[2]));
}
