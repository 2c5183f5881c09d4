use std::io::{Read, Write};
use std::net::TcpStream;

use reqwest::Url;

/// Publishes over a connection that writes AMQP 0-9-1 frames by hand: messages that a client library
/// refuses to write.
pub struct RawAmqp(TcpStream);

/// The body of a table: an entry with a name and a long string.
#[must_use]
pub fn text_entry(name: &str, value: &str) -> Vec<u8> {
    [&short(name)[..], b"S", &long(value.as_bytes())].concat()
}

/// The body of a table: an entry that nests so many tables.
#[must_use]
pub fn nested_tables(depth: usize) -> Vec<u8> {
    let mut table = Vec::new();
    for _ in 0..depth {
        table = [&short("t")[..], b"F", &long(&table)].concat();
    }
    table
}

/// The body of a table: an entry that nests so many arrays.
#[must_use]
pub fn nested_arrays(depth: usize) -> Vec<u8> {
    // The innermost value is void.
    let mut value = vec![b'V'];
    for _ in 0..depth {
        value = [&b"A"[..], &long(&value)].concat();
    }
    [short("t"), value].concat()
}

/// The body of a table: an entry whose name is not UTF-8.
#[must_use]
pub fn broken_name() -> Vec<u8> {
    vec![1, 0xff, b't', 1]
}

fn short(text: &str) -> Vec<u8> {
    let length = u8::try_from(text.len()).expect("a short string");
    [&[length], text.as_bytes()].concat()
}

fn long(bytes: &[u8]) -> Vec<u8> {
    let length = u32::try_from(bytes.len()).expect("a long string");
    [&length.to_be_bytes()[..], bytes].concat()
}

impl RawAmqp {
    /// Connects and opens a channel with publisher confirms.
    #[must_use]
    pub fn connect(url: &str) -> Self {
        let url = Url::parse(url).expect("a URL");
        let address = (url.host_str().expect("a host"), url.port().unwrap_or(5672));
        let mut this = Self(TcpStream::connect(address).expect("connected"));
        this.0.write_all(b"AMQP\x00\x00\x09\x01").expect("sent");
        this.expect_method([0, 10, 0, 10]);
        let login = format!(
            "\0{}\0{}",
            url.username(),
            url.password().unwrap_or_default()
        );
        let start_ok = [
            &[0, 10, 0, 11, 0, 0, 0, 0],
            &short("PLAIN")[..],
            &long(login.as_bytes()),
            &short("en_US"),
        ];
        this.method(0, &start_ok.concat());
        this.expect_method([0, 10, 0, 30]);
        // 2047 channels, frames of 128 KiB, no heartbeat.
        this.method(0, &[0, 10, 0, 31, 0x07, 0xff, 0, 2, 0, 0, 0, 0]);
        let vhost = url.path().trim_start_matches('/').replace("%2f", "/");
        this.method(0, &[&[0, 10, 0, 40], &short(&vhost)[..], &[0, 0]].concat());
        this.expect_method([0, 10, 0, 41]);
        this.method(1, &[0, 20, 0, 10, 0]);
        this.expect_method([0, 20, 0, 11]);
        this.method(1, &[0, 85, 0, 10, 0]);
        this.expect_method([0, 85, 0, 11]);
        this
    }

    /// Publishes a persistent message with this table of headers, and waits for its confirm.
    pub fn publish(&mut self, exchange: &str, routing_key: &str, headers: &[u8], body: &[u8]) {
        let publish = [
            &[0, 60, 0, 40, 0, 0],
            &short(exchange)[..],
            &short(routing_key),
            &[0],
        ];
        self.method(1, &publish.concat());
        // Class, weight, body size, the flags of headers and delivery mode.
        let header = [
            &[0, 60, 0, 0],
            &(body.len() as u64).to_be_bytes()[..],
            &[0x30, 0x00],
            &long(headers),
            &[2],
        ];
        self.frame(2, 1, &header.concat());
        self.frame(3, 1, body);
        self.expect_method([0, 60, 0, 80]);
    }

    fn method(&mut self, channel: u16, payload: &[u8]) {
        self.frame(1, channel, payload);
    }

    fn frame(&mut self, kind: u8, channel: u16, payload: &[u8]) {
        let frame = [&[kind][..], &channel.to_be_bytes(), &long(payload), &[0xce]];
        self.0.write_all(&frame.concat()).expect("sent");
    }

    /// Reads a frame, which must be this method.
    fn expect_method(&mut self, method: [u8; 4]) {
        let mut head = [0; 7];
        self.0.read_exact(&mut head).expect("a frame");
        let length = u32::from_be_bytes([head[3], head[4], head[5], head[6]]);
        let mut payload = vec![0; usize::try_from(length).expect("short") + 1];
        self.0.read_exact(&mut payload).expect("a frame");
        assert_eq!(
            payload[..4],
            method,
            "{}",
            String::from_utf8_lossy(&payload)
        );
    }
}
