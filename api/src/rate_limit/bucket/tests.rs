use std::num::NonZeroU32;

use proptest::prelude::*;

use super::*;

const SECOND: Nanos = 1_000_000_000;

fn rate(requests: u32) -> Rate {
    Rate::per_minute(NonZeroU32::new(requests).expect("not 0"))
}

/// The row in PostgreSQL: what `rate_buckets::lease` does.
#[derive(Default)]
struct Row {
    time: Nanos,
}

impl Row {
    fn lease(&mut self, rate: Rate, request: &LeaseRequest, now: Nanos) -> Lease {
        let free = rate.available(self.time, now);
        let granted = request.wanted.min(free.saturating_sub(request.admitted));
        self.time = rate.charged(self.time, request.admitted + granted, now);
        Lease {
            granted,
            refilled_in: Duration::from_nanos(self.time - now),
        }
    }
}

fn renew(bucket: &mut Bucket, row: &mut Row, now: Nanos) {
    let request = bucket.lease_request(Uuid::nil(), now);
    let asked = bucket.uncharged();
    bucket.apply(asked, row.lease(bucket.rate, &request, now), now);
}

#[test]
fn the_first_request_needs_no_lease_and_asks_for_one() {
    let (mut bucket, mut row) = (Bucket::new(rate(600)), Row::default());
    assert_eq!(bucket.take(SECOND), Ok(()));
    assert!(bucket.begins_renewal());
    assert!(!bucket.begins_renewal(), "once");
    renew(&mut bucket, &mut row, SECOND);
    assert_eq!((bucket.leased, bucket.uncharged), (30, 0));
    assert_eq!(bucket.remaining(SECOND).requests, 59);
    assert!(!bucket.begins_renewal());
    for _ in 0..15 {
        assert_eq!(bucket.take(SECOND), Ok(()));
    }
    assert!(bucket.begins_renewal(), "at half");
    let request = bucket.lease_request(Uuid::nil(), SECOND);
    assert_eq!((request.admitted, request.wanted), (0, 15));
}

#[test]
fn a_process_that_dies_loses_one_lease_at_most() {
    let (mut one, mut row) = (Bucket::new(rate(600)), Row::default());
    let mut admitted = 0;
    for _ in 0..7 {
        admitted += u32::from(one.take(0).is_ok());
        if one.begins_renewal() {
            renew(&mut one, &mut row, 0);
        }
    }
    let lost = one.leased;
    assert!(lost <= one.rate.lease());
    let mut other = Bucket::new(rate(600));
    // Asks after each request.
    while other.take(0).is_ok() {
        admitted += 1;
        renew(&mut other, &mut row, 0);
    }
    assert!(admitted >= 60 - lost, "{admitted}, {lost} lost");
    assert!(admitted <= 61, "{admitted}");
}

#[test]
fn without_postgresql_a_process_grants_the_full_limit_and_owes_no_more_than_two_bursts() {
    let mut bucket = Bucket::new(rate(600));
    let mut admitted = 0;
    for tenth in 0..36_000 {
        let now = tenth * SECOND / 10;
        while bucket.take(now).is_ok() {
            admitted += 1;
        }
    }
    assert_eq!(admitted, 60 + 35_999, "an hour");
    let request = bucket.lease_request(Uuid::nil(), 3600 * SECOND);
    assert!(request.admitted <= 120, "{request:?}");
}

#[test]
fn the_debt_of_a_batch_reaches_the_bucket() {
    let (mut bucket, mut row) = (Bucket::new(rate(600)), Row::default());
    assert_eq!(bucket.take(0), Ok(()));
    renew(&mut bucket, &mut row, 0);
    bucket.charge(999, 0);
    assert_eq!(bucket.take(0), Err(Duration::from_millis(94_100)));
    renew(&mut bucket, &mut row, 0);
    assert_eq!(row.time, 100 * SECOND);
    let mut other = Bucket::new(rate(600));
    assert_eq!(other.take(0), Ok(()), "it has heard nothing");
    renew(&mut other, &mut row, 0);
    assert!(other.take(94 * SECOND).is_err());
}

#[test]
fn leases_lapse_when_the_bucket_is_full() {
    let (mut bucket, mut row) = (Bucket::new(rate(600)), Row::default());
    assert_eq!(bucket.take(0), Ok(()));
    renew(&mut bucket, &mut row, 0);
    let later = 4 * SECOND;
    assert_eq!(bucket.remaining(later).requests, 60);
    assert!(bucket.is_full(later));
    assert_eq!(bucket.take(later), Ok(()));
    assert_eq!((bucket.leased, bucket.uncharged), (0, 1));
}

proptest! {
    /// Three processes that a caller floods, whatever the order of requests and answers.
    #[test]
    fn processes_together_admit_what_the_limit_allows_and_what_is_not_charged(
        requests in 60_u32..100_000,
        steps in proptest::collection::vec((0_usize..3, any::<bool>(), 0_u64..SECOND / 5), 1..400),
    ) {
        let rate = rate(requests);
        let mut row = Row::default();
        let mut buckets = [Bucket::new(rate); 3];
        let (mut now, mut admitted) = (0, 0_u64);
        for (process, answers, pause) in steps {
            now += pause;
            let bucket = &mut buckets[process];
            admitted += u64::from(bucket.take(now).is_ok());
            if answers || bucket.uncharged() >= rate.burst() {
                renew(bucket, &mut row, now);
            }
            let uncharged: u64 = buckets.iter().map(|one| u64::from(one.uncharged())).sum();
            let allowed = u64::from(rate.burst()) + now / rate.period() + 1;
            // What processes admit before they hear of each other: at first, and while they hear nothing.
            prop_assert!(admitted <= allowed + uncharged + 4 * u64::from(rate.burst()));
        }
        // Everything is charged in the end, so that the excess is repaid.
        for bucket in &mut buckets {
            renew(bucket, &mut row, now);
        }
        prop_assert!(row.time >= rate.time_of(u32::try_from(admitted).expect("few")).saturating_sub(rate.period()));
    }
}
