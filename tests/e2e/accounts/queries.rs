//! Queries whose results the API does not show.

use std::time::Duration;

use tidings_db::attempt_limits::{self, AttemptKey, AttemptPolicy};
use tidings_db::user_sessions::{self, EndReason, NewUserSession, RotateResult};
use tidings_domain::access::SessionId;
use tidings_tests::{ServerUrls, TestDatabase};

const POLICY: AttemptPolicy = AttemptPolicy {
    free: 3,
    first_block: Duration::from_secs(30),
    longest_block: Duration::from_secs(100),
    window: Duration::from_hours(1),
};

#[tokio::test]
async fn attempts_above_the_free_ones_block_for_a_time_that_doubles() {
    let db = TestDatabase::migrated(&ServerUrls::shared()).await;
    let client = db.pool.dedicated_client().await.expect("a connection");
    let key = AttemptKey {
        key: b"anna",
        network: "2001:db8::".parse().ok(),
    };
    let anywhere = AttemptKey {
        network: None,
        ..key
    };
    for (nth, secs) in [(1, 0), (2, 0), (3, 30), (4, 60), (5, 100), (6, 100)] {
        let counted = attempt_limits::count(&*client, key, POLICY).await;
        assert_eq!(counted.expect("counted"), nth);
        let blocked = attempt_limits::blocked_for(&*client, key)
            .await
            .expect("read");
        let blocked = blocked.unwrap_or_default().as_secs_f64();
        assert!((blocked - f64::from(secs)).abs() < 5.0, "{nth}: {blocked}");
    }
    assert_eq!(
        attempt_limits::blocked_for(&*client, anywhere).await.ok(),
        Some(None)
    );
    attempt_limits::forget(&*client, key)
        .await
        .expect("forgotten");
    assert_eq!(
        attempt_limits::blocked_for(&*client, key).await.ok(),
        Some(None)
    );

    let minute = Duration::from_mins(1);
    for allowed in [true, true, false, false] {
        let wait = attempt_limits::take(&*client, anywhere, 2, minute)
            .await
            .expect("taken");
        assert_eq!(wait.is_none(), allowed, "{wait:?}");
    }
    client
        .batch_execute("UPDATE attempt_limits SET since = now() - interval '61 s', last_at = now() - interval '25 h'")
        .await
        .expect("older");
    assert_eq!(attempt_limits::delete_old(&*client).await.ok(), Some(1));
    assert_eq!(
        attempt_limits::take(&*client, anywhere, 2, minute)
            .await
            .ok(),
        Some(None)
    );
}

#[tokio::test]
async fn a_session_ends_once_and_is_known_as_ended_for_a_while() {
    let db = TestDatabase::migrated(&ServerUrls::shared()).await;
    let client = db.pool.dedicated_client().await.expect("a connection");
    let (user, other) = (db.user().await, db.user().await);
    let new = NewUserSession {
        id: SessionId::new(),
        user,
        seed: &[7; 32],
        lifetime: Duration::from_hours(1),
        ip: "::ffff:192.0.2.1".parse().ok(),
        user_agent: Some("curl/8\0"),
    };
    let created = user_sessions::create(&*client, new).await.expect("created");
    assert_eq!(created.generation, 1);
    assert_eq!(created.ip, "192.0.2.1".parse().ok());
    let hour = Duration::from_hours(1);
    let listed = user_sessions::list(&*client, user, hour)
        .await
        .expect("listed");
    assert_eq!(
        listed.iter().map(|one| one.id).collect::<Vec<_>>(),
        [created.id]
    );
    // A generation that has not come.
    let early = user_sessions::rotate(&*client, created.id, 2, hour, hour).await;
    assert_eq!(early.expect("asked"), RotateResult::Ended);
    for (owner, ended) in [(other, false), (user, true), (user, false)] {
        let end = user_sessions::end(&*client, owner, created.id, EndReason::Revoked).await;
        assert_eq!(end.expect("ended"), ended);
    }
    let rotated = user_sessions::rotate(&*client, created.id, 1, hour, hour).await;
    assert_eq!(rotated.expect("asked"), RotateResult::Ended);
    assert_eq!(
        user_sessions::list(&*client, user, hour)
            .await
            .expect("listed"),
        []
    );
    let recently = async |age| {
        user_sessions::ended_recently(&*client, age)
            .await
            .expect("asked")
    };
    assert_eq!(recently(hour).await, [created.id]);
    client
        .batch_execute("UPDATE sessions SET ended_at = now() - interval '21 min'")
        .await
        .expect("older");
    assert_eq!(recently(Duration::from_mins(20)).await, []);
}
