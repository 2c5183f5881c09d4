use std::convert::Infallible;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_web::body::{BodySize, MessageBody};
use bytes::{Bytes, BytesMut};
use futures_util::future::LocalBoxFuture;
use futures_util::stream::{LocalBoxStream, unfold};
use futures_util::{FutureExt, StreamExt};
use jiff::Timestamp;
use tidings_db::Database;
use tidings_db::inbox::{self, SeenPosition};
use tidings_http::Connection;
use tokio::time::{Instant, Sleep, sleep, sleep_until};

use super::hub::{Registration, TooManyStreams};
use super::{Inboxes, StreamGrant, event};
use crate::accounts::{AccountsState, InvalidUserToken};
use crate::auth::keys::ApiKeys;
use crate::error::ApiError;

/// The longest time of a stream. Its client connects again.
const MAX_TIME: Duration = Duration::from_hours(1);

/// Time between two keep-alives. Proxies close connections that are silent for longer.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// What a stream needs.
pub struct StreamContext<'a> {
    pub inboxes: &'a Inboxes,
    pub database: &'a Database,
    pub accounts: Option<Arc<AccountsState>>,
    pub api_keys: ApiKeys,
    pub connection: Option<Rc<Connection>>,
}

impl From<TooManyStreams> for ApiError {
    fn from(error: TooManyStreams) -> Self {
        let (message, cause) = match error {
            TooManyStreams::OfUser => (
                "The user has too many streams; close one, or try again",
                "the limit of streams of a user",
            ),
            TooManyStreams::OfProcess => (
                "There are too many streams; try again",
                "the limit of streams of a process",
            ),
        };
        Self::unavailable("too_many_streams", message, cause)
    }
}

/// Opens a stream that continues after `from`. It registers first and reads then, so that nothing between is missed.
///
/// # Errors
///
/// Returns 503 if there are too many streams or the database is unavailable.
pub async fn open(
    context: StreamContext<'_>,
    grant: StreamGrant,
    from: Option<SeenPosition>,
) -> Result<impl MessageBody + use<>, ApiError> {
    let inboxes = context.inboxes;
    let registration = inboxes.hub.register(grant.user, grant.reader)?;
    let start = inbox::start_stream(context.database, grant.user, from.as_ref()).await?;
    registration.begin_at(&start.position, start.news.unread.next_expiry);
    let before = from.as_ref().unwrap_or(&start.position);
    let mut first = BytesMut::from(event::beginning(retry_ms()).as_ref());
    let (news, position) = (&start.news, &start.position);
    let mut events = event::of_news(news, grant.reader, &inboxes.timezone, before, position)?;
    // Before the counts, and also if there is no notification, so that a client that reconnects names a position.
    events.insert(
        events.len().saturating_sub(1),
        event::position(&start.position),
    );
    first.extend(events.into_iter().flatten());
    let connection = context.connection.clone();
    let stream = Stream::new(context, grant, registration, first.freeze());
    let chunks = unfold(stream, |mut stream| async move {
        let chunk = stream.next().await?;
        Some((chunk, stream))
    });
    Ok(StreamBody {
        chunks: chunks.boxed_local(),
        connection,
        has_begun: false,
    })
}

/// When a stream ends at the latest.
fn deadline(until: Option<Timestamp>) -> Instant {
    let rest = until.map(|until| until.duration_since(Timestamp::now()));
    let rest = rest.map(|rest| Duration::try_from(rest).unwrap_or_default());
    Instant::now() + rest.map_or(MAX_TIME, |rest| rest.min(MAX_TIME))
}

/// Waits until the stream ends because the program stops: not at the same time as others.
fn ending(inboxes: &Inboxes) -> impl Future<Output = ()> + use<> {
    let (ending, spread) = (inboxes.ending.clone(), inboxes.spread);
    async move {
        ending.cancelled().await;
        sleep(spread.mul_f64(random_fraction())).await;
    }
}

