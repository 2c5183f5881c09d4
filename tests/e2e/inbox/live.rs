//! What streams send.

use jiff::{SignedDuration, Timestamp};
use reqwest::Method;
use serde_json::{Value, json};
use tidings_tests::{EventStream, World, tokens};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::{INBOX, ids, notify, open, own, post};

/// Two APIs: whatever happens by one of them is seen by the streams of the other.
#[tokio::test]
async fn a_stream_gets_notifications_and_resumes_at_another_api() {
    let world = World::with(&[("WORKER_CHANNELS", "intake,scheduler")]).await;
    let (one, other, _worker) = tokio::join!(world.api(), world.api(), world.worker());
    let service = one.client();
    let (client, client_of_other) = (own(&service, world.user), own(&other.client(), world.user));
    let old = notify(&world, &service, 1).await;

    let mut stream = open(&client, "").await;
    for (name, value) in [
        ("Cache-Control", "no-store"),
        ("X-Accel-Buffering", "no"),
        ("Content-Encoding", ""),
    ] {
        assert_eq!(stream.header(name), value, "{name}");
    }
    // What was there before is in the list.
    assert_eq!(
        stream.expect("counts").await,
        json!({"unread": 1, "capped": false})
    );
    let mut second_device = open(&client_of_other, "").await;
    second_device.expect("counts").await;
    assert!(
        (2000..=8000).contains(&stream.retry_ms),
        "{}",
        stream.retry_ms
    );
    let begun = stream.last_id.clone();
    assert_ne!(
        begun, "",
        "a client that reconnects at once names a position"
    );

    let sent = notify(&world, &service, 1).await;
    for device in [&mut stream, &mut second_device] {
        let item = device.expect("notification").await;
        assert_eq!(item["messageId"], json!(sent[0]));
        assert_eq!(item["payload"], json!({"title": "Hello"}));
        assert_eq!(
            (&item["readAt"], &item["archivedAt"]),
            (&Value::Null, &Value::Null)
        );
        assert_eq!(device.expect("counts").await["unread"], 2);
    }

    // A scheduler releases it later.
    let time = Timestamp::now() + SignedDuration::from_millis(500);
    let mut scheduled = world.in_app();
    scheduled["sendAt"] = json!(time);
    let scheduled = service.post(&scheduled).await.accepted();
    for device in [&mut stream, &mut second_device] {
        assert_eq!(
            device.expect("notification").await["messageId"],
            json!(scheduled)
        );
        assert_eq!(device.expect("counts").await["unread"], 3);
    }

    // One device changes the state, and both see it.
    let changed = post(&client, &format!("/{}/archive", sent[0]), None).await;
    assert_eq!(changed.status, 204);
    for device in [&mut stream, &mut second_device] {
        let state = device.expect("state").await;
        let items = state["items"].as_array().expect("items");
        assert_eq!((items.len(), &items[0]["messageId"]), (1, &json!(sent[0])));
        assert!(items[0]["readAt"].is_string() && items[0]["archivedAt"].is_string());
        assert_eq!(device.expect("counts").await["unread"], 2);
    }

    // The other API continues where the stream was, and where the list was.
    let last_id = stream.last_id.clone();
    drop(stream);
    let list = client.get(INBOX).await.body;
    assert_eq!(ids(&list), [scheduled, old[0]]);
    let missed = notify(&world, &service, 2).await;
    for position in [last_id.as_str(), list["upTo"].as_str().expect("a position")] {
        let mut resumed = open(&client_of_other, position).await;
        let mut found = Vec::new();
        for _ in &missed {
            found.push(resumed.expect("notification").await["messageId"].clone());
        }
        let mut missed: Vec<Value> = missed.iter().map(|id| json!(id)).collect();
        for ids in [&mut found, &mut missed] {
            ids.sort_unstable_by_key(Value::to_string);
        }
        assert_eq!(found, missed);
        assert_ne!(resumed.last_id, position);
        // From the first position, it has also missed a change of state.
        loop {
            let event = resumed.next().await.expect("the stream goes on");
            if event.name == "counts" {
                assert_eq!(event.data["unread"], 4);
                break;
            }
            assert_eq!(event.name, "state");
        }
    }

    // After 201 missed ones, the client reads the list.
    let batch = vec![world.in_app(); 199];
    assert_eq!(service.post_batch(&batch).await.body["accepted"], 199);
    world.until_recorded(204).await;
    let mut resumed = open(&client, &last_id).await;
    resumed.expect("reset").await;
    assert_eq!(
        resumed.expect("counts").await,
        json!({"unread": 100, "capped": true})
    );
    assert_ne!(resumed.last_id, last_id);
}

