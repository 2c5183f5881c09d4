use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex};

use rcgen::{CertifiedKey, KeyPair, generate_simple_self_signed};
use serde_json::Value;
use tidings_domain::content::EmailAddress;
use uuid::Uuid;

use crate::poll::{eventually_ok, secs};
use crate::world::EnvVars;

const USER: &str = "tidings";
const PASSWORD: &str = "correct horse battery staple";

/// Options of an SMTP server.
#[derive(Clone, Debug)]
pub struct SmtpOptions {
    /// `starttls` (the default), `tls` or `none`. A login is required unless this is `none`.
    pub tls: &'static str,
    /// Replies instead of 250: the command (`mail`, `rcpt` or `data`), the sender (`mail`) or recipient, and the
    /// reply, `hang` (no reply) or `drop` (closes the connection).
    pub answers: Vec<(&'static str, &'static str, &'static str)>,
    /// Seconds after which an idle connection is closed.
    pub idle_seconds: f64,
    /// The host name of the certificate.
    pub certificate_for: &'static str,
    /// Whether the server offers a login.
    pub offers_login: bool,
    /// Messages that one connection may send before a 421; 0 means no limit.
    pub mails_per_connection: u32,
}

impl Default for SmtpOptions {
    fn default() -> Self {
        Self {
            tls: "starttls",
            answers: Vec::new(),
            idle_seconds: 300.0,
            certificate_for: "localhost",
            offers_login: true,
            mails_per_connection: 0,
        }
    }
}

/// A message that the server has accepted.
#[derive(Clone, Debug)]
pub struct ReceivedMail {
    /// The envelope's sender.
    pub from: String,
    /// The envelope's recipients.
    pub to: Vec<String>,
    /// The parameters of MAIL.
    pub options: Vec<String>,
    /// The user who was logged in.
    pub user: Option<String>,
    /// Whether the connection was encrypted.
    pub is_encrypted: bool,
    /// The message content.
    pub content: String,
}

/// A real SMTP server in its own process, killed when this is dropped.
pub struct SmtpServer {
    child: Child,
    dir: PathBuf,
    tls: &'static str,
    state: Arc<Mutex<SmtpServerState>>,
    certificate: String,
}

#[derive(Clone, Copy, Debug, Default)]
struct SmtpServerState {
    port: u16,
    opened: u64,
    closed: u64,
}

impl SmtpServer {
    /// Starts a server on a free port of 127.0.0.1.
    pub async fn start(options: SmtpOptions) -> Self {
        let dir = std::env::temp_dir().join(format!("tidings-smtp-{}", Uuid::new_v4().simple()));
        fs::create_dir_all(dir.join("mails")).expect("a folder");
        let names = [options.certificate_for.to_owned()];
        let own: CertifiedKey<KeyPair> = generate_simple_self_signed(names).expect("a certificate");
        let certificate = own.cert.pem();
        fs::write(dir.join("server.crt"), &certificate).expect("written");
        fs::write(dir.join("server.key"), own.signing_key.serialize_pem()).expect("written");

        let mut child = command(&dir, &options)
            .spawn()
            .expect("python3 is installed");
        let state = Arc::<Mutex<SmtpServerState>>::default();
        follow(child.stdout.take().expect("piped"), Arc::clone(&state));
        let mut server = Self {
            child,
            dir,
            tls: options.tls,
            state,
            certificate,
        };
        eventually_ok(secs(30), "the SMTP server listens", async || {
            let ended = server.child.try_wait().expect("its status");
            assert!(ended.is_none(), "{ended:?}: is python3-aiosmtpd installed?");
            (server.port() != 0)
                .then_some(())
                .ok_or("the server is starting")
        })
        .await;
        server
    }

    fn state(&self) -> SmtpServerState {
        *self.state.lock().expect("not poisoned")
    }

    /// Returns the port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.state().port
    }

    /// Returns the server's certificate in PEM.
    #[must_use]
    pub fn certificate(&self) -> &str {
        &self.certificate
    }

    /// Returns the number of connections so far.
    #[must_use]
    pub fn connections(&self) -> u64 {
        self.state().opened
    }

