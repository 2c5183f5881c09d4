use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;

/// Stack size in bytes of every thread that parses, copies or drops message headers.
///
/// A frame of 128 KiB holds 26,000 nested field values. lapin parses them recursively, on a thread that it starts
/// itself. The stack is only reserved: it uses as much memory as the thread touches.
pub const THREAD_STACK_SIZE: usize = 512 * 1024 * 1024;

/// The standard library reads the stack size of new threads from this variable, once, before the first
/// thread starts.
const VARIABLE: &str = "RUST_MIN_STACK";

/// Ensures that new threads of this process have [`THREAD_STACK_SIZE`]: unless `RUST_MIN_STACK` is set, executes the
/// program again (`execve`) with the variable set. The process id stays the same. Call this first in `main`.
///
/// # Errors
///
/// Returns an error if the path of the program is unknown or the program cannot be started again.
pub fn ensure_thread_stack_size() -> io::Result<()> {
    let size = std::env::var(VARIABLE).ok();
    let size = size.and_then(|size| size.parse::<usize>().ok());
    if size.is_some_and(|size| size >= THREAD_STACK_SIZE) {
        return Ok(());
    }
    let mut arguments = std::env::args_os();
    let mut program = Command::new(std::env::current_exe()?);
    if let Some(name) = arguments.next() {
        program.arg0(name);
    }
    program.args(arguments);
    program.env(VARIABLE, THREAD_STACK_SIZE.to_string());
    Err(program.exec())
}

#[cfg(test)]
mod tests {
    use lapin::BasicProperties;
    use lapin::types::parsing::parse_field_table;

    use super::*;
    use crate::frame_size::header_frame_size;
    use crate::table_json::table_json;

    /// As many nested values as fit into a frame: tables in an array, each with an empty name.
    fn deepest_table() -> Vec<u8> {
        let mut value = vec![b'V'];
        while value.len() < 131_000 {
            let mut outer = vec![b'A'];
            outer.extend(u32::try_from(value.len()).expect("short").to_be_bytes());
            outer.append(&mut value);
            value = outer;
        }
        let mut table = vec![1, b'n'];
        table.append(&mut value);
        let length = u32::try_from(table.len()).expect("short").to_be_bytes();
        [&length[..], &table].concat()
    }

    #[test]
    fn a_thread_can_handle_the_deepest_headers_that_fit_into_a_frame() {
        let bytes = deepest_table();
        let thread = std::thread::Builder::new().stack_size(THREAD_STACK_SIZE);
        let handled = thread.spawn(move || {
            let (_, table) = parse_field_table(&bytes[..]).expect("a table");
            let properties = BasicProperties::default().with_headers(table.clone());
            drop(table_json(&table));
            drop(format!("{table:?}"));
            header_frame_size(&properties)
        });
        let size = handled.expect("a thread").join().expect("no panic");
        assert!((131_000..132_000).contains(&size), "{size}");
    }
}
