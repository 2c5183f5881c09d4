use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

/// AMQP 0-9-1 §4.2.3: type, channel, size, payload, end.
const HEAD: usize = 7;
const METHOD: u8 = 1;
const BASIC_CONSUME: [u8; 4] = [0, 60, 0, 20];
const CHANNEL_OPEN: [u8; 4] = [0, 20, 0, 10];
const CHANNEL_CLOSE: [u8; 4] = [0, 20, 0, 40];

/// A proxy in front of RabbitMQ that holds back what RabbitMQ sends on one channel. Everything else passes, heartbeats included.
pub struct LateAnswers {
    port: u16,
    state: Arc<State>,
}

struct State {
    /// What the client sends on the channel whose frames are held back.
    method: [u8; 4],
    /// The connection and this channel.
    held: Mutex<Option<(usize, u16)>>,
    /// Whether they pass again.
    is_over: Mutex<bool>,
    /// Whether the client has closed the channel.
    is_closed: Mutex<bool>,
    changed: Notify,
}

impl LateAnswers {
    /// Starts the proxy in front of the broker at this host and port. It holds back the channel of the first `basic.consume`, until
    /// the client closes this channel or consumes on another one.
    pub async fn to_consume(broker: (String, u16)) -> Self {
        Self::start(broker, BASIC_CONSUME).await
    }

    /// Like [`Self::to_consume`], for the first channel that the client opens, until [`Self::pass`].
    pub async fn to_open(broker: (String, u16)) -> Self {
        Self::start(broker, CHANNEL_OPEN).await
    }

    async fn start(broker: (String, u16), method: [u8; 4]) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let port = listener.local_addr().expect("its address").port();
        let state = Arc::new(State {
            method,
            held: Mutex::default(),
            is_over: Mutex::default(),
            is_closed: Mutex::default(),
            changed: Notify::new(),
        });
        let shared = Arc::clone(&state);
        tokio::spawn(async move {
            for connection in 0.. {
                let Ok((client, _)) = listener.accept().await else {
                    return;
                };
                let server = TcpStream::connect((broker.0.as_str(), broker.1)).await;
                let (from_client, to_client) = client.into_split();
                let (from_server, to_server) = server.expect("the broker").into_split();
                let state = Arc::clone(&shared);
                tokio::spawn(forward_client(connection, state, from_client, to_server));
                let state = Arc::clone(&shared);
                tokio::spawn(forward_server(connection, state, from_server, to_client));
            }
        });
        Self { port, state }
    }

    /// Returns the port on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Lets everything pass.
    pub fn pass(&self) {
        self.state.end();
    }

    /// Returns whether the client has closed the channel.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        *self.state.is_closed.lock().expect("the state")
    }

    /// Returns whether frames were held back and pass again.
    #[must_use]
    pub fn is_over(&self) -> bool {
        *self.state.is_over.lock().expect("the state")
    }
}

impl State {
    fn see(&self, connection: usize, frame: &[u8]) {
        let Some(method) = method(frame) else { return };
        let mut held = self.held.lock().expect("the state");
        let place = (connection, channel(frame));
        match *held {
            None if method == self.method => *held = Some(place),
            Some(first) if method == BASIC_CONSUME && first != place => self.end(),
            Some(first) if method == CHANNEL_CLOSE && first == place => {
                *self.is_closed.lock().expect("the state") = true;
                self.end();
            }
            _ => {}
        }
    }

    fn end(&self) {
        *self.is_over.lock().expect("the state") = true;
        self.changed.notify_waiters();
    }

    fn is_held(&self, connection: usize, frame: &[u8]) -> bool {
        let held = *self.held.lock().expect("the state");
        held == Some((connection, channel(frame))) && !*self.is_over.lock().expect("the state")
    }
}

fn method(frame: &[u8]) -> Option<[u8; 4]> {
    let method = frame.get(HEAD..HEAD + 4)?;
    (frame[0] == METHOD).then(|| method.try_into().expect("four bytes"))
}

fn channel(frame: &[u8]) -> u16 {
    u16::from_be_bytes([frame[1], frame[2]])
}

async fn read_frame(from: &mut OwnedReadHalf) -> Option<Vec<u8>> {
    let mut frame = vec![0; HEAD];
    from.read_exact(&mut frame).await.ok()?;
    let size: [u8; 4] = frame[3..HEAD].try_into().expect("four bytes");
    let size = usize::try_from(u32::from_be_bytes(size)).expect("a size");
    frame.resize(HEAD + size + 1, 0);
    from.read_exact(&mut frame[HEAD..]).await.ok()?;
    Some(frame)
}

async fn forward_client(
    connection: usize,
    state: Arc<State>,
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
) {
    // The protocol header is no frame.
    let mut header = [0; 8];
    if from.read_exact(&mut header).await.is_err() || to.write_all(&header).await.is_err() {
        return;
    }
    while let Some(frame) = read_frame(&mut from).await {
        state.see(connection, &frame);
        if to.write_all(&frame).await.is_err() {
            return;
        }
    }
}

async fn forward_server(
    connection: usize,
    state: Arc<State>,
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
) {
    let (frames, mut arrived) = tokio::sync::mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Some(frame) = read_frame(&mut from).await {
            if frames.send(frame).is_err() {
                return;
            }
        }
    });
    let mut held = VecDeque::new();
    loop {
        // Before the look, so that a change after it is not missed.
        let changed = state.changed.notified();
        let (back, pass): (VecDeque<_>, VecDeque<_>) = held
            .drain(..)
            .partition(|frame: &Vec<u8>| state.is_held(connection, frame));
        held = back;
        for frame in pass {
            if to.write_all(&frame).await.is_err() {
                return;
            }
        }
        tokio::select! {
            frame = arrived.recv() => match frame {
                Some(frame) => held.push_back(frame),
                None => return,
            },
            () = changed => {}
        }
    }
}