/// How long a client waits before it connects again, so that not all do it at once.
fn retry_ms() -> u64 {
    let more = Duration::from_secs(6).mul_f64(random_fraction());
    2000 + u64::try_from(more.as_millis()).unwrap_or(0)
}

/// A number from 0 to 1. Nothing depends on its quality.
fn random_fraction() -> f64 {
    f64::from(getrandom::u32().unwrap_or(u32::MAX / 2)) / f64::from(u32::MAX)
}

/// A stream that is open.
struct Stream {
    first: Option<Bytes>,
    grant: StreamGrant,
    accounts: Option<Arc<AccountsState>>,
    api_keys: ApiKeys,
    registration: Registration,
    deadline: LocalBoxFuture<'static, ()>,
    ending: LocalBoxFuture<'static, ()>,
    keep_alive: Pin<Box<Sleep>>,
}

impl Stream {
    fn new(
        context: StreamContext<'_>,
        grant: StreamGrant,
        registration: Registration,
        first: Bytes,
    ) -> Self {
        Self {
            first: Some(first),
            deadline: sleep_until(deadline(grant.until)).boxed_local(),
            ending: ending(context.inboxes).boxed_local(),
            keep_alive: Box::pin(sleep(KEEP_ALIVE)),
            grant,
            accounts: context.accounts,
            api_keys: context.api_keys,
            registration,
        }
    }

    /// Waits for what to write next; `None` at the end.
    async fn next(&mut self) -> Option<Bytes> {
        if let Some(first) = self.first.take() {
            return Some(first);
        }
        let queue = Arc::clone(&self.registration.queue);
        let chunk = tokio::select! {
            biased;
            () = &mut self.deadline => return None,
            () = &mut self.ending => return None,
            events = queue.next() => events,
            () = &mut self.keep_alive => event::keep_alive(queue.take_position().as_ref()),
        };
        // Before each chunk: a busy stream has no keep-alives. The answer is in memory.
        if !self.is_still_allowed() {
            return None;
        }
        self.keep_alive.as_mut().reset(Instant::now() + KEEP_ALIVE);
        Some(chunk)
    }

    /// Whether the user has not logged out, and the key is not revoked. While that is not known, the stream goes on.
    fn is_still_allowed(&self) -> bool {
        let has_key = self.grant.key.is_none_or(|key| self.api_keys.is_live(key));
        has_key
            && match (self.grant.session, &self.accounts) {
                (Some(session), Some(accounts)) => !matches!(
                    accounts.check_session(session),
                    Err(InvalidUserToken::SessionEnded)
                ),
                _ => true,
            }
    }
}

/// The body of the response. The connection does not count as idle meanwhile.
struct StreamBody {
    chunks: LocalBoxStream<'static, Bytes>,
    connection: Option<Rc<Connection>>,
    has_begun: bool,
}

impl MessageBody for StreamBody {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Infallible>>> {
        if !self.has_begun {
            self.has_begun = true;
            if let Some(connection) = &self.connection {
                connection.begin_stream();
            }
        }
        self.chunks.poll_next_unpin(cx).map(|chunk| chunk.map(Ok))
    }
}

impl Drop for StreamBody {
    fn drop(&mut self) {
        if let (true, Some(connection)) = (self.has_begun, &self.connection) {
            connection.end_stream();
        }
    }
}

#[cfg(test)]
mod tests {
    use actix_web::http::StatusCode;
    use tidings_db::notifications::PayloadReader;
    use uuid::Uuid;

    use super::*;
    use crate::state::AppState;
    use crate::test_state;

