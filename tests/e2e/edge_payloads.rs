//! Payloads at the limits of JSON are either refused or recorded.

use tidings_tests::{World, eventually_ok, secs};

/// Values that parsers and databases treat differently.
fn edges() -> Vec<String> {
    let digits = "1234567890".repeat(2000);
    let mut edges: Vec<String> = [
        "-0",
        "-0.0",
        "1E+2",
        "1e308",
        "-1e308",
        "1e309",
        "5e-324",
        "1e-400",
        "1e-20000",
        "1e-99999",
        "0e999999999999",
        "1e999999999999",
        "1e-999999999999",
        r#""\u0001""#,
        r#""\u007f""#,
        r#""\uffff""#,
        r#""\udbff\udfff""#,
        r#""\ud83d""#,
        r#""\ud83d\u0041""#,
        r#""\udc00""#,
        r#""\/\b\f\n\r\t\"\\""#,
        r#"{"":""}"#,
        r#"{"a":1,"a":2}"#,
        "\"\u{feff}\"",
        "\"\u{10ffff}\"",
    ]
    .map(ToOwned::to_owned)
    .into();
    edges.extend([
        digits.clone(),
        format!("0.{digits}"),
        format!("0.{}1", "0".repeat(17_000)),
        format!("1{}", "0".repeat(308)),
        format!("1{}", "0".repeat(309)),
        format!("{}e-{}", &digits[..300], 16_300),
        format!("\"{}\"", "\\u0041".repeat(9000)),
        format!("{{\"{}\":1}}", "k".repeat(40_000)),
    ]);
    for depth in [100, 124, 125, 126, 127, 128, 129, 1000, 20_000] {
        edges.push(format!("{}{}", "[".repeat(depth), "]".repeat(depth)));
        edges.push(format!("{}1{}", "{\"a\":".repeat(depth), "}".repeat(depth)));
    }
    edges
}

#[tokio::test]
async fn every_accepted_payload_can_be_recorded_and_read_back() {
    let world = World::new().await;
    let (api, _worker) = tokio::join!(world.api(), world.worker());
    let mut accepted = Vec::new();
    for edge in edges() {
        let body = world.in_app().to_string();
        let body = body.replace(r#""Your order has shipped!""#, &edge);
        let answer = api.client().post_raw("application/json", body).await;
        if answer.status == 202 {
            accepted.push((answer.accepted(), edge));
        } else {
            assert!(
                [400, 413].contains(&answer.status),
                "{} {}",
                answer.status,
                answer.text
            );
            answer.assert_error_shape();
        }
    }
    assert!(accepted.len() > 15, "{accepted:?}");
    let amqp = world.amqp().await;
    let all = i64::try_from(accepted.len()).expect("few");
    eventually_ok(secs(30), "all are recorded or dead letters", async || {
        let (recorded, dead) = tokio::join!(world.database.count("true"), amqp.dead_letter_depth());
        if recorded + i64::from(dead) == all {
            Ok(())
        } else {
            Err(format!("{recorded} recorded, {dead} dead of {all}"))
        }
    })
    .await;
    let letters = amqp.dead_letters().await;
    let never = letters.iter().filter_map(|letter| {
        let found = accepted
            .iter()
            .find(|(id, _)| letter.message_id == Some(id.to_string()));
        let (_, edge) = found?;
        Some((shown(edge), letter.detail.clone()))
    });
    let never: Vec<_> = never.collect();
    assert!(
        never.is_empty(),
        "accepted but cannot be recorded: {never:#?}"
    );
    for (id, edge) in accepted {
        let read = api.client().get(&format!("/api/notifications/{id}")).await;
        assert_eq!(read.status, 200, "{}: {}", shown(&edge), read.text);
    }
}

/// The start and the length of a text.
fn shown(edge: &str) -> String {
    let beginning: String = edge.chars().take(40).collect();
    format!("{beginning} ({} bytes)", edge.len())
}
