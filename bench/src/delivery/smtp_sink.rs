//! An SMTP server (RFC 5321) that accepts every message at once, over STARTTLS and on connections that stay open.

use std::io;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use rcgen::{CertifiedKey, KeyPair, generate_simple_self_signed};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tidings_domain::notification::MessageId;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use uuid::Uuid;

use super::arrivals::Arrivals;

/// The pause after a failed `accept`, for example because the process has too many open files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(10);

/// A mail server on a free port of 127.0.0.1, with a certificate of its own. Stops when it is dropped.
pub struct SmtpSink {
    /// What arrives.
    pub arrivals: Arc<Arrivals>,
    /// The port.
    pub port: u16,
    /// The certificate, in PEM.
    pub certificate: String,
    /// A file with the certificate, for `SSL_CERT_FILE`.
    pub certificate_file: PathBuf,
    serving: JoinHandle<()>,
}

/// How a conversation ends.
enum End {
    /// The client closes the connection, or has said QUIT.
    Closed,
    /// The client begins TLS.
    StartTls,
}

impl SmtpSink {
    /// Starts a server, and writes its certificate to a file in `folder`.
    ///
    /// # Errors
    ///
    /// Returns an error if there is no free port or the file cannot be written.
    pub async fn start(folder: &Path) -> anyhow::Result<Self> {
        let names = [Ipv4Addr::LOCALHOST.to_string()];
        let own: CertifiedKey<KeyPair> = generate_simple_self_signed(names)?;
        let certificate = own.cert.pem();
        let certificate_file = folder.join("smtp-sink.crt");
        tokio::fs::write(&certificate_file, &certificate)
            .await
            .context("cannot write the certificate of the mail server")?;
        let key = PrivateKeyDer::try_from(own.signing_key.serialize_der())
            .map_err(|error| anyhow::anyhow!("{error}"))?;
        let config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![own.cert.der().clone()], key)?;
        let acceptor = TlsAcceptor::from(Arc::new(config));

        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let port = listener.local_addr()?.port();
        let arrivals = Arc::<Arrivals>::default();
        let serving = tokio::spawn(serve(listener, acceptor, Arc::clone(&arrivals)));
        Ok(Self {
            arrivals,
            port,
            certificate,
            certificate_file,
            serving,
        })
    }
}

impl Drop for SmtpSink {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn serve(listener: TcpListener, acceptor: TlsAcceptor, arrivals: Arc<Arrivals>) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let (acceptor, arrivals) = (acceptor.clone(), Arc::clone(&arrivals));
                // Ends with an error if the client aborts the connection: what is missing is missing in the ledger.
                tokio::spawn(async move { converse(stream, &acceptor, &arrivals).await });
            }
            Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
        }
    }
}

/// Serves a connection, before and after STARTTLS.
async fn converse(
    stream: TcpStream,
    acceptor: &TlsAcceptor,
    arrivals: &Arrivals,
) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut plain = Conversation::new(stream, arrivals);
    plain.replies.extend(b"220 bench.example.com ESMTP\r\n");
    if let End::StartTls = plain.serve(true).await? {
        if !plain.stream.buffer().is_empty() {
            // What was sent unencrypted must not count as encrypted (RFC 3207 §4.2).
            return Ok(());
        }
        let stream = acceptor.accept(plain.stream.into_inner()).await?;
        Conversation::new(stream, arrivals).serve(false).await?;
    }
    Ok(())
}

struct Conversation<'a, S> {
    stream: BufReader<S>,
    /// Replies that are not sent yet.
    replies: Vec<u8>,
    line: Vec<u8>,
    arrivals: &'a Arrivals,
}

impl<'a, S: AsyncRead + AsyncWrite + Unpin> Conversation<'a, S> {
    fn new(stream: S, arrivals: &'a Arrivals) -> Self {
        Self {
            stream: BufReader::new(stream),
            replies: Vec::new(),
            line: Vec::new(),
            arrivals,
        }
    }

