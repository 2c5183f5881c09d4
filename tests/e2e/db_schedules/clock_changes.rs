use jiff::{SignedDuration, Timestamp};
use rstest::rstest;

use super::{Table, at};

/// Lets the schedulers look every 20 minutes from `from` to `to`, a few seconds late.
async fn run_from_to(table: &Table, from: Timestamp, to: Timestamp) {
    let mut now = from + SignedDuration::from_secs(7);
    while now < to {
        table.tick_at(now).await;
        now += SignedDuration::from_mins(20);
    }
}

/// At half past two every night, around the clock changes of 2027: the clock jumps over that time (it runs at the first
/// instant after the gap), or shows it twice (it runs at the first).
#[rstest]
#[case::berlin_jumps("Europe/Berlin", "2027-03-27T00:00:00Z", &["2027-03-27T01:30:00Z", "2027-03-28T01:00:00Z", "2027-03-29T00:30:00Z"])]
#[case::berlin_goes_back("Europe/Berlin", "2027-10-30T00:00:00Z", &["2027-10-30T00:30:00Z", "2027-10-31T00:30:00Z", "2027-11-01T01:30:00Z"])]
#[case::new_york_jumps("America/New_York", "2027-03-13T00:00:00Z", &["2027-03-13T07:30:00Z", "2027-03-14T07:00:00Z", "2027-03-15T06:30:00Z"])]
#[case::new_york_goes_back("America/New_York", "2027-11-06T00:00:00Z", &["2027-11-06T06:30:00Z", "2027-11-07T07:30:00Z", "2027-11-08T07:30:00Z"])]
#[case::sydney_goes_back("Australia/Sydney", "2027-04-02T12:00:00Z", &["2027-04-02T15:30:00Z", "2027-04-03T15:30:00Z", "2027-04-04T16:30:00Z"])]
#[case::sydney_jumps("Australia/Sydney", "2027-10-01T12:00:00Z", &["2027-10-01T16:30:00Z", "2027-10-02T16:00:00Z", "2027-10-03T15:30:00Z"])]
#[tokio::test]
async fn a_daily_schedule_runs_once_each_day_over_a_clock_change(
    #[case] zone: &str,
    #[case] from: &str,
    #[case] expected: &[&str],
) {
    let table = Table::new().await;
    let daily = table.definition("30 2 * * *", zone);
    let first = daily.recurrence.first(at(from)).expect("one");
    let id = table.create(&daily).await;
    table.update_one(id, &format!("next_at = '{first}'")).await;
    run_from_to(&table, at(from), at(from) + SignedDuration::from_hours(72)).await;
    let expected: Vec<_> = expected.iter().map(|text| at(text)).collect();
    assert_eq!(table.occurrences().await, expected);
    assert_eq!(table.row(id).await.skipped, 0);
}

/// New York repeats the hour from one to two: half past one runs once, and every hour runs in each of the two.
#[tokio::test]
async fn an_interval_keeps_its_distance_while_the_clock_repeats_an_hour() {
    let table = Table::new().await;
    let from = at("2027-11-07T04:10:00Z");
    for (cron, expected) in [("30 1 * * *", 1), ("30 * * * *", 4)] {
        let definition = table.definition(cron, "America/New_York");
        let first = definition.recurrence.first(from).expect("one");
        let id = table.create(&definition).await;
        table.update_one(id, &format!("next_at = '{first}'")).await;
        run_from_to(&table, from, from + SignedDuration::from_hours(4)).await;
        assert_eq!(table.occurrences().await.len(), expected, "{cron}");
        assert_eq!(
            table.execute("DELETE FROM notifications").await,
            u64::try_from(expected).expect("few")
        );
        assert_eq!(table.execute("DELETE FROM schedules").await, 1);
    }
}