    fn context(state: &AppState) -> StreamContext<'_> {
        StreamContext {
            inboxes: &state.inbox,
            database: &state.database,
            accounts: None,
            api_keys: state.api_keys.clone(),
            connection: None,
        }
    }

    fn grant(until: Option<Timestamp>) -> StreamGrant {
        StreamGrant {
            user: Uuid::now_v7().into(),
            reader: PayloadReader::TargetUser,
            until,
            session: None,
            key: None,
        }
    }

    /// Reads a stream on which nothing happens to its end. Returns how long it took, and how many keep-alives there were.
    async fn read_to_end(state: &AppState, until: Option<Timestamp>) -> (Duration, usize) {
        let grant = grant(until);
        let registered = state.inbox.hub.register(grant.user, grant.reader);
        let first = event::beginning(retry_ms());
        let registration = registered.expect("a place");
        let mut stream = Stream::new(context(state), grant, registration, first.clone());
        let (began, mut keep_alives) = (Instant::now(), 0);
        assert_eq!(stream.next().await, Some(first));
        while let Some(chunk) = stream.next().await {
            assert_eq!(chunk, event::keep_alive(None));
            keep_alives += 1;
        }
        (began.elapsed(), keep_alives)
    }

    /// `Hub::new` with the limit of 10 of the test's state stands for the 10,000 of a process.
    #[tokio::test]
    async fn a_stream_beyond_those_of_a_process_is_503() {
        let state = test_state::state();
        let mut open_streams: Vec<Registration> = (0..10)
            .map(|_| {
                let grant = grant(None);
                let registered = state.inbox.hub.register(grant.user, grant.reader);
                registered.expect("a place")
            })
            .collect();
        let refused = open(context(&state), grant(None), None).await.err();
        let refused = refused.expect("too many");
        assert_eq!(
            (refused.status, refused.code, refused.message.as_str()),
            (
                StatusCode::SERVICE_UNAVAILABLE,
                "too_many_streams",
                "There are too many streams; try again"
            )
        );
        // A refused one has taken no place.
        open_streams.pop();
        let last = grant(None);
        assert!(state.inbox.hub.register(last.user, last.reader).is_ok());
    }

    #[test]
    fn clients_wait_two_to_eight_seconds() {
        for _ in 0..100 {
            assert!((2000..=8000).contains(&retry_ms()));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn streams_end_within_five_seconds_of_a_stop_and_not_all_at_once() {
        let state = test_state::state();
        let ends: Vec<_> = (0..100).map(|_| ending(&state.inbox)).collect();
        let began = Instant::now();
        state.inbox.ending.cancel();
        let ends = ends.into_iter().map(async |end| {
            end.await;
            began.elapsed()
        });
        let ends = futures_util::future::join_all(ends).await;
        let (first, last) = (ends.iter().min(), ends.iter().max());
        // The clock of tokio counts milliseconds.
        assert!(last <= Some(&Duration::from_millis(5001)), "{last:?}");
        assert!(first < last, "{first:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_ends_with_its_token_and_after_an_hour() {
        let in_secs = |secs| Timestamp::from_second(Timestamp::now().as_second() + secs).ok();
        let left = |until| deadline(until) - Instant::now();
        assert_eq!(left(None), MAX_TIME);
        assert_eq!(left(in_secs(100_000)), MAX_TIME);
        assert_eq!(left(in_secs(-5)), Duration::ZERO);
        let minute = left(in_secs(60));
        assert!((Duration::from_secs(58)..=Duration::from_mins(1)).contains(&minute));

        let state = test_state::state();
        let (hour, keep_alives) = read_to_end(&state, None).await;
        assert!(
            (MAX_TIME..MAX_TIME + KEEP_ALIVE).contains(&hour),
            "{hour:?}"
        );
        // One every 15 s. The clock of tokio counts milliseconds.
        assert!((235..=240).contains(&keep_alives), "{keep_alives}");
        // The clock of the token goes on while the test runs.
        let (minute, keep_alives) = read_to_end(&state, in_secs(60)).await;
        assert!((Duration::from_secs(30)..=Duration::from_mins(1)).contains(&minute));
        assert!((1..=4).contains(&keep_alives), "{keep_alives}");
        state.inbox.hub.until_empty().await;
    }
}