    /// Replies to commands until the end.
    async fn serve(&mut self, offers_tls: bool) -> io::Result<End> {
        loop {
            if !self.read_line().await? {
                return Ok(End::Closed);
            }
            let verb = self.line.split(u8::is_ascii_whitespace).next();
            match verb.unwrap_or_default().to_ascii_uppercase().as_slice() {
                b"EHLO" | b"HELO" => {
                    let offers: &[u8] = if offers_tls {
                        b"250-bench.example.com\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 STARTTLS\r\n"
                    } else {
                        b"250-bench.example.com\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SMTPUTF8\r\n"
                    };
                    self.replies.extend(offers);
                }
                b"STARTTLS" if offers_tls => {
                    self.replies.extend(b"220 2.0.0 go ahead\r\n");
                    self.send().await?;
                    return Ok(End::StartTls);
                }
                b"MAIL" | b"RCPT" | b"RSET" | b"NOOP" => self.replies.extend(b"250 2.0.0 OK\r\n"),
                b"DATA" => {
                    self.replies.extend(b"354 go ahead\r\n");
                    if !self.receive().await? {
                        return Ok(End::Closed);
                    }
                    self.replies.extend(b"250 2.0.0 OK\r\n");
                }
                b"QUIT" => {
                    self.replies.extend(b"221 2.0.0 bye\r\n");
                    self.send().await?;
                    return Ok(End::Closed);
                }
                _ => self.replies.extend(b"502 5.5.2 unknown command\r\n"),
            }
        }
    }

    /// Reads a message and records its id. Returns `false` if the client closes the connection before its end.
    async fn receive(&mut self) -> io::Result<bool> {
        let (mut id, mut in_header) = (None, true);
        loop {
            if !self.read_line().await? {
                return Ok(false);
            }
            match self.line.as_slice() {
                b"." => break,
                b"" => in_header = false,
                field if in_header && id.is_none() => id = message_id(field),
                _ => {}
            }
        }
        self.arrivals.record(id);
        Ok(true)
    }

    /// Reads a line, without its end. Sends the replies first if the client may be waiting for them: several commands
    /// may arrive together (RFC 2920). Returns `false` at the end of the connection.
    async fn read_line(&mut self) -> io::Result<bool> {
        if !self.stream.buffer().contains(&b'\n') {
            self.send().await?;
        }
        self.line.clear();
        let read = self.stream.read_until(b'\n', &mut self.line).await?;
        while self.line.last().is_some_and(|byte| b"\r\n".contains(byte)) {
            self.line.pop();
        }
        Ok(read > 0)
    }

    async fn send(&mut self) -> io::Result<()> {
        if !self.replies.is_empty() {
            self.stream.write_all(&self.replies).await?;
            self.stream.flush().await?;
            self.replies.clear();
        }
        Ok(())
    }
}

/// The id of a message, if `field` is its `Message-ID`: `<id@domain>`.
fn message_id(field: &[u8]) -> Option<MessageId> {
    let text = std::str::from_utf8(field).ok()?;
    let (name, value) = text.split_once(':')?;
    if !name.eq_ignore_ascii_case("Message-ID") {
        return None;
    }
    let (id, _) = value.trim().strip_prefix('<')?.split_once('@')?;
    Some(Uuid::try_parse(id).ok()?.into())
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, duplex};

    use super::*;

    #[test]
    fn the_id_is_the_local_part_of_the_message_id() {
        let id = "01a1fc0f-8107-7763-99ca-73f63a645574";
        let field = format!("Message-ID: <{id}@example.com>");
        let found = message_id(field.as_bytes()).map(|id| id.to_string());
        assert_eq!(found.as_deref(), Some(id));
        assert!(message_id(b"Subject: <x@y>").is_none());
        assert!(message_id(b"Message-ID: <x@y>").is_none());
    }

    #[tokio::test]
    async fn commands_that_arrive_together_get_their_replies_in_order() {
        let id = MessageId::generate();
        let (mut client, server) = duplex(4096);
        let arrivals = Arrivals::default();
        let talk = format!(
            "EHLO a\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\n\
             Message-ID: <{id}@b.example>\r\n\r\n..\r\nMessage-ID: <x@y>\r\n.\r\nHELP\r\nQUIT\r\n"
        );
        client.write_all(talk.as_bytes()).await.expect("written");
        let mut conversation = Conversation::new(server, &arrivals);
        assert!(matches!(conversation.serve(false).await, Ok(End::Closed)));
        drop(conversation);
        let mut replies = String::new();
        client.read_to_string(&mut replies).await.expect("replies");
        let codes: Vec<&str> = replies
            .lines()
            .filter(|line| line.as_bytes()[3] == b' ')
            .map(|line| &line[..3])
            .collect();
        assert_eq!(codes, ["250", "250", "250", "354", "250", "502", "221"]);
        assert!(arrivals.take().times.contains_key(&id));
    }
}
