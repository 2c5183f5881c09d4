use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use metrics::gauge;
use tidings_db::inbox::SeenPosition;
use tidings_db::notifications::PayloadReader;
use tidings_domain::notification::UserId;
use tokio::sync::{Notify, watch};

use super::queue::StreamQueue;

/// The most streams of a user.
const MAX_OF_USER: usize = 10;

/// No other stream can be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TooManyStreams {
    /// The user has as many as allowed.
    OfUser,
    /// The process has.
    OfProcess,
}

/// The streams of this process, by user.
pub(super) struct Hub {
    max_streams: usize,
    users: Mutex<Users>,
    /// The number of streams.
    count: watch::Sender<usize>,
    woken: Notify,
    poll_now: Notify,
}

#[derive(Default)]
struct Users {
    streams: HashMap<UserId, UserStreams>,
    /// Those whose inboxes may have changed.
    woken: HashSet<UserId>,
}

#[derive(Default)]
struct UserStreams {
    queues: Vec<Arc<StreamQueue>>,
    /// What the queues have got; `None` until the first stream has read what it begins with.
    position: Option<SeenPosition>,
    /// When the counts that the queues have got become wrong, because a notification expires.
    next_expiry: Option<Timestamp>,
}

impl Hub {
    pub(super) fn new(max_streams: usize) -> Self {
        gauge!("tidings_inbox_streams").set(0.0);
        Self {
            max_streams,
            users: Mutex::default(),
            count: watch::Sender::new(0),
            woken: Notify::new(),
            poll_now: Notify::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Users> {
        self.users.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Registers a stream. From now on it gets what looks find.
    ///
    /// # Errors
    ///
    /// Fails if there are too many.
    pub(super) fn register(
        self: &Arc<Self>,
        user: UserId,
        reader: PayloadReader,
    ) -> Result<Registration, TooManyStreams> {
        let mut users = self.lock();
        if *self.count.borrow() >= self.max_streams {
            return Err(TooManyStreams::OfProcess);
        }
        let streams = users.streams.entry(user).or_default();
        if streams.queues.len() >= MAX_OF_USER {
            return Err(TooManyStreams::OfUser);
        }
        let queue = Arc::new(StreamQueue::new(reader));
        streams.queues.push(Arc::clone(&queue));
        self.change_count(|count| count + 1);
        Ok(Registration {
            hub: Arc::clone(self),
            user,
            queue,
        })
    }

    /// Must be called under the lock, so that the number is right.
    fn change_count(&self, change: impl FnOnce(usize) -> usize) {
        self.count.send_modify(|count| *count = change(*count));
        #[expect(clippy::cast_precision_loss, reason = "a gauge needs no more digits")]
        gauge!("tidings_inbox_streams").set(*self.count.borrow() as f64);
    }

    /// Notes that the inboxes of users may have changed.
    pub(super) fn wake(&self, users: &[UserId]) {
        let mut all = self.lock();
        let mut is_any = false;
        for user in users {
            if all.streams.contains_key(user) {
                all.woken.insert(*user);
                is_any = true;
            }
        }
        drop(all);
        if is_any {
            self.woken.notify_one();
        }
    }

    /// Waits until an inbox may have changed.
    pub(super) async fn until_woken(&self) {
        self.woken.notified().await;
    }

    /// Lets the next look at all inboxes begin at once.
    pub(super) fn poll_now(&self) {
        self.poll_now.notify_one();
    }

    pub(super) async fn until_poll_now(&self) {
        self.poll_now.notified().await;
    }

    /// Takes the users whose inboxes may have changed, with their positions. Those that have none stay woken.
    pub(super) fn take_woken(&self) -> Vec<(UserId, SeenPosition)> {
        let mut all = self.lock();
        let Users { streams, woken } = &mut *all;
        let mut taken = Vec::with_capacity(woken.len());
        woken.retain(|user| {
            let Some(streams) = streams.get(user) else {
                return false;
            };
            match &streams.position {
                Some(position) => taken.push((*user, position.clone())),
                None => return true,
            }
            false
        });
        taken
    }

    /// All users with their positions.
    pub(super) fn positions(&self) -> Vec<(UserId, SeenPosition)> {
        let all = self.lock();
        let streams = all.streams.iter();
        streams
            .filter_map(|(user, streams)| Some((*user, streams.position.clone()?)))
            .collect()
    }

    /// The queues of a user's streams.
    pub(super) fn queues(&self, user: UserId) -> Vec<Arc<StreamQueue>> {
        let all = self.lock();
        let streams = all.streams.get(&user);
        streams
            .map(|streams| streams.queues.clone())
            .unwrap_or_default()
    }

    /// Records what the queues of a user have got. Streams that have registered since have read, or will read, what they begin
    /// with after this look.
    pub(super) fn set_position(&self, user: UserId, position: &SeenPosition) {
        if let Some(streams) = self.lock().streams.get_mut(&user) {
            streams.position = Some(position.clone());
        }
    }

    /// Records when the counts become wrong that the queues of a user have got.
    pub(super) fn set_next_expiry(&self, user: UserId, next_expiry: Option<Timestamp>) {
        if let Some(streams) = self.lock().streams.get_mut(&user) {
            streams.next_expiry = next_expiry;
        }
    }

    /// The users whose queues have got counts that are wrong since a notification has expired.
    pub(super) fn users_with_expired(&self, now: Timestamp) -> Vec<UserId> {
        let all = self.lock();
        let is_over = |streams: &UserStreams| streams.next_expiry.is_some_and(|at| at <= now);
        let users = all.streams.iter().filter(|(_, streams)| is_over(streams));
        users.map(|(user, _)| *user).collect()
    }

    /// Records that there was nothing new for these users up to `position`.
    pub(super) fn nothing_until(&self, users: &[UserId], position: &SeenPosition) {
        let mut all = self.lock();
        for user in users {
            if let Some(streams) = all.streams.get_mut(user) {
                streams.position = Some(position.clone());
                for queue in &streams.queues {
                    queue.nothing_until(position);
                }
            }
        }
    }

    /// Waits until there is a stream.
    pub(super) async fn until_any(&self) {
        // The sender lives as long as `self`.
        let _ = self.count.subscribe().wait_for(|count| *count > 0).await;
    }

    /// Waits until there is no stream.
    pub(super) async fn until_empty(&self) {
        let _ = self.count.subscribe().wait_for(|count| *count == 0).await;
    }

    /// Waits until there has been no stream for `time`.
    pub(super) async fn until_unused(&self, time: Duration) {
        loop {
            self.until_empty().await;
            let again = tokio::time::timeout(time, self.until_any()).await;
            if again.is_err() {
                return;
            }
        }
    }
}

/// A registered stream, until the value is dropped.
pub(super) struct Registration {
    hub: Arc<Hub>,
    user: UserId,
    pub(super) queue: Arc<StreamQueue>,
}

impl Registration {
    /// Records the position of what the stream begins with, if it is the user's first stream, and when its counts become wrong.
    pub(super) fn begin_at(&self, position: &SeenPosition, next_expiry: Option<Timestamp>) {
        let mut all = self.hub.lock();
        if let Some(streams) = all.streams.get_mut(&self.user) {
            streams.position.get_or_insert_with(|| position.clone());
            // Other streams may have got older counts.
            let both = streams.next_expiry.into_iter().chain(next_expiry);
            streams.next_expiry = both.min();
        }
        let is_woken = all.woken.contains(&self.user);
        drop(all);
        if is_woken {
            self.hub.woken.notify_one();
        }
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        let mut all = self.hub.lock();
        if let Some(streams) = all.streams.get_mut(&self.user) {
            streams
                .queues
                .retain(|queue| !Arc::ptr_eq(queue, &self.queue));
            if streams.queues.is_empty() {
                all.streams.remove(&self.user);
            }
        }
        self.hub.change_count(|count| count.saturating_sub(1));
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn position() -> SeenPosition {
        "AQAAAAAAAAAAAQA".parse().expect("a position")
    }

    fn register(hub: &Arc<Hub>, user: UserId) -> Result<Registration, TooManyStreams> {
        hub.register(user, PayloadReader::TargetUser)
    }

    #[tokio::test]
    async fn streams_are_limited_and_give_their_places_back() {
        let hub = Arc::new(Hub::new(MAX_OF_USER + 1));
        let (anna, ben) = (UserId::from(Uuid::now_v7()), UserId::from(Uuid::now_v7()));
        let of_anna: Vec<_> = (0..MAX_OF_USER)
            .map(|_| register(&hub, anna).expect("a place"))
            .collect();
        assert_eq!(register(&hub, anna).err(), Some(TooManyStreams::OfUser));
        let of_ben = register(&hub, ben).expect("a place");
        assert_eq!(register(&hub, ben).err(), Some(TooManyStreams::OfProcess));
        drop(of_anna);
        assert!(register(&hub, anna).is_ok());
        drop(of_ben);
        hub.until_empty().await;
        assert!(hub.positions().is_empty() && hub.queues(anna).is_empty());
    }

    #[tokio::test]
    async fn a_wake_before_the_first_read_is_kept_until_after_it() {
        let hub = Arc::new(Hub::new(10));
        let user = UserId::from(Uuid::now_v7());
        hub.wake(&[user]);
        let stream = register(&hub, user).expect("a place");
        assert!(hub.take_woken().is_empty(), "nobody had a stream");
        hub.wake(&[user]);
        hub.until_woken().await;
        assert!(hub.take_woken().is_empty(), "there is no position yet");
        stream.begin_at(&position(), None);
        hub.until_woken().await;
        assert_eq!(hub.take_woken(), [(user, position())]);
        assert!(hub.take_woken().is_empty());
    }

    #[tokio::test]
    async fn a_client_that_is_64_events_behind_gets_reset_instead() {
        let queue = StreamQueue::new(PayloadReader::TargetUser);
        let event = || bytes::Bytes::from_static(b"event: counts\ndata: {}\n\n");
        for _ in 0..64 {
            queue.push(&[event()], Some(&position()));
        }
        assert_eq!(queue.next().await, vec![event(); 64].concat());
        for _ in 0..65 {
            queue.push(&[event()], Some(&position()));
        }
        queue.push(&[event()], None);
        let text = String::from_utf8(queue.next().await.to_vec()).expect("text");
        let names: Vec<_> = text
            .lines()
            .filter(|line| line.starts_with("event"))
            .collect();
        assert_eq!(names, ["event: reset", "event: counts"], "{text}");
        assert_eq!(queue.take_position(), Some(position()));
        assert_eq!(queue.take_position(), None);
    }

    /// A look finds up to 64 notifications, changes of state, and counts.
    #[tokio::test]
    async fn a_client_that_has_taken_everything_gets_what_a_look_has_found_whole() {
        let text = "x".repeat(8 << 10);
        let event = bytes::Bytes::from(format!("event: notification\ndata: {text}\n\n"));
        let look = vec![event; 66];
        assert!(look.concat().len() > 256 << 10);
        let queue = StreamQueue::new(PayloadReader::TargetUser);
        for _ in 0..2 {
            queue.push(&look, Some(&position()));
            assert_eq!(queue.next().await, look.concat());
        }
        // It has not taken the first of two.
        for look in [&look[..40], &look[..1]] {
            queue.push(look, Some(&position()));
        }
        let reset = queue.next().await;
        assert!(reset.starts_with(b"event: reset\n"), "{reset:?}");
    }

    #[tokio::test]
    async fn counts_become_wrong_when_the_first_of_all_streams_of_a_user_expires() {
        let hub = Arc::new(Hub::new(10));
        let user = UserId::from(Uuid::now_v7());
        let at = |second| Timestamp::from_second(second).ok();
        let expired = |second| hub.users_with_expired(at(second).expect("a time"));
        let first = register(&hub, user).expect("a place");
        assert!(expired(1000).is_empty(), "it has read nothing");
        first.begin_at(&position(), at(20));
        // It has begun later, and has not counted what the first one has.
        let second = register(&hub, user).expect("a place");
        second.begin_at(&position(), at(30));
        assert!(expired(19).is_empty());
        assert_eq!(expired(20), [user]);
        hub.set_next_expiry(user, at(30));
        assert!(expired(29).is_empty());
        assert_eq!(expired(30), [user]);
        hub.set_next_expiry(user, None);
        assert!(expired(1000).is_empty());
    }
}
