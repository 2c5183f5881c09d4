use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures_util::{StreamExt, stream};
use serde_json::{Value, json};
use tidings_domain::notification::{Channel, UserId};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::amqp::Amqp;
use crate::client::Client;
use crate::poll::{eventually_ok, secs};
use crate::program::Program;
use crate::world::{World, notification};

/// How many requests a poster makes. What is lost in an outage does not depend on it, but what a test takes of the
/// machine from those beside it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// At most 12 a second.
    Steady,
    /// At most 50 a second, so that with many posters some requests are in flight whenever a server is killed.
    Fast,
}

impl Pace {
    /// Minimum time between two requests of a poster.
    const fn period(self) -> Duration {
        match self {
            Self::Steady => Duration::from_millis(80),
            Self::Fast => Duration::from_millis(20),
        }
    }
}

/// Minimum time after a request that was not accepted: during an outage, posters must not take the CPU from a
/// server that is starting.
const PERIOD_OF_REFUSED: Duration = Duration::from_millis(200);

/// The result of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PostOutcome {
    /// 202, with the message id.
    Accepted(Uuid),
    /// 503 `broker_unavailable`, with `Retry-After`.
    Refused,
    /// No response: the notification may have been accepted or not.
    Nothing,
}

/// A notification that was posted, with its number in its payload.
#[derive(Clone, Copy, Debug)]
pub struct Post {
    /// Unique for each request.
    pub number: u64,
    /// When the request began.
    pub began: Instant,
    /// How long the request took.
    pub took: Duration,
    /// The result.
    pub outcome: PostOutcome,
}

impl Post {
    async fn send(client: &Client, user: UserId, number: u64) -> Self {
        let mut body = notification(user, Channel::InApp);
        body["payload"] = payload(number);
        let began = Instant::now();
        let answer = client.try_post(&body).await;
        let took = began.elapsed();
        let outcome = match answer {
            Err(_) => PostOutcome::Nothing,
            Ok(answer) if answer.status == 202 => {
                PostOutcome::Accepted(answer.accepted().as_uuid())
            }
            Ok(answer) => {
                answer.assert_error(503, "broker_unavailable");
                let after = answer.header("Retry-After").parse::<u32>();
                assert!(after.is_ok_and(|secs| secs > 0), "{:?}", answer.headers);
                PostOutcome::Refused
            }
        };
        Self {
            number,
            began,
            took,
            outcome,
        }
    }
}

fn payload(number: u64) -> Value {
    json!({"number": number, "title": "Your order has shipped!"})
}

/// Clients that post until they are stopped, even while the API is down, and store each result.
pub struct Load {
    posters: JoinSet<()>,
    posts: Arc<Mutex<Vec<Post>>>,
    stop: CancellationToken,
}

impl Load {
    /// Starts `posters` clients of `api`, each of which posts for `user` at this pace.
    #[must_use]
    pub fn start(api: &Program, user: UserId, posters: usize, pace: Pace) -> Self {
        let mut load = Self {
            posters: JoinSet::new(),
            posts: Arc::default(),
            stop: CancellationToken::new(),
        };
        let next = Arc::new(AtomicU64::new(0));
        for _ in 0..posters {
            let (client, next) = (api.client(), Arc::clone(&next));
            let (posts, stop) = (Arc::clone(&load.posts), load.stop.clone());
            load.posters.spawn(async move {
                let mut tick = interval(pace.period());
                tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
                while stop.run_until_cancelled(tick.tick()).await.is_some() {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let post = Post::send(&client, user, number).await;
                    posts.lock().expect("not poisoned").push(post);
                    if !matches!(post.outcome, PostOutcome::Accepted(_)) {
                        tick.reset_after(PERIOD_OF_REFUSED);
                    }
                }
            });
        }
        load
    }

    /// Returns the number of accepted requests that began at `since` or later.
    #[must_use]
    pub fn accepted_since(&self, since: Instant) -> usize {
        self.count(|post| post.began >= since && matches!(post.outcome, PostOutcome::Accepted(_)))
    }

