//! `POST /api/users/batch`.

use reqwest::Method;
use serde_json::{Value, json};
use tidings_tests::{Answer, Client, World};
use uuid::Uuid;

use super::{anna, path, post, put, with_id};

async fn batch(client: &Client, users: &[Value]) -> Answer {
    post(client, "/api/users/batch", &json!({"users": users})).await
}

/// The status of each item, or its error's code.
fn codes(answer: &Answer) -> Vec<&str> {
    let results = answer.body["results"].as_array();
    let results = results.unwrap_or_else(|| panic!("no results: {}", answer.text));
    let code = |(index, result): (usize, &Value)| {
        assert_eq!(result["index"], index, "{}", answer.text);
        assert_eq!(result["id"].is_string(), result["error"].is_null());
    };
    results.iter().enumerate().for_each(code);
    results
        .iter()
        .map(|result| match &result["error"]["code"] {
            Value::String(code) => code,
            _ => result["status"].as_str().expect("a status"),
        })
        .collect()
}

#[tokio::test]
async fn each_user_of_a_batch_has_a_result() {
    let (_world, api) = World::shared().await;
    let client = api.client();
    let [known, new, taken] = [(); 3].map(|()| Uuid::new_v4());
    assert_eq!(put(&client, known, &anna(known)).await.status, 201);
    let changed = json!({"id": known, "username": format!("Anna {known}"), "locale": "fr"});
    let users = [
        changed.clone(),
        with_id(anna(new), new),
        anna(Uuid::new_v4()),
        json!({"username": "", "email": "x", "age": 7}),
        json!(7),
        json!({"id": taken, "username": anna(new)["username"], "email": anna(new)["email"]}),
        // An item sees those before it.
        json!({"id": new, "username": format!("ben {new}")}),
    ];
    let answer = batch(&client, &users).await;
    assert_eq!(answer.status, 207, "{}", answer.text);
    let expected = [
        "updated",
        "created",
        "created",
        "invalid_request",
        "invalid_json",
        "username_taken",
        "updated",
    ];
    assert_eq!(codes(&answer), expected);
    assert_eq!(
        (&answer.body["accepted"], &answer.body["refused"]),
        (&json!(4), &json!(3))
    );
    let details = answer.body["results"][3]["error"]["details"].as_array();
    let mut fields: Vec<_> = details
        .expect("details")
        .iter()
        .map(|detail| &detail["field"])
        .collect();
    fields.sort_unstable_by_key(ToString::to_string);
    assert_eq!(fields, ["age", "email", "username"]);
    let found = client.get(&path(known)).await.body;
    assert_eq!(
        (&found["locale"], &found["email"]),
        (&json!("fr"), &Value::Null)
    );
    assert_eq!(
        client.get(&path(new)).await.body["username"],
        format!("ben {new}")
    );
    client
        .get(&path(taken))
        .await
        .assert_error(404, "not_found");

    // Repeated, the batch changes nothing.
    let again = batch(&client, &users[..2]).await;
    assert_eq!(
        (again.status, codes(&again)),
        (200, vec!["updated", "updated"])
    );
    let refused = batch(&client, &users[3..5]).await;
    refused.assert_error(400, "no_item_accepted");
    assert_eq!(codes(&refused), ["invalid_request", "invalid_json"]);
}

#[tokio::test]
async fn a_batch_has_1_to_1000_users() {
    let (_world, api) = World::shared().await;
    let client = api.client();
    let run = Uuid::new_v4();
    let user = |place: usize| json!({"username": format!("{run}-{place}"), "email": format!("{run}-{place}@example.com")});
    let users: Vec<Value> = (0..1001).map(user).collect();
    for wrong in [&users[..], &[]] {
        let answer = batch(&client, wrong).await;
        answer.assert_error(400, "invalid_fields");
        assert_eq!(answer.fields(), ["users"]);
    }
    let found = client.get(&format!("/api/users?username={run}-0")).await;
    assert_eq!(found.body["users"], json!([]));
    let all = batch(&client, &users[..1000]).await;
    assert_eq!(
        (all.status, &all.body["accepted"]),
        (200, &json!(1000)),
        "{:.300}",
        all.text
    );
    let found = client.get(&format!("/api/users?username={run}-999")).await;
    assert_eq!(found.body["users"][0]["id"], all.body["results"][999]["id"]);

    let raw = async |body: String| {
        let request = client.request(Method::POST, "/api/users/batch");
        let request = request.header("Content-Type", "application/json");
        client.send(request.body(body)).await
    };
    raw("[]".to_owned()).await.assert_error(400, "invalid_json");
    raw("{}".to_owned())
        .await
        .assert_error(400, "missing_fields");
    let large = format!(
        r#"{{"users": [{{"username": "{}"}}, {{"username": "{run}"}}]}}"#,
        "a".repeat(70_000)
    );
    let answer = raw(large).await;
    assert_eq!(codes(&answer), ["payload_too_large", "created"]);
}

/// Otherwise each would wait for a name that the other one has taken.
#[tokio::test]
async fn batches_with_the_same_users_in_opposite_order_are_both_stored() {
    let (_world, api) = World::shared().await;
    let client = api.client();
    let ids: Vec<Uuid> = (0..50).map(|_| Uuid::new_v4()).collect();
    let users: Vec<Value> = ids.iter().map(|id| with_id(anna(*id), *id)).collect();
    let mut reversed = users.clone();
    reversed.reverse();
    let (first, second) = tokio::join!(batch(&client, &users), batch(&client, &reversed));
    for answer in [&first, &second] {
        assert_eq!(
            (answer.status, &answer.body["accepted"]),
            (200, &json!(50)),
            "{:.300}",
            answer.text
        );
    }
    let created = |answer: &Answer| {
        codes(answer)
            .into_iter()
            .filter(|code| *code == "created")
            .count()
    };
    assert_eq!(created(&first) + created(&second), 50);
}

/// Although new users are inserted together, before the others are changed.
#[tokio::test]
async fn a_name_belongs_to_the_first_user_of_a_batch_that_takes_it() {
    let (_world, api) = World::shared().await;
    let client = api.client();
    let [known, other] = [(); 2].map(|()| Uuid::new_v4());
    for id in [known, other] {
        assert_eq!(put(&client, id, &anna(id)).await.status, 201);
    }
    let [taken, freed, twice] = ["taken", "freed", "twice"].map(|name| format!("{name} {known}"));
    let phones = json!([number(known), number(other), number(known)]);
    let users = [
        json!({"id": known, "username": taken, "email": anna(known)["email"]}),
        json!({"username": taken}),
        // The address is that of `other`, so the name stays free.
        json!({"id": known, "username": twice, "email": anna(other)["email"]}),
        json!({"username": twice, "phoneNumbers": phones}),
        json!({"username": twice}),
        json!({"id": other, "username": freed}),
        json!({"username": anna(other)["username"], "email": anna(other)["email"]}),
    ];
    let answer = batch(&client, &users).await;
    let expected = [
        "updated",
        "username_taken",
        "email_taken",
        "created",
        "username_taken",
        "updated",
        "created",
    ];
    assert_eq!(codes(&answer), expected, "{}", answer.text);
    let created = answer.body["results"][3]["id"].as_str().expect("an id");
    let created: Uuid = created.parse().expect("a UUID");
    let found = client.get(&path(created)).await.body;
    let numbers = json!([number(known), number(other)]);
    assert_eq!(found["phoneNumbers"], numbers, "{found}");
}

/// A phone number that only the tests of `user` use.
fn number(user: Uuid) -> String {
    format!("+4930{:08}", user.as_u128() % 100_000_000)
}
