//! Files that settings name.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// Largest file in bytes. A setting that names a device by mistake must not fill the memory.
const MAX_BYTES: u64 = 1024 * 1024;

/// Reads a file that a setting names: UTF-8, without a byte order mark, which some editors write.
///
/// # Errors
///
/// Fails if the file cannot be read, is not UTF-8, or has more than 1 MiB.
pub fn read_text_file(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    let file = File::open(path)?;
    file.take(MAX_BYTES + 1).read_to_string(&mut text)?;
    if text.len() as u64 > MAX_BYTES {
        return Err(io::Error::other("it has more than 1 MiB"));
    }
    if text.starts_with('\u{feff}') {
        text.remove(0);
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_without_end_is_refused() {
        let error = read_text_file(Path::new("/dev/zero")).expect_err("refused");
        assert_eq!(error.to_string(), "it has more than 1 MiB");
    }

    #[test]
    fn a_byte_order_mark_is_no_part_of_the_text() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("secret");
        std::fs::write(&path, "\u{feff}a\u{feff}\r\n").expect("written");
        let text = read_text_file(&path).expect("read");
        assert_eq!(text, "a\u{feff}\r\n");
    }
}