    /// Returns the number of refused requests that began at `since` or later.
    #[must_use]
    pub fn refused_since(&self, since: Instant) -> usize {
        self.count(|post| post.began >= since && post.outcome == PostOutcome::Refused)
    }

    fn count(&self, wanted: impl Fn(&Post) -> bool) -> usize {
        let posts = self.posts.lock().expect("not poisoned");
        posts.iter().filter(|post| wanted(post)).count()
    }

    /// Waits until `n` requests that begin from now on have been accepted.
    pub async fn until_accepted(&self, limit: Duration, n: usize) {
        let since = Instant::now();
        eventually_ok(limit, "the API accepts", async || {
            let accepted = self.accepted_since(since);
            let refused = || self.refused_since(since);
            (accepted >= n)
                .then_some(())
                .ok_or_else(|| format!("{accepted} of {n} accepted, {} refused", refused()))
        })
        .await;
    }

    /// Waits until `n` requests that begin from now on have been refused. Checks that none was accepted.
    pub async fn until_refused(&self, limit: Duration, n: usize) {
        let since = Instant::now();
        eventually_ok(limit, "the API refuses", async || {
            let refused = self.refused_since(since);
            assert_eq!(self.accepted_since(since), 0, "accepted without a broker");
            (refused >= n)
                .then_some(())
                .ok_or_else(|| format!("{refused} of {n} refused"))
        })
        .await;
    }

    /// Stops all clients after their current request.
    pub async fn stop(mut self) -> Posted {
        self.stop.cancel();
        while let Some(ended) = self.posters.join_next().await {
            ended.expect("a client got an unexpected response");
        }
        let posts = self.posts.lock().expect("not poisoned").clone();
        Posted(posts)
    }
}

/// All requests of a load.
#[derive(Clone, Debug)]
pub struct Posted(pub Vec<Post>);

impl Posted {
    /// Posts `n` notifications as fast as possible.
    pub async fn all_at_once(api: &Program, user: UserId, n: u64) -> Self {
        let client = api.client();
        let post = |number| Post::send(&client, user, number);
        let posting = stream::iter(0..n).map(post).buffer_unordered(64);
        Self(posting.collect().await)
    }

    /// Returns the message ids that were answered with 202, by the notification's number.
    #[must_use]
    pub fn accepted(&self) -> BTreeMap<u64, Uuid> {
        let accepted = self.0.iter().filter_map(|post| match post.outcome {
            PostOutcome::Accepted(id) => Some((post.number, id)),
            PostOutcome::Refused | PostOutcome::Nothing => None,
        });
        accepted.collect()
    }

    /// Returns the number of requests with this result.
    #[must_use]
    pub fn count(&self, outcome: PostOutcome) -> usize {
        self.0.iter().filter(|post| post.outcome == outcome).count()
    }

    /// Checks that no request took longer.
    pub fn assert_answered_within(&self, limit: Duration) {
        let slowest = self.0.iter().max_by_key(|post| post.took);
        let slowest = slowest.expect("there were requests");
        assert!(slowest.took <= limit, "{slowest:?}");
    }

    /// Returns the longest time between two 202s.
    #[must_use]
    pub fn longest_gap(&self) -> Duration {
        let accepted = self.0.iter();
        let accepted = accepted.filter(|post| matches!(post.outcome, PostOutcome::Accepted(_)));
        let mut answered: Vec<_> = accepted.map(|post| post.began + post.took).collect();
        answered.sort_unstable();
        let gaps = answered.windows(2).map(|pair| pair[1] - pair[0]);
        gaps.max().unwrap_or_default()
    }