/// A browser cannot send the header `Authorization`.
#[tokio::test]
async fn a_ticket_opens_a_stream_and_nothing_else_and_is_not_logged() {
    let world = World::with(&[("LOG_LEVEL", "debug")]).await;
    let (one, other) = tokio::join!(world.api(), world.api());
    let client = own(&one.client(), world.user);
    let answer = post(&client, "/stream-ticket", None).await;
    assert_eq!(answer.body["expiresIn"], 30);
    let ticket = answer.body["ticket"].as_str().expect("a ticket");
    let anonymous = other.client().anonymous();
    let with =
        |query: &str| anonymous.request(Method::GET, &format!("{INBOX}/stream?ticket={query}"));
    let mut stream = EventStream::open(&anonymous, with(ticket))
        .await
        .expect("a stream");
    stream.expect("counts").await;
    let id = &stream.last_id;
    let resumed = EventStream::open(&anonymous, with(&format!("{ticket}&lastEventId={id}"))).await;
    resumed.expect("a stream").expect("counts").await;

    for wrong in ["", "x", &ticket[1..], &tokens::scoped(world.user, "inbox")] {
        let answer = EventStream::open(&anonymous, with(wrong))
            .await
            .err()
            .expect("refused");
        answer.assert_error(401, "unauthorized");
    }
    let answer = anonymous.with_token(ticket).get(INBOX).await;
    answer.assert_error(401, "unauthorized");
    for program in [&one, &other] {
        assert_eq!(program.logs().count(ticket), 0);
        assert_eq!(program.logs().count("ticket="), 0);
    }
}

/// Forwards connections to a port until `cut` changes.
async fn proxy(upstream: u16, cut: &watch::Sender<u32>) -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let cut = cut.subscribe();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let mut cut = cut.clone();
            cut.mark_unchanged();
            tokio::spawn(async move {
                let mut server = TcpStream::connect(("127.0.0.1", upstream))
                    .await
                    .expect("a server");
                tokio::select! {
                    _ = copy_bidirectional(&mut client, &mut server) => {}
                    _ = cut.changed() => {}
                }
            });
        }
    });
    port
}

#[tokio::test]
async fn a_client_behind_a_proxy_that_cuts_connections_gets_everything() {
    let world = World::new().await;
    let (api, _worker) = tokio::join!(world.api(), world.worker());
    let service = api.client();
    let cut = watch::Sender::new(0);
    let port = proxy(api.port(), &cut).await;
    let token = tokens::scoped(world.user, "inbox");
    let request = |last_id: &str| {
        let url = format!("http://127.0.0.1:{port}{INBOX}/stream");
        let request = reqwest::Client::new().get(url).bearer_auth(&token);
        request.header("Last-Event-ID", last_id)
    };
    let (mut last_id, mut found, mut sent) = (String::new(), Vec::new(), Vec::new());
    for nth in 0..3 {
        let opened = EventStream::open(&service, request(&last_id)).await;
        let mut stream = opened.unwrap_or_else(|answer| panic!("{}", answer.text));
        // Between two connections, and during one.
        if nth == 0 {
            stream.expect("counts").await;
        }
        sent.extend(notify(&world, &service, 1).await);
        while found.len() < sent.len() {
            let event = stream.next().await.expect("the stream goes on");
            if event.name == "notification" && !found.contains(&event.data["messageId"]) {
                found.push(event.data["messageId"].clone());
            }
        }
        cut.send_modify(|nth| *nth += 1);
        stream.until_end().await;
        last_id.clone_from(&stream.last_id);
        sent.extend(notify(&world, &service, 1).await);
    }
    let mut stream = EventStream::open(&service, request(&last_id))
        .await
        .expect("a stream");
    found.push(stream.expect("notification").await["messageId"].clone());
    assert_eq!(found, sent.iter().map(|id| json!(id)).collect::<Vec<_>>());
}
