//! `tidings categories` and `tidings preferences`.

mod changing;
mod explaining;

use serde_json::Value;
use tidings_tests::World;

/// Runs the tool. Returns its exit code, its JSON and what it has written to standard error.
fn tidings(world: &World, arguments: &[&str]) -> (Option<i32>, Value, String) {
    let output = world.tidings(&[&["--json"], arguments].concat());
    let json = serde_json::from_slice(&output.stdout).unwrap_or_default();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code(), json, errors)
}

fn succeeds(world: &World, arguments: &[&str]) -> Value {
    let (code, json, errors) = tidings(world, arguments);
    assert_eq!(code, Some(0), "{arguments:?}: {errors}");
    json
}