    /// Waits until the worker has recorded everything, stops it, and checks the result: every 202 has one row with
    /// the posted payload, no notification has two rows, every row was posted, and no message was retried, became a
    /// dead letter or is left in a queue.
    pub async fn assert_recorded_once(&self, world: &World, worker: &mut Program) {
        let accepted = self.accepted();
        assert!(!accepted.is_empty());
        let amqp = world.amqp().await;
        // The depth of the queue would not count messages that the worker has, so a last message is published:
        // a queue keeps its order.
        let last = world.wire();
        amqp.publish(amqp.intake_of(&last)).await;
        let is_last = format!("message_id = '{}'", last.message_id);
        eventually_ok(
            secs(120),
            "the last message is recorded",
            async || match world.database.try_count(&is_last).await {
                Ok(1) => Ok(()),
                Ok(_) => Err(format!("{} waiting", amqp.intake_depth().await)),
                Err(error) => Err(error.to_string()),
            },
        )
        .await;
        // A batch that fails is held and tried again while later ones are recorded, and a worker that is told to
        // stop returns it to the queue.
        eventually_ok(secs(60), "everything accepted is recorded", async || {
            let recorded = world.database.try_message_ids_where("true").await;
            let recorded = BTreeSet::from_iter(recorded.map_err(|error| error.to_string())?);
            let missing: Vec<_> = accepted
                .values()
                .filter(|id| !recorded.contains(id))
                .collect();
            if missing.is_empty() {
                return Ok(());
            }
            let (count, left) = (missing.len(), left(&amqp).await);
            Err(format!(
                "{count} are not, such as {}; left in queues: {left:?}",
                missing[0]
            ))
        })
        .await;
        worker.until_ready().await;
        worker.stop().await;

        let rows = self.rows(world, last.message_id.as_uuid()).await;
        for (number, id) in &accepted {
            assert_eq!(rows.get(number), Some(id), "notification {number}");
        }
        // What was recorded while the answer was lost is held and tried again. A stop returns it to the queue, and the next
        // worker finds its rows.
        eventually_ok(secs(60), "nothing is left in queues", async || {
            let left = left(&amqp).await;
            if left.is_empty() {
                return Ok(());
            }
            worker.start_again().await;
            worker.until_ready().await;
            worker.stop().await;
            Err(format!("{left:?}"))
        })
        .await;
    }

    /// Returns the message ids of all rows except `last`, by the number in their payload. Checks that each was
    /// posted and has one row.
    async fn rows(&self, world: &World, last: Uuid) -> BTreeMap<u64, Uuid> {
        let sql = "SELECT message_id, payload FROM notifications
                   WHERE status = 'processed' AND retries_attempted = 0";
        let client = world
            .database
            .pool
            .dedicated_client()
            .await
            .expect("a connection");
        let found = client.query(sql, &[]).await.expect("rows");
        let all = world.database.count("true").await;
        assert_eq!(i64::try_from(found.len()), Ok(all), "all are processed");
        let found = found.iter().map(|row| (row.get(0), row.get(1)));
        let mut rows = BTreeMap::new();
        for (id, its_payload) in found.filter(|(id, _): &(Uuid, Value)| *id != last) {
            let number = its_payload["number"].as_u64().unwrap_or(u64::MAX);
            assert_eq!(its_payload, payload(number), "the payload as it was posted");
            let other = rows.insert(number, id);
            assert_eq!(other, None, "notification {number} has two rows: {id}");
        }
        let posted: BTreeSet<_> = self.0.iter().map(|post| post.number).collect();
        let unknown: Vec<_> = rows.keys().filter(|n| !posted.contains(n)).collect();
        assert!(unknown.is_empty(), "not posted: {unknown:?}");
        rows
    }
}

/// Returns the queues of the intake that hold messages, and how many.
async fn left(amqp: &Amqp) -> Vec<(String, u32)> {
    let (names, ladder) = (&amqp.settings.names, &amqp.settings.ladder);
    let mut queues = vec![names.queue.clone(), names.dlq.clone()];
    queues.extend((1..=ladder.max).map(|n| names.retry_queue(ladder, n)));
    let mut left = Vec::new();
    for queue in queues {
        let depth = amqp.depth(&queue).await;
        if depth > 0 {
            left.push((queue, depth));
        }
    }
    left
}
