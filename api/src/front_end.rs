//! The built front end, which is compiled into the program. `web/` has its sources; `./dev` and the Dockerfile build them.

use std::borrow::Cow;

use rust_embed::Embed;

/// The files in `web/dist`, which npm builds. Empty if it has not.
#[derive(Embed)]
#[folder = "../web/dist"]
struct Files;

/// A file of the front end.
pub struct File {
    /// What the browser gets.
    pub content: Cow<'static, [u8]>,
    /// Whether `content` is compressed (gzip).
    pub is_compressed: bool,
    /// The SHA-256 of `content`, for its `ETag`.
    pub hash: [u8; 32],
}

/// Returns a file by its path in `web/dist`, compressed if the client can read that; `None` if the program was built
/// without it.
pub fn file(path: &str, accepts_gzip: bool) -> Option<File> {
    let compressed = accepts_gzip.then(|| Files::get(&format!("{path}.gz")));
    let (file, is_compressed) = match compressed.flatten() {
        Some(file) => (file, true),
        None => (Files::get(path)?, false),
    };
    Some(File {
        content: file.data,
        is_compressed,
        hash: file.metadata.sha256_hash(),
    })
}
