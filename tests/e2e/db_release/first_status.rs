use rstest::rstest;
use tidings_domain::notification::Channel;
use tidings_domain::time::DeliveryWindow;

use super::{HOUR, Table, expiring, later};

#[rstest]
#[case::later(later(HOUR), "scheduled", "scheduled")]
#[case::in_the_past(later(-HOUR), "pending", "processed")]
#[case::may_expire(expiring(HOUR), "pending", "processed")]
#[case::expired(expiring(-HOUR), "expired", "expired")]
#[case::at_once(DeliveryWindow::default(), "pending", "processed")]
#[tokio::test]
async fn the_times_of_a_notification_decide_about_its_first_status(
    #[case] window: DeliveryWindow,
    #[case] delivered: &str,
    #[case] in_app: &str,
) {
    let table = Table::new().await;
    for (channel, expected) in [(Channel::Sms, delivered), (Channel::InApp, in_app)] {
        let id = table.record(channel, window).await;
        let row = table.row(id).await;
        assert_eq!(row.status, expected, "{channel}");
        assert_eq!(row.processed_at.is_some(), expected == "processed");
    }
    let kept =
        "sender = 'orders' AND (status = 'scheduled') = (reason IS NOT DISTINCT FROM 'schedule')";
    assert_eq!(table.db.count(kept).await, 2);
}
