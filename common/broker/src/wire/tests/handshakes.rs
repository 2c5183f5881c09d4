use std::time::Duration;

use amq_protocol::frame::AMQPFrame;
use lapin::protocol::{AMQPClass, connection};
use lapin::types::{FieldTable, LongString};
use lapin::uri::AMQPUri;
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
use tokio_util::compat::TokioAsyncReadCompatExt;

use super::super::error::Error;
use super::super::handshake::{Terms, shake_hands};
use super::peer::Peer;

fn frame(method: connection::AMQPMethod) -> AMQPFrame {
    AMQPFrame::Method(0, AMQPClass::Connection(method))
}

fn start() -> AMQPFrame {
    frame(connection::AMQPMethod::Start(connection::Start {
        version_major: 0,
        version_minor: 9,
        server_properties: FieldTable::default(),
        mechanisms: "PLAIN AMQPLAIN".into(),
        locales: "en_US".into(),
    }))
}

fn tune(channel_max: u16, frame_max: u32, heartbeat: u16) -> AMQPFrame {
    frame(connection::AMQPMethod::Tune(connection::Tune {
        channel_max,
        frame_max,
        heartbeat,
    }))
}

fn open_ok() -> AMQPFrame {
    frame(connection::AMQPMethod::OpenOk(connection::OpenOk {}))
}

fn close(reply_code: u16) -> AMQPFrame {
    frame(connection::AMQPMethod::Close(connection::Close {
        reply_code,
        reply_text: "ACCESS_REFUSED".into(),
        class_id: 0,
        method_id: 0,
    }))
}

/// Shakes hands with a broker that says `frames`, whatever it hears; also returns what that is.
async fn with(uri: &str, frames: &[AMQPFrame]) -> (Result<Terms, Error>, Vec<AMQPFrame>) {
    let uri: AMQPUri = uri.parse().expect("a URI");
    let (ours, theirs) = duplex(64 * 1024);
    let mut peer = Peer::new(theirs);
    peer.send(frames).await;
    let mut ours = ours.compat();
    let terms = shake_hands(&mut ours, &uri, "a name").await;
    drop(ours);
    let mut heard = Vec::new();
    while let Some(frame) = peer.receive().await {
        heard.push(frame);
    }
    (terms, heard)
}

#[tokio::test]
async fn the_lower_limit_holds_and_zero_is_none() {
    let terms = async |uri: &str, tune: AMQPFrame| {
        let (terms, _) = with(uri, &[start(), tune, open_ok()]).await;
        terms.expect("an open connection")
    };
    let query = "amqp://host?frame_max=8192&channel_max=7&heartbeat=3";
    let asked = terms(query, tune(2047, 131_072, 60)).await;
    let expected = Terms {
        channel_max: 7,
        frame_max: 8192,
        heartbeat: Some(Duration::from_secs(3)),
    };
    assert_eq!(asked, expected);
    assert_eq!(terms(query, tune(0, 0, 0)).await, expected);
    let left_to_the_broker = terms("amqp://host", tune(2047, 131_072, 60)).await;
    let expected = Terms {
        channel_max: 2047,
        frame_max: 131_072,
        heartbeat: Some(Duration::from_mins(1)),
    };
    assert_eq!(left_to_the_broker, expected);
    let unlimited = terms("amqp://host", tune(0, 0, 0)).await;
    let expected = Terms {
        channel_max: u16::MAX,
        frame_max: 128 * 1024,
        heartbeat: None,
    };
    assert_eq!(unlimited, expected);
}

#[tokio::test]
async fn credentials_and_virtual_host_are_those_of_the_uri() {
    let uri = "amqp://us%65r:p%40ss@host/a%2fb";
    let (terms, heard) = with(uri, &[start(), tune(0, 0, 0), open_ok()]).await;
    terms.expect("an open connection");
    let [
        AMQPFrame::ProtocolHeader(_),
        AMQPFrame::Method(0, AMQPClass::Connection(connection::AMQPMethod::StartOk(start_ok))),
        AMQPFrame::Method(0, AMQPClass::Connection(connection::AMQPMethod::TuneOk(_))),
        AMQPFrame::Method(0, AMQPClass::Connection(connection::AMQPMethod::Open(open))),
    ] = heard.as_slice()
    else {
        panic!("{heard:?}");
    };
    assert_eq!(start_ok.mechanism.as_str(), "PLAIN");
    assert_eq!(start_ok.response, LongString::from("\0user\0p@ss"));
    assert!(start_ok.client_properties.contains_key("connection_name"));
    assert_eq!(open.virtual_host.as_str(), "a/b");

    let (_, heard) = with(
        "amqp://host?auth_mechanism=external",
        &[start(), close(403)],
    )
    .await;
    let Some(AMQPFrame::Method(
        0,
        AMQPClass::Connection(connection::AMQPMethod::StartOk(start_ok)),
    )) = heard.get(1)
    else {
        panic!("{heard:?}");
    };
    assert_eq!(start_ok.mechanism.as_str(), "EXTERNAL");
    assert!(start_ok.response.is_empty());
}

#[tokio::test]
async fn a_refusal_is_told_in_the_brokers_words() {
    let (refused, _) = with("amqp://host", &[start(), close(403)]).await;
    let refused = refused.expect_err("refused").to_string();
    assert!(refused.contains("403 ACCESS_REFUSED"), "{refused}");
    let (refused, _) = with("amqp://host/none", &[start(), tune(0, 0, 0), close(530)]).await;
    assert!(refused.expect_err("refused").to_string().contains("530"));
}

#[tokio::test]
async fn whoever_speaks_something_else_is_left() {
    for (said, words) in [
        (&b"AMQP\x00\x00\x09\x01"[..], "another version"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "unknown type"),
        (b"\x01\x00\x00\xff\xff\xff\xff\x00", "larger than agreed"),
        (b"\x01\x00\x00", "hung up"),
    ] {
        let (ours, mut theirs) = duplex(1024);
        theirs.write_all(said).await.expect("room");
        theirs.shutdown().await.expect("a live stream");
        let uri = AMQPUri::default();
        let error = shake_hands(&mut ours.compat(), &uri, "a name").await;
        let error = error.expect_err("no broker").to_string();
        assert!(error.contains(words), "{error}");
        let mut heard = Vec::new();
        theirs.read_to_end(&mut heard).await.expect("a stream");
        assert_eq!(heard, b"AMQP\x00\x00\x09\x01");
    }
}
