//! The limits and the ends of streams.

use std::time::Instant;

use futures_util::future::join_all;
use jiff::Timestamp;
use serde_json::json;
use tidings_tests::{World, eventually_ok, secs, tokens};

use super::{open, own, try_open};

#[tokio::test]
async fn streams_are_limited_and_end_with_their_token_and_within_seconds_of_sigterm() {
    let world = World::new().await;
    let mut api = world.api().await;
    let client = own(&api.client(), world.user);
    let mut streams = Vec::new();
    for _ in 0..10 {
        streams.push(open(&client, "").await);
    }
    let refused = try_open(&client, "").await.err().expect("too many");
    refused.assert_error(503, "too_many_streams");
    let other = world.database.user().await;
    let mut of_other = open(&own(&client, other), "").await;
    drop(of_other.next().await);

    // A place becomes free when a client disconnects.
    streams.truncate(9);
    let again = eventually_ok(secs(40), "another stream opens", async || {
        try_open(&client, "").await.map_err(|answer| answer.text)
    });
    streams.push(again.await);

    // A token that expires ends its stream.
    let exp = Timestamp::now().as_second() + 2;
    let token = tokens::signed(&json!({"userId": other, "scope": "inbox", "exp": exp}));
    let mut expiring = open(&client.with_token(token), "").await;
    let events = expiring.until_end().await;
    assert!(
        events.iter().all(|event| event.name == "counts"),
        "{events:?}"
    );
    assert!(Timestamp::now().as_second() >= exp);

    let metrics = api.metrics().await;
    assert_eq!(metrics.sum("tidings_inbox_streams", &[]), 11);
    api.sigterm();
    let signalled = Instant::now();
    streams.push(of_other);
    let ends = join_all(streams.iter_mut().map(async |stream| {
        stream.until_end().await;
        signalled.elapsed()
    }));
    let mut ends = ends.await;
    let status = api.exit_within(secs(20)).await;
    assert_eq!(status.code(), Some(0));
    ends.sort_unstable();
    // At most 5 s, and not all at once: eleven equal times would need a reason.
    assert!(ends[10] < secs(15), "{ends:?}");
    assert!(ends[0] < ends[10], "{ends:?}");
}
