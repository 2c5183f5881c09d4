//! Compiles the crate again when the front end was built: rust-embed itself does not notice new files.

fn main() {
    println!("cargo:rerun-if-changed=../web/dist");
}
