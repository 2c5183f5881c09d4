//! The example of the documentation.

use std::process::Command;

use tidings_tests::{World, eventually, required, secs};
use uuid::uuid;

use super::{STAGES, make_user, until_recorded};
use crate::sources::root;

/// Returns the Python program in the documentation.
fn program() -> String {
    let text = std::fs::read_to_string(root().join("docs/EVENTS.md")).expect("a document");
    let (_, rest) = text.split_once("```python\n").expect("a program");
    rest.split_once("```").expect("its end").0.to_owned()
}

fn run(world: &World) {
    let (_, url) = world.vhost.setting();
    let output = Command::new(required("TIDINGS_TEST_PIKA_PYTHON"))
        .args(["-c", &program()])
        .env(
            "RABBITMQ_URL",
            url.split(',').next().expect("the URL of a node"),
        )
        .output()
        .expect("Python runs");
    assert!(output.status.success(), "{output:?}");
}

#[tokio::test]
async fn the_example_in_python_sends_an_email_and_a_notification_once() {
    let world = World::with(&[STAGES]).await;
    let user = uuid!("9fc81fdd-fc9c-49e3-9df1-a36df7e1ec5a");
    make_user(&world, user.into(), "Anna@Example.com").await;
    let worker = world.worker().await;
    run(&world);
    // As if no confirm had arrived.
    run(&world);
    let amqp = world.amqp().await;
    until_recorded(
        &world,
        2,
        &format!("user_id = '{user}' AND sender = 'events'"),
    )
    .await;
    eventually(secs(20), "the second run has changed nothing", async || {
        let metrics = worker.metrics().await;
        metrics.sum("tidings_intake_duplicates_total", &[]) == 2
    })
    .await;
    assert_eq!(world.database.count("true").await, 2);
    let email = "type = 'email' AND status = 'pending' AND payload =
        '{\"to\": \"anna@example.com\", \"subject\": \"Your order\", \"text\": \"It has shipped!\"}'";
    assert_eq!(world.database.count(email).await, 1);
    assert_eq!(
        world
            .database
            .count("type = 'in-app' AND status = 'processed'")
            .await,
        1
    );
    assert_eq!(amqp.dead_letter_depth().await, 0);
}
