//! The rate limits that the processes of the API share.

use std::time::Duration;

use futures_util::future::join_all;
use tidings_db::rate_buckets::{self, Lease, LeaseRequest};
use tidings_tests::{ServerUrls, TestDatabase};
use uuid::Uuid;

/// One request a minute is refilled, so that the duration of the test does not count.
const PERIOD: Duration = Duration::from_mins(1);

struct Table {
    db: TestDatabase,
    key: Uuid,
}

impl Table {
    async fn lease(&self, admitted: u32, wanted: u32) -> Lease {
        let request = LeaseRequest {
            key: self.key,
            period: PERIOD,
            burst: 60,
            admitted,
            wanted,
        };
        let leased = self
            .db
            .pool
            .run(async |client| rate_buckets::lease(client, &request).await);
        leased.await.expect("the query")
    }
}

fn minutes(lease: Lease) -> u64 {
    (lease.refilled_in + Duration::from_secs(30)).as_secs() / 60
}

#[tokio::test]
async fn a_lease_takes_what_is_left_and_charges_what_was_admitted_even_as_a_debt() {
    let db = TestDatabase::migrated(&ServerUrls::shared()).await;
    let table = Table {
        db,
        key: Uuid::new_v4(),
    };
    let first = table.lease(1, 30).await;
    assert_eq!((first.granted, minutes(first)), (30, 31));
    let second = table.lease(2, 30).await;
    assert_eq!((second.granted, minutes(second)), (27, 60), "the rest");
    let third = table.lease(5, 30).await;
    assert_eq!((third.granted, minutes(third)), (0, 65), "a debt");
    let other = Table {
        key: Uuid::new_v4(),
        ..table
    };
    let debt = other.lease(100, 30).await;
    assert_eq!((debt.granted, minutes(debt)), (0, 100), "of a new caller");

    // Several processes at the same time.
    let shared = Table {
        key: Uuid::new_v4(),
        ..other
    };
    let leases = join_all((0..8).map(|_| shared.lease(0, 10))).await;
    let granted: u32 = leases.iter().map(|lease| lease.granted).sum();
    assert_eq!(granted, 60);

    let delete = || {
        let deleting = shared
            .db
            .pool
            .run(async |client| rate_buckets::delete_refilled(client).await);
        async { deleting.await.expect("the query") }
    };
    assert_eq!(delete().await, 0);
    let past = "UPDATE rate_buckets SET tat = now() - interval '1 second' WHERE key = $1";
    let changed = shared
        .db
        .pool
        .run(async |client| Ok(client.execute(past, &[&shared.key]).await?));
    assert_eq!(changed.await.expect("the row"), 1);
    assert_eq!(delete().await, 1);
    assert_eq!(shared.lease(0, 60).await.granted, 60, "like a new one");
}
