//! Files that settings name.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

/// Largest file in bytes. A setting that names a device by mistake must not fill the memory.
const MAX_BYTES: u64 = 1024 * 1024;

/// How long reading a file may take. A program must not wait silently for a named pipe that nobody writes to.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Reads a file that a setting names: UTF-8, without a byte order mark, which some editors write. The file can be a pipe,
/// such as `/dev/fd/63` of a shell's process substitution.
///
/// # Errors
///
/// Fails if the file cannot be read, is not UTF-8, has more than 1 MiB, or has no end within 10 s.
pub fn read_text_file(path: &Path) -> io::Result<String> {
    read_within(path, TIMEOUT)
}

fn read_within(path: &Path, timeout: Duration) -> io::Result<String> {
    let (result, received) = mpsc::channel();
    let path = path.to_owned();
    // A thread of its own, because opening a pipe waits for a writer without a time limit. Without a writer, the thread ends
    // with the program.
    thread::Builder::new().spawn(move || {
        // The receiver is gone after the time limit.
        let _ = result.send(read(&path));
    })?;
    received
        .recv_timeout(timeout)
        .unwrap_or_else(|error| match error {
            RecvTimeoutError::Timeout => Err(io::Error::other(format!(
                "it had no end within {timeout:?}; if it is a named pipe, a program must write to it and close it"
            ))),
            RecvTimeoutError::Disconnected => Err(io::Error::other("reading it panicked")),
        })
}

fn read(path: &Path) -> io::Result<String> {
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
    use std::io::Write;
    use std::path::PathBuf;
    use std::process::Command;

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

    /// Creates a named pipe.
    fn pipe(folder: &tempfile::TempDir) -> PathBuf {
        let path = folder.path().join("pipe");
        let created = Command::new("mkfifo").arg(&path).status();
        assert!(created.expect("mkfifo").success());
        path
    }

    #[test]
    fn a_pipe_that_nobody_writes_to_or_closes_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = pipe(&folder);
        let limit = Duration::from_millis(100);
        let without_writer = read_within(&path, limit).expect_err("refused");
        // Reading and writing, so that opening does not wait for a reader.
        let open = File::options().read(true).write(true).open(&path);
        let mut open = open.expect("opened");
        open.write_all(b"the start of a secret").expect("written");
        let without_end = read_within(&path, limit).expect_err("refused");
        for error in [without_writer, without_end] {
            let error = error.to_string();
            assert!(error.contains("no end within 100ms"), "{error}");
            assert!(!error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn a_pipe_with_a_writer_is_read_to_its_end() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = pipe(&folder);
        let writer = {
            let path = path.clone();
            thread::spawn(move || std::fs::write(path, "a secret\n"))
        };
        let text = read_within(&path, Duration::from_mins(1)).expect("read");
        assert_eq!(text, "a secret\n");
        writer.join().expect("no panic").expect("written");
    }
}