    /// Returns the number of open connections.
    #[must_use]
    pub fn open_connections(&self) -> u64 {
        let SmtpServerState { opened, closed, .. } = self.state();
        opened - closed
    }

    /// Returns the `SMTP_` settings for this server, and `SSL_CERT_FILE` for its certificate.
    #[must_use]
    pub fn settings(&self) -> EnvVars {
        let trusted = self.dir.join("server.crt");
        let port = self.port().to_string();
        let mut settings = vec![
            ("SMTP_HOST", "localhost"),
            ("SMTP_PORT", &port),
            ("SMTP_TLS", self.tls),
            ("SMTP_FROM", "Tidings <tidings@example.com>"),
            ("SSL_CERT_FILE", trusted.to_str().expect("UTF-8")),
        ];
        if self.tls != "none" {
            settings.extend([("SMTP_USER", USER), ("SMTP_PASS", PASSWORD)]);
        }
        let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        settings.into_iter().map(owned).collect()
    }

    /// Returns the accepted messages, in no particular order.
    #[must_use]
    pub fn mails(&self) -> Vec<ReceivedMail> {
        let files = fs::read_dir(self.dir.join("mails")).expect("the folder");
        let paths = files.map(|file| file.expect("a file").path());
        paths
            .filter(|path| path.extension().is_some_and(|kind| kind == "json"))
            .map(|path| ReceivedMail::read(&path))
            .collect()
    }

    /// Returns the accepted messages for this address.
    #[must_use]
    pub fn mails_to(&self, address: &EmailAddress) -> Vec<ReceivedMail> {
        let mut mails = self.mails();
        mails.retain(|mail| mail.to == [address.as_str()]);
        mails
    }

    /// Kills the server (SIGKILL) and waits for its end.
    pub fn kill(&mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("its end");
    }
}

impl Drop for SmtpServer {
    fn drop(&mut self) {
        // Fails if the server has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.dir);
    }
}

impl ReceivedMail {
    fn read(path: &Path) -> Self {
        let mail: Value = serde_json::from_slice(&fs::read(path).expect("read")).expect("JSON");
        let text = |value: &Value| value.as_str().map(ToOwned::to_owned);
        let texts = |value: &Value| {
            let texts = value.as_array().into_iter().flatten();
            texts.filter_map(text).collect()
        };
        Self {
            from: text(&mail["from"]).expect("a sender"),
            to: texts(&mail["to"]),
            options: texts(&mail["options"]),
            user: text(&mail["user"]),
            is_encrypted: mail["encrypted"] == true,
            content: text(&mail["content"]).expect("a content"),
        }
    }
}

fn command(dir: &Path, options: &SmtpOptions) -> Command {
    // The system's Python has the system's packages.
    let mut command = Command::new("/usr/bin/python3");
    command
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("smtp-server.py"))
        .args(["--tls", options.tls])
        .arg("--folder")
        .arg(dir.join("mails"))
        .arg("--certificate")
        .arg(dir.join("server.crt"))
        .arg("--key")
        .arg(dir.join("server.key"))
        .args(["--idle-seconds", &options.idle_seconds.to_string()])
        .args([
            "--mails-per-connection",
            &options.mails_per_connection.to_string(),
        ])
        // The server ends when this pipe is closed, even if the test is killed.
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    if options.tls != "none" {
        command.args(["--user", USER, "--password", PASSWORD]);
    }
    if !options.offers_login {
        command.arg("--no-login");
    }
    for (stage, address, answer) in &options.answers {
        command.args(["--answer", stage, address, answer]);
    }
    command
}

/// Updates the state from the server's standard output.
fn follow(stdout: ChildStdout, state: Arc<Mutex<SmtpServerState>>) {
    std::thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            let Ok(said) = serde_json::from_str::<Value>(&line) else {
                continue;
            };
            let mut state = state.lock().expect("not poisoned");
            if let Some(port) = said["port"].as_u64() {
                state.port = port.try_into().expect("a port");
            }
            if let (Some(opened), Some(closed)) = (said["opened"].as_u64(), said["closed"].as_u64())
            {
                (state.opened, state.closed) = (opened, closed);
            }
        }
    });
}
