use std::net::TcpListener;
use std::process::{Child, Command, Stdio};

use reqwest::Url;
use tempfile::TempDir;

use crate::poll::{eventually, secs};

/// A `PgBouncer` of the test's own in front of a PostgreSQL. Killed when this is dropped.
pub struct PgBouncer {
    child: Child,
    port: u16,
    _folder: TempDir,
}

impl PgBouncer {
    /// Starts a pooler with `pool_mode` and up to `connections` server connections in front of the server of `url`.
    pub async fn start(url: &Url, pool_mode: &str, connections: u8) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let free = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = free.local_addr().expect("its address").port();
        drop(free);
        let (host, server_port) = (url.host_str().expect("a host"), url.port().expect("a port"));
        let (user, password) = (url.username(), url.password().expect("a password"));
        let users = folder.path().join("users.txt");
        std::fs::write(&users, format!("\"{user}\" \"{password}\"\n")).expect("written");
        let config = folder.path().join("pgbouncer.ini");
        let mut text = format!(
            "[databases]\n* = host={host} port={server_port}\n[pgbouncer]\nlisten_addr = 127.0.0.1\n\
             listen_port = {port}\nunix_socket_dir =\nauth_type = plain\nauth_file = {}\n\
             pool_mode = {pool_mode}\ndefault_pool_size = {connections}\nmax_client_conn = 200\n",
            users.display()
        );
        // It refuses to run as root.
        if rustix::process::geteuid().is_root() {
            text.push_str("user = nobody\n");
            make_readable(folder.path());
        }
        std::fs::write(&config, text).expect("written");
        let child = Command::new("/usr/sbin/pgbouncer")
            .arg("--quiet")
            .arg(&config)
            .stdin(Stdio::null())
            .spawn()
            .expect("pgbouncer is installed: run ./dev test");
        let pooler = Self {
            child,
            port,
            _folder: folder,
        };
        eventually(secs(20), "the pooler listens", async || {
            tokio::net::TcpStream::connect(("127.0.0.1", port))
                .await
                .is_ok()
        })
        .await;
        pooler
    }

    /// Returns the `DATABASE_URL` that leads through the pooler.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        let mut url: Url = database.parse().expect("a URL");
        url.set_port(Some(self.port)).expect("a port");
        url.to_string()
    }
}

fn make_readable(folder: &std::path::Path) {
    use std::os::unix::fs::PermissionsExt;
    let readable = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(folder, readable).expect("readable");
}

impl Drop for PgBouncer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
