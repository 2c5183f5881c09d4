//! The processes that `./dev` starts and ends.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use tidings_tests::{eventually, required, secs};

/// The first thread ends at once, and another one does not.
const PROGRAM: &str = "
import ctypes, threading
threading.Thread(target=threading.Event().wait).start()
print('started', flush=True)
ctypes.CDLL(None).pthread_exit(None)
";

/// A server that was killed has its port until its last thread has ended: `./dev kill` must wait for that.
#[tokio::test]
async fn a_process_runs_until_its_last_thread_has_ended() {
    let mut program = Command::new("python3")
        .args(["-c", PROGRAM])
        .stdout(Stdio::piped())
        .spawn()
        .expect("Python");
    let pid = program.id();
    let mut line = String::new();
    let output = program.stdout.take().expect("a pipe");
    BufReader::new(output).read_line(&mut line).expect("a line");
    eventually(secs(20), "the first thread has ended", async || {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("a process");
        status.contains("State:\tZ")
    })
    .await;
    assert!(is_running(pid));
    program.kill().expect("it runs");
    program.wait().expect("it has ended");
    assert!(!is_running(pid));
}

/// What `./dev` takes for a running process.
fn is_running(pid: u32) -> bool {
    let dev = required("TIDINGS_DEV");
    let file = Path::new(&dev).with_file_name("dev.d/processes.sh");
    let script = "source \"$0\" && start_time_of \"$1\"";
    let output = Command::new("bash")
        .args(["-c", script])
        .arg(file)
        .arg(pid.to_string())
        .output()
        .expect("bash");
    output.status.success()
}
