//! The commands before TLS (RFC 3207). lettre can encrypt only a connection that it has opened itself, whose replies
//! it then reads without [`ReplyLines`].

use lettre::transport::smtp::extension::ClientId;
use lettre::transport::smtp::response::Response;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::error::SmtpErrorCause;
use super::reply_lines::ReplyLines;

/// Asks the server to begin TLS. Returns the server's greeting: the caller must do the handshake next.
///
/// Fails if the server does not offer STARTTLS, and if it sends anything between its reply and the handshake, which an
/// attacker could have inserted.
pub(super) async fn starttls(
    stream: &mut TcpStream,
    hello: &ClientId,
) -> Result<String, SmtpErrorCause> {
    let mut lines = ReplyLines::default();
    let greeting = read(stream, &mut lines).await?;
    positive(&greeting)?;
    write(stream, &format!("EHLO {hello}\r\n")).await?;
    let offered = positive(&read(stream, &mut lines).await?)?;
    let offers_starttls = offered
        .message()
        .any(|line| line.trim().eq_ignore_ascii_case("STARTTLS"));
    if !offers_starttls {
        let error = "STARTTLS is not supported by this server";
        return Err(SmtpErrorCause::Lost(error.to_owned()));
    }
    write(stream, "STARTTLS\r\n").await?;
    positive(&read(stream, &mut lines).await?)?;
    if !lines.is_empty() {
        let error = "the server sent unencrypted data after its reply to STARTTLS";
        return Err(SmtpErrorCause::Lost(error.to_owned()));
    }
    Ok(greeting)
}

async fn write(stream: &mut TcpStream, command: &str) -> Result<(), SmtpErrorCause> {
    let written = stream.write_all(command.as_bytes()).await;
    written.map_err(|error| SmtpErrorCause::Lost(error.to_string()))
}

async fn read(stream: &mut TcpStream, lines: &mut ReplyLines) -> Result<String, SmtpErrorCause> {
    loop {
        if let Some(reply) = lines.next_reply() {
            return Ok(reply);
        }
        let mut chunk = [0; 1024];
        match stream.read(&mut chunk).await {
            Ok(0) => {
                let error = "the server closed the connection";
                return Err(SmtpErrorCause::Lost(error.to_owned()));
            }
            Ok(length) => lines.push(&chunk[..length]),
            Err(error) => return Err(SmtpErrorCause::Lost(error.to_string())),
        }
    }
}

fn positive(reply: &str) -> Result<Response, SmtpErrorCause> {
    match reply.parse::<Response>() {
        Ok(reply) if matches!(reply.code().into(), 200..300_u16) => Ok(reply),
        Ok(reply) => Err(SmtpErrorCause::negative(&reply)),
        Err(_) => Err(SmtpErrorCause::Lost(format!("unreadable answer: {reply}"))),
    }
}
