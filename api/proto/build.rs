//! Compiles the `.proto` files, without `protoc`.

use std::path::PathBuf;

use prost::Message as _;

const FILES: [&str; 2] = ["tidings/v1/notifications.proto", "user/user.proto"];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    for file in FILES {
        println!("cargo:rerun-if-changed={file}");
    }
    let descriptors = protox::compile(FILES, ["."])?;
    let file = PathBuf::from(std::env::var("OUT_DIR")?).join("descriptors.bin");
    std::fs::write(file, descriptors.encode_to_vec())?;
    tonic_prost_build::configure()
        .build_transport(false)
        .compile_fds(descriptors)?;
    Ok(())
}
