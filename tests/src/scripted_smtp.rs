use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};

use crate::world::EnvVars;

/// The replies of a [`ScriptedSmtp`] to each command, byte for byte. `greeting` and `end` (the line that ends the
/// message) count as commands. An empty reply is none: the server stays silent.
#[derive(Clone, Debug)]
pub struct SmtpScript {
    replies: BTreeMap<&'static str, Vec<u8>>,
    end_delay: Duration,
    last_command: Option<&'static str>,
}

impl SmtpScript {
    /// Accepts everything.
    #[must_use]
    pub fn accepting() -> Self {
        let replies = [
            ("greeting", "220 mail.example.com ESMTP\r\n"),
            ("EHLO", "250 mail.example.com\r\n"),
            ("MAIL", "250 2.1.0 OK\r\n"),
            ("RCPT", "250 2.1.5 OK\r\n"),
            ("DATA", "354 go ahead\r\n"),
            ("end", "250 2.0.0 OK\r\n"),
            ("RSET", "250 2.0.0 OK\r\n"),
            ("QUIT", "221 2.0.0 bye\r\n"),
        ];
        let owned = |(command, reply): (_, &str)| (command, reply.as_bytes().to_vec());
        Self {
            replies: replies.into_iter().map(owned).collect(),
            end_delay: Duration::ZERO,
            last_command: None,
        }
    }

    /// Replies this to `command`.
    #[must_use]
    pub fn reply(mut self, command: &'static str, reply: impl Into<Vec<u8>>) -> Self {
        self.replies.insert(command, reply.into());
        self
    }

    /// Closes the connection after the reply to `command`.
    #[must_use]
    pub const fn close_after(mut self, command: &'static str) -> Self {
        self.last_command = Some(command);
        self
    }

    /// Takes this long to reply to the end of a message.
    #[must_use]
    pub const fn end_after(mut self, delay: Duration) -> Self {
        self.end_delay = delay;
        self
    }
}

/// An SMTP server without TLS on a free port of 127.0.0.1 that replies as scripted and counts the complete messages
/// that it receives.
pub struct ScriptedSmtp {
    port: u16,
    shared: Arc<Shared>,
    serving: JoinHandle<()>,
}

struct Shared {
    script: SmtpScript,
    commands: Mutex<Vec<String>>,
}

impl ScriptedSmtp {
    /// Starts a server.
    pub async fn start(script: SmtpScript) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let shared = Arc::new(Shared {
            script,
            commands: Mutex::default(),
        });
        let serving = tokio::spawn(serve(listener, Arc::clone(&shared)));
        Self {
            port,
            shared,
            serving,
        }
    }

    /// Returns the `SMTP_` settings for this server.
    #[must_use]
    pub fn settings(&self) -> EnvVars {
        let port = self.port.to_string();
        let settings = [
            ("SMTP_HOST", "127.0.0.1"),
            ("SMTP_PORT", port.as_str()),
            ("SMTP_TLS", "none"),
            ("SMTP_FROM", "Tidings <tidings@example.com>"),
        ];
        let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        settings.into_iter().map(owned).collect()
    }

    /// Returns the commands so far, such as `MAIL FROM:<…>`, and `end` for each complete message.
    #[must_use]
    pub fn commands(&self) -> Vec<String> {
        self.shared.commands.lock().expect("not poisoned").clone()
    }

    /// Returns the number of complete messages so far.
    #[must_use]
    pub fn messages(&self) -> usize {
        let commands = self.commands();
        commands.iter().filter(|command| *command == "end").count()
    }
}

impl Drop for ScriptedSmtp {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        connections.spawn(Arc::clone(&shared).converse(BufReader::new(stream)));
        while connections.try_join_next().is_some() {}
    }
}

impl Shared {
    /// Replies to commands until either side closes the connection.
    async fn converse(
        self: Arc<Self>,
        mut stream: BufReader<impl AsyncRead + AsyncWrite + Unpin>,
    ) -> Option<()> {
        self.reply(&mut stream, "greeting").await?;
        loop {
            let line = line(&mut stream).await?;
            let command = line.split(' ').next()?.to_ascii_uppercase();
            self.commands.lock().expect("not poisoned").push(line);
            self.reply(&mut stream, &command).await?;
            match command.as_str() {
                "DATA" => self.receive(&mut stream).await?,
                "QUIT" => return None,
                _ => {}
            }
        }
    }

    async fn receive(
        &self,
        stream: &mut BufReader<impl AsyncRead + AsyncWrite + Unpin>,
    ) -> Option<()> {
        while line(stream).await? != "." {}
        let end = "end".to_owned();
        self.commands.lock().expect("not poisoned").push(end);
        if !self.script.end_delay.is_zero() {
            // Simulates a slow server. The test does not wait here.
            let never = std::future::pending::<()>();
            let _ = tokio::time::timeout(self.script.end_delay, never).await;
        }
        self.reply(stream, "end").await
    }

    /// Returns `None` if the connection is closed, or must be.
    async fn reply(
        &self,
        stream: &mut BufReader<impl AsyncRead + AsyncWrite + Unpin>,
        command: &str,
    ) -> Option<()> {
        let unknown = b"502 5.5.2 unknown command\r\n".to_vec();
        let reply = self.script.replies.get(command).unwrap_or(&unknown);
        stream.write_all(reply).await.ok()?;
        stream.flush().await.ok()?;
        (self.script.last_command != Some(command)).then_some(())
    }
}

async fn line(stream: &mut BufReader<impl AsyncRead + AsyncWrite + Unpin>) -> Option<String> {
    let mut line = Vec::new();
    let read = stream.read_until(b'\n', &mut line).await.ok()?;
    (read > 0).then(|| String::from_utf8_lossy(&line).trim_end().to_owned())
}
