//! A client that is not ours: grpcio for Python, which knows the API by reflection only.

use std::process::{Command, Output};

use tidings_tests::{World, required, tokens};

use super::{port, start};
use crate::sources::root;

const CLIENT: &str = include_str!("client.py");

fn python(program: &str, arguments: &[&str]) -> Output {
    Command::new(required("TIDINGS_TEST_GRPC_PYTHON"))
        .args(["-c", program])
        .args(arguments)
        .env("GRPC_ENABLE_FORK_SUPPORT", "0")
        .env("NO_PROXY", "*")
        .output()
        .expect("Python runs")
}

/// Calls every method that reflection lists, and checks the answers.
fn call_everything(world: &World, port: u16, certificate: &str) {
    let (target, user) = (format!("localhost:{port}"), world.user.to_string());
    let arguments = [&target, &tokens::service(), &user, certificate];
    let output = python(CLIENT, &arguments);
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}\n{output:?}");
    for method in [
        "tidings.v1.Notifications/Send OK",
        "tidings.v1.Notifications/SendBatch OK",
        "tidings.v1.Notifications/StreamSend OK",
        "user.UserService/Register OK",
        "user.UserService/Login OK",
        "user.UserService/RefreshToken OK",
        "user.UserService/Logout OK",
        "user.UserService/GetUser OK",
        "grpc.health.v1.Health/Check OK",
        "grpc.health.v1.Health/Watch OK",
        "grpc.reflection.v1.ServerReflection/ServerReflectionInfo OK",
        "grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo OK",
    ] {
        assert!(text.lines().any(|line| line == method), "{method}: {text}");
    }
}

#[tokio::test]
async fn a_real_client_lists_all_services_by_reflection_and_calls_each_method() {
    let world = World::new().await;
    let api = start(&world, &[]).await;
    let port = port(&api);
    call_everything(&world, port, "");

    // The example of the documentation.
    let text = std::fs::read_to_string(root().join("docs/GRPC.md")).expect("a document");
    let (_, rest) = text.split_once("```python\n").expect("a program");
    let program = rest.split_once("```").expect("its end").0;
    let program = program
        .replace("127.0.0.1:50051", &format!("127.0.0.1:{port}"))
        .replace(
            "9fc81fdd-fc9c-49e3-9df1-a36df7e1ec5a",
            &world.user.to_string(),
        );
    let output = Command::new(required("TIDINGS_TEST_GRPC_PYTHON"))
        .args(["-c", &program])
        .env("TIDINGS_TOKEN", tokens::service())
        .output()
        .expect("Python runs");
    assert!(output.status.success(), "{output:?}");
}

#[tokio::test]
async fn a_real_client_calls_the_api_by_tls_and_without_it_is_refused() {
    let world = World::new().await;
    let key = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]);
    let rcgen::CertifiedKey { cert, signing_key } = key.expect("a certificate");
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).to_str().expect("UTF-8").to_owned();
    let (cert_file, key_file) = (path("cert.pem"), path("key.pem"));
    std::fs::write(&cert_file, cert.pem()).expect("written");
    std::fs::write(&key_file, signing_key.serialize_pem()).expect("written");
    let tls = [
        ("GRPC_TLS_CERT_FILE", cert_file.as_str()),
        ("GRPC_TLS_KEY_FILE", key_file.as_str()),
    ];
    let api = start(&world, &tls).await;
    call_everything(&world, port(&api), &cert_file);

    let target = format!("localhost:{}", port(&api));
    let user = world.user.to_string();
    let output = python(CLIENT, &[&target, &tokens::service(), &user, ""]);
    assert!(!output.status.success(), "{output:?}");
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(error.contains("UNAVAILABLE"), "{error}");
}
