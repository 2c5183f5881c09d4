use rstest::rstest;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tidings_db::notifications::{self, ClaimRequest, ClaimResult, LeaseToken};
use tidings_domain::notification::{Channel, DeliveredChannel, Notification, Status};

use super::{LEASE, Table};

#[rstest]
#[case::off(&Value::Null, None, None)]
#[case::off_by_its_rule(&json!({"mode": "off", "windowSecs": 60}), Some("off"), None)]
#[case::of_the_category(&json!({"mode": "window", "windowSecs": 60}), None, Some("1 minute"))]
#[case::slower_one_chosen(&json!({"mode": "window", "windowSecs": 60}), Some("daily"), Some("day"))]
#[case::slower_category(&json!({"mode": "daily"}), Some("window"), Some("day"))]
#[case::only_chosen(&Value::Null, Some("window"), Some("1 hour"))]
#[case::unknown_mode(&json!({"mode": "hourly"}), None, None)]
#[tokio::test]
async fn the_slower_of_category_and_user_counts(
    #[case] rule: &Value,
    #[case] chosen: Option<&str>,
    #[case] closes: Option<&str>,
) {
    let table = Table::with(rule).await;
    if let Some(mode) = chosen {
        let digests = json!({"news": mode});
        table
            .execute(&format!(
                "INSERT INTO user_settings (user_id, digests, digest_at) VALUES ('{0}', '{digests}', '12:00');
                 UPDATE users SET timezone = 'Asia/Tokyo' WHERE id = '{0}'",
                table.user
            ))
            .await;
    }
    let first = table.notification();
    let status = table.record(&[&first]).await[0];
    let Some(closes) = closes else {
        assert_eq!(status, Status::Pending);
        assert!(table.digests().await.is_empty());
        return;
    };
    assert_eq!(status, Status::Scheduled);
    let digest = table.digest().await;
    let row = table.row(first.message_id).await;
    assert_eq!(row.digest_id, Some(digest.id));
    assert_eq!(
        (row.window.not_before, row.reason.as_deref()),
        (None, Some("digest"))
    );
    assert_eq!(row.digest_closes_at, Some(digest.closes_at));
    assert_eq!((digest.items, digest.status.as_str()), (1, "open"));
    let expected = match closes {
        "day" => "to_char(closes_at AT TIME ZONE 'Asia/Tokyo', 'HH24:MI:SS') = '12:00:00'
                  AND closes_at > opened_at AND closes_at <= opened_at + interval '1 day'"
            .to_owned(),
        wait => format!("closes_at = opened_at + interval '{wait}'"),
    };
    let sql = format!("SELECT count(*) FROM digests WHERE {expected}");
    let count: i64 = table.client.query_one(&sql, &[]).await.expect(&sql).get(0);
    assert_eq!(count, 1, "{digest:?}");
}

#[tokio::test]
async fn only_new_rows_are_added_and_only_to_digests_of_their_own_key() {
    let table = Table::new().await;
    table
        .category("alarm", "critical", &json!({"mode": "daily"}))
        .await;
    let of = |channel, payload: &str, category: Option<&str>| Notification {
        channel,
        payload: RawValue::from_string(payload.to_owned()).expect("JSON"),
        category: category.map(|name| name.parse().expect(name)),
        ..table.notification()
    };
    let item = table.notification();
    let keyed = Notification {
        digest_key: Some("order:7".parse().expect("a key")),
        ..table.notification()
    };
    let push = of(
        Channel::Push,
        r#"{"title": "a", "body": "b", "to": " "}"#,
        Some("news"),
    );
    // The number is no member of a push message.
    let numbered = of(Channel::Push, r#"{"phoneNumber": "1"}"#, Some("news"));
    // These are sent by themselves.
    let alone = [
        of(
            Channel::Sms,
            r#"{"text": "a", "phoneNumber": "+4915112345678"}"#,
            Some("news"),
        ),
        of(
            Channel::Email,
            r#"{"to": "anna@example.com"}"#,
            Some("news"),
        ),
        of(Channel::Webhook, r#"{"endpointId": "x"}"#, Some("news")),
        of(Channel::Sms, "{}", None),
        of(Channel::Sms, "{}", Some("alarm")),
        of(Channel::Sms, "{}", Some("gone")),
        Notification {
            user_id: None,
            ..of(Channel::Sms, r#"{"to": "+4915112345678"}"#, Some("news"))
        },
    ];
    let in_app = of(Channel::InApp, "{}", Some("news"));
    let mut batch = vec![&item, &keyed, &push, &numbered, &in_app];
    batch.extend(&alone);
    let statuses = table.record(&batch).await;
    assert_eq!(statuses[..4], [Status::Scheduled; 4]);
    assert_eq!(statuses[4], Status::Processed);
    assert!(
        statuses[5..]
            .iter()
            .all(|status| *status == Status::Pending),
        "{statuses:?}"
    );
    let digests = async || {
        let mut digests: Vec<(String, String, i32)> = table
            .digests()
            .await
            .into_iter()
            .map(|digest| (digest.channel, digest.key, digest.items))
            .collect();
        digests.sort();
        digests
    };
    let expected = [("push", "", 2), ("sms", "", 1), ("sms", "order:7", 1)];
    let expected =
        expected.map(|(channel, key, items)| (channel.to_owned(), key.to_owned(), items));
    assert_eq!(digests().await, expected);
    // A second copy of a message, alone and beside a new one.
    assert_eq!(table.record(&[&item]).await, [Status::Scheduled]);
    let new = table.notification();
    assert_eq!(table.record(&[&item, &new]).await, [Status::Scheduled; 2]);
    assert_eq!(digests().await[1].2, 2);

    // A message that comes late for an item ends: nothing else releases it.
    assert!(table.published().await.is_empty());
    let request = ClaimRequest {
        id: item.message_id,
        attempt: 0,
        token: LeaseToken::generate(),
    };
    let claims =
        notifications::claim(&*table.client, DeliveredChannel::Sms, &[request], LEASE).await;
    let claim = claims.expect("the query").remove(0);
    assert!(matches!(claim, ClaimResult::NotDue), "{claim:?}");
}

#[tokio::test]
async fn a_full_digest_is_due_at_once_and_the_next_one_begins_after_it() {
    let table = Table::with(&json!({"mode": "daily", "maxItems": 3})).await;
    table.items(2).await;
    assert!(table.due().await.is_empty());
    table.item().await;
    let full = table.digest().await;
    assert_eq!(table.due().await, [full.id]);
    // Until a scheduler closes it, it takes more.
    table.item().await;
    assert_eq!(table.digest().await.items, 4);
    assert_eq!(
        table.close(full.id).await,
        tidings_db::digests::CloseResult::Sent(4)
    );
    table.item().await;
    let digests = table.digests().await;
    assert_eq!(digests.len(), 2);
    assert_eq!((digests[1].items, digests[1].status.as_str()), (1, "open"));
}

impl Table {
    async fn due(&self) -> Vec<tidings_domain::notification::DigestId> {
        let due = tidings_db::digests::due(&*self.client, 10).await;
        due.expect("the query")
    }
}
