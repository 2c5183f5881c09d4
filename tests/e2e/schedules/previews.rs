use rstest::rstest;
use serde_json::{Value, json};
use tidings_tests::World;

use super::create;

/// Both clock changes of 2027, at half past two: a time that the clock skips is the first instant after it, and one that
/// occurs twice is the first of the two.
#[rstest]
#[case("Europe/Berlin", "2027-03-27", &["2027-03-27T01:30:00Z", "2027-03-28T01:00:00Z", "2027-03-29T00:30:00Z"])]
#[case("Europe/Berlin", "2027-10-30", &["2027-10-30T00:30:00Z", "2027-10-31T00:30:00Z", "2027-11-01T01:30:00Z"])]
#[case("America/New_York", "2027-03-13", &["2027-03-13T07:30:00Z", "2027-03-14T07:00:00Z", "2027-03-15T06:30:00Z"])]
#[case("America/New_York", "2027-11-06", &["2027-11-06T06:30:00Z", "2027-11-07T07:30:00Z", "2027-11-08T07:30:00Z"])]
#[case("Australia/Sydney", "2027-04-03", &["2027-04-02T15:30:00Z", "2027-04-03T15:30:00Z", "2027-04-04T16:30:00Z"])]
#[case("Australia/Sydney", "2027-10-02", &["2027-10-01T16:30:00Z", "2027-10-02T16:00:00Z", "2027-10-03T15:30:00Z"])]
#[tokio::test]
async fn a_preview_shows_what_happens_at_clock_changes(
    #[case] zone: &str,
    #[case] day: &str,
    #[case] expected: &[&str],
) {
    let (world, api) = World::shared().await;
    let client = api.client();
    let start = json!({"local": format!("{day}T00:00"), "timezone": zone});
    let more = json!({"cron": "30 2 * * *", "timezone": zone, "startsAt": start});
    let (path, created) = create(&client, world.user, &more).await;
    let preview = client.get(&format!("{path}/preview?count=3")).await;
    assert_eq!(preview.status, 200, "{}", preview.text);
    assert_eq!(preview.body, json!({"occurrences": expected}));
    assert_eq!(created["nextAt"], expected[0]);
}

#[tokio::test]
async fn a_preview_has_ten_occurrences_by_default_and_500_at_most() {
    let (world, api) = World::shared().await;
    let client = api.client();
    let (path, created) = create(&client, world.user, &json!({"cron": "0 0 29 2 *"})).await;
    let count = async |query: &str| {
        let answer = client.get(&format!("{path}/preview{query}")).await;
        let occurrences = answer.body["occurrences"].as_array();
        occurrences.expect("occurrences").len()
    };
    assert_eq!(count("").await, 10);
    assert_eq!(count("?count=500").await, 500);
    let first = client.get(&format!("{path}/preview?count=1")).await;
    assert_eq!(first.body["occurrences"][0], created["nextAt"]);
    let refused = client.get(&format!("{path}/preview?count=501")).await;
    refused.assert_error(400, "invalid_query");
    let bounded = json!({"cron": "0 9 * * *", "startsAt": "2099-12-30T00:00:00Z", "endsAt": "2099-12-31T23:00:00Z"});
    let (path, _) = create(&client, world.user, &bounded).await;
    let all = client.get(&format!("{path}/preview")).await;
    let all = all.body["occurrences"].as_array().map(Vec::len);
    assert_eq!(all, Some(2), "until it ends");
    let Value::String(next) = &created["nextAt"] else {
        panic!("{created}");
    };
    assert!(next.contains("-02-"), "{next}");
}
