//! The container images are pinned: a tag that moves would change what is built and run.

use crate::sources::root;

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).expect(path)
}

/// Returns the rest of each line that begins with `key`, up to the next space.
fn images(text: &str, key: &str) -> Vec<String> {
    let rests = text
        .lines()
        .filter_map(|line| line.trim().strip_prefix(key));
    let images = rests.filter_map(|rest| rest.split_whitespace().next());
    // The image that this repository builds.
    let others = images.filter(|image| !image.starts_with("localhost/"));
    others.map(str::to_owned).collect()
}

/// Whether the tag begins with a version of two numbers at least: `17.12`, `4.0.5-management`.
fn is_pinned(image: &str) -> bool {
    let tag = image.split_once(':').map_or("", |(_, tag)| tag);
    let version = tag.split('-').next().unwrap_or_default();
    let mut numbers = version.split('.').map(|part| part.parse::<u32>().is_ok());
    numbers.clone().count() >= 2 && numbers.all(|is_number| is_number)
}

#[test]
fn every_image_has_a_tag_that_does_not_move() {
    let built = images(&read("Dockerfile"), "FROM ");
    let run = images(&read("docker-compose.yml"), "image:");
    assert!(built.len() >= 2 && run.len() >= 3, "{built:?} {run:?}");
    for image in built.iter().chain(&run) {
        assert!(is_pinned(image), "{image}");
    }
    for moving in [
        "rust",
        "rust:1-slim-bookworm",
        "debian:bookworm-slim",
        "a:latest",
    ] {
        assert!(!is_pinned(moving), "{moving}");
    }
}

#[test]
fn the_image_builds_with_the_rust_version_of_the_workspace() {
    let manifest = read("Cargo.toml");
    let line = manifest
        .lines()
        .find_map(|line| line.strip_prefix("rust-version = "));
    let version = line.expect("a version").trim_matches('"');
    let built = images(&read("Dockerfile"), "FROM rust:");
    assert!(built[0].starts_with(version), "{built:?} for {version}");
}
